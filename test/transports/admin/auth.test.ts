import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { memoryKeyValue } from '../../../core/stores/memory-values.ts'
import type { KeyValueStore } from '../../../core/stores/stores.ts'
import { createAdminAuth } from '../../../transports/admin/auth.ts'
import { Checks, networkOf } from '../../../transports/admin/throttle.ts'
import { startUpstream } from '../../helpers/upstream.ts'
import { type Managed, manageOne, providerAt, rawPath, startManaged } from './support.ts'

const USER = 'admin'
const PASSWORD = 'correct horse battery staple'
const basic = (username: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
})
const ADMIN = basic(USER, PASSWORD)
const FROM = { address: 'here', headers: new Map<string, string>() }
const allowedHosts = () => []
let now = 1_800_000_000_000
const config = (url: string, more: JsonObject = {}): JsonObject => ({
  client: { whitelisted_routes: ['/api/keys', '/api/governance/*'] },
  providers: { openai: providerAt(url) },
  governance: { auth_config: { is_enabled: true, admin_username: 'env.ADMIN', admin_password: 'env.PASSWORD' } },
  ...more,
})
const options = { env: { ADMIN: USER, PASSWORD }, wallClock: () => now }
const managed = manageOne((url) => config(url), options)

async function logIn({ call }: Managed, headers = {}): Promise<{ token: string; cookie: string; device: string | undefined }> {
  const answer = await call('POST', '/api/session/login', { username: USER, password: PASSWORD }, headers)
  expect(answer.status, answer.text).toBe(200)
  const [cookie = '', device] = answer.headers.getSetCookie()
  return { token: answer.body.token, cookie, device }
}

describe('the management API with authentication', () => {
  test.each([
    'GET /api/providers',
    'POST /api/providers',
    'GET /api/config',
    'PUT /api/config',
    'DELETE /api/providers/openai',
    'POST /api/session/ws-ticket',
  ])('%s asks for it', async (line) => {
    const [method = '', path = ''] = line.split(' ')
    const answer = await managed.call(method, path, method === 'GET' || method === 'DELETE' ? undefined : {})
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="bifrost"')
    expect(answer.body.error.message).toContain('Unauthorized')
  })
  test('takes basic authentication, and the bearer of old', async () => {
    expect((await managed.call('GET', '/api/providers', undefined, ADMIN)).status).toBe(200)
    const bearer = { authorization: ADMIN.authorization.replace('Basic', 'Bearer') }
    expect((await managed.call('GET', '/api/providers', undefined, bearer)).status).toBe(200)
  })
  test.each([
    ['a wrong password', basic(USER, 'wrong')],
    ['a wrong user', basic('root', PASSWORD)],
    ['an empty password', basic(USER, '')],
    ['the beginning of the password', basic(USER, PASSWORD.slice(0, -1))],
    ['the reference instead of the password', basic(USER, 'env.PASSWORD')],
    ['no colon', { authorization: `Basic ${Buffer.from('admin').toString('base64')}` }],
    ['no base64', { authorization: 'Basic ???' }],
    ['a token that nobody has', { authorization: 'Bearer abcdefghijklmnop' }],
    ['a cookie that nobody has', { cookie: 'token=abcdefghijklmnop' }],
    ['an empty cookie', { cookie: 'token=' }],
    ['a virtual key', { 'x-bf-vk': 'sk-bf-anything' }],
  ])('refuses %s', async (_name, headers) => {
    now += 60_000
    expect((await managed.call('GET', '/api/providers', undefined, headers as unknown as Record<string, string>)).status).toBe(401)
  })
  test('lets open and whitelisted routes through, and nothing that only looks like them', async () => {
    expect((await managed.call('GET', '/api/keys')).status).toBe(200)
    expect((await managed.call('GET', '/api/governance/virtual-keys')).status).toBe(200)
    expect((await managed.call('GET', '/api/session/is-auth-enabled')).body).toEqual({ is_auth_enabled: true, has_valid_token: false })
    expect((await managed.call('GET', '/api/version')).status).toBe(200)
    expect((await managed.call('GET', '/health')).status).toBe(200)
    for (const path of [
      '/api/keys/../providers',
      '/api/governance/../providers',
      '/api/governance/..%2fproviders',
      '/api/governance/%2e%2e/providers',
      '/api//providers',
      '/api/./providers',
      '/api/%70roviders',
      '/API/providers',
      '/api/providers/',
      '/api/providers;x',
      '/api/providers%00',
      '/api\\providers',
      '/v1/../api/config',
    ]) {
      const answer = await rawPath(managed.gateway.url, path)
      expect([path, answer.status]).toEqual([
        path,
        expect.toSatisfy((status: number) => status === 401 || status === 404 || status === 400),
      ])
      expect(answer.text).not.toContain('network_config')
    }
  })
})

describe('sessions', () => {
  test('come as a token and as a cookie, and end', async () => {
    const { token, cookie } = await logIn(managed)
    expect(cookie).toBe(`token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000`)
    const byCookie = { cookie: `other=1; token=${token}` }
    expect((await managed.call('GET', '/api/providers', undefined, byCookie)).status).toBe(200)
    expect((await managed.call('GET', '/api/providers', undefined, { authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await managed.call('GET', '/api/session/is-auth-enabled', undefined, byCookie)).body).toMatchObject({ has_valid_token: true })
    const out = await managed.call('POST', '/api/session/logout', undefined, byCookie)
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0')
    expect((await managed.call('GET', '/api/providers', undefined, byCookie)).status).toBe(401)
  })
  test('expire after 30 days', async () => {
    const { token } = await logIn(managed)
    const bearer = { authorization: `Bearer ${token}` }
    now += 30 * 86_400_000 - 1000
    expect((await managed.call('GET', '/api/providers', undefined, bearer)).status).toBe(200)
    now += 2000
    expect((await managed.call('GET', '/api/providers', undefined, bearer)).status).toBe(401)
  })
  test.each([
    [{}, 400],
    [{ username: USER }, 400],
    [{ username: '', password: '' }, 400],
    [{ username: USER, password: { $ne: null } }, 400],
    [{ username: USER, password: 'wrong' }, 401],
    [{ username: 'root', password: PASSWORD }, 401],
  ])('log in by %j gives %i', async (body, status) => {
    now += 60_000
    const answer = await managed.call('POST', '/api/session/login', body)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('set-cookie')).toBeNull()
  })
  test('a wrong user and a wrong password are told alike', async () => {
    now += 60_000
    const one = await managed.call('POST', '/api/session/login', { username: 'root', password: PASSWORD })
    const other = await managed.call('POST', '/api/session/login', { username: USER, password: 'wrong' })
    expect(one.text).toBe(other.text)
  })
  test('a cookie alone changes nothing from another site', async () => {
    const { token } = await logIn(managed)
    const headers = { cookie: `token=${token}`, origin: 'https://evil.example.com' }
    const answer = await managed.call('POST', '/api/providers', { provider: 'mistral' }, headers)
    expect(answer.status).toBe(403)
    expect((await managed.call('GET', '/api/providers/mistral', undefined, ADMIN)).status).toBe(404)
  })
  test('tickets open a WebSocket once', async () => {
    const { body } = await managed.call('POST', '/api/session/ws-ticket', {}, ADMIN)
    expect(body.ticket).toMatch(/^[\w-]{40,}$/)
  })
  test('without authentication there is nothing to sign in to', async () => {
    const upstream = await startUpstream()
    const open = await startManaged({ upstream, config: { providers: { openai: providerAt(upstream.url) } } })
    expect((await open.call('POST', '/api/session/login', { username: 'a', password: 'b' })).status).toBe(403)
    expect((await open.call('GET', '/api/session/is-auth-enabled')).body).toEqual({ is_auth_enabled: false, has_valid_token: false })
    await open.gateway.close()
    await upstream.close()
  })
})

describe('guessing', () => {
  const guess = (password: string, headers: Record<string, string> = {}) =>
    managed.call('POST', '/api/session/login', { username: USER, password }, headers)
  const fail = async (headers: Record<string, string> = {}) => {
    for (let tries = 0; tries < 5; tries++) expect((await guess(`wrong ${tries}`, headers)).status).toBe(401)
  }
  test('is slowed down: five failures, then 429 for a minute, then for two; the right pair has to wait too', async () => {
    now += 3_600_000
    for (const minutes of [1, 2, 4]) {
      await fail()
      const late = await guess(PASSWORD)
      expect(late.status).toBe(429)
      expect(Number(late.headers.get('retry-after'))).toBe(minutes * 60)
      expect((await managed.call('GET', '/api/providers', undefined, basic(USER, 'x'))).status).toBe(429)
      now += minutes * 60_000 - 1
      expect((await guess(PASSWORD)).status).toBe(429)
      now += 1
    }
    expect((await guess(PASSWORD)).status).toBe(200)
  })
  test('at once is no way around it', async () => {
    now += 3_600_000
    const guesses = Array.from({ length: 20 }, (_, index) => guess(`at once ${index}`))
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(5)
    expect(statuses.filter((status) => status === 429)).toHaveLength(15)
    now += 60_000
    const rights = await Promise.all(Array.from({ length: 20 }, () => managed.call('GET', '/api/providers', undefined, ADMIN)))
    expect(rights.every(({ status }) => status === 200)).toBe(true)
  })
  test('is forgiven by nobody’s success, and forgotten in time', async () => {
    now += 3_600_000
    for (let tries = 0; tries < 4; tries++) expect((await guess(`wrong ${tries}`)).status).toBe(401)
    expect((await guess(PASSWORD)).status).toBe(200)
    expect((await guess('wrong')).status).toBe(401)
    expect((await guess(PASSWORD)).status).toBe(429)
    now += 1_800_000
    await fail()
    expect(Number((await guess(PASSWORD)).headers.get('retry-after'))).toBe(60)
  })
  test('by a neighbour ends no session, and keeps no browser from signing in that has done so before', async () => {
    now += 3_600_000
    const { token, device } = await logIn(managed)
    expect(device).toMatch(/^device=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=15552000$/)
    const known = { cookie: String(device?.split(';')[0]) }
    await fail()
    expect((await guess(PASSWORD)).status).toBe(429)
    expect((await managed.call('GET', '/api/providers', undefined, { authorization: `Bearer ${token}` })).status).toBe(200)
    const again = await guess(PASSWORD, known)
    expect(again.status).toBe(200)
    expect(again.headers.getSetCookie()).toHaveLength(1)
    expect((await managed.call('GET', '/api/providers', undefined, { ...ADMIN, ...known })).status).toBe(200)
    // Nor does it guess more often itself, nor does a cookie that nobody was given help.
    expect((await guess(PASSWORD, { cookie: `device=${'a'.repeat(43)}` })).status).toBe(429)
    await fail(known)
    expect((await guess(PASSWORD, known)).status).toBe(429)
  })
  test('knows a browser by its cookie only as long as the password is the same', async () => {
    let password = 'before'
    const settings = () => ({ isEnabled: true, username: USER, password, whitelistedRoutes: [], allowedOrigins: [] })
    const auth = createAdminAuth({ allowedHosts, settings, sessions: memoryKeyValue(() => now), now: () => now })
    const from = { address: '192.0.2.1', headers: new Map([['cookie', `device=${await auth.remember(new Map())}`]]) }
    expect(await auth.remember(from.headers)).toBeUndefined()
    password = 'after'
    expect(await auth.remember(from.headers)).toMatch(/./)
    for (let tries = 0; tries < 5; tries++) await expect(auth.logIn(USER, 'x', { ...FROM, address: '192.0.2.1' })).rejects.toThrow()
    await expect(auth.logIn(USER, 'after', from)).rejects.toMatchObject({ code: 'GW_TOO_MANY_ATTEMPTS' })
  })
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['', ''],
  ])('from %j counts as from %j', (address, network) => expect(networkOf(address)).toBe(network))
  test('from everywhere takes four checks at once, and has no more than 64 wait; who is known comes first', async () => {
    const checks = new Checks()
    const gate = Promise.withResolvers<void>()
    const [order, begun]: [string[], string[]] = [[], []]
    const check = (name: string, isKnown = false) =>
      checks
        .run(async () => {
          begun.push(name)
          await gate.promise
          order.push(name)
        }, isKnown)
        .catch(({ code }) => order.push(code))
    const all = Array.from({ length: 69 }, (_, at) => check(`guess ${at}`))
    all.push(check('known', true))
    await all[68]
    expect(order).toEqual(['GW_TOO_MANY_ATTEMPTS'])
    expect(begun).toHaveLength(4)
    gate.resolve()
    await Promise.all(all)
    expect(begun[4]).toBe('known')
    expect(order).toHaveLength(70)
  })
})

describe('tickets and the past', () => {
  const settings = () => ({ isEnabled: true, username: 'admin', password: 'secret', whitelistedRoutes: [], allowedOrigins: [] })
  test('a ticket opens once, within a minute', async () => {
    let time = 1_000_000
    const auth = createAdminAuth({ allowedHosts, settings, sessions: memoryKeyValue(() => time), now: () => time })
    const ticket = await auth.ticket()
    expect([await auth.useTicket('another'), await auth.useTicket(ticket), await auth.useTicket(ticket)]).toEqual([false, true, false])
    const late = await auth.ticket()
    time += 60_001
    expect(await auth.useTicket(late)).toBe(false)
  })
  test('neither tokens nor tickets lie in the store as they are', async () => {
    const kept: string[] = []
    const sessions = memoryKeyValue(Date.now)
    const set: KeyValueStore['set'] = (key, value, ttlMs) => {
      kept.push(`${key} ${value}`)
      return sessions.set(key, value, ttlMs)
    }
    const watched = { ...sessions, set }
    const auth = createAdminAuth({ allowedHosts, settings, sessions: watched, now: Date.now })
    const texts = [await auth.logIn('admin', 'secret', FROM), await auth.ticket()]
    expect(kept).toHaveLength(2)
    for (const text of texts) expect(kept.join()).not.toContain(text)
  })
  test('a password that was changed is wrong at once, and ends the sessions of before', async () => {
    let password = 'before'
    const auth = createAdminAuth({
      allowedHosts,
      settings: () => ({ ...settings(), password }),
      sessions: memoryKeyValue(Date.now),
      now: Date.now,
    })
    const headers = new Map([['authorization', `Bearer ${await auth.logIn('admin', 'before', FROM)}`]])
    expect(await auth.hasSession(headers)).toBe(true)
    password = 'after'
    expect(await auth.hasSession(headers)).toBe(false)
    await expect(auth.logIn('admin', 'before', FROM)).rejects.toMatchObject({ code: 'GW_UNAUTHORIZED' })
    await expect(auth.logIn('admin', 'after', FROM)).resolves.toMatch(/./)
  })
})

test('an old session token that could be read as a pair is no failed attempt to sign in', async () => {
  // 32 bytes with a colon, as random ones may have.
  const token = Buffer.from(`${'\xff'.repeat(15)}:${'\xfe'.repeat(16)}`, 'latin1').toString('base64url')
  for (let asked = 0; asked < 7; asked++)
    expect((await managed.call('GET', '/api/providers', undefined, { authorization: `Bearer ${token}` })).status).toBe(401)
})
