import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { loadConfig } from '../../../core/config/load.ts'
import { builtins } from './builtins.ts'

const load = (config: JsonObject, more: Partial<typeof builtins> = {}) =>
  loadConfig({ config, env: {}, builtins: { ...builtins, ...more } })
const client = (fragment: JsonObject): JsonObject => ({
  mcp: { client_configs: [{ name: 'a', connection_type: 'http', connection_string: 'https://a.example', ...fragment }] },
})
const plugin = (name: string, config: JsonObject, enabled = true): JsonObject => ({ plugins: [{ name, enabled, config }] })
const guardrail = (fragment: JsonObject): JsonObject => ({ guardrails_config: { guardrail_rules: [{ id: 1, name: 'pii', ...fragment }] } })

test.each<[string, JsonObject, string[]]>([
  [
    'an upstream store',
    { config_store: { enabled: true, type: 'postgres', config: { host: 'db' } } },
    [
      'config_store.type: "postgres" is no store for this; choose memory, sqlite or mongodb; "bifrost migrate --from postgres://..." takes its contents over',
    ],
  ],
  [
    'another store',
    { logs_store: { enabled: true, type: 'clickhouse' } },
    ['logs_store.type: "clickhouse" is no store for this; choose memory, sqlite or mongodb'],
  ],
  [
    'a store of values for logs',
    { logs_store: { enabled: true, type: 'redis', config: { addr: 'localhost:6379' } } },
    ['logs_store.type: "redis" is no store for this; choose memory, sqlite or mongodb'],
  ],
  [
    "the original's other store for logs",
    { logs_store: { enabled: true, type: 'postgres', config: { host: 'db' } } },
    ['logs_store.type: "postgres" is no store for this; choose memory, sqlite or mongodb'],
  ],
  ['a store without a type', { config_store: { enabled: true } }, ['config_store.type: is required: memory, sqlite or mongodb']],
  [
    "a store's own setting",
    { config_store: { enabled: true, type: 'mongodb', config: { uri: 'x', db_name: 'b' } } },
    ['config_store.config.url: is required', 'config_store.config.uri: unknown key; did you mean "url"?'],
  ],
  ['a vector store', { vector_store: { enabled: true, type: 'qdrant', config: { port: 1 } } }, ['vector_store.config.host: is required']],
  [
    'a store of values alone',
    { config_store: { enabled: true, type: 'redis' } },
    ['config_store.type: "redis" is no store for this; choose memory, sqlite or mongodb'],
  ],
  ['a retention', { logs_store: { enabled: false, retention_days: -1 } }, ['logs_store.retention_days: must be at least 0']],
  ['storage', { logs_store: { object_storage: { type: 's3' } } }, ['logs_store.object_storage.bucket: is required']],
  [
    'a sync interval',
    { framework: { pricing: { pricing_sync_interval: 60 } } },
    ['framework.pricing.pricing_sync_interval: must be at least 3600'],
  ],
  ['an empty encryption key', { encryption_key: '' }, ['encryption_key: must not be empty']],
  [
    'directories',
    { scim_config: { enabled: true } },
    [
      'scim_config.provider: is required',
      'scim_config.enabled: cannot be enforced by this version: nobody signs in by a directory; say false',
    ],
  ],
  [
    'an unknown directory',
    { scim_config: { provider: 'ldap' } },
    ['scim_config.provider: must be one of "okta", "entra", "keycloak", "zitadel", "google", "sailpoint", "generic"'],
  ],
  [
    'access profiles',
    { access_profiles: [{ name: 'p' }] },
    ['access_profiles: cannot be applied by this version: no user gets a virtual key from them; take them out'],
  ],
  ['audit logs', { audit_logs: {} }, ['audit_logs: cannot be kept by this version; take the block out or say disabled: true']],
  ['a short secret', { audit_logs: { disabled: true, hmac_key: 'short' } }, ['audit_logs.hmac_key: must be at least 32 bytes']],
  [
    'guardrails',
    guardrail({}),
    [
      'guardrails_config.guardrail_rules[0]: cannot be enforced by this version: no text is checked; take the rule out or say enabled: false',
    ],
  ],
  [
    'a sampling rate',
    guardrail({ enabled: false, sampling_rate: 101 }),
    ['guardrails_config.guardrail_rules[0].sampling_rate: must be at most 100'],
  ],
  [
    'a cluster of one',
    { cluster_config: { enabled: true } },
    [
      'cluster_config: needs peers, or discovery with enabled: true',
      'cluster_config.enabled: is not served by this version: limits would count on each machine alone; say false',
    ],
  ],
  ['a peer', { cluster_config: { enabled: false, peers: ['host'] } }, ['cluster_config.peers[0]: must be host:port']],
  [
    'a discovery without a type',
    { cluster_config: { enabled: false, discovery: { enabled: true } } },
    ['cluster_config.discovery.type: is required'],
  ],
  [
    'payload sizes',
    { large_payload_optimization: { max_payload_bytes: 2048, request_threshold_bytes: 4096, response_threshold_bytes: 1024 } },
    ['large_payload_optimization.request_threshold_bytes: (4096) must not exceed max_payload_bytes (2048)'],
  ],
  ['a WebSocket limit', { websocket: { max_connections_per_user: 0 } }, ['websocket.max_connections_per_user: must be at least 1']],
  [
    'sign-in in two places',
    { auth_config: {}, governance: { auth_config: {} } },
    ['auth_config: stands in governance too; keep governance.auth_config'],
  ],
  [
    'the name of an MCP client',
    client({ name: '1 a' }),
    ['mcp.client_configs[0].name: must be made of letters, digits, "_" and "-", and not begin with a digit'],
  ],
  [
    'an MCP client without a URL',
    client({ connection_type: 'sse', connection_string: undefined as never }),
    ['mcp.client_configs[0].connection_string: is required: the URL of the server'],
  ],
  [
    'an MCP client with another URL',
    client({ connection_string: 'ftp://a' }),
    ['mcp.client_configs[0].connection_string: must be a URL that begins with http:// or https://'],
  ],
  ['an MCP client without a program', client({ connection_type: 'stdio' }), ['mcp.client_configs[0].stdio_config: is required for stdio']],
  [
    'an MCP client of a library',
    client({ connection_type: 'inprocess' }),
    ['mcp.client_configs[0].connection_type: "inprocess" is for programs that embed a library; use stdio, http or sse'],
  ],
  [
    'a tool that runs by itself and may not run',
    client({ tools_to_execute: ['a'], tools_to_auto_execute: ['b'] }),
    ['mcp.client_configs[0].tools_to_auto_execute[0]: "b" is not among tools_to_execute'],
  ],
  ['a plugin of a later version', plugin('otel', {}), ['plugins[0].config.collector_url: is required']],
  [
    'a misspelt setting of one',
    plugin('semantic_cache', { dimension: 1, treshold: 1 }),
    ['plugins[0].config.treshold: unknown key; did you mean "threshold"?'],
  ],
  [
    'a plugin that would protect',
    plugin('governance', { is_vk_mandatory: true }),
    ['plugins[0].config: is_vk_mandatory cannot be kept here; use client.enforce_auth_on_inference'],
  ],
  ['an unknown plugin', plugin('telemetri', {}), ['plugins[0].name: unknown plugin; did you mean "telemetry"?']],
  ['a label', { client: { prometheus_labels: ['a b'] } }, ['client.prometheus_labels[0]: must be the name of a label, or name=value']],
  ['a route', { client: { whitelisted_routes: ['health'] } }, ['client.whitelisted_routes[0]: must begin with "/"']],
  [
    'an address',
    { client: { mcp_external_server_url: 'host' } },
    ['client.mcp_external_server_url: must be a URL that begins with http:// or https://'],
  ],
])('%s', (_, config, expected) => {
  expect(load(config).problems).toEqual(expected)
})

test.each<[string, JsonObject]>([
  [
    'stores that are off',
    { config_store: { enabled: false, type: 'postgres', config: { host: 'db', port: '5432' } }, logs_store: { enabled: false } },
  ],
  ['a store', { config_store: { enabled: true, type: 'mongodb', config: { url: 'mongodb://db', db_name: 'b' } } }],
  ['guardrails that are off', guardrail({ enabled: false, provider_config_ids: [1] })],
  ['audit logs that are off', { audit_logs: { disabled: true } }],
  [
    'everything else that is off',
    { cluster_config: { enabled: false }, scim_config: { enabled: false }, load_balancer_config: { enabled: true } },
  ],
  [
    'a program',
    client({
      connection_type: 'stdio',
      stdio_config: { command: 'npx', args: ['-y', 'tools'], envs: ['TOKEN'] },
      tool_sync_interval: '-1s',
    }),
  ],
  [
    'a cache',
    {
      ...plugin('semantic_cache', { dimension: 1, ttl: '5m' }),
      vector_store: { enabled: true, type: 'redis', config: { addr: 'cache:6379' } },
    },
  ],
  ['a plugin that is off', plugin('maxim', {}, false)],
])('%s: no problem', (_, config) => {
  expect(load(config).problems).toEqual([])
})

test('without any kind of store, none can be enabled', () => {
  expect(load({ config_store: { enabled: true, type: 'sqlite' } }, { stores: undefined }).problems).toEqual([
    'config_store.enabled: no store is served by this version; say false',
  ])
})

test('what does nothing is said so, in one line', () => {
  const { notices } = load({
    encryption_key: 'k',
    websocket: {},
    load_balancer_config: { enabled: true },
    large_payload_optimization: { enabled: true },
    framework: { pricing: {} },
    ...plugin('otel', { collector_url: 'http://collector:4318' }),
  })
  expect(notices).toEqual([
    'accepted, without effect in this version: framework, load_balancer_config, large_payload_optimization',
    'plugins: "otel" is not served by this version; its settings have no effect',
  ])
})

test('what is kept of a log and what is not is said so', () => {
  const logs = { enabled: true, type: 'sqlite', retention_days: 30 }
  const kept = 'logs_store: the store is opened, and its retention kept; no request is written into it by this version'
  expect(load({ client: { log_retention_days: 7 }, logs_store: logs }).notices).toEqual([kept])
  expect(load({ logs_store: { ...logs, enabled: false } }).notices).toEqual([])
  expect(load({ logs_store: { ...logs, object_storage: { type: 's3', bucket: 'b' } } }).notices).toEqual([
    'accepted, without effect in this version: logs_store.object_storage',
    kept,
  ])
})

test('a plugin of a later version is not loaded', () => {
  expect([...load(plugin('otel', { collector_url: 'http://collector:4318' })).tables!.plugins.keys()]).toEqual([])
})
