import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Route } from '../../core/edge.ts'
import { ROUTES } from '../../transports/routes.ts'
import { routesOn, surfacesOf } from '../../transports/surfaces.ts'
import { type RealGateway, realGateway } from '../helpers/real-gateway.ts'

const METRICS: Route = { method: 'GET', path: '/metrics', operation: 'metrics', format: 'openai-chat', at: 'control', surface: 'metrics' }
const ALL = [...ROUTES, METRICS]
const paths = (routes: readonly Route[]) => routes.map(({ path }) => path)

describe('the rows of a listener', () => {
  test('without ports of their own all are on the main one', () => {
    expect(surfacesOf({})).toEqual(['public'])
    expect(routesOn('public', ALL, {})).toEqual(ALL)
  })

  test('each is on one listener, health on all', () => {
    const ports = { adminPort: 1, metricsPort: 2 }
    expect(surfacesOf(ports)).toEqual(['public', 'admin', 'metrics'])
    expect(paths(routesOn('metrics', ALL, ports))).toEqual(['/health', '/metrics'])
    const admin = paths(routesOn('admin', ALL, ports))
    expect(admin.filter((path) => path !== '/health').every((path) => path.startsWith('/api/'))).toBe(true)
    const main = paths(routesOn('public', ALL, ports))
    expect(main).toContain('/health')
    expect(main.some((path) => path.startsWith('/api/') || path === '/metrics')).toBe(false)
    expect(main.length + admin.length + 1).toBe(ALL.length + 1)
  })

  test('what has no port of its own stays on the main one', () => {
    expect(paths(routesOn('public', ALL, { adminPort: 1 }))).toContain('/metrics')
    expect(paths(routesOn('public', ALL, { metricsPort: 1 }))).toContain('/api/version')
  })

  test('everything below /api is on the admin listener', () => {
    expect(ROUTES.filter(({ path, surface }) => path.startsWith('/api/') && surface !== 'admin')).toEqual([])
  })
})

describe('listeners of the gateway', () => {
  let gateway: RealGateway
  afterEach(() => gateway.destroy())
  const status = async (url: string) => (await fetch(url)).status

  test('admin and metrics are found on their own ports alone, health on each', async () => {
    gateway = await realGateway({ config: { client: { admin_port: 0, metrics_port: 0 } }, args: ['--threads', '2'] })
    const [, admin] = await gateway.waitFor(/admin on (http:\S+)/)
    const [, metrics] = await gateway.waitFor(/metrics on (http:\S+)/)
    for (const base of [gateway.url, admin, metrics]) expect(await status(`${base}/health`)).toBe(200)
    for (let turn = 0; turn < 2; turn++) expect(await status(`${admin}/api/version`)).toBe(200)
    for (const base of [gateway.url, metrics]) expect(await status(`${base}/api/version`)).toBe(404)
    for (const base of [admin, metrics]) expect(await status(`${base}/v1/models`)).toBe(404)
    gateway.launcher.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
  })

  test('several hosts, a unix socket among them, serve the same, and the text names all', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bifrost-unix-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'gateway.sock')
    gateway = await realGateway({ args: ['--host', '127.0.0.1', '--host', '127.0.0.2', '--host', `unix:${path}`] })
    const port = new URL(gateway.url).port
    expect(gateway.output()).toContain(`listening on http://127.0.0.1:${port}, http://127.0.0.2:${port}, unix:${path}\n`)
    expect(await status(`http://127.0.0.2:${port}/health`)).toBe(200)
    const answer = await new Promise<string>((resolve, reject) => {
      request({ socketPath: path, path: '/health' }, (response) => text(response).then(resolve, reject))
        .on('error', reject)
        .end()
    })
    expect(JSON.parse(answer)).toMatchObject({ status: 'ok' })
  })
})
