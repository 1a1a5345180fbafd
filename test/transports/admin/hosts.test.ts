import { describe, expect, test } from 'vitest'
import { refuseStrangeHost } from '../../../transports/admin/hosts.ts'
import { manageOne, providerAt, rawPath } from './support.ts'

const passes = (host: string | undefined, allowed: readonly string[] = []): boolean => {
  try {
    refuseStrangeHost(host, allowed)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'GW_REQUEST_BLOCKED', message: expect.stringContaining('client.allowed_hosts') })
    return false
  }
}

describe('without sign-in the management API is asked by', () => {
  test.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST.',
    'app.localhost:8080',
    '127.0.0.1',
    '10.1.2.3:8080',
    '[::1]:8080',
    '[fd00::1]',
    '[::ffff:127.0.0.1]:80',
    'gateway:8080',
    'tower.local',
    'host.docker.internal:8080',
    'gateway.ai.svc.cluster.local',
    'box.home.arpa',
  ])('%s', (host) => expect(passes(host)).toBe(true))
  test.each([
    undefined,
    '',
    'evil.example.com',
    'evil.example.com:8080',
    'localhost.evil.example.com',
    'local.example',
    'internal.evil.com',
    'evil.xlocal',
    '127.0.0.1.nip.io',
    'localhost@evil.example.com',
    'evil.example.com#localhost',
    'localhost:8080:80',
    'localhost/',
    ' localhost',
    '[::1',
    '[localhost]',
  ])('nobody as %j', (host) => expect(passes(host)).toBe(false))
  test('names that are allowed, and any by *', () => {
    expect(passes('Gateway.example.com:443', ['gateway.example.com'])).toBe(true)
    expect(passes('x.gateway.example.com', ['gateway.example.com'])).toBe(false)
    expect(passes('whatever.example.com', ['*'])).toBe(true)
    expect(passes('a b', ['*'])).toBe(false)
  })
})

describe('a gateway', () => {
  const managed = manageOne((url) => ({ client: { allowed_hosts: ['gw.example.com'] }, providers: { openai: providerAt(url) } }))
  const asked = async (path: string, host: string) => (await rawPath(managed.gateway.url, path, { host })).status
  test('refuses a rebound name, and lets health, models and what is allowed through', async () => {
    expect(await asked('/api/providers', 'evil.example.com')).toBe(403)
    expect(await asked('/api/docs', 'evil.example.com')).toBe(403)
    for (const path of ['/health', '/v1/models?provider=openai']) expect([path, await asked(path, 'evil.example.com')]).toEqual([path, 200])
    for (const host of ['localhost', 'gw.example.com']) expect([host, await asked('/api/providers', host)]).toEqual([host, 200])
  })
  test('says which setting, and takes it at once; with sign-in on any name may ask', async () => {
    const refused = await rawPath(managed.gateway.url, '/api/config', { host: 'new.example.com' })
    expect(JSON.parse(refused.text).error).toMatchObject({
      type: 'request_blocked',
      message: expect.stringContaining('client.allowed_hosts'),
    })
    const changed = await managed.call('PUT', '/api/config', { client_config: { allowed_hosts: ['new.example.com'] } })
    expect(changed.status, changed.text).toBe(200)
    expect(await asked('/api/providers', 'new.example.com')).toBe(200)
    expect(await asked('/api/providers', 'gw.example.com')).toBe(403)
    expect((await managed.call('PUT', '/api/config', { client_config: { allowed_hosts: ['http://x'] } })).status).toBe(400)
    const auth = { is_enabled: true, admin_username: 'admin', admin_password: 'a long password' }
    expect((await managed.call('PUT', '/api/config', { auth_config: auth })).status).toBe(200)
    expect(await asked('/api/providers', 'evil.example.com')).toBe(401)
  })
})
