import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { ALL } from '../../../core/config/allow-list.ts'
import { entitiesOf, indexEntities } from '../../../core/config/entities.ts'
import { readEntity } from '../../../core/config/entity-schemas.ts'
import { loadConfig } from '../../../core/config/load.ts'
import { checkServed } from '../../../core/config/served.ts'
import { builtins } from './builtins.ts'
import { examples } from './seed-examples.ts'

const env = {
  OPENAI_API_KEY: 'sk-test-openai',
  BIFROST_ADMIN_USERNAME: 'admin',
  BIFROST_ADMIN_PASSWORD: 'a-long-password',
  BIFROST_ENCRYPTION_KEY: 'an encryption key',
  BIFROST_EXTERNAL_URL: 'https://gateway.example.com',
}
const NONE = { all: false, names: new Set() }
const only = (...names: string[]) => ({ all: false, names: new Set(names) })

/** Providers and MCP clients that the seeds' fragments refer to. */
const around: JsonObject = {
  providers: {
    openai: {
      keys: [
        { id: 'key-prod-001', value: 'sk-1', models: ['*'] },
        { id: 'key-spare', value: 'sk-2', models: ['*'] },
      ],
    },
    anthropic: { keys: [{ id: 'key-claude', value: 'sk-3', models: ['*'] }] },
    azure: { keys: [{ id: 'key-azure', value: 'sk-4', models: ['*'], azure_key_config: { endpoint: 'https://a.example.com' } }] },
  },
  mcp: {
    client_configs: ['my-tools-server', 'billing-client', 'tools-server', 'my-mcp', 'X', 'Y'].map((name) => ({
      name,
      connection_type: 'http',
      connection_string: 'https://mcp.example.com',
    })),
  },
}

function tablesOf(config: JsonObject, version = 2) {
  const { tables, problems } = loadConfig({ config: { version, ...config }, env, builtins, memoryBytes: 8e9 })
  expect(problems).toEqual([])
  return tables!
}
/** The one virtual key that a fragment makes. */
function virtualKey(fragment: JsonObject, version = 2) {
  const [key] = tablesOf({ ...around, governance: { virtual_keys: [{ id: 'vk-test', ...fragment }] } }, version).virtualKeys.values()
  return key!
}
function problemsOf(fragment: JsonObject) {
  return loadConfig({ config: { ...around, governance: { virtual_keys: [{ id: 'vk-test', ...fragment }] } }, env, builtins }).problems
}
const keys = (...list: JsonObject[]): JsonObject => ({ providers: { openai: { keys: list } } })
const modelsOf = (config: JsonObject, version = 2) => tablesOf(config, version).providers.get('openai')!.keys[0]!.models

describe('seed 1, breaking change 1: models of a provider key', () => {
  const before = keys({ id: 'key-openai-1', value: 'env.OPENAI_API_KEY', models: [] })
  const after = keys({ id: 'key-openai-1', value: 'env.OPENAI_API_KEY', models: ['*'] })
  const named = keys({ id: 'key-openai-gpt4-only', value: 'env.OPENAI_API_KEY', models: ['gpt-4o', 'gpt-4o-mini'] })

  test('seed 1:52 models [] served all in v1.4, and serves none now', () => {
    expect(modelsOf(before)).toEqual(NONE)
    expect(modelsOf(before, 1)).toEqual(ALL)
  })
  test('seed 1:66 models ["*"] serves all', () => {
    expect(modelsOf(after)).toEqual(ALL)
    expect(tablesOf(before, 1).providers).toEqual(tablesOf(after).providers)
  })
  test('seed 1:79 a list of models means the same in both', () => {
    expect(modelsOf(named)).toEqual(only('gpt-4o', 'gpt-4o-mini'))
    expect(modelsOf(named, 1)).toEqual(only('gpt-4o', 'gpt-4o-mini'))
  })
  test('seed 1:335 and 344 the key without models, and with them', () => {
    const bare = keys({ id: 'key-1', value: 'env.OPENAI_API_KEY', weight: 1 })
    const full = keys({ id: 'key-1', value: 'env.OPENAI_API_KEY', weight: 1, models: ['*'] })
    expect(modelsOf(bare)).toEqual(NONE)
    expect(tablesOf(bare, 1).providers).toEqual(tablesOf(full).providers)
  })
})

const OPENAI = { provider: 'openai', weight: 1 }
const OPEN = { provider: 'openai', allowed_models: ['*'], key_ids: ['*'], weight: 1 }

describe.each<[name: string, before: JsonObject, after: JsonObject, now: unknown]>([
  ['seed 1:92 and 108 allowed_models missing', { provider_configs: [OPENAI] }, { provider_configs: [OPEN] }, NONE],
  [
    'seed 1:126 and 138 the same over the API',
    { name: 'my-app-key', provider_configs: [OPENAI] },
    { name: 'my-app-key', provider_configs: [OPEN] },
    NONE,
  ],
  ['seed 1:184 and 192 allowed_keys missing', { provider_configs: [OPENAI] }, { provider_configs: [OPEN] }, NONE],
  ['seed 1:354 and 366 a simple virtual key', { provider_configs: [OPENAI] }, { provider_configs: [OPEN] }, NONE],
])('%s', (_, before, after, now) => {
  test('v1.4 allowed all, and is read so with version 1', () => {
    expect(virtualKey(before, 1).providers).toEqual(virtualKey(after).providers)
    expect(virtualKey(after).providers[0]).toMatchObject({ allowedModels: ALL, keyIds: ALL, weight: 1 })
  })
  test('today it denies', () => {
    expect(virtualKey(before).providers[0]).toMatchObject({ allowedModels: now, keyIds: now })
  })
})

describe('seed 1, breaking change 3: provider_configs', () => {
  const unrestricted = ['openai', 'anthropic', 'azure'].map((provider) => ({ provider, allowed_models: ['*'], key_ids: ['*'], weight: 1 }))

  test.each([[{}], [{ provider_configs: [] }]])('seed 1:154 %j allowed every provider in v1.4, and allows none now', (fragment) => {
    expect(virtualKey(fragment).providers).toEqual([])
    const former = virtualKey(fragment, 1).providers
    expect(former.map(({ provider, allowedModels, keyIds }) => [provider, allowedModels.all, keyIds.all])).toEqual([
      ['openai', true, true],
      ['anthropic', true, true],
      ['azure', true, true],
    ])
    expect(former.map(({ weight }) => weight)).toEqual([null, null, null])
  })
  test('seed 1:158 an unrestricted virtual key lists its providers', () => {
    const { providers } = virtualKey({ id: 'vk-unrestricted', provider_configs: unrestricted })
    expect(providers.map(({ provider, weight, allowedModels, keyIds }) => [provider, weight, allowedModels.all, keyIds.all])).toEqual([
      ['openai', 1, true, true],
      ['anthropic', 1, true, true],
      ['azure', 1, true, true],
    ])
  })
})

describe('seed 1, breaking change 4: allowed_keys is key_ids', () => {
  const before = { provider_configs: [{ provider: 'openai', allowed_keys: ['key-prod-001'], weight: 0.5 }] }
  const after = { provider_configs: [{ provider: 'openai', key_ids: ['key-prod-001'], allowed_models: ['*'], weight: 0.5 }] }

  test('seed 1:202, 221, 379 the former name is read with version 1 and refused today', () => {
    expect(virtualKey(before, 1).providers).toEqual(virtualKey(after).providers)
    expect(problemsOf(before)).toEqual([
      'governance.virtual_keys[0].provider_configs[0].allowed_keys: was renamed to key_ids; an empty list now denies, ["*"] allows all',
    ])
  })
  test('seed 1:211, 232, 388 the new name', () => {
    expect(virtualKey(after).providers[0]!.keyIds).toEqual(only('key-prod-001'))
  })
  test('seed 1:178 an empty list of keys allowed all, and denies all now', () => {
    expect(virtualKey({ provider_configs: [{ ...OPEN, key_ids: [] }] }).providers[0]!.keyIds).toEqual(NONE)
    expect(virtualKey({ provider_configs: [{ provider: 'openai', allowed_keys: [] }] }, 1).providers[0]!.keyIds).toEqual(ALL)
  })
})

describe('seed 1, breaking change 5: tools_to_execute', () => {
  test.each(['my-tools-server', 'billing-client', 'tools-server', 'my-mcp'])('seed 1:249 to 281, 399, 425 the tools of %s', (name) => {
    const before = { mcp_configs: [{ mcp_client_name: name, tools_to_execute: [] }] }
    const after = { mcp_configs: [{ mcp_client_name: name, tools_to_execute: ['*'] }] }
    expect(virtualKey(before).mcpClients).toEqual([{ client: name, tools: NONE }])
    expect(virtualKey(after).mcpClients).toEqual([{ client: name, tools: ALL }])
    expect(virtualKey(before, 1).mcpClients).toEqual(virtualKey(after).mcpClients)
  })
  test.each<[JsonObject, unknown]>([
    [{}, []],
    [{ mcp_configs: [{ mcp_client_name: 'X', tools_to_execute: [] }] }, [{ client: 'X', tools: NONE }]],
    [{ mcp_configs: [{ mcp_client_name: 'X', tools_to_execute: ['*'] }] }, [{ client: 'X', tools: ALL }]],
    [{ mcp_configs: [{ mcp_client_name: 'X', tools_to_execute: ['tool-a'] }] }, [{ client: 'X', tools: only('tool-a') }]],
    [
      { mcp_configs: ['X', 'Y'].map((mcp_client_name) => ({ mcp_client_name, tools_to_execute: ['*'] })) },
      ['X', 'Y'].map((client) => ({ client, tools: ALL })),
    ],
  ])('seed 1:286 at a glance: %j', (fragment, expected) => {
    expect(virtualKey(fragment).mcpClients).toEqual(expected)
  })
  test('seed 1:21 without mcp_configs v1.4 allowed every client', () => {
    expect(virtualKey({}, 1).mcpClients.map(({ tools }) => tools.all)).toEqual([true, true, true, true, true, true])
  })
})

test('seed 1:304 a weight may be null or missing', () => {
  const openai = { provider: 'openai', allowed_models: ['*'], weight: 0.8 }
  const weightsOf = (anthropic: JsonObject) => virtualKey({ provider_configs: [openai, anthropic] }).providers.map(({ weight }) => weight)
  expect(weightsOf({ provider: 'anthropic', allowed_models: ['*'], weight: null })).toEqual([0.8, null])
  expect(weightsOf({ provider: 'anthropic', allowed_models: ['*'] })).toEqual([0.8, null])
})

describe('seed 1, rules of white lists', () => {
  const at = (list: string[]): [string, (names: string[]) => JsonObject, string][] =>
    list.map((field) => [
      field,
      (names) =>
        field === 'tools_to_execute'
          ? { mcp_configs: [{ mcp_client_name: 'X', [field]: names }] }
          : { provider_configs: [{ ...OPEN, [field]: names }] },
      field === 'tools_to_execute' ? `mcp_configs[0].${field}` : `provider_configs[0].${field}`,
    ])
  test.each(at(['allowed_models', 'key_ids', 'tools_to_execute', 'blacklisted_models']))('seed 1:323 and 329 %s', (_, fragment, path) => {
    const place = `governance.virtual_keys[0].${path}`
    expect(problemsOf(fragment(['*', 'key-spare']))).toEqual([`${place}: "*" allows everything and cannot stand beside other names`])
    expect(problemsOf(fragment(['key-spare', 'key-spare']))).toEqual([`${place}: "key-spare" appears twice`])
    expect(problemsOf(fragment(['*']))).toEqual([])
    expect(problemsOf(fragment(['key-spare', 'key-prod-001']))).toEqual([])
  })
  test.each(['tools_to_execute', 'tools_to_auto_execute', 'allowed_extra_headers'])('seed 1:331 %s of an MCP client', (field) => {
    const load = (names: string[]) => {
      const client = { name: 'a', connection_type: 'http', connection_string: 'https://a.example', tools_to_execute: ['*'], [field]: names }
      return loadConfig({ config: { mcp: { client_configs: [client] } }, env, builtins }).problems
    }
    const place = `mcp.client_configs[0].${field}`
    expect(load(['*', 'a'])).toEqual([`${place}: "*" allows everything and cannot stand beside other names`])
    expect(load(['a', 'a'])).toEqual([`${place}: "a" appears twice`])
    expect(load(['a', 'b'])).toEqual([])
  })
})

describe('seed 1:409 a full virtual key as the management API gets it', () => {
  const lookup = indexEntities(entitiesOf(around))
  const read = (body: JsonObject) =>
    readEntity({ collection: 'virtual_keys', id: 'vk-1', body: { id: 'vk-1', ...body } }, { lookup, builtins })
  const before = {
    name: 'prod-key',
    provider_configs: [
      { provider: 'openai', allowed_keys: ['key-prod-001'], weight: 0.7 },
      { provider: 'anthropic', weight: 0.3 },
    ],
    mcp_configs: [{ mcp_client_name: 'my-mcp', tools_to_execute: [] }],
  }
  const after = {
    name: 'prod-key',
    provider_configs: [
      { provider: 'openai', key_ids: ['key-prod-001'], allowed_models: ['*'], weight: 0.7 },
      { provider: 'anthropic', key_ids: ['*'], allowed_models: ['*'], weight: 0.3 },
    ],
    mcp_configs: [{ mcp_client_name: 'my-mcp', tools_to_execute: ['*'] }],
  }

  test('seed 1:410 the former name is refused at its path', () => {
    expect(read(before)).toEqual({
      problems: [{ path: ['provider_configs', 0, 'allowed_keys'], message: expect.stringContaining('was renamed to key_ids') }],
    })
  })
  test('seed 1:429 the new one is taken', () => {
    expect(read(after)).toMatchObject({
      problems: [],
      block: { name: 'prod-key', is_active: true, provider_configs: [{ weight: 0.7 }, { weight: 0.3 }] },
    })
  })
  test('seed 1:323 a white list that breaks the rules is refused at its path', () => {
    const { problems } = read({ ...after, provider_configs: [{ ...OPEN, allowed_models: ['*', 'gpt-4o'] }] })
    expect(problems).toEqual([
      { path: ['provider_configs', 0, 'allowed_models'], message: '"*" allows everything and cannot stand beside other names' },
    ])
  })
})

describe('seed 2', () => {
  test('seed 2, breaking change 7: enable_litellm_fallbacks is convert_text_to_chat with version 1, and refused today', () => {
    const former = { client: { enable_litellm_fallbacks: true } }
    expect(loadConfig({ config: former, env, builtins }).problems).toEqual([
      'client.enable_litellm_fallbacks: was replaced by compat.convert_text_to_chat, convert_chat_to_responses and should_drop_params',
    ])
    const { problems, notices } = loadConfig({ config: { version: 1, ...former }, env, builtins })
    expect(problems).toEqual([])
    expect(notices).toContain('version 1: enable_litellm_fallbacks is convert_text_to_chat now (client.compat.convert_text_to_chat)')
  })
  test.each(['ollama', 'sgl'])('seed 2, breaking change 9: base_url of %s is the url of a key', (name) => {
    const before = { providers: { [name]: { network_config: { base_url: 'http://127.0.0.1:11434' } } } }
    const key = (config: JsonObject, version: number) => tablesOf(config, version).providers.get(name)!.keys[0]!
    const after = { providers: { [name]: { keys: [{ name: 'local', models: ['*'], [`${name}_key_config`]: { url: 'env.URL' } }] } } }
    expect(loadConfig({ config: before, env, builtins }).problems).toEqual([`providers.${name}.keys: at least one key is required`])
    expect(key(before, 1)).toMatchObject({ url: 'http://127.0.0.1:11434', models: ALL })
    expect(loadConfig({ config: after, env: { URL: 'http://127.0.0.1:11434' }, builtins }).problems).toEqual([])
  })
  test('seed 2, breaking change 10: huggingface_key_config is gone', () => {
    const config = {
      providers: {
        huggingface: { keys: [{ name: 'hf', value: 'v', models: ['*'], huggingface_key_config: { deployments: { a: 'b' } } }] },
      },
    }
    expect(loadConfig({ config, env, builtins }).problems).toEqual([
      "providers.huggingface.keys[0].huggingface_key_config: is gone; its deployments are the key's aliases",
    ])
    expect(tablesOf(config, 1).providers.get('huggingface')!.keys[0]!.aliases).toEqual({ a: 'b' })
  })
})

describe('seeds 3 and 4', () => {
  test.each(examples)('%s is taken', (_, config) => {
    const unkept: string[] = []
    checkServed(config, (path) => unkept.push(path.join('.')))
    const { problems } = loadConfig({ config, env, builtins })
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual(unkept)
  })
})
