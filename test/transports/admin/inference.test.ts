import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'
import { CHAT, type Managed, manageOne, providerAt, startManaged } from './support.ts'

const ADMIN = { authorization: `Basic ${Buffer.from('admin:secret password').toString('base64')}` }
const env = { PASSWORD: 'secret password' }
let now = Date.parse('2026-06-01T00:00:00Z')

const key = (id: string, more: JsonObject = {}): JsonObject => ({ id, name: `name-${id}`, value: `sk-${id}`, models: ['*'], ...more })
const config = (url: string, more: JsonObject = {}): JsonObject => ({
  client: { enforce_auth_on_inference: true },
  providers: {
    openai: providerAt(url, key('a'), key('b')),
    anthropic: providerAt(url, key('c')),
    cohere: providerAt(url, key('d')),
    gemini: providerAt(url, key('e')),
  },
  governance: {
    auth_config: { is_enabled: true, admin_username: 'admin', admin_password: 'env.PASSWORD' },
    virtual_keys: [
      {
        id: 'all',
        value: 'sk-bf-all',
        provider_configs: ['openai', 'anthropic', 'cohere'].map((provider) => ({ provider, allowed_models: ['*'], key_ids: ['*'] })),
      },
      {
        id: 'narrow',
        value: 'sk-bf-narrow',
        provider_configs: [{ provider: 'openai', allowed_models: ['text', 'embed'], blacklisted_models: ['embed'], key_ids: ['b'] }],
      },
      { id: 'by-name', value: 'sk-bf-by-name', provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['name-b'] }] },
      { id: 'no-keys', value: 'sk-bf-no-keys', provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: [] }] },
      { id: 'no-models', value: 'sk-bf-no-models', provider_configs: [{ provider: 'openai', allowed_models: [], key_ids: ['*'] }] },
      { id: 'nothing', value: 'sk-bf-nothing' },
      { id: 'off', value: 'sk-bf-off', is_active: false },
      {
        id: 'old',
        value: 'sk-bf-old',
        expires_at: '2026-06-02T00:00:00Z',
        provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'] }],
      },
      { id: 'plain', value: 'an-older-value', provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'] }] },
    ],
  },
  ...more,
})
const managed = manageOne((url) => config(url), { env, wallClock: () => now })

interface Asked {
  status: number
  type?: string
  message?: string
}
async function ask(
  headers: Record<string, string>,
  body: object = CHAT,
  path = '/v1/chat/completions',
  on: Managed = managed,
): Promise<Asked> {
  const answer = await on.call('POST', path, body, headers)
  const error = answer.body?.error
  return { status: answer.status, ...(error && { type: error.type, message: error.message ?? error }) }
}

describe('where a credential is asked for', () => {
  test.each([
    ['x-bf-vk', 'sk-bf-all'],
    ['x-bifrost-virtual-key', 'sk-bf-all'],
    ['authorization', 'Bearer sk-bf-all'],
    ['authorization', 'bearer sk-bf-all'],
    ['x-api-key', 'sk-bf-all'],
    ['x-goog-api-key', 'sk-bf-all'],
    ['api-key', 'sk-bf-all'],
    ['x-bf-vk', 'an-older-value'],
    ['x-bifrost-virtual-key', 'an-older-value'],
  ])('a virtual key is taken from %s: %s', async (name, value) => expect(await ask({ [name]: value })).toEqual({ status: 200 }))

  test.each([
    ['nothing', {}],
    ['an empty header', { 'x-bf-vk': '' }],
    ['a key without the prefix where SDKs put theirs', { 'x-api-key': 'an-older-value' }],
    ['a bearer without the prefix', { authorization: 'Bearer an-older-value' }],
    ["a provider's key", { authorization: 'Bearer sk-a' }],
  ])('%s is none: 401', async (_name, headers) => {
    const { status, type } = await ask(headers as unknown as Record<string, string>)
    expect([status, type === 'virtual_key_required' || type === undefined]).toEqual([401, true])
  })
  test.each([
    ['an unknown one', { 'x-bf-vk': 'sk-bf-nobody' }],
    ['one in another case', { 'x-bf-vk': 'SK-BF-ALL' }],
    ['the beginning of one', { 'x-bf-vk': 'sk-bf-al' }],
    ['a long one', { 'x-bf-vk': `sk-bf-${'x'.repeat(3000)}` }],
    ['an operator', { 'x-bf-vk': '{"$ne":null}' }],
    ['SQL', { 'x-bf-vk': "sk-bf-' OR 1=1 --" }],
  ])('%s is refused with 401', async (_name, headers) =>
    expect(await ask(headers)).toMatchObject({ status: 401, type: 'virtual_key_not_found' }),
  )
  test('of two, the one in the own header counts', async () => {
    expect(await ask({ 'x-bf-vk': 'sk-bf-nothing', authorization: 'Bearer sk-bf-all' })).toMatchObject({ status: 403 })
    expect(await ask({ 'x-bf-vk': 'sk-bf-all', authorization: 'Bearer sk-bf-nothing' })).toEqual({ status: 200 })
  })
  test('an inactive or expired one is refused with 403, an expiring one until then', async () => {
    expect(await ask({ 'x-bf-vk': 'sk-bf-off' })).toMatchObject({
      status: 403,
      type: 'virtual_key_blocked',
      message: expect.stringContaining('is not active'),
    })
    expect(await ask({ 'x-bf-vk': 'sk-bf-old' })).toEqual({ status: 200 })
    now += 2 * 86_400_000
    expect(await ask({ 'x-bf-vk': 'sk-bf-old' })).toMatchObject({
      status: 403,
      type: 'virtual_key_blocked',
      message: expect.stringContaining('has expired'),
    })
  })
  test('who has signed in may use models too', async () => {
    expect(await ask(ADMIN)).toEqual({ status: 200 })
    expect((await ask({ authorization: `Basic ${Buffer.from('admin:wrong').toString('base64')}` })).status).toBe(401)
    const { body } = await managed.call('POST', '/api/session/login', { username: 'admin', password: 'secret password' })
    expect(await ask({ authorization: `Bearer ${body.token}` })).toEqual({ status: 200 })
    expect(await ask({ cookie: `token=${body.token}` })).toEqual({ status: 200 })
    expect(await ask({ cookie: 'token=nobody' })).toMatchObject({ status: 401 })
  })
  test("a page of another site cannot spend by its visitor's cookie", async () => {
    const { body } = await managed.call('POST', '/api/session/login', { username: 'admin', password: 'secret password' })
    expect((await ask({ cookie: `token=${body.token}`, origin: 'https://evil.example.com' })).status).toBe(401)
  })
  test.each([
    ['/v1/completions', { model: 'openai/text', prompt: 'hi' }],
    ['/v1/responses', { model: 'openai/text', input: 'hi' }],
    ['/v1/embeddings', { model: 'openai/embed', input: 'hi' }],
    ['/v1/rerank', { model: 'cohere/rerank', query: 'q', documents: ['a'] }],
    ['/v1/count_tokens', { model: 'openai/text', input: 'hi' }],
    ['/openai/v1/chat/completions', { ...CHAT, model: 'text' }],
    ['/anthropic/v1/messages', { ...CHAT, model: 'text', max_tokens: 5 }],
    ['/genai/v1beta/models/text:generateContent', { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }],
    ['/bedrock/model/openai%2Ftext/converse', { messages: [{ role: 'user', content: [{ text: 'hi' }] }] }],
    ['/cohere/v2/chat', { ...CHAT, model: 'text' }],
  ])('%s asks for it, and obeys the lists', async (path, body) => {
    const before = managed.upstream.requests.length
    expect((await managed.call('POST', path, body)).status).toBe(401)
    expect((await managed.call('POST', path, body, { 'x-bf-vk': 'sk-bf-nothing' })).status).toBe(403)
    expect(managed.upstream.requests.length).toBe(before)
  })
  test('no credential of a client reaches a provider', async () => {
    for (const headers of [
      { 'x-bf-vk': 'sk-bf-all' },
      { authorization: 'Bearer sk-bf-all' },
      { 'x-api-key': 'sk-bf-all' },
      ADMIN,
    ] as Record<string, string>[]) {
      await ask(headers)
      expect(JSON.stringify(managed.upstream.requests.at(-1))).not.toMatch(/sk-bf-|YWRtaW4/)
    }
  })
})

describe('the lists of a virtual key', () => {
  test('a provider that it does not list: 403 with the rule', async () => {
    expect(await ask({ 'x-bf-vk': 'sk-bf-narrow' }, { ...CHAT, model: 'anthropic/text' })).toMatchObject({
      status: 403,
      type: 'provider_blocked',
      message: expect.stringContaining('provider_configs'),
    })
  })
  test('a model that it does not list, or blacklists', async () => {
    expect(await ask({ 'x-bf-vk': 'sk-bf-narrow' }, { ...CHAT, model: 'openai/tool' })).toMatchObject({
      status: 403,
      type: 'model_blocked',
      message: expect.stringContaining('allowed_models of virtual key narrow'),
    })
    expect(await ask({ 'x-bf-vk': 'sk-bf-narrow' }, { model: 'openai/embed', input: 'x' }, '/v1/embeddings')).toMatchObject({
      status: 403,
      message: expect.stringContaining('blacklisted_models'),
    })
    expect(await ask({ 'x-bf-vk': 'sk-bf-no-models' })).toMatchObject({ status: 403, type: 'model_blocked' })
  })
  test('keys: by id and by name, none where there are none, and none by asking for one', async () => {
    for (const value of ['sk-bf-narrow', 'sk-bf-by-name'])
      for (let times = 0; times < 4; times++) {
        expect(await ask({ 'x-bf-vk': value })).toEqual({ status: 200 })
        expect(managed.upstream.requests.at(-1)?.key).toBe('sk-b')
      }
    expect(await ask({ 'x-bf-vk': 'sk-bf-no-keys' })).toMatchObject({ status: 403 })
    for (const pin of [{ 'x-bf-api-key': 'name-a' }, { 'x-bf-api-key-id': 'a' }])
      expect((await ask({ 'x-bf-vk': 'sk-bf-narrow', ...pin } as unknown as Record<string, string>)).status).toBe(403)
    expect(await ask({ 'x-bf-vk': 'sk-bf-narrow', 'x-bf-api-key-id': 'b' })).toEqual({ status: 200 })
  })
  test('hold for fallbacks: one that is denied is not asked, and the first error is the answer', async () => {
    const failing = { ...CHAT, model: 'openai/fault-503', fallbacks: ['anthropic/text'] }
    expect(await ask({ 'x-bf-vk': 'sk-bf-all' }, failing)).toEqual({ status: 200 })
    expect(managed.upstream.requests.at(-1)?.key).toBe('sk-c')
    const before = managed.upstream.requests.filter(({ key }) => key === 'sk-c').length
    const denied = await ask({ 'x-bf-vk': 'sk-bf-by-name' }, failing)
    expect(denied.status).toBe(503)
    expect(managed.upstream.requests.filter(({ key }) => key === 'sk-c').length).toBe(before)
    expect(await ask({ 'x-bf-vk': 'sk-bf-by-name' }, { ...failing, fallbacks: ['anthropic/text', 'openai/text'] })).toEqual({ status: 200 })
    expect(managed.upstream.requests.at(-1)?.key).toBe('sk-b')
  })
  test('filter the list of models', async () => {
    const models = async (value: string) =>
      ((await managed.call('GET', '/v1/models', undefined, { 'x-bf-vk': value })).body.data as { id: string }[]).map(({ id }) => id)
    const all = await models('sk-bf-all')
    expect(all.length).toBeGreaterThan(1)
    expect(await models('sk-bf-narrow')).toEqual(all.filter((id) => id === 'openai/text'))
    expect(await models('sk-bf-nothing')).toEqual([])
    expect((await managed.call('GET', '/v1/models')).status).toBe(401)
  })
})

describe('who is asked', () => {
  let upstream: FakeUpstream
  const open: Managed[] = []
  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(async () => {
    for (const each of open) await each.gateway.close()
    await upstream.close()
  })
  async function withClient(client: JsonObject, governance?: JsonObject): Promise<Managed> {
    const base = config(upstream.url, { client }) as { governance: JsonObject }
    const one = await startManaged({
      upstream,
      env,
      config: { ...base, ...(governance && { governance: { ...base.governance, ...governance } }) },
    })
    open.push(one)
    return one
  }
  test.each(['enforce_auth_on_inference', 'enforce_governance_header', 'enforce_scim_auth'])('by %s, everybody', async (name) => {
    const one = await withClient({ [name]: true })
    expect((await ask({}, CHAT, undefined, one)).status).toBe(401)
    expect((await ask({ 'x-bf-vk': 'sk-bf-all' }, CHAT, undefined, one)).status).toBe(200)
  })
  test('with authentication on, everybody, unless disable_auth_on_inference', async () => {
    const closed = await withClient({})
    expect((await ask({}, CHAT, undefined, closed)).status).toBe(401)
    const opened = await withClient(
      {},
      { auth_config: { is_enabled: true, admin_username: 'admin', admin_password: 'env.PASSWORD', disable_auth_on_inference: true } },
    )
    expect((await ask({}, CHAT, undefined, opened)).status).toBe(200)
    expect((await ask({ 'x-bf-vk': 'sk-bf-nobody' }, CHAT, undefined, opened)).status).toBe(401)
  })
  test('nobody on a whitelisted route; a virtual key that is brought counts there too', async () => {
    const one = await withClient({ enforce_auth_on_inference: true, whitelisted_routes: ['/v1/chat/*'] })
    expect((await ask({}, CHAT, undefined, one)).status).toBe(200)
    expect((await ask({ 'x-bf-vk': 'sk-bf-nothing' }, CHAT, undefined, one)).status).toBe(403)
    expect((await ask({}, { model: 'openai/embed', input: 'x' }, '/v1/embeddings', one)).status).toBe(401)
  })
  test('a switch by the API holds at once', async () => {
    const one = await withClient({}, { auth_config: { is_enabled: false } })
    expect((await ask({}, CHAT, undefined, one)).status).toBe(200)
    expect((await one.call('PUT', '/api/config', { client_config: { enforce_auth_on_inference: true } })).status).toBe(200)
    expect((await ask({}, CHAT, undefined, one)).status).toBe(401)
  })
})
