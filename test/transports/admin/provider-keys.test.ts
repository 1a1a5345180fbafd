import { describe, expect, test } from 'vitest'
import { CHAT, manageOne, providerAt } from './support.ts'

const managed = manageOne(
  (url) => ({
    providers: {
      openai: providerAt(url, { id: 'key-1', name: 'one', value: 'sk-canary-of-key-one', models: ['*'] }),
      anthropic: providerAt(url, { id: 'key-claude', name: 'claude', value: 'sk-claude', models: ['*'] }),
      bedrock: {
        keys: [
          {
            id: 'aws',
            name: 'aws',
            models: ['*'],
            bedrock_key_config: {
              region: 'eu-central-1',
              access_key: 'AKIA-CANARY-access',
              secret_key: 'CANARY-secret-key-value',
              session_token: 'CANARY-session-token',
            },
          },
        ],
      },
      ollama: { keys: [{ id: 'llama', name: 'llama', models: ['*'], ollama_key_config: { url: 'http://localhost:11434' } }] },
      keyless: { custom_provider_config: { base_provider_type: 'openai', is_key_less: true }, network_config: { base_url: url } },
    },
  }),
  { env: { SOME_KEY: 'sk-from-the-environment' } },
)
const KEYS = '/api/providers/openai/keys'

function refusal({ status, body }: { status: number; body: { error?: { param?: string; message: string } } }) {
  return { status, param: body.error?.param, message: body.error?.message }
}
const held = (id: string) => managed.gateway.live?.entities.get('keys', id)

describe('keys of a provider', () => {
  test('are listed without their values', async () => {
    const { status, body, text } = await managed.call('GET', KEYS)
    expect(status).toBe(200)
    expect(body.total).toBe(1)
    expect(text).not.toContain('canary')
    expect(body.keys[0]).toMatchObject({
      id: 'key-1',
      name: 'one',
      value: { value: `sk-c${'*'.repeat(24)}-one`, env_var: '', from_env: false },
      models: ['*'],
      weight: 1,
      enabled: true,
      config_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect((await managed.call('GET', `${KEYS}/key-1`)).body).toEqual(body.keys[0])
  })
  test('made with an id and enabled where nothing is said; deleted with the key as the answer', async () => {
    const { status, body } = await managed.call('POST', KEYS, { name: 'second', value: 'sk-second', models: ['gpt-4o'] })
    expect(status).toBe(200)
    expect(body).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), enabled: true, name: 'second' })
    const gone = await managed.call('DELETE', `${KEYS}/${body.id}`)
    expect(gone.body).toMatchObject({ id: body.id, name: 'second' })
    expect((await managed.call('GET', `${KEYS}/${body.id}`)).status).toBe(404)
  })
  test('one by a reference to the environment shows the reference', async () => {
    const { body } = await managed.call('POST', KEYS, { id: 'by-env', name: 'by-env', value: 'env.SOME_KEY', models: ['text'], weight: 0 })
    expect(body.value).toEqual({ value: '', env_var: 'env.SOME_KEY', from_env: true })
    const again = await managed.call('PUT', `${KEYS}/by-env`, body)
    expect(again.status).toBe(200)
    expect(held('by-env')?.value).toBe('env.SOME_KEY')
    const missing = await managed.call('PUT', `${KEYS}/by-env`, { ...body, value: 'env.NOT_SET_ANYWHERE' })
    expect(refusal(missing)).toMatchObject({ status: 400, message: expect.stringContaining('NOT_SET_ANYWHERE') })
    await managed.call('DELETE', `${KEYS}/by-env`)
  })
  test('a change reaches the next request', async () => {
    const body = (await managed.call('GET', `${KEYS}/key-1`)).body
    expect((await managed.call('PUT', `${KEYS}/key-1`, { ...body, value: 'sk-another-value' })).status).toBe(200)
    await managed.call('POST', '/v1/chat/completions', CHAT)
    expect(managed.upstream.requests.at(-1)?.key).toBe('sk-another-value')
    await managed.call('PUT', `${KEYS}/key-1`, { ...body, models: [], value: 'sk-canary-of-key-one' })
    expect((await managed.call('POST', '/v1/chat/completions', CHAT)).status).toBe(403)
    await managed.call('PUT', `${KEYS}/key-1`, { ...body, value: 'sk-canary-of-key-one' })
    expect((await managed.call('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
  })
  test('every secret part is masked, and kept where its mask comes back', async () => {
    const path = '/api/providers/bedrock/keys/aws'
    const shown = await managed.call('GET', path)
    expect(shown.text).not.toMatch(/CANARY-(access|secret|session)/)
    expect(shown.body.bedrock_key_config.region).toBe('eu-central-1')
    const changed = { ...shown.body, bedrock_key_config: { ...shown.body.bedrock_key_config, region: 'us-east-1' } }
    expect((await managed.call('PUT', path, changed)).status).toBe(200)
    expect(held('aws')?.bedrock_key_config).toEqual({
      region: 'us-east-1',
      access_key: 'AKIA-CANARY-access',
      secret_key: 'CANARY-secret-key-value',
      session_token: 'CANARY-session-token',
    })
  })
  test('a mask that is not quite ours keeps the secret too', async () => {
    const shown = (await managed.call('GET', `${KEYS}/key-1`)).body
    await managed.call('PUT', `${KEYS}/key-1`, { ...shown, value: { value: `xx${'*'.repeat(24)}`, env_var: '', from_env: false } })
    expect(held('key-1')?.value).toBe('sk-canary-of-key-one')
  })
})

describe('what a key is refused for', () => {
  test.each([
    ['no value', { name: 'x', models: ['*'] }, 'value', 'is required'],
    ['an empty value', { name: 'x', value: '', models: ['*'] }, 'value', ''],
    ['* among others in models', { name: 'x', value: 'sk-x', models: ['*', 'gpt-4o'] }, 'models', ''],
    ['a model twice', { name: 'x', value: 'sk-x', models: ['gpt-4o', 'gpt-4o'] }, 'models', ''],
    ['blacklisted_models with * among others', { name: 'x', value: 'sk-x', blacklisted_models: ['*', 'a'] }, 'blacklisted_models', ''],
    ['aliases of a wrong type', { name: 'x', value: 'sk-x', aliases: { a: 1 } }, 'aliases.a', ''],
    ['a negative weight', { name: 'x', value: 'sk-x', weight: -1 }, 'weight', ''],
    ['a value with a line break', { name: 'x', value: 'sk-x\r\nx-evil: 1' }, 'value', ''],
    [
      'a block of another provider',
      { name: 'x', value: 'sk-x', bedrock_key_config: { region: 'r' } },
      'bedrock_key_config',
      'belongs to another provider',
    ],
    ['an unknown field', { name: 'x', value: 'sk-x', admin: true }, 'admin', 'unknown'],
    ['an operator as a value', { name: 'x', value: { $ne: null } }, 'value', ''],
    ['an operator as an id', { id: { $gt: '' }, name: 'x', value: 'sk-x' }, 'id', ''],
    ['a version of its own', { name: 'x', value: 'sk-x', version: 7 }, 'version', 'unknown'],
    ['constructor', { name: 'x', value: 'sk-x', constructor: { prototype: {} } }, 'constructor', 'unknown'],
  ])('400 for %s', async (_name, body, param, message) => {
    const before = (await managed.call('GET', KEYS)).body
    const refused = refusal(await managed.call('POST', KEYS, body))
    expect(refused.status).toBe(400)
    expect(refused.param).toMatch(new RegExp(`^${param.replaceAll('.', '\\.')}(\\.|$)`))
    expect(refused.message).toContain(message)
    expect((await managed.call('GET', KEYS)).body).toEqual(before)
  })
  test('400 for __proto__ at any depth, and nothing is polluted', async () => {
    for (const body of [
      '{"name":"x","value":"sk-x","__proto__":{"polluted":1}}',
      '{"name":"x","value":"sk-x","aliases":{"__proto__":{"polluted":"1"}}}',
    ])
      expect((await managed.call('POST', KEYS, body)).status).toBe(400)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
  test('400 for a key of Ollama without its URL', async () => {
    const refused = refusal(await managed.call('POST', '/api/providers/ollama/keys', { name: 'no-url', models: ['*'] }))
    expect(refused).toMatchObject({ status: 400, param: 'ollama_key_config.url' })
  })
  test.each([
    ['POST', '/api/providers/keyless/keys', 'Cannot add keys to a keyless provider'],
    ['PUT', '/api/providers/keyless/keys/k', undefined],
  ])('%s %s: keyless', async (method, path, message) => {
    const refused = refusal(await managed.call(method, path, { id: 'k', name: 'k', value: 'sk-k' }))
    if (message) expect(refused).toMatchObject({ status: 400, message: expect.stringContaining(message) })
    else expect(refused.status).toBe(404)
  })
  test('409 for a name that any provider has', async () => {
    const refused = refusal(await managed.call('POST', KEYS, { name: 'claude', value: 'sk-x', models: ['*'] }))
    expect(refused).toMatchObject({ status: 409, message: expect.stringContaining('unique over all providers') })
    expect((await managed.call('PUT', `${KEYS}/key-1`, { name: 'claude', value: 'sk-x' })).status).toBe(409)
  })
  test('409 for an id that exists, also at another provider', async () => {
    expect((await managed.call('POST', KEYS, { id: 'key-1', name: 'n', value: 'sk-x' })).status).toBe(409)
    expect((await managed.call('POST', KEYS, { id: 'key-claude', name: 'n', value: 'sk-x' })).status).toBe(409)
    expect(held('key-claude')?.provider).toBe('anthropic')
  })
  test.each([
    ['GET', '/api/providers/nobody/keys'],
    ['GET', '/api/providers/openai/keys/nobody'],
    ['GET', '/api/providers/anthropic/keys/key-1'],
    ['POST', '/api/providers/nobody/keys'],
    ['PUT', '/api/providers/openai/keys/nobody'],
    ['PUT', '/api/providers/anthropic/keys/key-1'],
    ['DELETE', '/api/providers/anthropic/keys/key-1'],
  ])('404 for %s %s', async (method, path) => {
    const body = method === 'POST' || method === 'PUT' ? { name: 'n', value: 'sk-n' } : undefined
    expect((await managed.call(method, path, body)).status).toBe(404)
    expect(held('key-1')?.provider).toBe('openai')
  })
})

describe('GET /api/keys', () => {
  test('lists the keys of all providers, flat', async () => {
    const { body, text } = await managed.call('GET', '/api/keys')
    expect(body.map((key: { key_id: string; provider: string }) => [key.key_id, key.provider])).toEqual([
      ['key-1', 'openai'],
      ['key-claude', 'anthropic'],
      ['aws', 'bedrock'],
      ['llama', 'ollama'],
    ])
    expect(text).not.toMatch(/canary/i)
  })
  test('says what requests have told of a key', async () => {
    await managed.call('POST', '/v1/chat/completions', CHAT)
    const { body } = await managed.call('GET', '/api/keys')
    expect(body[0]).toMatchObject({ key_id: 'key-1', status: 'success', cool_down_until: null })
  })
})
