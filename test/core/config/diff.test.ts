import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { diffConfigs } from '../../../core/config/diff.ts'
import { builtins } from './builtins.ts'

const diff = (before: JsonObject, after: JsonObject) =>
  diffConfigs(before, after, builtins).map(({ kind, collection, id, fields }) => [
    `${kind} ${collection} ${id}`.trim(),
    ...fields.map(({ path, before: from, after: to, isSecret }) => (isSecret ? `${path} secret` : `${path} ${from} -> ${to}`)),
  ])
const keys = (...list: JsonObject[]): JsonObject => ({ providers: { openai: { keys: list } } })
const vks = (...list: JsonObject[]): JsonObject => ({ governance: { virtual_keys: list } })

test.each<[string, JsonObject, JsonObject]>([
  ['defaults', { client: { drop_excess_requests: false } }, {}],
  ['the order of entities', keys({ id: 'a', value: 'v' }, { id: 'b', value: 'w' }), keys({ id: 'b', value: 'w' }, { id: 'a', value: 'v' })],
  ['the order of names', keys({ id: 'a', models: ['x', 'y'] }), keys({ id: 'a', models: ['y', 'x'] })],
  ['null and absence', vks({ id: 'v', team_id: null }), vks({ id: 'v' })],
  ['the schema', { $schema: 'a' }, { $schema: 'b' }],
])('%s: the same', (_, before, after) => {
  expect(diff(before, after)).toEqual([])
})

test.each<[string, JsonObject, JsonObject, string[][]]>([
  ['added and removed', keys({ id: 'a' }), keys({ id: 'b' }), [['removed keys a'], ['added keys b']]],
  ['a field', { client: {} }, { client: { max_request_body_size_mb: 5 } }, [['changed client', 'max_request_body_size_mb 100 -> 5']]],
  ['a secret', keys({ id: 'a', value: 'sk-1' }), keys({ id: 'a', value: 'env.KEY' }), [['changed keys a', 'value secret']]],
  [
    'a part, by its name',
    vks({ id: 'v', provider_configs: [{ provider: 'x' }, { provider: 'y', weight: 1 }] }),
    vks({ id: 'v', provider_configs: [{ provider: 'y', weight: 2 }, { provider: 'x' }] }),
    [['changed virtual_keys v', 'provider_configs.y.weight 1 -> 2']],
  ],
  [
    'references to the environment, where a URL and a number belong',
    { providers: { openai: { network_config: { base_url: 'env.A', max_retries: 'env.N' } } } },
    { providers: { openai: { network_config: { base_url: 'env.B', max_retries: 'env.N' } } } },
    [['changed providers openai', 'network_config.base_url "env.A" -> "env.B"']],
  ],
  [
    'what no default can be filled into, as written',
    { client: { threads: [] }, plugins: [{ name: 'p' }] },
    { client: { threads: {} }, plugins: [{ name: 'p', config: { password: 'x' } }] },
    [
      ['changed plugins p', 'config secret'],
      ['changed client', 'threads [] -> {}'],
    ],
  ],
  [
    'a URL with a password in it',
    { providers: { openai: { proxy_config: { type: 'http', url: 'http://u:p@one' } } } },
    { providers: { openai: { proxy_config: { type: 'http', url: 'http://u:p@two' } } } },
    [['changed providers openai', 'proxy_config.url secret']],
  ],
  [
    'a header',
    { providers: { x: { network_config: { extra_headers: { a: '1' } } } } },
    { providers: { x: {} } },
    [['changed providers x', 'network_config.extra_headers.a secret']],
  ],
])('%s', (_, before, after, expected) => {
  expect(diff(before, after)).toEqual(expected)
})
