import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { plainBody } from '../../../core/config/live/held.ts'
import { memoryKeyValue } from '../../../core/stores/memory-values.ts'
import { StoreError } from '../../../core/stores/stores.ts'
import { startUpstream } from '../../helpers/upstream.ts'
import { watchedStore } from '../../helpers/watched-store.ts'
import { CHAT, type Managed, manageOne, providerAt, startManaged } from './support.ts'

const managed = manageOne((url) => ({ client: { drop_excess_requests: true }, providers: { openai: providerAt(url) } }), {
  env: { PASSWORD: 'by the environment' },
})
function refusal({ status, body }: { status: number; body: { error?: { param?: string; message: string } } }) {
  return { status, param: body.error?.param, message: body.error?.message }
}

/** One of its own, for tests that change how it is signed in to. */
async function alone(config: JsonObject = {}, options: Partial<Parameters<typeof startManaged>[0]> = {}): Promise<Managed> {
  const upstream = await startUpstream()
  const one = await startManaged({
    env: { PASSWORD: 'by the environment' },
    ...options,
    upstream,
    config: { providers: { openai: providerAt(upstream.url) }, ...config },
  })
  onTestFinished(async () => {
    await one.gateway.close()
    await upstream.close()
  })
  return one
}

describe('/api/config', () => {
  test('shows each block, the password never', async () => {
    const { body } = await managed.call('GET', '/api/config')
    expect(body).toMatchObject({
      client_config: { drop_excess_requests: true },
      framework_config: {},
      auth_config: { admin_username: '', admin_password: '', is_enabled: false, disable_auth_on_inference: false },
      is_db_connected: true,
      restart_required: { required: false, reason: '' },
    })
  })
  test('what it gave can be sent back', async () => {
    const before = (await managed.call('GET', '/api/config')).body
    const rows = structuredClone(managed.gateway.core.runtime.tables.client.get('client'))
    const put = await managed.call('PUT', '/api/config', before)
    expect(put.status, put.text).toBe(200)
    expect((await managed.call('GET', '/api/config')).body).toEqual(before)
    expect(managed.gateway.core.runtime.tables.client.get('client')).toEqual(rows)
  })
  test('shows what is in force, and what was read and is sent back changes nothing, in the store neither', async () => {
    const store = watchedStore()
    const pem = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')
    const one = await alone(
      {
        client: {
          max_request_body_size_mb: 7,
          shutdown: { grace_seconds: 12 },
          docs_base_url: 'env.DOCS',
          tls: { cert: pem('server.pem'), key: pem('server.key') },
        },
        framework: { pricing: { pricing_url: 'https://prices.example.com' } },
        governance: { auth_config: { admin_username: 'admin' } },
      },
      { management: { store }, env: { DOCS: 'https://gateway.example.com' } },
    )
    const { body, text } = await one.call('GET', '/api/config')
    expect(body).toMatchObject({
      client_config: {
        max_request_body_size_mb: 7,
        shutdown: { grace_seconds: 12, drain_delay_seconds: 1 },
        docs_base_url: 'env.DOCS',
        threads: 'auto',
        stream_commit_after_ms: 10_000,
        compat: { should_drop_params: false },
        allowed_hosts: [],
        tls: { key: expect.stringContaining('****') },
      },
      framework_config: { pricing: { pricing_url: 'https://prices.example.com', pricing_sync_interval: 86_400 } },
      auth_config: { admin_username: 'admin', admin_password: '', is_enabled: false, disable_auth_on_inference: false },
      proxy_config: { enabled: false, type: 'http' },
    })
    expect(text).not.toContain('PRIVATE KEY')
    const [writes, before] = [store.writes, JSON.stringify(await store.all())]
    for (const [path, sent] of [
      ['/api/config', body],
      ['/api/proxy-config', body.proxy_config],
    ]) {
      const put = await one.call('PUT', path, sent)
      expect([path, put.status, put.text]).toEqual([path, 200, expect.any(String)])
    }
    expect([store.writes, JSON.stringify(await store.all())]).toEqual([writes, before])
    expect((await one.call('GET', '/api/config')).body).toEqual(body)
  })
  test('a default that takes the place of another value holds; one that was only read follows later versions', async () => {
    const one = await alone({ client: { max_request_body_size_mb: 7 } })
    const { client_config: shown } = (await one.call('GET', '/api/config')).body
    const sent = { ...shown, max_request_body_size_mb: 100, shutdown: { ...shown.shutdown, grace_seconds: 9 } }
    expect((await one.call('PUT', '/api/config', { client_config: sent })).status).toBe(200)
    const { body } = one.gateway.live?.entities.held('settings', 'client') ?? {}
    expect(body && plainBody(body)).toEqual({ max_request_body_size_mb: 100, shutdown: { grace_seconds: 9 } })
    expect(one.gateway.core.runtime.tables.client.get('client')).toMatchObject({ maxRequestBodyBytes: 100 * 2 ** 20, graceMs: 9000 })
    expect((await one.call('GET', '/api/config')).body.restart_required.reason).toBe('client.shutdown')
    // What is left out is unset.
    await one.call('PUT', '/api/config', { client_config: {} })
    expect((await one.call('GET', '/api/config')).body.client_config).toMatchObject({ shutdown: { grace_seconds: 30 } })
  })
  test('a change holds for the next request, or says that it waits for a start', async () => {
    expect((await managed.call('PUT', '/api/config', { client_config: { required_headers: ['x-team'] } })).status).toBe(200)
    expect((await managed.call('POST', '/v1/chat/completions', CHAT)).body.error.type).toBe('missing_required_headers')
    expect((await managed.call('POST', '/v1/chat/completions', CHAT, { 'X-Team': 'one' })).status).toBe(200)
    await managed.call('PUT', '/api/config', { client_config: { max_connections: 7 } })
    expect((await managed.call('GET', '/api/config')).body.restart_required).toEqual({ required: true, reason: 'client.max_connections' })
    expect((await managed.call('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
    await managed.call('PUT', '/api/config', { client_config: { drop_excess_requests: true } })
  })
  test.each([
    [{ client_config: { log_retention_days: 0 } }, 'client_config.log_retention_days'],
    [{ framework_config: { pricing: { pricing_sync_interval: 0 } } }, 'framework_config.pricing.pricing_sync_interval'],
    [{ client_config: { whitelisted_routes: ['health'] } }, 'client_config.whitelisted_routes[0]'],
    [{ client_config: { allowed_origins: ['evil'] } }, 'client_config.allowed_origins[0]'],
    [{ client_config: { header_filter_config: { allowlist: 'x' } } }, 'client_config.header_filter_config.allowlist'],
    [{ client_config: { allow_direct_keys: true } }, 'client_config.allow_direct_keys'],
    [{ client_config: { __proto: 1 } }, 'client_config.__proto'],
    [{ client_config: 'x' }, 'client_config'],
    [{ colour: 'red' }, 'colour'],
    [{ auth_config: { is_enabled: true, admin_username: 'admin' } }, 'auth_config.admin_password'],
    [{ auth_config: { is_enabled: true, admin_password: 'long enough password' } }, 'auth_config.admin_username'],
    [{ auth_config: { is_enabled: true, admin_username: 'a', admin_password: { $ne: 1 } } }, 'auth_config.admin_password'],
  ])('400 for %j at %s, and nothing has changed', async (body, param) => {
    const before = (await managed.call('GET', '/api/config')).body
    expect(refusal(await managed.call('PUT', '/api/config', body))).toMatchObject({ status: 400, param })
    expect((await managed.call('GET', '/api/config')).body).toEqual(before)
  })
  test('a block that is wrong keeps the right ones from being written too', async () => {
    const before = (await managed.call('GET', '/api/config')).body
    const body = { client_config: { drop_excess_requests: false }, framework_config: { colour: 'red' } }
    expect((await managed.call('PUT', '/api/config', body)).status).toBe(400)
    expect((await managed.call('GET', '/api/config')).body).toEqual(before)
  })
  test('turns sign-in on, keeps the password as a hash, and keeps it where <redacted> comes back', async () => {
    const one = await alone()
    const auth = { is_enabled: true, admin_username: 'admin', admin_password: 'a password that is long' }
    expect((await one.call('PUT', '/api/config', { auth_config: auth })).status).toBe(200)
    expect((await one.call('GET', '/api/config')).status).toBe(401)
    const headers = { authorization: `Basic ${Buffer.from(`admin:${auth.admin_password}`).toString('base64')}` }
    const { body } = await one.call('GET', '/api/config', undefined, headers)
    expect(body.auth_config).toEqual({
      admin_username: 'admin',
      admin_password: '<redacted>',
      is_enabled: true,
      disable_auth_on_inference: false,
    })
    expect(one.gateway.live?.entities.get('settings', 'auth_config')?.admin_password).toMatch(/^scrypt\$/)
    expect((await one.call('PUT', '/api/config', { auth_config: { ...body.auth_config, admin_username: 'root' } }, headers)).status).toBe(
      200,
    )
    const root = { authorization: `Basic ${Buffer.from(`root:${auth.admin_password}`).toString('base64')}` }
    expect((await one.call('GET', '/api/config', undefined, root)).status).toBe(200)
    expect((await one.call('GET', '/api/config', undefined, headers)).status).toBe(401)
  })
  test('takes a password from the environment', async () => {
    const one = await alone()
    await one.call('PUT', '/api/config', { auth_config: { is_enabled: true, admin_username: 'admin', admin_password: 'env.PASSWORD' } })
    const headers = { authorization: `Basic ${Buffer.from('admin:by the environment').toString('base64')}` }
    expect((await one.call('GET', '/api/config', undefined, headers)).status).toBe(200)
  })
})

describe('/api/proxy-config', () => {
  test('is shown and changed, its password never shown', async () => {
    const body = {
      enabled: true,
      type: 'http',
      url: 'http://me:CANARY-in-the-url@proxy.example.com:3128',
      username: 'me',
      password: 'CANARY-proxy-password',
    }
    const put = await managed.call('PUT', '/api/proxy-config', body)
    expect(put.status, put.text).toBe(200)
    const shown = await managed.call('GET', '/api/proxy-config')
    expect(shown.text + put.text + (await managed.call('GET', '/api/config')).text).not.toContain('CANARY')
    expect((await managed.call('PUT', '/api/proxy-config', { ...shown.body, timeout: 5 })).status).toBe(200)
    expect((await managed.call('GET', '/api/proxy-config')).body).toMatchObject({ type: 'http', timeout: 5, skip_tls_verify: false })
    const { type: _, ...set } = body
    expect(managed.gateway.live?.entities.get('settings', 'proxy_config')).toMatchObject({ ...set, timeout: 5 })
    expect(refusal(await managed.call('PUT', '/api/proxy-config', { url: 'nowhere' }))).toMatchObject({ status: 400, param: 'url' })
  })
})

describe('where the file alone rules', () => {
  test('everything can be read and nothing written: 503 that says why', async () => {
    const one = await alone(
      { governance: { virtual_keys: [{ id: 'v', name: 'v', value: 'sk-bf-v' }], teams: [{ id: 't', name: 't' }] } },
      { management: { store: null } },
    )
    for (const path of ['/api/providers', '/api/keys', '/api/config', '/api/governance/virtual-keys', '/api/plugins'])
      expect((await one.call('GET', path)).status).toBe(200)
    expect((await one.call('GET', '/api/config')).body.is_db_connected).toBe(false)
    for (const [method, path, body] of [
      ['POST', '/api/providers', { provider: 'mistral' }],
      ['DELETE', '/api/providers/openai', undefined],
      ['POST', '/api/providers/openai/keys', { name: 'x', value: 'sk-x' }],
      ['PUT', '/api/providers/openai/keys/key-1', { name: 'x', value: 'sk-x' }],
      ['POST', '/api/governance/virtual-keys', { name: 'x' }],
      ['PUT', '/api/governance/teams/t', { name: 'x' }],
      ['DELETE', '/api/governance/virtual-keys/v', undefined],
      ['PUT', '/api/config', { client_config: {} }],
      ['DELETE', '/api/plugins/nobody', undefined],
    ] as const) {
      const answer = await one.call(method, path, body)
      expect([path, answer.status, answer.body.error.type]).toEqual([
        path,
        path.endsWith('nobody') ? 404 : 503,
        path.endsWith('nobody') ? 'not_found' : 'no_store',
      ])
    }
  })
})

describe('a store that is lost', () => {
  const gone = () => Promise.reject(new StoreError('unavailable', 'the store does not answer'))
  test('refuses writes with 503 and serves on what is known; when it is back, everything goes on', async () => {
    const store = watchedStore()
    const one = await alone({}, { management: { store } })
    store.onWrite = gone
    for (const [method, path, body] of [
      ['POST', '/api/governance/virtual-keys', { name: 'x' }],
      ['PUT', '/api/config', { client_config: { required_headers: ['x-team'] } }],
      ['POST', '/api/providers/openai/keys', { name: 'x', value: 'sk-x' }],
    ] as const) {
      const answer = await one.call(method, path, body)
      expect([path, answer.status, answer.body.error.type]).toEqual([path, 503, 'store_unavailable'])
    }
    expect((await one.call('GET', '/api/governance/virtual-keys')).body.total_count).toBe(0)
    expect((await one.call('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
    store.onWrite = () => {}
    expect((await one.call('POST', '/api/governance/virtual-keys', { name: 'x' })).status).toBe(200)
  })
  test('of sessions lets nobody in by a session, and says 503', async () => {
    const sessions = { ...memoryKeyValue(Date.now), get: gone }
    const auth_config = { is_enabled: true, admin_username: 'admin', admin_password: 'env.PASSWORD' }
    const one = await alone({ governance: { auth_config } }, { management: { sessions } })
    const bySession = await one.call('GET', '/api/config', undefined, { authorization: 'Bearer some-token' })
    expect([bySession.status, bySession.body.error.type]).toEqual([503, 'store_unavailable'])
    expect((await one.call('GET', '/api/config')).status).toBe(401)
  })
  test('two writers at once on one entity both write, one after the other', async () => {
    const one = await alone()
    const { id } = (await one.call('POST', '/api/governance/teams', { name: 't' })).body.team
    const puts = Array.from({ length: 8 }, (_, index) => one.call('PUT', `/api/governance/teams/${id}`, { name: `t${index}` }))
    expect((await Promise.all(puts)).map(({ status }) => status)).toEqual(Array(8).fill(200))
  })
})

describe('paths and methods', () => {
  test.each([
    ['GET', '/api/nothing', 404],
    ['GET', '/api/providers/openai/keys/key-1/more', 404],
    ['PATCH', '/api/providers', 405],
    ['DELETE', '/api/config', 405],
    ['GET', '/api/providers/%ff', 404],
    ['GET', '/api/providers/%00', 404],
    ['GET', '/api/providers/constructor', 404],
    ['GET', '/api/governance/teams/__proto__', 404],
    ['GET', '/api/governance/teams/%7B%22%24ne%22%3Anull%7D', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const answer = await managed.call(method, path)
    expect(answer.status).toBe(status)
    if (status === 405) expect(answer.headers.get('allow')).toContain('GET')
  })
  test('answers are kept by no cache and framed by no page', async () => {
    const { headers } = await managed.call('GET', '/api/providers')
    expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
  })
  test('HEAD is answered as GET without a body', async () => {
    const { status, text } = await managed.call('HEAD', '/api/providers')
    expect([status, text]).toEqual([200, ''])
  })
})
