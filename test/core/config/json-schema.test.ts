import { readFileSync } from 'node:fs'
import { type Schema, Validator } from '@cfworker/json-schema'
import { expect, test } from 'vitest'
import { emitJsonSchema, ownSettings, ownSettingsTable } from '../../../core/config/json-schema.ts'
import { builtins, SCHEMA_FILE } from './builtins.ts'
import { examples } from './seed-examples.ts'

test('core/config/schema.json is what the code emits; npm run schema writes it anew', () => {
  expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))).toEqual(JSON.parse(JSON.stringify(emitJsonSchema(builtins))))
})

test('the schema is identified by no host', () => {
  const { $id, $schema } = emitJsonSchema(builtins)
  expect($id).toBe('bifrost-node/config.schema.json')
  expect(new URL(String($schema)).host).toBe('json-schema.org')
})

test('numbers and booleans may come from the environment', () => {
  const { properties } = emitJsonSchema(builtins) as { properties: { client: { properties: Record<string, { anyOf: unknown[] }> } } }
  expect(properties.client.properties.drop_excess_requests!.anyOf).toEqual([
    { type: 'boolean' },
    { $ref: '#/$defs/envText' },
    { $ref: '#/$defs/envObject' },
  ])
})

test('own settings are all described, with their defaults', () => {
  const rows = ownSettings(builtins)
  expect(rows.map((row) => row.key)).toEqual([
    'client.threads',
    'client.shutdown.drain_delay_seconds',
    'client.shutdown.grace_seconds',
    'client.max_buffered_body_mb',
    'client.request_body_timeout_seconds',
    'client.request_deadline_seconds',
    'client.http2_port',
    'client.allowed_hosts',
    'client.docs_base_url',
    'client.stream_commit_after_ms',
    'client.max_stream_duration_seconds',
    'client.max_response_size_mb',
    'client.tls.cert',
    'client.tls.key',
    'client.trusted_proxies',
    'client.proxy_protocol',
    'client.admin_port',
    'client.metrics_port',
    'client.max_connections',
    'providers.<name>.network_config.client_cert_pem',
    'providers.<name>.network_config.client_key_pem',
    'providers.<name>.network_config.connect_timeout_in_seconds',
    'providers.<name>.network_config.preconnect',
    'providers.<name>.network_config.allow_metadata_addresses',
    'key_value_store',
  ])
  for (const row of rows) expect(row.meaning.length > 10 && row.default !== 'undefined' && row.type !== 'undefined', row.key).toBe(true)
  expect(ownSettingsTable(builtins)).toContain("| `client.max_buffered_body_mb` | number | a quarter of the machine's memory |")
})

const validator = new Validator(emitJsonSchema(builtins) as Schema, '2020-12', false)

test.each([...examples, ['references to the environment', { client: { drop_excess_requests: 'env.DROP' } }]] as const)(
  'an editor takes %s',
  (_, config) => {
    expect(validator.validate(config).errors).toEqual([])
  },
)

test('an editor refuses what the gateway refuses', () => {
  const isTaken = (config: unknown) => validator.validate(config).valid
  expect(isTaken({ governance: { virtual_keys: [{ id: 'v', provider_configs: [{ provider: 'openai', allowed_keys: ['k'] }] }] } })).toBe(
    false,
  )
  expect(
    isTaken({ governance: { virtual_keys: [{ id: 'v', provider_configs: [{ provider: 'openai', key_ids: ['k'], weight: null }] }] } }),
  ).toBe(true)
  expect(isTaken({ client: { compat: { enable_litellm_fallbacks: true } } })).toBe(false)
  expect(isTaken({ mcp: { client_configs: [{ name: 'a' }] } })).toBe(false)
})
