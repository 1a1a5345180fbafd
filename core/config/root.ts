import { z } from 'zod'
import type { Builtins } from './builtins.ts'
import { clientSchema } from './client.ts'
import { pluginSchema } from './plugins.ts'
import { providerSchema } from './providers.ts'

/** The whole of config.json. Each block is its owner's; a key that nobody owns is refused. */
export function rootSchema(builtins: Builtins) {
  return z.strictObject({
    $schema: z.string().optional().describe('Where editors find the schema of this file; not read by the gateway.'),
    version: z
      .union([z.literal(1), z.literal(2)], { error: 'must be 1 or 2' })
      .default(2)
      .describe('2: empty and missing allow-lists allow nothing. 1: they allow all, as in v1.4.'),
    client: clientSchema.prefault({}).describe('How the gateway serves.'),
    providers: z.record(z.string(), providerSchema(builtins)).default({}).describe('Providers by name.'),
    plugins: z.array(pluginSchema).default([]).describe('Plugins to load.'),
  })
}

/** A configuration, read. */
export type RootBlock = z.output<ReturnType<typeof rootSchema>>

const NOT_SERVED = 'is not served by this version; take it out'
const DIRECT_KEYS = "is gone: a client's own provider key never goes upstream; use keys of the provider"

/** Names that are known, and refused with a sentence of their own instead of "unknown key". */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ...[
    'encryption_key',
    'framework',
    'governance',
    'auth_config',
    'mcp',
    'vector_store',
    'config_store',
    'logs_store',
    'websocket',
    'cluster_config',
    'load_balancer_config',
    'guardrails_config',
    'audit_logs',
    'large_payload_optimization',
    'scim_config',
    'access_profiles',
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
  ['client.enable_litellm_fallbacks', 'was replaced by compat.convert_text_to_chat, convert_chat_to_responses and should_drop_params'],
  ['client.compat.enable_litellm_fallbacks', 'was replaced by convert_text_to_chat, convert_chat_to_responses and should_drop_params'],
])
