import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startUpstream } from '../../helpers/upstream.ts'
import { CHAT, manageOne, providerAt, startManaged } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'bifrost-plugins-'))
afterAll(() => rmSync(folder, { recursive: true }))
const ADMIN = { authorization: `Basic ${Buffer.from('admin:secret password').toString('base64')}` }
const managed = manageOne(
  (url) => ({
    providers: { openai: providerAt(url) },
    client: { enforce_auth_on_inference: false, whitelisted_routes: ['/v1/*'] },
    governance: {
      auth_config: { is_enabled: true, admin_username: 'admin', admin_password: 'env.PASSWORD', disable_auth_on_inference: true },
    },
  }),
  { env: { PASSWORD: 'secret password' }, folder },
)

/** What plugins of these tests tell, in the order in which it happened. */
const told: string[] = []
;(globalThis as Record<string, unknown>).toldOfPlugins = told
let gate = Promise.withResolvers<void>()
;(globalThis as Record<string, unknown>).gateOfPlugins = () => gate.promise
beforeEach(() => {
  told.length = 0
})

/** A plugin that tells of its life, and waits at the gate where a request asks it to. */
function plugin(file: string, label: string, more = ''): string {
  writeFileSync(
    join(folder, file),
    `import { z } from 'zod'
export default {
  config: z.looseObject({}),
  name: ${JSON.stringify(label.replace(/\d+$/, ''))},
  async setup(config) {
    if (config.fails) throw new Error('fails on purpose: ' + config.fails)
    globalThis.toldOfPlugins.push('setup ${label}')
    ${more}
    return {
      hooks: {
        preRequest: {
          async: true,
          async handler(ctx) {
            if (ctx.header('x-wait')) await globalThis.gateOfPlugins()
            globalThis.toldOfPlugins.push('request ${label}')
          },
        },
      },
      close() { globalThis.toldOfPlugins.push('close ${label}') },
    }
  },
}
`,
  )
  return `./${file}`
}
const api = (method: string, path: string, body?: unknown) => managed.call(method, path, body, ADMIN)
const ask = (headers = {}) => managed.call('POST', '/v1/chat/completions', CHAT, headers)

describe('a plugin that takes longer to load than a client waits', () => {
  const slow = async () => {
    const upstream = await startUpstream()
    const auth_config = { is_enabled: true, admin_username: 'admin', admin_password: 'secret password', disable_auth_on_inference: true }
    const config = { providers: { openai: providerAt(upstream.url) }, governance: { auth_config } }
    const onTaken = Promise.withResolvers<void>()
    const one = await startManaged({
      ...{ upstream, config, folder },
      management: { patienceMs: 30 },
      onLog: (line) => line.includes('is taken back') && onTaken.resolve(),
    })
    onTestFinished(async () => {
      await one.gateway.close()
      await upstream.close()
    })
    return { taken: onTaken.promise, call: (method: string, path: string, body?: unknown) => one.call(method, path, body, ADMIN), one }
  }
  const waiting = (file: string, label: string) =>
    plugin(file, label, "await globalThis.gateOfPlugins(); if (config.late) throw new Error('fails late: ' + config.late)")
  /** The change that was told to wait has been looked after once another one, which waits its turn behind it, is in place. */
  const settled = async ({ one }: Awaited<ReturnType<typeof slow>>) => {
    await one.gateway.live?.write('teams', 'settled', () => ({ id: 'settled', name: 'settled' }))
    await one.gateway.live?.write('teams', 'settled', () => undefined)
  }

  test('is answered with 202, shown as loading, and then serves', async () => {
    gate = Promise.withResolvers()
    const gateway = await slow()
    const made = await gateway.call('POST', '/api/plugins', { name: 'late', path: waiting('late.mjs', 'late1') })
    expect([made.status, made.body.version]).toEqual([202, expect.any(Number)])
    expect((await gateway.call('GET', '/api/plugins/late')).body.status).toMatchObject({ status: 'loading', logs: [] })
    gate.resolve()
    await expect.poll(async () => (await gateway.call('GET', '/api/plugins/late')).body.status.status).toBe('active')
    expect(gateway.one.gateway.core.plugins.plugins.map(({ name }) => name)).toEqual(['late'])
  })
  test('and then fails is taken back, and shown with its reason until it is changed or removed', async () => {
    gate = Promise.withResolvers()
    const gateway = await slow()
    const body = { name: 'broken', path: waiting('broken.mjs', 'broken1'), config: { late: 'today' } }
    expect((await gateway.call('POST', '/api/plugins', body)).status).toBe(202)
    gate.resolve()
    await gateway.taken
    await settled(gateway)
    expect(gateway.one.gateway.live?.entities.held('plugins', 'broken')).toBeUndefined()
    const { body: listed } = await gateway.call('GET', '/api/plugins')
    const failed = { name: 'broken', status: { status: 'error', logs: [expect.stringContaining('fails late: today')] } }
    expect(listed).toMatchObject({ count: 1, plugins: [failed] })
    expect((await gateway.call('GET', '/api/plugins/broken')).body).toMatchObject(failed)
    expect((await gateway.one.call('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
    expect((await gateway.call('DELETE', '/api/plugins/broken')).status).toBe(200)
    expect((await gateway.call('GET', '/api/plugins')).body).toEqual({ plugins: [], count: 0 })
    expect((await gateway.call('DELETE', '/api/plugins/broken')).status).toBe(404)
  })
  test('and fails in place of one that serves leaves that one serving', async () => {
    gate = Promise.withResolvers()
    gate.resolve()
    const gateway = await slow()
    const path = waiting('firmly.mjs', 'firmly1')
    expect((await gateway.call('POST', '/api/plugins', { name: 'firmly', path, config: { level: 1 } })).status).toBeLessThan(203)
    await expect.poll(async () => (await gateway.call('GET', '/api/plugins/firmly')).body.status.status).toBe('active')
    gate = Promise.withResolvers()
    expect((await gateway.call('PUT', '/api/plugins/firmly', { config: { late: 'now' } })).status).toBe(202)
    expect((await gateway.call('GET', '/api/plugins/firmly')).body.status.status).toBe('loading')
    gate.resolve()
    await gateway.taken
    await settled(gateway)
    expect((await gateway.call('GET', '/api/plugins/firmly')).body).toMatchObject({
      config: { level: 1 },
      status: { status: 'active', logs: [expect.stringContaining('fails late: now')] },
    })
    expect((await gateway.one.call('POST', '/v1/chat/completions', CHAT)).status).toBe(200)
    expect(told.at(-1)).toBe('request firmly1')
  })
})

describe('a plugin', () => {
  test('is loaded, changed, turned off and removed while the gateway serves', async () => {
    const path = plugin('life.mjs', 'life1')
    const made = await api('POST', '/api/plugins', { name: 'life', path, config: { api_key: 'CANARY-key-of-the-plugin', level: 1 } })
    expect(made.status, made.text).toBe(201)
    expect(made.body.plugin).toMatchObject({
      name: 'life',
      actualName: 'life',
      enabled: true,
      isCustom: true,
      placement: 'post_builtin',
      order: 0,
      config: { level: 1 },
      status: { name: 'life', status: 'active', logs: [], types: ['preRequest'] },
    })
    expect(made.text).not.toContain('CANARY')
    expect((await ask()).status).toBe(200)
    expect(told).toEqual(['setup life1', 'request life1'])
    expect((await api('POST', '/api/plugins', { name: 'life', path })).status).toBe(409)

    const shown = (await api('GET', '/api/plugins/life')).body
    expect((await api('PUT', '/api/plugins/life', { ...shown, order: 3 })).body.plugin).toMatchObject({ order: 3 })
    const held = managed.gateway.live?.entities.get('plugins', 'life')
    expect(held?.config).toEqual({ api_key: 'CANARY-key-of-the-plugin', level: 1 })
    expect(told.slice(2)).toEqual(['setup life1', 'close life1'])

    plugin('life.mjs', 'life2')
    await api('PUT', '/api/plugins/life', { version: 2 })
    await ask()
    expect(told.slice(4)).toEqual(['setup life2', 'close life1', 'request life2'])

    expect((await api('PUT', '/api/plugins/life', { enabled: false })).body.plugin.status).toMatchObject({ status: 'disabled', types: [] })
    await ask()
    expect(told.at(-1)).toBe('close life2')
    expect((await api('GET', '/api/plugins')).body).toMatchObject({ count: 1, plugins: [{ name: 'life', enabled: false }] })
    expect((await api('DELETE', '/api/plugins/life')).body).toEqual({ message: 'Plugin deleted successfully' })
    expect((await api('GET', '/api/plugins')).body).toEqual({ plugins: [], count: 0 })
  })
  test('serves the requests that it has begun to their end, and closes then', async () => {
    await api('POST', '/api/plugins', { name: 'flight', path: plugin('flight.mjs', 'flight1') })
    gate = Promise.withResolvers()
    const running = ask({ 'x-wait': '1' })
    // The request is under way once the next one, which came after it, has been answered.
    await ask()
    plugin('flight.mjs', 'flight2')
    await api('PUT', '/api/plugins/flight', { version: 2 })
    await ask()
    expect(told).toEqual(['setup flight1', 'request flight1', 'setup flight2', 'request flight2'])
    gate.resolve()
    expect((await running).status).toBe(200)
    expect(told.slice(4)).toEqual(['request flight1', 'close flight1'])
    await api('DELETE', '/api/plugins/flight')
  })
  test('that does not load is taken back, said with its own words, and what served before serves on', async () => {
    await api('POST', '/api/plugins', { name: 'firm', path: plugin('firm.mjs', 'firm1'), config: { level: 1 } })
    const failed = await api('PUT', '/api/plugins/firm', { config: { fails: 'today' } })
    expect(failed).toMatchObject({ status: 500, body: { error: { type: 'plugin_not_loaded' } } })
    expect(failed.body.error.message).toContain('fails on purpose: today')
    expect(managed.gateway.live?.entities.get('plugins', 'firm')?.config).toEqual({ level: 1 })
    expect((await api('GET', '/api/plugins/firm')).body.status).toMatchObject({
      status: 'active',
      logs: [expect.stringContaining('fails on purpose')],
    })
    await ask()
    expect(told).toEqual(['setup firm1', 'request firm1'])
    await api('PUT', '/api/plugins/firm', { order: 1 })
    expect((await api('GET', '/api/plugins/firm')).body.status.logs).toEqual([])

    const never = await api('POST', '/api/plugins', { name: 'never', path: plugin('never.mjs', 'never1'), config: { fails: 'always' } })
    expect(never.status).toBe(500)
    expect((await api('GET', '/api/plugins/never')).status).toBe(404)
    expect((await ask()).status).toBe(200)
    await api('DELETE', '/api/plugins/firm')
  })
  test.each([
    ['no name', {}, 'name'],
    ['a bad name', { name: 'a b', enabled: true }, 'name'],
    ['a name that climbs', { name: '../x' }, 'name'],
    ['a bad placement', { name: 'x', placement: 'middle' }, 'placement'],
    ['a path that leads nowhere', { name: 'x', path: './nowhere.mjs' }, 'path'],
    ['a name that nobody knows', { name: 'x' }, 'name'],
    ['an unknown field', { name: 'semantic_cache', colour: 'red', enabled: false }, 'colour'],
  ])('400 for %s', async (_name, body, param) => {
    const { status, body: answer } = await api('POST', '/api/plugins', body)
    expect([status, answer.error.param]).toEqual([400, param])
    expect((await api('GET', '/api/plugins')).body.count).toBe(0)
  })
  test('404 for one that is not there', async () => {
    for (const method of ['GET', 'DELETE']) expect((await api(method, '/api/plugins/nobody')).status).toBe(404)
  })
  test('by a path needs somebody who has signed in', async () => {
    const refused = await managed.call('POST', '/api/plugins', { name: 'sneaky', path: plugin('sneaky.mjs', 'sneaky1') })
    expect(refused.status).toBe(401)
    await managed.gateway.live?.write('settings', 'auth_config', (held) => ({ ...held?.body, is_enabled: false }))
    const open = await managed.call('POST', '/api/plugins', { name: 'sneaky', path: './sneaky.mjs' })
    expect(open).toMatchObject({ status: 403, body: { error: { message: expect.stringContaining('sign in') } } })
    expect(told).toEqual([])
    await managed.gateway.live?.write('settings', 'auth_config', (held) => ({ ...held?.body, is_enabled: true }))
  })
  test('that is known and not served says so', async () => {
    const { body } = await api('GET', '/api/plugins/builtins')
    const planned = body.plugins.find((each: { is_served: boolean }) => !each.is_served)
    if (!planned) return
    const made = await api('POST', '/api/plugins', { name: planned.name, enabled: false })
    expect(made.body.plugin.status).toMatchObject({ status: 'disabled' })
    await api('DELETE', `/api/plugins/${planned.name}`)
  })
})
