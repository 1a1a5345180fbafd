import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RealGateway, realGateway } from '../../helpers/real-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'
import { CHAT, call } from './support.ts'

let upstream: FakeUpstream
let gateway: RealGateway
const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  call(gateway.url, method, path, body, { connection: 'close', ...headers })
beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await realGateway({
    config: {
      config_store: { enabled: true, type: 'sqlite' },
      governance: { auth_config: { is_enabled: true, admin_username: 'admin', admin_password: 'env.PW', disable_auth_on_inference: true } },
    },
    args: ['--threads', '2'],
    env: { PW: 'a long password' },
  })
})
afterAll(async () => {
  await gateway?.destroy()
  await upstream?.close()
})
const ADMIN = { authorization: `Basic ${Buffer.from('admin:a long password').toString('base64')}` }

describe('a gateway of two data threads, managed', () => {
  test('serves what the API makes on every thread as soon as it is answered', async () => {
    const provider = { provider: 'openai', network_config: { base_url: upstream.url } }
    expect((await ask('POST', '/api/providers', provider, ADMIN)).status).toBe(200)
    expect((await ask('POST', '/api/providers/openai/keys', { name: 'k', value: 'sk-k', models: ['*'] }, ADMIN)).status).toBe(200)
    const lists = { provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'] }] }
    const made = await ask('POST', '/api/governance/virtual-keys', { name: 'v', ...lists }, ADMIN)
    const { id, value } = made.body.virtual_key
    const chat = async () => (await ask('POST', '/v1/chat/completions', CHAT, { 'x-bf-vk': value })).status
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill(200))
    await ask('PUT', `/api/governance/virtual-keys/${id}`, { is_active: false }, ADMIN)
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill(403))
    await ask('PUT', `/api/governance/virtual-keys/${id}`, { is_active: true }, ADMIN)
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill(200))
    expect((await ask('GET', '/api/models?query=text', undefined, ADMIN)).body.total).toBeGreaterThan(0)
    expect((await ask('GET', '/api/keys', undefined, ADMIN)).body[0]).toMatchObject({ name: 'k', status: 'success' })
  })
  test('loads plugins in every thread, and takes one back that fails in them', async () => {
    const file = (text: string) => {
      writeFileSync(join(gateway.folder, 'added.mjs'), text)
      return './added.mjs'
    }
    const source = (status: string) =>
      `import { definePlugin, GatewayError } from 'bifrost-node'
       export default definePlugin({ name: 'added', setup: () => ({ hooks: { governance: () => new GatewayError('GW_REQUEST_BLOCKED', { reason: '${status}' }) } }) })`
    const chat = async () => (await ask('POST', '/v1/chat/completions', CHAT)).body.error?.message
    const made = await ask('POST', '/api/plugins', { name: 'added', path: file(source('one')) }, ADMIN)
    expect(made.status, made.text).toBe(201)
    expect(made.body.plugin.status).toMatchObject({ status: 'active', types: ['governance'] })
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill('one'))
    file(source('two'))
    await ask('PUT', '/api/plugins/added', { version: 2 }, ADMIN)
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill('two'))
    file('throw new Error("broken on purpose")')
    const failed = await ask('PUT', '/api/plugins/added', { version: 3 }, ADMIN)
    expect([failed.status, failed.body.error.message]).toEqual([500, expect.stringContaining('broken on purpose')])
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill('two'))
    expect((await ask('DELETE', '/api/plugins/added', undefined, ADMIN)).status).toBe(200)
    expect(await Promise.all(Array.from({ length: 6 }, chat))).toEqual(Array(6).fill(undefined))
  })
  test('a broken edit of the file is told with line and path, and what ran runs on; a good one holds', async () => {
    const path = join(gateway.folder, 'config.json')
    const base = { config_store: { enabled: true, type: 'sqlite' } }
    writeFileSync(path, '{\n  "client": {\n    "required_headers": ["x-team",]\n  }\n}')
    await gateway.waitFor(/not taken over[^]*line 3|line 3[^]*not taken over/)
    expect((await ask('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
    writeFileSync(path, JSON.stringify({ ...base, client: { required_headers: 'x-team' } }))
    await gateway.waitFor(/client\.required_headers: must be a list/)
    expect((await ask('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
    writeFileSync(path, JSON.stringify({ ...base, client: { required_headers: ['x-team'] } }))
    await gateway.waitFor(/was taken over/)
    expect((await ask('POST', '/v1/chat/completions', CHAT)).body.error.type).toBe('missing_required_headers')
    expect((await ask('GET', '/api/providers', undefined, ADMIN)).status).toBe(200)
  })
})

test('asks providers for their models by itself, beside the start: what they say of a key is known before anybody asks', async () => {
  const provider = await startUpstream()
  const asked = Promise.withResolvers<void>()
  const one = await realGateway({
    config: { providers: { openai: { network_config: { base_url: provider.url }, keys: [{ name: 'k', value: 'sk-k', models: ['*'] }] } } },
    args: ['--threads', '1'],
  })
  const look = setInterval(() => provider.requests.some(({ path }) => path.startsWith('/v1/models')) && asked.resolve(), 10)
  await asked.promise
  clearInterval(look)
  await one.destroy()
  await provider.close()
})
