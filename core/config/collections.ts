import type { Collection } from '../stores/stores.ts'

/**
 * How the configuration lies in a store: one document per entity, its body the entity as config.json (version 2) writes it, texts of secrets
 * sealed. A list or record of the file is a collection; a block that stands alone is a document of `settings`, by its name.
 */
export interface ConfigCollection extends Collection {
  /** Where its entities stand in config.json; `*` is the key of a record or the place in a list. Empty: nowhere. */
  path: readonly string[]
  /** Field that names an entity; undefined: the key of the record. */
  idField?: string | undefined
  /** Secrets in the body: paths of fields, `*` for every element or field. */
  secrets?: readonly string[] | undefined
}

/** Name of the collection of blocks that stand alone. */
export const SETTINGS = 'settings'

/** Blocks of config.json that are documents of `settings`, by their path, with the secrets in each. */
export const SETTINGS_BLOCKS: Readonly<Record<string, { path: readonly string[]; secrets?: readonly string[] }>> = {
  client: { path: ['client'], secrets: ['tls.key'] },
  framework: { path: ['framework'] },
  proxy_config: { path: ['proxy_config'], secrets: ['password', 'url'] },
  auth_config: { path: ['governance', 'auth_config'], secrets: ['admin_password'] },
  mcp_settings: { path: ['mcp', 'tool_manager_config'] },
}

/** All collections. Provider keys are a collection of their own: their bodies have a `provider` besides. */
export const CONFIG_COLLECTIONS: readonly ConfigCollection[] = [
  { name: SETTINGS, path: [] },
  {
    name: 'providers',
    path: ['providers', '*'],
    secrets: ['proxy_config.password', 'proxy_config.url', 'network_config.client_key_pem', 'network_config.extra_headers.*'],
  },
  {
    name: 'keys',
    path: ['providers', '*', 'keys', '*'],
    idField: 'id',
    unique: ['name'],
    secrets: [
      'value',
      'azure_key_config.client_secret',
      'vertex_key_config.auth_credentials',
      'bedrock_key_config.access_key',
      'bedrock_key_config.secret_key',
      'bedrock_key_config.session_token',
    ],
  },
  { name: 'plugins', path: ['plugins', '*'], idField: 'name', secrets: ['config'] },
  {
    name: 'virtual_keys',
    path: ['governance', 'virtual_keys', '*'],
    idField: 'id',
    unique: ['name', 'value_hash'],
    secrets: ['value'],
  },
  { name: 'teams', path: ['governance', 'teams', '*'], idField: 'id' },
  { name: 'customers', path: ['governance', 'customers', '*'], idField: 'id' },
  { name: 'business_units', path: ['governance', 'business_units', '*'], idField: 'id' },
  { name: 'budgets', path: ['governance', 'budgets', '*'], idField: 'id' },
  { name: 'rate_limits', path: ['governance', 'rate_limits', '*'], idField: 'id' },
  { name: 'routing_rules', path: ['governance', 'routing_rules', '*'], idField: 'id' },
  { name: 'model_configs', path: ['governance', 'model_configs', '*'], idField: 'id' },
  { name: 'provider_governance', path: ['governance', 'providers', '*'], idField: 'name' },
  { name: 'pricing_overrides', path: ['governance', 'pricing_overrides', '*'], idField: 'id' },
  {
    name: 'mcp_clients',
    path: ['mcp', 'client_configs', '*'],
    idField: 'client_id',
    unique: ['name'],
    secrets: ['connection_string', 'headers.*', 'stdio_config.envs.*'],
  },
  // What follows has no block in config.json: it is made by the management API, and carried from a former database.
  { name: 'oauth_configs', path: [], idField: 'id', secrets: ['client_secret', 'access_token', 'refresh_token'] },
  { name: 'prompt_folders', path: [], idField: 'id' },
  { name: 'prompts', path: [], idField: 'id' },
  { name: 'prompt_versions', path: [], idField: 'id' },
  { name: 'prompt_sessions', path: [], idField: 'id' },
  /** Of the store itself: schema version, sealing keys. Never part of config.json. */
  { name: 'meta', path: [] },
]
