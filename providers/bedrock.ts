import { z } from 'zod'
import { isObject, type JsonObject } from '../core/canonical/json.ts'
import { defineProvider, type NativeFacts, type PathFacts } from '../core/provider.ts'
import type { KeySettings } from '../core/snapshot.ts'
import { claudeBetas } from './formats/shared/claude-betas.ts'
import { familyOfBody, familyOfModel } from './formats/shared/invoke-families.ts'

const DEFAULT_REGION = 'us-east-1'

/** The form of a region's name, which goes into host names: https://docs.aws.amazon.com/general/latest/gr/rande.html */
const region = z
  .string()
  .regex(
    /^[a-z]{2,3}(-[a-z]{2,4})?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-\d{1,2}$/,
    'is no AWS region, such as us-east-1',
  )

const bucket = z.strictObject({ bucket_name: z.string().min(1), prefix: z.string().optional(), is_default: z.boolean().optional() })

const keyConfig = {
  name: 'bedrock_key_config',
  schema: z
    .strictObject({
      access_key: z.string().optional().describe('With secret_key: signs requests. Without either: the usual places of AWS are asked.'),
      secret_key: z.string().optional(),
      session_token: z.string().optional(),
      region: region.default(DEFAULT_REGION).describe('Where the models are.'),
      arn: z
        .string()
        .regex(/^arn:aws[\w-]*:bedrock:/, 'is no ARN of Bedrock')
        .optional()
        .describe('Prefix of inference profiles that aliases name.'),
      role_arn: z
        .string()
        .regex(/^arn:aws[\w-]*:iam::/, 'is no ARN of a role')
        .optional()
        .describe('Role to take on.'),
      external_id: z.string().optional(),
      session_name: z.string().default('bifrost-session'),
      batch_s3_config: z
        .strictObject({ buckets: z.array(bucket) })
        .optional()
        .describe('Where batches are kept; not used yet.'),
    })
    .refine(({ access_key: id, secret_key: secret }) => !id === !secret, 'access_key and secret_key belong together'),
}

/** Amazon Bedrock by its Converse API. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
export const bedrock = defineProvider({
  name: 'bedrock',
  format: 'bedrock-converse',
  keyBaseUrl: (key) => `https://bedrock-runtime.${regionOf(key)}.${suffix(regionOf(key))}`,
  auth: 'sigv4',
  keyConfig,
  keyless: 'value',
  isBase: true,
  betas: claudeBetas('bedrock'),
  formats: { embedding: 'bedrock-embed', rerank: 'bedrock-rerank', count_tokens: 'bedrock-count-tokens' },
  paths: {
    chat_completion: conversePath,
    list_models: listPath,
    embedding: (facts) => modelPath('invoke', facts),
    rerank: rerankPath,
    count_tokens: (facts) => modelPath('count-tokens', facts),
  },
  native: (format, facts) => (format === 'bedrock-invoke' ? invokePath(facts) : undefined),
  wireModel: (model, { operation, key }) => (operation === 'rerank' ? arnOf(model, key) : model),
  modelIds(body) {
    const models = isObject(body) && Array.isArray(body.modelSummaries) ? body.modelSummaries : []
    return models
      .filter(isObject)
      .filter(isServed)
      .map(({ modelId }) => String(modelId))
  },
})

/** Not those that make pictures. */
function isServed({ outputModalities: kinds }: JsonObject): boolean {
  return !Array.isArray(kinds) || kinds.includes('TEXT') || kinds.includes('EMBEDDING')
}

function conversePath(facts: PathFacts): string {
  return modelPath(facts.isStream ? 'converse-stream' : 'converse', facts)
}

/** InvokeModel, where the model is of the family that the body is of, or its id does not tell. */
function invokePath(facts: NativeFacts): string | undefined {
  const { body, asked, model, isStream } = facts
  const read = (name: string): unknown => (body.spans.has(name) ? body.value(name) : undefined)
  const said = familyOfModel(asked, read) ?? familyOfBody(read)
  if (said === undefined || (familyOfModel(model, read) ?? said) !== said) return undefined
  // As Anthropic's own clients write them: Bedrock refuses such bodies, Converse says the same.
  if (said === 'claude' && (read('anthropic_version') === undefined || ['model', 'stream'].some((name) => body.spans.has(name))))
    return undefined
  return modelPath(isStream ? 'invoke-with-response-stream' : 'invoke', facts)
}

function modelPath(method: string, { model, key }: PathFacts): string {
  return `/model/${encodeURIComponent(profileOf(model, key))}/${method}`
}

/** An alias may name an inference profile below the key's ARN; model ids and whole ARNs stand for themselves. */
function profileOf(model: string, key: KeySettings | undefined): string {
  const arn = key?.config.arn
  const isAlias = key !== undefined && Object.values(key.aliases).includes(model)
  return typeof arn === 'string' && isAlias && !model.startsWith('arn:') && !model.includes('.') ? `${arn}/${model}` : model
}

/** Ranking is the agent runtime's, which has a host of its own. */
function rerankPath({ key, settings }: PathFacts): string {
  return settings.network.baseUrl === undefined
    ? `https://bedrock-agent-runtime.${regionOf(key)}.${suffix(regionOf(key))}/rerank`
    : '/rerank'
}

/** It wants models by their ARN. */
function arnOf(model: string, key: KeySettings | undefined): string {
  const region = regionOf(key)
  return model.startsWith('arn:') ? model : `arn:aws${region.startsWith('cn-') ? '-cn' : ''}:bedrock:${region}::foundation-model/${model}`
}

/** Models are listed by the control plane, which has a host of its own. */
function listPath({ key, settings }: PathFacts): string {
  const path = '/foundation-models'
  return settings.network.baseUrl === undefined ? `https://bedrock.${regionOf(key)}.${suffix(regionOf(key))}${path}` : path
}

function regionOf(key: KeySettings | undefined): string {
  return String(key?.config.region ?? DEFAULT_REGION)
}

function suffix(name: string): string {
  return name.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}
