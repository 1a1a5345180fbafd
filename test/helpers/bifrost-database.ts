import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { argon2id } from '@noble/hashes/argon2.js'

/** Rows by table; columns are those that a row names. */
export type Tables = Record<string, readonly Record<string, string | number | null>[]>

const AT = '2026-02-03 04:05:06.123456789+00:00'
const stamped = { created_at: AT, updated_at: AT }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Columns whose cells a key seals. */
const SEALED: Readonly<Record<string, readonly string[]>> = {
  config_providers: ['proxy_config_json'],
  config_keys: ['value', 'azure_client_secret', 'azure_endpoint', 'vertex_auth_credentials', 'bedrock_deployments_json'],
  config_plugins: ['config_json'],
  config_mcp_clients: ['connection_string', 'headers_json'],
  governance_virtual_keys: ['value'],
  oauth_configs: ['client_secret'],
  oauth_tokens: ['access_token', 'refresh_token'],
}

const virtualKey = (id: string, value: string, more: Record<string, string | number | null> = {}) => ({
  id,
  name: `${id} name`,
  value,
  is_active: 1,
  value_hash: sha256(value),
  ...more,
  ...stamped,
})

/** A configuration that has something in every table that is read. */
export const TABLES: Tables = {
  migrations: [{ id: 'add_encryption_columns', sequence: 1 }],
  config_providers: [
    {
      id: 1,
      name: 'openai',
      network_config_json: '{"default_request_timeout_in_seconds":0,"max_retries":3,"retry_backoff_initial":700,"retry_backoff_max":0}',
      concurrency_buffer_json: '',
      proxy_config_json: '{"type":"http","url":"http://proxy.example.com","username":"me","password":"CANARY-proxy","ca_cert_pem":""}',
      custom_provider_config_json: '',
      pricing_overrides_json:
        '[{"model_pattern":"gpt-4o*","match_type":"wildcard","input_cost_per_token":0.5},{"model_pattern":"g.*","match_type":"regex"}]',
      send_back_raw_request: 1,
      budget_id: 'b-provider',
      rate_limit_id: null,
      ...stamped,
    },
    {
      id: 2,
      name: 'ollama',
      network_config_json: '{"base_url":"http://10.0.0.7:11434"}',
      ...stamped,
    },
    {
      id: 3,
      name: 'mine',
      network_config_json: '{"base_url":"https://llm.example.com","extra_headers":{"x-a":"b"}}',
      custom_provider_config_json:
        '{"base_provider_type":"openai","is_key_less":true,"allowed_requests":{"chat_completion":true,"embedding":false,"unheard_of":true}}',
      ...stamped,
    },
  ],
  config_keys: [
    { id: 1, name: 'all', provider_id: 1, key_id: 'key-all', value: 'CANARY-key-1', models_json: '[]', weight: 1, enabled: 1, ...stamped },
    {
      id: 2,
      name: 'some',
      provider_id: 1,
      key_id: 'key-some',
      value: 'env.SOME_KEY',
      models_json: '["gpt-4o"]',
      blacklisted_models_json: '["gpt-3"]',
      weight: null,
      enabled: 0,
      use_for_batch_api: 1,
      ...stamped,
    },
  ],
  config_client: [
    {
      id: 1,
      drop_excess_requests: 1,
      allowed_origins_json: '["*"]',
      header_filter_config_json: '{"allowlist":["x-a"],"denylist":[]}',
      enforce_auth_on_inference: 0,
      enforce_scim_auth: 1,
      allow_direct_keys: 1,
      mcp_tool_sync_interval: 0,
      enable_litellm_fallbacks: 0,
      ...stamped,
    },
  ],
  framework_configs: [{ id: 1, pricing_url: 'https://prices.example.com', pricing_sync_interval: 7200 }],
  governance_config: [
    { key: 'admin_username', value: 'root' },
    { key: 'admin_password', value: '$2a$10$CANARYhashhashhashhashhashhashhashhashhashhashhashha' },
    { key: 'is_auth_enabled', value: 'true' },
    { key: 'proxy_config', value: '{"enabled":true,"type":"http","url":"http://p","password":"CANARY-global-proxy","no_proxy":""}' },
  ],
  config_plugins: [
    { id: 1, name: 'known', enabled: 1, path: null, config_json: '{"api_key":"CANARY-plugin"}', version: 2, exec_order: 3, ...stamped },
    { id: 2, name: 'compiled', enabled: 1, path: '/plugins/x.so', config_json: '', version: 1, placement: 'pre_builtin', ...stamped },
    { id: 3, name: 'unknown', enabled: 1, path: null, config_json: '', version: 1, ...stamped },
    { id: 4, name: 'off', enabled: 0, path: null, config_json: '', version: 1, ...stamped },
  ],
  config_vector_store: [{ id: 1, enabled: 1, type: 'redis', config: '{"password":"CANARY-vector"}', ...stamped }],
  config_log_store: [],
  oauth_configs: [
    {
      id: 'oauth-1',
      client_id: 'client',
      client_secret: 'CANARY-oauth-client',
      authorize_url: 'https://auth.example.com/a',
      token_url: 'https://auth.example.com/t',
      redirect_uri: 'https://gw.example.com/api/oauth/callback',
      scopes: '["read","write"]',
      state: 'CANARY-state',
      code_verifier: 'CANARY-verifier',
      status: 'authorized',
      token_id: 'token-1',
      use_discovery: 1,
      expires_at: AT,
      ...stamped,
    },
  ],
  oauth_tokens: [
    {
      id: 'token-1',
      access_token: 'CANARY-access',
      refresh_token: 'CANARY-refresh',
      token_type: 'Bearer',
      expires_at: '2027-02-03 04:05:06+02:00',
      scopes: '["read"]',
      ...stamped,
    },
  ],
  config_mcp_clients: [
    {
      id: 1,
      client_id: 'mcp-a',
      name: 'search',
      connection_type: 'http',
      connection_string: 'https://mcp.example.com/CANARY-url',
      tools_to_execute_json: '["*"]',
      tools_to_auto_execute_json: '[]',
      headers_json: '{"authorization":"CANARY-header","x-env":"env.MCP_TOKEN"}',
      is_ping_available: 0,
      tool_pricing_json: '{"find":0.01}',
      tool_sync_interval: 5,
      auth_type: 'oauth',
      oauth_config_id: 'oauth-1',
      ...stamped,
    },
    {
      id: 2,
      client_id: 'mcp-b',
      name: 'files',
      connection_type: 'stdio',
      connection_string: null,
      stdio_config_json: '{"command":"files","args":["--root","/srv"],"envs":null}',
      tools_to_execute_json: '[]',
      headers_json: '{}',
      tool_sync_interval: -1,
      is_code_mode_client: 1,
      auth_type: 'none',
      ...stamped,
    },
  ],
  governance_budgets: ['b-provider', 'b-customer', 'b-team', 'b-key', 'b-config', 'b-model'].map((id, index) => ({
    id,
    max_limit: 10 + index,
    reset_duration: '1d',
    current_usage: index / 4,
    last_reset: '2026-02-03 00:00:00+00:00',
    calendar_aligned: index % 2,
    ...stamped,
  })),
  governance_rate_limits: [
    {
      id: 'r-1',
      token_max_limit: 1000,
      token_reset_duration: '1h',
      token_current_usage: 250,
      token_last_reset: '2026-02-03 04:00:00+00:00',
      request_max_limit: null,
      request_reset_duration: '1m',
      request_current_usage: 7,
      request_last_reset: '0001-01-01 00:00:00+00:00',
      ...stamped,
    },
  ],
  governance_customers: [{ id: 'c-1', name: 'Customer', budget_id: 'b-customer', rate_limit_id: 'r-1', ...stamped }],
  governance_teams: [
    { id: 't-1', name: 'Team', customer_id: 'c-1', budget_id: 'b-team', claims: '{"group":"a"}', profile: '', ...stamped },
  ],
  governance_virtual_keys: [
    virtualKey('vk-open', 'sk-bf-CANARY-open'),
    virtualKey('vk-team', 'sk-bf-CANARY-team', { team_id: 't-1', budget_id: 'b-key', rate_limit_id: 'r-1', description: 'of a team' }),
    virtualKey('vk-pinned', 'sk-bf-CANARY-pinned', { customer_id: 'c-1', is_active: 0 }),
    virtualKey('vk-env', 'env.VIRTUAL_KEY', { value_hash: sha256('what the variable held') }),
  ],
  governance_virtual_key_provider_configs: [
    {
      id: 11,
      virtual_key_id: 'vk-team',
      provider: 'openai',
      weight: 0.5,
      allowed_models: '[]',
      budget_id: 'b-config',
      rate_limit_id: 'r-1',
    },
    { id: 12, virtual_key_id: 'vk-team', provider: 'mine', weight: null, allowed_models: '["m"]', budget_id: null },
    { id: 13, virtual_key_id: 'vk-pinned', provider: 'openai', weight: 1, allowed_models: '["gpt-4o"]', budget_id: null },
    { id: 14, virtual_key_id: 'vk-env', provider: 'openai', weight: 1, allowed_models: '', budget_id: null },
  ],
  governance_virtual_key_provider_config_keys: [
    { table_virtual_key_provider_config_id: 13, table_key_id: 2 },
    { table_virtual_key_provider_config_id: 14, table_key_id: 1 },
    { table_virtual_key_provider_config_id: 14, table_key_id: 2 },
  ],
  governance_virtual_key_mcp_configs: [
    { id: 1, virtual_key_id: 'vk-team', mcp_client_id: 1, tools_to_execute: '["find"]' },
    { id: 2, virtual_key_id: 'vk-team', mcp_client_id: 2, tools_to_execute: '[]' },
  ],
  governance_model_configs: [{ id: 'm-1', model_name: 'gpt-4o', provider: 'openai', budget_id: 'b-model', ...stamped }],
  routing_rules: [
    {
      id: 'rule-1',
      name: 'Rule',
      description: '',
      enabled: 1,
      cel_expression: 'true',
      fallbacks: '["mine/m"]',
      query: '{"rules":[]}',
      scope: 'team',
      scope_id: 't-1',
      priority: 2,
      ...stamped,
    },
  ],
  routing_targets: [
    { rule_id: 'rule-1', provider: 'openai', model: 'gpt-4o', key_id: 'key-some', weight: 0.25 },
    { rule_id: 'rule-1', provider: 'mine', model: '', key_id: null, weight: 0.75 },
  ],
  folders: [{ id: 'f-1', name: 'Folder', description: 'd', ...stamped }],
  prompts: [{ id: 'p-1', name: 'Prompt', folder_id: 'f-1', ...stamped }],
  prompt_versions: [
    {
      id: 4,
      prompt_id: 'p-1',
      version_number: 1,
      commit_message: 'first',
      model_params_json: '{"temperature":0.5}',
      provider: 'openai',
      model: 'gpt-4o',
      is_latest: 1,
      created_at: AT,
    },
  ],
  prompt_version_messages: [
    { id: 8, prompt_id: 'p-1', version_id: 4, order_index: 1, message_json: '{"role":"user","content":"two"}' },
    { id: 7, prompt_id: 'p-1', version_id: 4, order_index: 0, message_json: '{"role":"system","content":"one"}' },
  ],
  prompt_sessions: [{ id: 9, prompt_id: 'p-1', version_id: 4, name: 'Session', provider: 'openai', model: 'gpt-4o', ...stamped }],
  prompt_session_messages: [{ id: 1, prompt_id: 'p-1', session_id: 9, order_index: 0, message_json: '{"role":"user","content":"try"}' }],
}

/** The tables as a key leaves them: references and empty cells in the open, the rest of some columns sealed. */
export function sealedTables(tables: Tables, passphrase: string): Tables {
  const key = argon2id(Buffer.from(passphrase), Buffer.from('bifrost-encryption-v1-salt-2024'), { m: 65_536, t: 1, p: 4, dkLen: 32 })
  const seal = (text: string) => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64')
  }
  const isOpen = (cell: unknown) => typeof cell !== 'string' || cell === '' || cell === '{}' || cell.startsWith('env.')
  return Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => {
      const columns = SEALED[table]
      if (!columns) return [table, rows]
      const sealed = rows.map((row) => ({
        ...row,
        ...Object.fromEntries(columns.filter((column) => !isOpen(row[column])).map((column) => [column, seal(String(row[column]))])),
        encryption_status: 'encrypted',
      }))
      return [table, sealed]
    }),
  )
}

/** Writes the tables into a new SQLite file. Stays open in write-ahead mode where asked, so that rows lie in the log alone. */
export function writeBifrostDatabase(file: string, tables: Tables, { isLogged = false } = {}): { close(): void } {
  const db = new DatabaseSync(file)
  if (isLogged) db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0')
  for (const statement of statements(tables)) db.prepare(statement.sql).run(...statement.values)
  const close = () => {
    if (db.isOpen) db.close()
  }
  if (!isLogged) close()
  return { close }
}

/** The tables as SQL that SQLite and PostgreSQL both take, but for placeholders. */
export function statements(tables: Tables, placeholder: (index: number) => string = () => '?') {
  return Object.entries(tables).flatMap(([table, rows]) => {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    const types = (columns.length > 0 ? columns : ['id']).map((column) => `"${column}" ${typeOf(rows, column)}`)
    return [
      { sql: `CREATE TABLE "${table}" (${types.join(', ')})`, values: [] as (string | number | null)[] },
      ...rows.map((row) => {
        const names = Object.keys(row)
        const places = names.map((_, index) => placeholder(index + 1))
        return {
          sql: `INSERT INTO "${table}" (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${places.join(', ')})`,
          values: Object.values(row),
        }
      }),
    ]
  })
}

function typeOf(rows: Tables[string], column: string): string {
  if (/_at$|last_reset$/.test(column)) return 'timestamp with time zone'
  const cells = rows.map((row) => row[column]).filter((cell) => cell !== null && cell !== undefined)
  if (cells.length === 0 || cells.some((cell) => typeof cell === 'string')) return 'text'
  return cells.every(Number.isInteger) ? 'bigint' : 'double precision'
}
