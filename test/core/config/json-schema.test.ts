import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { emitJsonSchema, ownSettings, ownSettingsTable } from '../../../core/config/json-schema.ts'
import { builtins, SCHEMA_FILE } from './builtins.ts'

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
  ])
  for (const row of rows) expect(row.meaning.length > 10 && row.default !== 'undefined' && row.type !== 'undefined', row.key).toBe(true)
  expect(ownSettingsTable(builtins)).toContain("| `client.max_buffered_body_mb` | number | a quarter of the machine's memory |")
})
