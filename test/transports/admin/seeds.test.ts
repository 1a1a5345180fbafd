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
  test('seed 1:126 without allowed_models nothing is allowed', async () => {
    const { status, body } = await create({ name: 'my-app-key', provider_configs: [{ provider: 'openai', weight: 1.0 }] })
    expect(status).toBe(200)
    expect(body.virtual_key.provider_configs[0]).toMatchObject({ allowed_models: [], key_ids: [], weight: 1, allow_all_keys: false })
    expect(await ask(body.virtual_key.value)).toBe(403)
  })
  test('seed 1:138 with ["*"] all models are', async () => {
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
  test('seed 1:155 none block every provider', async () => {
    const { value } = await emptyKey()
    expect([await ask(value), await ask(value, 'anthropic/text')]).toEqual([403, 403])
  })
})

describe('seed 1, breaking change 4: allowed_keys is key_ids', () => {
  test('seed 1:221 allowed_keys is refused with its new name', async () => {
    const { id } = await emptyKey()
    const { status, body } = await managed.call('PUT', `${VKS}/${id}`, {
      provider_configs: [{ provider: 'openai', allowed_keys: ['key-prod-001'], weight: 1.0 }],
    })
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ param: 'provider_configs[0].allowed_keys', message: expect.stringContaining('key_ids') })
  })
  test('seed 1:231 key_ids lets that key serve alone', async () => {
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
  test('seed 1:267 [] allows no tool', async () => {
    const { id } = await emptyKey()
    const { status } = await managed.call('PUT', `${VKS}/${id}`, {
      mcp_configs: [{ mcp_client_name: 'billing-client', tools_to_execute: [] }],
    })
    expect(status).toBe(200)
    expect(toolsOf(id)).toEqual([{ client: 'billing-client', tools: { all: false, names: new Set() } }])
  })
  test('seed 1:273 ["*"] allows all', async () => {
    const { id } = await emptyKey()
    const { status } = await managed.call('PUT', `${VKS}/${id}`, {
      mcp_configs: [{ mcp_client_name: 'billing-client', tools_to_execute: ['*'] }],
    })
    expect(status).toBe(200)
    expect(toolsOf(id)).toEqual([{ client: 'billing-client', tools: { all: true, names: new Set() } }])
  })
})

describe('seed 1, breaking change 6: weight', () => {
  test('seed 1:314 may be null in what is sent and in answers', async () => {
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
  test('seed 1:410 as it was: allowed_keys is refused', async () => {
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
  test('seed 1:429 as it is', async () => {
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
    ['seed 1:322 allowed_models', VKS, vk({ allowed_models: ['*', 'gpt-4o'] }), 'provider_configs[0].allowed_models'],
    ['seed 1:328 allowed_models', VKS, vk({ allowed_models: ['gpt-4o', 'gpt-4o'] }), 'provider_configs[0].allowed_models'],
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
    ['seed 1:324 the wildcard alone', ['*']],
    ['seed 1:326 names alone', ['gpt-4o', 'gpt-4o-mini']],
    ['nothing', []],
  ])('%s is taken', async (name, models) => {
    expect((await create({ ...vk({ allowed_models: models, key_ids: ['*'] }), name })).status).toBe(200)
  })
})

describe('seed 1, the dedicated keys API', () => {
  const provider = '/api/providers/mistral'
  test('seed 1:503 keys of a provider payload are ignored, with a warning that names their routes', async () => {
    const { status, body } = await managed.call('POST', '/api/providers', {
      provider: 'mistral',
      keys: [{ name: 'main', value: 'sk-main' }],
      network_config: { base_url: managed.upstream.url },
    })
    expect([status, body.warnings]).toEqual([200, [expect.stringContaining('/api/providers/{provider}/keys')]])
    expect((await managed.call('GET', `${provider}/keys`)).body).toEqual({ keys: [], total: 0 })
  })
  test('seed 1:512 keys come by a route of their own; a key without models serves none', async () => {
    const { status, body } = await managed.call('POST', `${provider}/keys`, { name: 'main', value: 'sk-main' })
    expect([status, body.enabled, body.models]).toEqual([200, true, []])
    expect(body.id).toMatch(/^[0-9a-f-]{36}$/)
  })
  test('seed 1:516 and 517 and 2:62 they are read there alone', async () => {
    expect((await managed.call('GET', provider)).body).not.toHaveProperty('keys')
    const { body } = await managed.call('GET', `${provider}/keys`)
    expect([body.total, body.keys[0].name]).toEqual([1, 'main'])
  })
  test('seed 1:519 an update of the provider leaves them alone', async () => {
    const body = {
      keys: [{ id: 'key-1', name: 'updated', value: 'sk-new' }],
      concurrency_and_buffer_size: { concurrency: 1, buffer_size: 2 },
    }
    expect((await managed.call('PUT', provider, body)).body.warnings).toHaveLength(1)
    expect((await managed.call('GET', `${provider}/keys`)).body.keys.map(({ name }: { name: string }) => name)).toEqual(['main'])
  })
  test('seed 1:524, 527 and 529 one is updated, removed, added', async () => {
    for (const id of ['key-1', 'key-2']) await managed.call('POST', `${provider}/keys`, { id, name: id, value: 'sk-old' })
    const updated = await managed.call('PUT', `${provider}/keys/key-1`, { name: 'updated', value: 'sk-new' })
    expect([updated.status, updated.body.id, updated.body.name]).toEqual([200, 'key-1', 'updated'])
    expect(managed.gateway.live?.entities.get('keys', 'key-1')?.value).toBe('sk-new')
    expect((await managed.call('DELETE', `${provider}/keys/key-2`)).body.id).toBe('key-2')
    expect((await managed.call('POST', `${provider}/keys`, { name: 'new-key', value: 'sk-added' })).status).toBe(200)
    expect((await managed.call('GET', `${provider}/keys`)).body.keys.map(({ name }: { name: string }) => name)).toEqual([
      'main',
      'updated',
      'new-key',
    ])
  })
  test('seed 1:495 a value is required, and not empty', async () => {
    for (const body of [{ name: 'x' }, { name: 'x', value: '' }])
      expect((await managed.call('POST', `${provider}/keys`, body)).status).toBe(400)
  })
  test('seed 2:89 Ollama and SGL take keys with a URL', async () => {
    for (const name of ['ollama', 'sgl']) {
      expect((await managed.call('POST', '/api/providers', { provider: name })).status).toBe(200)
      const key = { name, models: ['*'], [`${name}_key_config`]: { url: 'http://localhost:11434' } }
      expect((await managed.call('POST', `/api/providers/${name}/keys`, key)).status).toBe(200)
    }
  })
})
