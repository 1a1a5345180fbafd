import { z } from 'zod'

const store = {
  enabled: z.boolean().default(false).describe('Whether it is used.'),
  type: z.string().min(1).optional().describe('Kind of store.'),
  config: z.record(z.string(), z.json()).default({}).describe("The store's own settings."),
}

/** The `config_store` block: where the configuration is kept. Its `config` is checked by the kind of store. */
export const configStoreSchema = z.strictObject(store)

const objectStorage = z.strictObject({
  type: z.enum(['s3', 'gcs']).describe('Kind of storage.'),
  bucket: z.string().min(1).describe('Bucket.'),
  prefix: z.string().default('bifrost').describe('How names in it begin.'),
  compress: z.boolean().default(false).describe('Whether objects are compressed.'),
  region: z.string().optional().describe('Region, for s3.'),
  endpoint: z.string().optional().describe('Address of another server that speaks S3.'),
  access_key_id: z.string().optional().describe('Access key, for s3.'),
  secret_access_key: z.string().optional().describe('Its secret, usually `env.NAME`.'),
  session_token: z.string().optional().describe('Token of a session, for s3.'),
  role_arn: z.string().optional().describe('Role to take on, for s3.'),
  force_path_style: z.boolean().default(false).describe('Bucket in the path, not in the host, for s3.'),
  credentials_json: z.string().optional().describe('Service account, for gcs; usually `env.NAME`.'),
  project_id: z.string().optional().describe('Project, for gcs.'),
})

/** The `logs_store` block: where request logs are kept. */
export const logsStoreSchema = z.strictObject({
  ...store,
  retention_days: z
    .int()
    .min(0)
    .optional()
    .describe('How long entries are kept, in days; `client.log_retention_days` goes first. 0: for ever.'),
  object_storage: objectStorage.optional().describe('Where large texts are kept instead.'),
  object_storage_exclude_fields: z.array(z.string().min(1)).default([]).describe('Fields that are not kept there.'),
})

/** The `vector_store` block: where the semantic cache keeps its vectors. */
export const vectorStoreSchema = z.strictObject(store)
