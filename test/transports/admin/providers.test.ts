import { describe, expect, test } from 'vitest'
import { CHAT, manageOne, providerAt } from './support.ts'

const managed = manageOne((url) => ({ providers: { openai: providerAt(url) } }))
const { openai: _, ...NETWORK } = { openai: 1, network_config: { base_url: 'http://127.0.0.1:9' } }
const QUEUE = { concurrency_and_buffer_size: { concurrency: 5, buffer_size: 10 } }

/** The error of an answer: status, field, sentence. */
function refusal({ status, body }: { status: number; body: { error?: { param?: string; message: string } } }) {
  return { status, param: body.error?.param, message: body.error?.message }
}

describe('GET /api/providers', () => {
  test('lists providers by name, without their keys', async () => {
    const { status, body } = await managed.call('GET', '/api/providers')
    expect(status).toBe(200)
    expect(body.total).toBe(body.providers.length)
    expect(body.providers.map((each: { name: string }) => each.name)).toEqual(['openai'])
    expect(body.providers[0]).toMatchObject({ provider_status: 'active', network_config: { base_url: managed.upstream.url } })
    expect(body.providers[0]).not.toHaveProperty('keys')
  })
  test('one by name, and 404', async () => {
    expect((await managed.call('GET', '/api/providers/openai')).body).toMatchObject({ name: 'openai' })
    expect(refusal(await managed.call('GET', '/api/providers/nobody'))).toMatchObject({
      status: 404,
      message: 'provider "nobody" not found',
    })
  })
  test('shows what is in force where nothing was set', async () => {
    const { body } = await managed.call('GET', '/api/providers/openai')
    expect(body.concurrency_and_buffer_size).toEqual({ concurrency: 1000, buffer_size: 5000 })
    expect(body.network_config).toMatchObject({ default_request_timeout_in_seconds: 30, max_retries: 0 })
    expect(body.config_hash).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('POST /api/providers', () => {
  test('adds one; its keys are ignored, with a warning that names their routes (D12)', async () => {
    const { status, body } = await managed.call('POST', '/api/providers', {
      provider: 'anthropic',
      ...NETWORK,
      keys: [{ name: 'sneaked in', value: 'sk-x', models: ['*'] }],
    })
    expect(status).toBe(200)
    expect(body.name).toBe('anthropic')
    expect(body.warnings).toEqual([expect.stringContaining('/api/providers/{provider}/keys')])
    expect((await managed.call('GET', '/api/providers/anthropic/keys')).body).toEqual({ keys: [], total: 0 })
    await managed.call('DELETE', '/api/providers/anthropic')
  })
  test('serves at once', async () => {
    const custom = {
      provider: 'mine',
      network_config: { base_url: managed.upstream.url },
      custom_provider_config: { base_provider_type: 'openai' },
    }
    expect((await managed.call('POST', '/api/providers', custom)).status).toBe(200)
    await managed.call('POST', '/api/providers/mine/keys', { name: 'mine', value: 'sk-mine', models: ['*'] })
    expect((await managed.call('POST', '/v1/chat/completions', { ...CHAT, model: 'mine/text' })).status).toBe(200)
    expect(managed.upstream.requests.at(-1)?.key).toBe('sk-mine')
    expect((await managed.call('DELETE', '/api/providers/mine')).body).toEqual({ name: 'mine' })
    expect((await managed.call('POST', '/v1/chat/completions', { ...CHAT, model: 'mine/text' })).status).toBe(400)
    expect((await managed.call('GET', '/api/keys')).body.map((key: { name: string }) => key.name)).toEqual(['one'])
  })
  test.each([
    ['no provider', {}, 'provider', 'Missing provider'],
    ['an empty provider', { provider: '' }, 'provider', 'Missing provider'],
    [
      'concurrency 0',
      { provider: 'mistral', concurrency_and_buffer_size: { concurrency: 0, buffer_size: 1 } },
      'concurrency_and_buffer_size.concurrency',
      '',
    ],
    [
      'buffer 0',
      { provider: 'mistral', concurrency_and_buffer_size: { concurrency: 1, buffer_size: 0 } },
      'concurrency_and_buffer_size.buffer_size',
      '',
    ],
    [
      'concurrency over buffer',
      { provider: 'mistral', concurrency_and_buffer_size: { concurrency: 9, buffer_size: 1 } },
      'concurrency_and_buffer_size',
      'must not exceed',
    ],
    [
      'back-off the wrong way',
      { provider: 'mistral', network_config: { retry_backoff_initial: 9000, retry_backoff_max: 1000 } },
      'network_config',
      'must not exceed',
    ],
    [
      'a negative back-off',
      { provider: 'mistral', network_config: { retry_backoff_initial: -1 } },
      'network_config.retry_backoff_initial',
      '',
    ],
    ['a bad URL', { provider: 'mistral', network_config: { base_url: 'nowhere' } }, 'network_config.base_url', ''],
    [
      'a custom one with a built-in name',
      { provider: 'mistral', custom_provider_config: { base_provider_type: 'openai' } },
      'body',
      'is the name of a built-in provider',
    ],
    ['a custom one without its base', { provider: 'own', custom_provider_config: {} }, 'custom_provider_config.base_provider_type', ''],
    [
      'an unknown base',
      { provider: 'own', custom_provider_config: { base_provider_type: 'nope' } },
      'custom_provider_config.base_provider_type',
      'unknown base',
    ],
    ['an unknown provider', { provider: 'opennai' }, 'body', 'unknown provider'],
    ['an unknown field', { provider: 'mistral', colour: 'red' }, 'colour', 'unknown'],
    [
      'a metadata address',
      { provider: 'mistral', network_config: { base_url: 'http://169.254.169.254/' } },
      'network_config.base_url',
      'metadata',
    ],
    [
      'a metadata address written oddly',
      { provider: 'mistral', network_config: { base_url: 'http://0xa9fea9fe/' } },
      'network_config.base_url',
      'metadata',
    ],
    ['a name with a slash', { provider: 'a/b' }, 'body', 'made of letters'],
    ['a name that is a prototype', { provider: '__proto__' }, 'id', ''],
    ['a provider that is no text', { provider: { $ne: null } }, 'provider', ''],
  ])('refuses %s', async (_name, body, param, message) => {
    const before = await managed.call('GET', '/api/providers')
    const refused = refusal(await managed.call('POST', '/api/providers', body))
    expect(refused).toMatchObject({ status: 400, param, message: expect.stringContaining(message) })
    expect((await managed.call('GET', '/api/providers')).body).toEqual(before.body)
  })
  test('refuses one that exists with 409', async () => {
    expect(refusal(await managed.call('POST', '/api/providers', { provider: 'openai' }))).toMatchObject({
      status: 409,
      message: 'provider "openai" exists already',
    })
  })
  test.each(['', '[]', '"text"', '{', 'null', '{"provider":"mistral"} tail'])('refuses the body %j', async (body) => {
    expect(refusal(await managed.call('POST', '/api/providers', body))).toMatchObject({
      status: 400,
      message: expect.stringContaining('invalid request format'),
    })
  })
})

describe('PUT /api/providers/{provider}', () => {
  test('needs concurrency_and_buffer_size', async () => {
    expect(refusal(await managed.call('PUT', '/api/providers/openai', {}))).toMatchObject({
      status: 400,
      param: 'concurrency_and_buffer_size',
    })
  })
  test('makes one that is not there', async () => {
    expect((await managed.call('PUT', '/api/providers/mistral', QUEUE)).body).toMatchObject({ name: 'mistral', ...QUEUE })
    expect((await managed.call('DELETE', '/api/providers/mistral')).status).toBe(200)
  })
  test('of what GET gave changes nothing', async () => {
    const before = (await managed.call('GET', '/api/providers/openai')).body
    const rows = structuredClone(managed.gateway.core.runtime.tables.providers.get('openai'))
    expect((await managed.call('PUT', '/api/providers/openai', before)).status).toBe(200)
    expect((await managed.call('GET', '/api/providers/openai')).body).toEqual({ ...before, updated_at: expect.any(String) })
    expect(managed.gateway.core.runtime.tables.providers.get('openai')).toEqual(rows)
  })
  test('keeps every secret whose mask comes back, and shows none', async () => {
    const secrets = {
      network_config: { base_url: managed.upstream.url, extra_headers: { 'x-team': 'CANARY-header-value-123456' } },
      proxy_config: { type: 'http', url: 'http://proxy.example.com', username: 'me', password: 'CANARY-proxy-password-123' },
    }
    const put = await managed.call('PUT', '/api/providers/openai', { ...QUEUE, ...secrets })
    expect(put.status).toBe(200)
    expect(put.text).not.toContain('CANARY-')
    const shown = (await managed.call('GET', '/api/providers/openai')).body
    expect((await managed.call('PUT', '/api/providers/openai', shown)).status).toBe(200)
    const held = managed.gateway.live?.entities.get('providers', 'openai') as unknown as typeof secrets
    expect(held.proxy_config.password).toBe('CANARY-proxy-password-123')
    expect(held.network_config.extra_headers['x-team']).toBe('CANARY-header-value-123456')
    const plain = await managed.call('PUT', '/api/providers/openai', { ...QUEUE, network_config: { base_url: managed.upstream.url } })
    expect(plain.status).toBe(200)
  })
  test('refuses a mask that stands for nothing', async () => {
    const body = { ...QUEUE, proxy_config: { type: 'http', url: 'http://proxy.example.com', password: '*'.repeat(24) } }
    expect(refusal(await managed.call('PUT', '/api/providers/openai', body))).toMatchObject({ status: 400, param: 'proxy_config.password' })
  })
})

describe('DELETE /api/providers/{provider}', () => {
  test('404 for one that is not there', async () => {
    expect((await managed.call('DELETE', '/api/providers/nobody')).status).toBe(404)
  })
  test('takes its keys and what virtual keys say of it along', async () => {
    await managed.call('PUT', '/api/providers/mistral', QUEUE)
    await managed.call('POST', '/api/providers/mistral/keys', { id: 'mk', name: 'mk', value: 'sk-m', models: ['*'] })
    const { body } = await managed.call('POST', '/api/governance/virtual-keys', {
      name: 'both',
      provider_configs: ['openai', 'mistral'].map((provider) => ({ provider, allowed_models: ['*'], key_ids: ['*'] })),
    })
    expect((await managed.call('DELETE', '/api/providers/mistral')).status).toBe(200)
    const { provider_configs: configs } = (await managed.call('GET', `/api/governance/virtual-keys/${body.virtual_key.id}`)).body
      .virtual_key
    expect(configs.map((config: { provider: string }) => config.provider)).toEqual(['openai'])
    expect((await managed.call('GET', '/api/keys')).text).not.toContain('mk')
  })
})
