import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { loadConfig } from '../../../../core/config/load.ts'
import { upgradeV1 } from '../../../../core/config/migrations/v1.ts'
import { builtins } from '../builtins.ts'

const FIXTURE = new URL('../../../../../shared/fixtures/bifrost-1.4/config.json', import.meta.url)
const keyUrls = { ollama: 'ollama_key_config' }
const upgrade = (tree: JsonObject) => upgradeV1(tree, { keyUrls })
const key = (fragment: JsonObject): JsonObject => ({ providers: { azure: { keys: [{ name: 'k', ...fragment }] } } })
const vk = (fragment: JsonObject): JsonObject => ({
  providers: { openai: {}, azure: {} },
  governance: { virtual_keys: [{ id: 'v', ...fragment }] },
})
const ALL = ['*']

describe('upgradeV1', () => {
  test.each<[string, JsonObject, JsonObject, string[]]>([
    ['nothing to change', {}, {}, []],
    ['a named list stays', key({ models: ['a'] }), key({ models: ['a'] }), []],
    ['models', key({}), key({ models: ALL }), ['key-models providers.azure.keys.0.models']],
    [
      'deployments are aliases, and aliases that were there win',
      key({ models: ALL, aliases: { b: 'own' }, azure_key_config: { endpoint: 'e', deployments: { a: 'one', b: 'two' } } }),
      key({ models: ALL, aliases: { a: 'one', b: 'own' }, azure_key_config: { endpoint: 'e' } }),
      ['deployments providers.azure.keys.0.aliases'],
    ],
    [
      'a base URL makes a key',
      { providers: { ollama: { network_config: { base_url: 'http://a', max_retries: 1 } } } },
      {
        providers: {
          ollama: {
            network_config: { max_retries: 1 },
            keys: [{ name: 'ollama-default', models: ALL, ollama_key_config: { url: 'http://a' } }],
          },
        },
      },
      ['base-url providers.ollama.keys'],
    ],
    [
      'a base URL goes to the keys that have none',
      {
        providers: {
          ollama: {
            network_config: { base_url: 'http://a' },
            keys: [
              { name: 'x', models: ALL },
              { name: 'y', models: ALL, ollama_key_config: { url: 'http://b' } },
            ],
          },
        },
      },
      {
        providers: {
          ollama: {
            network_config: {},
            keys: [
              { name: 'x', models: ALL, ollama_key_config: { url: 'http://a' } },
              { name: 'y', models: ALL, ollama_key_config: { url: 'http://b' } },
            ],
          },
        },
      },
      ['base-url providers.ollama.keys'],
    ],
    [
      'a base URL of another provider stays',
      { providers: { openai: { network_config: { base_url: 'http://a' } } } },
      { providers: { openai: { network_config: { base_url: 'http://a' } } } },
      [],
    ],
    [
      'no provider configs',
      vk({}),
      vk({
        provider_configs: ['openai', 'azure'].map((provider) => ({ provider, allowed_models: ALL, key_ids: ALL, weight: null })),
        mcp_configs: [],
      }),
      ['provider-configs governance.virtual_keys.0.provider_configs'],
    ],
    [
      'keys as objects pin, and never open',
      vk({ provider_configs: [{ provider: 'openai', allowed_models: ['a'], keys: [{ key_id: 'x', name: 'main' }, { key_id: 'y' }] }] }),
      vk({ provider_configs: [{ provider: 'openai', allowed_models: ['a'], key_ids: ['main', 'y'] }], mcp_configs: [] }),
      ['key-ids governance.virtual_keys.0.provider_configs.0.key_ids'],
    ],
    [
      'budgets',
      vk({
        budget_id: 'b',
        provider_configs: [{ provider: 'openai', allowed_models: ALL, key_ids: ALL, budget: { max_limit: 1, reset_duration: '1d' } }],
      }),
      vk({
        budgets: ['b'],
        provider_configs: [{ provider: 'openai', allowed_models: ALL, key_ids: ALL, budgets: [{ max_limit: 1, reset_duration: '1d' }] }],
        mcp_configs: [],
      }),
      ['budgets governance.virtual_keys.0.budgets', 'budgets governance.virtual_keys.0.provider_configs.0.budgets'],
    ],
    [
      'former names of client',
      { client: { enforce_governance_header: true, enable_litellm_fallbacks: true, compat: { should_drop_params: true } } },
      { client: { enforce_auth_on_inference: true, compat: { convert_text_to_chat: true, should_drop_params: true } } },
      ['compat client.compat.convert_text_to_chat', 'auth client.enforce_auth_on_inference'],
    ],
    [
      'what is no list is left to the schema',
      { providers: [], governance: { virtual_keys: 'x' } },
      { providers: [], governance: { virtual_keys: 'x' } },
      [],
    ],
  ])('%s', (_, before, after, changes) => {
    const copy = structuredClone(before)
    const upgraded = upgrade(before)
    expect(before).toEqual(copy)
    expect(upgraded.tree).toEqual({ ...after, version: 2 })
    expect(upgraded.changes.map(({ rule, path }) => `${rule} ${path.join('.')}`)).toEqual(changes)
  })

  test('twice is once', () => {
    const once = upgrade({ ...vk({}), ...{ mcp: { client_configs: [{ name: 'm' }] } } })
    expect(upgrade(once.tree)).toEqual({ tree: once.tree, changes: [] })
  })
})

test.skipIf(!existsSync(FIXTURE))(
  'the file behind the databases of v1.4 loads with version 1, apart from what is gone (needs ../shared/fixtures)',
  () => {
    const config = { version: 1, ...(JSON.parse(readFileSync(FIXTURE, 'utf8')) as JsonObject) }
    const env = { ANTHROPIC_API_KEY: 'sk-a', VERTEX_CREDENTIALS: '' }
    const { problems } = loadConfig({ config, env, builtins })
    expect(problems).toEqual([
      'providers.vertex.keys[0].vertex_key_config.auth_credentials: the environment variable VERTEX_CREDENTIALS is not set, or empty',
      "client.allow_direct_keys: is gone: a client's own provider key never goes upstream; use keys of the provider",
    ])
    const client = { ...(config as unknown as { client: JsonObject }).client }
    delete client.allow_direct_keys
    const { providers, virtualKeys } = loadConfig({
      config: { ...config, client },
      env: { ...env, VERTEX_CREDENTIALS: '{"type":"service_account","client_email":"a@b","private_key":"k"}' },
      builtins,
    }).tables!
    expect(providers.get('azure')!.keys[0]!.aliases).toEqual({ 'gpt-4o': 'prod-gpt4o' })
    expect(providers.get('ollama')!.keys[0]).toMatchObject({ url: 'http://127.0.0.1:11434' })
    expect(providers.get('sgl')!.keys[0]).toMatchObject({ name: 'sgl-one', url: 'http://127.0.0.1:30000' })
    expect(virtualKeys.get('vk-open')!.providers.map(({ provider }) => provider)).toEqual([
      'openai',
      'anthropic',
      'azure',
      'bedrock',
      'vertex',
      'ollama',
      'sgl',
      'house-llm',
    ])
    expect(virtualKeys.get('vk-team')).toMatchObject({
      budgetIds: ['bud-vk'],
      rateLimitId: 'rl-vk',
      providers: [{ budgetIds: ['bud-pc'] }, {}],
    })
    expect(virtualKeys.get('vk-keys')).toMatchObject({
      isActive: false,
      providers: [{ keyIds: { all: false, names: new Set(['openai-two']) } }],
    })
  },
)
