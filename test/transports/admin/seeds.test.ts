import { describe, expect, test } from 'vitest'
import { CHAT, manageOne, providerAt } from './support.ts'

/** The curl examples of seeds 1 and 2, before and after, against a gateway; each test is named by the line of its example. */
const managed = manageOne((url) => ({
  client: { enforce_auth_on_inference: true },
  providers: {
    openai: providerAt(
      url,
      { id: 'key-prod-001', name: 'prod', value: 'sk-prod', models: ['*'] },
      { id: 'key-other', name: 'other', value: 'sk-other', models: ['*'] },
    ),
    anthropic: providerAt(url, { id: 'key-claude', name: 'claude', value: 'sk-claude', models: ['*'] }),
  },
  mcp: {
    client_configs: ['billing-client', 'my-mcp', 'my-tools-server'].map((name) => ({
      client_id: name,
      name,
      connection_type: 'http',
      connection_string: 'https://mcp.example.com',
    })),
  },
}))
const VKS = '/api/governance/virtual-keys'
const create = (body: object) => managed.call('POST', VKS, body)
const ask = async (value: string, model = 'openai/text') =>
  (await managed.call('POST', '/v1/chat/completions', { ...CHAT, model }, { 'x-bf-vk': value })).status
let count = 0
async function emptyKey(): Promise<{ id: string; value: string }> {
  count += 1
  return (await create({ name: `empty ${count}` })).body.virtual_key
}

describe('seed 1, breaking change 2: allowed_models', () => {
  test('seed 1:142 without allowed_models nothing is allowed', async () => {
    const { status, body } = await create({ name: 'my-app-key', provider_configs: [{ provider: 'openai', weight: 1.0 }] })
    expect(status).toBe(200)
    expect(body.virtual_key.provider_configs[0]).toMatchObject({ allowed_models: [], key_ids: [], weight: 1, allow_all_keys: false })
    expect(await ask(body.virtual_key.value)).toBe(403)
  })
  test('seed 1:155 with ["*"] all models are', async () => {
    const { status, body } = await create({
      name: 'my-app-key-after',
      provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'], weight: 1.0 }],
    })
    expect(status).toBe(200)
    expect(body.virtual_key.provider_configs[0]).toMatchObject({ allowed_models: ['*'], key_ids: ['*'], allow_all_keys: true })
    expect(await ask(body.virtual_key.value)).toBe(200)
  })
})

describe('seed 1, breaking change 3: provider_configs', () => {
  test('seed 1:174 none block every provider', async () => {
    const { value } = await emptyKey()
    expect([await ask(value), await ask(value, 'anthropic/text')]).toEqual([403, 403])
  })
})

describe('seed 1, breaking change 4: allowed_keys is key_ids', () => {
  test('seed 1:257 allowed_keys is refused with its new name', async () => {
    const { id } = await emptyKey()
    const { status, body } = await managed.call('PUT', `${VKS}/${id}`, {
      provider_configs: [{ provider: 'openai', allowed_keys: ['key-prod-001'], weight: 1.0 }],
    })
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ param: 'provider_configs[0].allowed_keys', message: expect.stringContaining('key_ids') })
  })
  test('seed 1:269 key_ids lets that key serve alone', async () => {
    const { id, value } = await emptyKey()
    const { status } = await managed.call('PUT', `${VKS}/${id}`, {
      provider_configs: [{ provider: 'openai', key_ids: ['key-prod-001'], allowed_models: ['*'], weight: 1.0 }],
    })
    expect(status).toBe(200)
    for (let times = 0; times < 4; times++) {
      expect(await ask(value)).toBe(200)
      expect(managed.upstream.requests.at(-1)?.key).toBe('sk-prod')
    }
  })
})

describe('seed 1, breaking change 5: tools_to_execute', () => {
  const toolsOf = (id: string) => managed.gateway.core.runtime.tables.virtualKeys.get(id)?.mcpClients
  test('seed 1:314 [] allows no tool', async () => {
    const { id } = await emptyKey()
    const { status } = await managed.call('PUT', `${VKS}/${id}`, {
      mcp_configs: [{ mcp_client_name: 'billing-client', tools_to_execute: [] }],
    })
    expect(status).toBe(200)
    expect(toolsOf(id)).toEqual([{ client: 'billing-client', tools: { all: false, names: new Set() } }])
  })
  test('seed 1:322 ["*"] allows all', async () => {
    const { id } = await emptyKey()
    const { status } = await managed.call('PUT', `${VKS}/${id}`, {
      mcp_configs: [{ mcp_client_name: 'billing-client', tools_to_execute: ['*'] }],
    })
    expect(status).toBe(200)
    expect(toolsOf(id)).toEqual([{ client: 'billing-client', tools: { all: true, names: new Set() } }])
  })
})

describe('seed 1, breaking change 6: weight', () => {
  test('seed 1:360 may be null in what is sent and in answers', async () => {
    const { body } = await create({
      name: 'weights',
      provider_configs: [
        { provider: 'openai', allowed_models: ['*'], weight: 0.8 },
        { provider: 'anthropic', allowed_models: ['*'], weight: null },
      ],
    })
    expect(body.virtual_key.provider_configs.map(({ weight }: { weight: number | null }) => weight)).toEqual([0.8, null])
  })
})

describe('seed 1, the full virtual key', () => {
  test('seed 1:444 as it was: allowed_keys is refused', async () => {
    const { status, body } = await create({
      name: 'prod-key',
      provider_configs: [
        { provider: 'openai', allowed_keys: ['key-prod-001'], weight: 0.7 },
        { provider: 'anthropic', weight: 0.3 },
      ],
      mcp_configs: [{ mcp_client_name: 'my-mcp', tools_to_execute: [] }],
    })
    expect([status, body.error.param]).toEqual([400, 'provider_configs[0].allowed_keys'])
  })
  test('seed 1:464 as it is', async () => {
    const { status, body } = await create({
      name: 'prod-key',
      provider_configs: [
        { provider: 'openai', key_ids: ['key-prod-001'], allowed_models: ['*'], weight: 0.7 },
        { provider: 'anthropic', key_ids: ['*'], allowed_models: ['*'], weight: 0.3 },
      ],
      mcp_configs: [{ mcp_client_name: 'my-mcp', tools_to_execute: ['*'] }],
    })
    expect(status).toBe(200)
    expect([await ask(body.virtual_key.value), await ask(body.virtual_key.value, 'anthropic/text')]).toEqual([200, 200])
  })
})

describe('seed 1, rules of allow-lists: each field where the API takes it', () => {
  const vk = (config: object) => ({ name: 'rules', provider_configs: [{ provider: 'openai', ...config }] })
  const mcp = (config: object) => ({ name: 'rules', mcp_configs: [{ mcp_client_name: 'my-mcp', ...config }] })
  const key = (models: string[]) => ({ name: 'rules', value: 'sk-rules', models })
  test.each([
    ['seed 1:388 allowed_models', VKS, vk({ allowed_models: ['*', 'gpt-4o'] }), 'provider_configs[0].allowed_models'],
    ['seed 1:400 allowed_models', VKS, vk({ allowed_models: ['gpt-4o', 'gpt-4o'] }), 'provider_configs[0].allowed_models'],
    ['key_ids', VKS, vk({ key_ids: ['*', 'key-prod-001'] }), 'provider_configs[0].key_ids'],
    ['key_ids', VKS, vk({ key_ids: ['key-prod-001', 'key-prod-001'] }), 'provider_configs[0].key_ids'],
    ['tools_to_execute', VKS, mcp({ tools_to_execute: ['*', 'a'] }), 'mcp_configs[0].tools_to_execute'],
    ['tools_to_execute', VKS, mcp({ tools_to_execute: ['a', 'a'] }), 'mcp_configs[0].tools_to_execute'],
    ['models', '/api/providers/openai/keys', key(['*', 'gpt-4o']), 'models'],
    ['models', '/api/providers/openai/keys', key(['gpt-4o', 'gpt-4o']), 'models'],
  ])('%s at %s: 400', async (_name, path, body, param) => {
    const answer = await managed.call('POST', path, body)
    expect([answer.status, answer.body.error.param]).toEqual([400, param])
  })
  test.each([
    ['seed 1:390 the wildcard alone', ['*']],
    ['seed 1:392 names alone', ['gpt-4o', 'gpt-4o-mini']],
    ['nothing', []],
  ])('%s is taken', async (name, models) => {
    expect((await create({ ...vk({ allowed_models: models, key_ids: ['*'] }), name })).status).toBe(200)
  })
})

describe('seed 1, the dedicated keys API', () => {
  test('keys in a provider payload are ignored, by POST and by PUT', async () => {
    const keys = [{ name: 'ignored', value: 'sk-ignored', models: ['*'] }]
    const queue = { concurrency_and_buffer_size: { concurrency: 1, buffer_size: 2 } }
    expect((await managed.call('POST', '/api/providers', { provider: 'mistral', keys })).status).toBe(200)
    expect((await managed.call('PUT', '/api/providers/mistral', { ...queue, keys })).body.warnings).toHaveLength(1)
    expect((await managed.call('GET', '/api/providers/mistral/keys')).body.total).toBe(0)
  })
})
