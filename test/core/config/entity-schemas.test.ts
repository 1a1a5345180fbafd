import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../../../core/config/collections.ts'
import { entitiesOf, indexEntities } from '../../../core/config/entities.ts'
import { ENTITY_SCHEMAS, type EntityCollection, readEntity } from '../../../core/config/entity-schemas.ts'
import { builtins } from './builtins.ts'

const config: JsonObject = {
  providers: {
    openai: { keys: [{ id: 'k1', name: 'main', value: 'sk-1' }] },
    ollama: { keys: [{ name: 'local', ollama_key_config: { url: 'http://127.0.0.1:1' } }] },
    mine: { custom_provider_config: { base_provider_type: 'openai', is_key_less: true } },
  },
  governance: {
    teams: [{ id: 't1', name: 'Search' }],
    virtual_keys: [{ id: 'v1', name: 'one', value: 'sk-bf-1', team_id: 't1' }],
    budgets: [{ id: 'b1', max_limit: 1, reset_duration: '1d', team_id: 't1' }],
  },
  mcp: { client_configs: [{ name: 'tools' }] },
}
const lookup = indexEntities(entitiesOf(config))
const read = (collection: EntityCollection, id: string, body: JsonObject) => readEntity({ collection, id, body }, { lookup, builtins })
const problems = (...args: Parameters<typeof read>) => read(...args).problems.map(({ path, message }) => `${path.join('.')}: ${message}`)

describe('entities of a configuration', () => {
  test('are found with their ids and places', () => {
    expect(entitiesOf(config).map(({ collection, id, path }) => `${collection} ${id} ${path.join('.')}`)).toEqual([
      'providers openai providers.openai',
      'providers ollama providers.ollama',
      'providers mine providers.mine',
      'keys k1 providers.openai.keys.0',
      'keys local providers.ollama.keys.0',
      'virtual_keys v1 governance.virtual_keys.0',
      'teams t1 governance.teams.0',
      'budgets b1 governance.budgets.0',
      'mcp_clients tools mcp.client_configs.0',
    ])
    expect(lookup.get('keys', 'k1')).toMatchObject({ provider: 'openai', name: 'main' })
    expect(lookup.idsBy('keys', 'provider', 'openai')).toEqual(['k1'])
    expect([...lookup.ids('nothing')]).toEqual([])
  })

  test('each collection of config.json has a schema', () => {
    const known = CONFIG_COLLECTIONS.filter(({ path }) => /^(?:providers|plugins|governance|mcp)$/.test(path[0] ?? '')).map(
      ({ name }) => name,
    )
    expect(known.filter((name) => !Object.hasOwn(ENTITY_SCHEMAS, name))).toEqual([])
  })
})

describe('one entity among the others', () => {
  test('is read with its defaults', () => {
    expect(read('teams', 't2', { id: 't2', name: 'Other' })).toEqual({
      problems: [],
      block: { id: 't2', name: 'Other', budgets: [], calendar_aligned: false },
    })
  })

  test('does not stand in its own way', () => {
    expect(problems('virtual_keys', 'v1', { id: 'v1', name: 'one', value: 'sk-bf-1', team_id: 't1' })).toEqual([])
    expect(problems('budgets', 'b1', { id: 'b1', max_limit: 2, reset_duration: '1d', team_id: 't1' })).toEqual([])
  })

  test.each<[EntityCollection, string, JsonObject, string[]]>([
    ['virtual_keys', 'v2', { id: 'v2', name: 'one' }, ['name: "one" is also the name of "v1"']],
    ['virtual_keys', 'v2', { id: 'v2', value: 'sk-bf-1' }, ['value: is also the value of another virtual key']],
    [
      'virtual_keys',
      'v2',
      { id: 'v2', team_id: 't9', is_active: 1 },
      ['is_active: must be true or false', 'team_id: there is no team with the id "t9"; did you mean "t1"?'],
    ],
    [
      'virtual_keys',
      'v2',
      { id: 'v2', provider_configs: [{ provider: 'openai', key_ids: ['main', 'k9'] }] },
      ['provider_configs.0.key_ids.1: the provider openai has no key with the id or name "k9"; did you mean "k1"?'],
    ],
    ['virtual_keys', 'v2', { id: 'v2', is_admin: true }, ['is_admin: unknown key']],
    ['virtual_keys', 'v2', JSON.parse('{"id":"v2","__proto__":{"is_active":false}}'), ['__proto__: unknown key']],
    [
      'budgets',
      'b2',
      { id: 'b2', max_limit: 2, reset_duration: '24h', team_id: 't1' },
      ['reset_duration: the budget "b1" of the same owner has this period too; one budget per period'],
    ],
    ['keys', 'k2', { provider: 'openai', name: 'main', value: 'sk-2' }, ['name: "main" is also the name of "k1"']],
    ['keys', 'k2', { provider: 'openai', name: 'second' }, ['value: is required']],
    ['keys', 'k2', { provider: 'nobody', name: 'second', value: 'v' }, ['provider: there is no provider "nobody"']],
    ['keys', 'k2', { provider: 'mine', name: 'second', value: 'v' }, [': the provider takes no keys']],
    ['keys', 'k2', { provider: 'ollama', name: 'second' }, ['ollama_key_config.url: is required: each key names the server it is for']],
    [
      'keys',
      'k2',
      { provider: 'openai', name: 'second', value: 'v', models: ['*', 'a'] },
      ['models: "*" allows everything and cannot stand beside other names'],
    ],
    [
      'mcp_clients',
      'c',
      { client_id: 'c', name: 'tools', connection_type: 'http', connection_string: 'https://a.example' },
      ['name: "tools" is also the name of "tools"'],
    ],
  ])('%s %s %j', (collection, id, body, expected) => {
    expect(problems(collection, id, body)).toEqual(expected)
  })
})
