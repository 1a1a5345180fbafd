import { z } from 'zod'
import type { PlannedPlugin, StoreType } from '../core/config/builtins.ts'

const url = () => z.url('is not a URL')
const texts = () => z.array(z.string().min(1)).default([])
const period = z.union([z.int().min(0), z.string().min(1)], { error: 'must be seconds, or a duration like "5m"' })

const telemetry = z.strictObject({
  custom_labels: texts(),
  push_gateway: z
    .strictObject({
      enabled: z.boolean().default(false),
      push_gateway_url: url(),
      job_name: z.string().min(1).default('bifrost'),
      instance_id: z.string().optional(),
      push_interval: z.int().min(1).max(300).default(15),
      basic_auth: z.strictObject({ username: z.string(), password: z.string() }).optional(),
    })
    .optional(),
})

const logging = z.strictObject({ disable_content_logging: z.boolean().default(false), logging_headers: texts() })

const governance = z.strictObject({
  is_vk_mandatory: z.boolean().default(false),
  required_headers: texts(),
  is_enterprise: z.boolean().default(false),
})

const semanticCache = z.strictObject({
  provider: z.string().min(1).optional(),
  embedding_model: z.string().min(1).optional(),
  ttl: period.default('5m'),
  threshold: z.number().min(0).max(1).default(0.8),
  /** 1: only the very same request is found, and nothing is embedded. */
  dimension: z.int().min(1),
  vector_store_namespace: z.string().min(1).optional(),
  default_cache_key: z.string().optional(),
  conversation_history_threshold: z.int().min(0).default(3),
  cache_by_model: z.boolean().default(true),
  cache_by_provider: z.boolean().default(true),
  exclude_system_prompt: z.boolean().default(false),
  cleanup_on_shutdown: z.boolean().default(false),
})

const otel = z.strictObject({
  service_name: z.string().min(1).default('bifrost'),
  collector_url: z.string().min(1),
  trace_type: z.enum(['genai_extension', 'vercel', 'open_inference']).default('genai_extension'),
  protocol: z.enum(['http', 'grpc']).default('http'),
  headers: z.record(z.string(), z.string()).default({}),
  tls_ca_cert: z.string().optional(),
  insecure: z.boolean().default(true),
  metrics_enabled: z.boolean().default(false),
  metrics_endpoint: z.string().optional(),
  metrics_push_interval: z.int().min(1).max(300).default(15),
})

const maxim = z.strictObject({ api_key: z.string().min(1), log_repo_id: z.string().optional() })

function governanceRefusal({ is_vk_mandatory, required_headers }: z.input<typeof governance>): string | undefined {
  if (is_vk_mandatory === true) return 'is_vk_mandatory cannot be kept here; use client.enforce_auth_on_inference'
  return (required_headers ?? []).length > 0 ? 'required_headers cannot be kept here; use client.required_headers' : undefined
}

/** Plugins that configurations may turn on and that this version does not have: their settings are checked, and do nothing (api.md 5.6). */
export const plannedPlugins: readonly PlannedPlugin[] = [
  { name: 'telemetry', config: telemetry },
  { name: 'logging', config: logging },
  { name: 'governance', config: governance, refusal: governanceRefusal },
  { name: 'semantic_cache', config: semanticCache },
  { name: 'otel', config: otel },
  { name: 'maxim', config: maxim },
  { name: 'prompts', config: z.strictObject({}) },
]

/** Stores of vectors that configurations may name and that this version does not have (api.md 5.5). */
export const vectorStores: readonly StoreType[] = [
  {
    type: 'weaviate',
    config: z.strictObject({
      scheme: z.enum(['http', 'https']),
      host: z.string().min(1),
      api_key: z.string().optional(),
      grpc_config: z.strictObject({ host: z.string().optional(), secured: z.boolean().optional() }).optional(),
      headers: z.record(z.string(), z.string()).default({}),
      timeout: period.optional(),
      class_name: z.string().optional(),
    }),
  },
  {
    type: 'redis',
    config: z.strictObject({
      addr: z.string().min(1),
      username: z.string().optional(),
      password: z.string().optional(),
      db: z.int().min(0).default(0),
      use_tls: z.boolean().default(false),
      insecure_skip_verify: z.boolean().default(false),
      ca_cert_pem: z.string().optional(),
      cluster_mode: z.boolean().default(false),
      pool_size: z.int().min(1).optional(),
      dial_timeout: period.optional(),
      read_timeout: period.optional(),
      write_timeout: period.optional(),
      context_timeout: period.optional(),
    }),
  },
  {
    type: 'qdrant',
    config: z.strictObject({
      host: z.string().min(1),
      port: z.int().min(1).max(65_535).default(6334),
      api_key: z.string().optional(),
      use_tls: z.boolean().default(false),
    }),
  },
  { type: 'pinecone', config: z.strictObject({ api_key: z.string().min(1), index_host: z.string().min(1) }) },
]
