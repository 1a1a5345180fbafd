import { z } from 'zod'
import { perBuiltins } from './builtins.ts'
import { clientSchema } from './client.ts'
import { accessProfileSchema, guardrailsSchema, scimSchema } from './enterprise.ts'
import { frameworkSchema, gatewayProxySchema } from './framework.ts'
import { authConfigSchema, governanceSchema } from './governance/index.ts'
import { auditLogsSchema, clusterSchema, largePayloadSchema, loadBalancerSchema, websocketSchema } from './infrastructure.ts'
import { mcpSchema } from './mcp.ts'
import { pluginSchema } from './plugins.ts'
import { type Path, pathText } from './problems.ts'
import { providerSchema } from './providers.ts'
import { configStoreSchema, logsStoreSchema, vectorStoreSchema } from './store-blocks.ts'

/** The whole of config.json. Each block is its owner's; a key that nobody owns is refused. */
export const rootSchema = perBuiltins((builtins) =>
  z.strictObject({
    $schema: z.string().optional().describe('Where editors find the schema of this file; not read by the gateway.'),
    version: z
      .union([z.literal(1), z.literal(2)], { error: 'must be 1 or 2' })
      .default(2)
      .describe('2: empty and missing allow-lists allow nothing. 1: they allow all, as in v1.4.'),
    encryption_key: z
      .string()
      .min(1)
      .optional()
      .describe('Seals secrets in the store; any text, usually `env.NAME`. The variable BIFROST_ENCRYPTION_KEY stands for it.'),
    client: clientSchema.prefault({}).describe('How the gateway serves.'),
    proxy_config: gatewayProxySchema.optional().describe('A proxy for all that the gateway asks for.'),
    framework: frameworkSchema.optional().describe('Prices and parameters of models.'),
    providers: z.record(z.string(), providerSchema(builtins)).default({}).describe('Providers by name.'),
    governance: governanceSchema.prefault({}).describe('Who may do what, and how much of it.'),
    auth_config: authConfigSchema.optional().describe('Former place of governance.auth_config.'),
    mcp: mcpSchema.prefault({}).describe('MCP servers whose tools are offered.'),
    plugins: z.array(pluginSchema).default([]).describe('Plugins to load.'),
    config_store: configStoreSchema.optional().describe('Where the configuration is kept.'),
    key_value_store: configStoreSchema.optional().meta({
      'x-own': true,
      'x-default': 'in the configuration store, else in memory',
      description: 'Where sessions and other small values are kept that machines share; `redis` also tells of changes at once.',
    }),
    logs_store: logsStoreSchema.optional().describe('Where request logs are kept.'),
    vector_store: vectorStoreSchema.optional().describe('Where the semantic cache keeps its vectors.'),
    websocket: websocketSchema.optional().describe('WebSocket connections.'),
    cluster_config: clusterSchema.optional().describe('Several machines as one.'),
    load_balancer_config: loadBalancerSchema.optional().describe('Weights that follow what providers do.'),
    guardrails_config: guardrailsSchema.optional().describe('Checks of texts.'),
    audit_logs: auditLogsSchema.optional().describe('Who changed what.'),
    large_payload_optimization: largePayloadSchema.optional().describe('Large bodies are sent on without being held.'),
    scim_config: scimSchema.optional().describe('People come from a directory.'),
    access_profiles: z.array(accessProfileSchema).default([]).describe('Templates of virtual keys that users get.'),
  }),
)

/** A configuration, read. */
export type RootBlock = z.output<ReturnType<typeof rootSchema>>

/** Sign-in to the management API, from its place or the former one; undefined: nothing is said. */
export function authConfigOf(block: RootBlock): RootBlock['auth_config'] {
  return block.governance.auth_config ?? block.auth_config
}

const NOT_SERVED = 'is not served by this version; take it out'
const DIRECT_KEYS = "is gone: a client's own provider key never goes upstream; use keys of the provider"
const COMPAT = 'was replaced by compat.convert_text_to_chat, convert_chat_to_responses and should_drop_params'

/** Names that are known, by their place without indexes, and refused with a sentence of their own instead of "unknown key". */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ...[
    'server',
    'source_of_truth',
    'env_label',
    'alerting',
    'webhooks',
    'skills_registry',
    'feature_flags',
    'circuit_breaker_config',
    'vault_store',
  ].map((path): [string, string] => [path, NOT_SERVED]),
  ['client_config', 'is the name of this block in the management API; in a file it is "client"'],
  ['allow_direct_keys', DIRECT_KEYS],
  ['client.allow_direct_keys', DIRECT_KEYS],
  ['client.enable_litellm_fallbacks', COMPAT],
  ['client.compat.enable_litellm_fallbacks', 'was replaced by convert_text_to_chat, convert_chat_to_responses and should_drop_params'],
])

/** Names of v1.4 that are refused wherever they are no field; `version: 1` still reads them. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['allowed_keys', 'was renamed to key_ids; an empty list now denies, ["*"] allows all'],
  ['deployments', "was replaced by the key's aliases: requested model name -> the provider's id"],
  ['budget', 'was replaced by budgets, a list with one budget per reset_duration'],
  ['budget_id', 'was replaced by budgets, a list of ids or of budgets'],
  ['huggingface_key_config', "is gone; its deployments are the key's aliases"],
  ['enable_litellm_fallbacks', COMPAT],
])

/** What is said of a name that no schema knows: a sentence of its own, or undefined. */
export function refusalOf(path: Path): string | undefined {
  return REFUSED.get(pathText(path.filter((step) => typeof step === 'string'))) ?? RENAMED.get(String(path.at(-1)))
}
