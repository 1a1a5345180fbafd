import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isAlive, watch } from '../helpers/gateway-process.ts'
import { askOnce, type Load, startLoad } from '../helpers/load.ts'
import { NO_KEYS, pidsOf, type RealGateway, realGateway, secondPid } from '../helpers/real-gateway.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const isWindows = process.platform === 'win32'
const CLIENTS = 6

describe.skipIf(isWindows)('npm start (skipped on Windows: it has neither signals nor process groups)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-npm-'))
  let npm: ReturnType<typeof watch>
  let url: string
  beforeAll(async () => {
    const env = { ...process.env, ...NO_KEYS }
    npm = watch(spawn('npm', ['start', '--', '--port', '0', '--threads', '1', '--app-dir', folder], { cwd: ROOT, env, detached: true }))
    url = String((await npm.waitFor(/curl (http:\/\/[^/]+)\/v1/))[1])
    await npm.waitFor(/the gateway serves/)
  })
  afterAll(() => {
    if (isGroupAlive(npm.launcher.pid)) process.kill(-Number(npm.launcher.pid), 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('answers health and the demo, whole and streamed', async () => {
    expect((await fetch(`${url}/health`)).status).toBe(200)
    const whole = await askOnce(url, { model: 'demo/hello' })
    expect(whole).toEqual({ status: 200, text: expect.stringContaining('"chat.completion"') })
    const streamed = await askOnce(url, { model: 'demo/hello', stream: true })
    expect(streamed).toEqual({ status: 200, text: expect.stringMatching(/^data: \{[^]*data: \[DONE\]\n\n$/) })
  })

  it('ends with 0 when npm itself gets SIGTERM, and leaves no process behind', async () => {
    npm.launcher.kill('SIGTERM')
    expect(await npm.exited).toBe(0)
    expect(npm.output()).toContain('the gateway has stopped')
    expect(isGroupAlive(npm.launcher.pid)).toBe(false)
  })
})

function isGroupAlive(leader: number | undefined): boolean {
  return leader !== undefined && isAlive(-leader)
}

describe.skipIf(isWindows)('a gateway of two data threads under load (skipped on Windows: it has no signals)', () => {
  let upstream: FakeUpstream
  let gateway: RealGateway
  let load: Load | undefined
  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(() => upstream.close())
  afterEach(async () => {
    await gateway.destroy()
    await load?.stop()
    load = undefined
  })

  async function start(options: { hasBreaker?: boolean; env?: Record<string, string> } = {}): Promise<Load> {
    const openai = { keys: [{ name: 'k', value: 'sk-k', models: ['*'] }], network_config: { base_url: upstream.url } }
    gateway = await realGateway({ config: { providers: { openai } }, args: ['--threads', '2'], ...options })
    load = startLoad(gateway.url, 'openai/text', CLIENTS)
    await load.more(2 * CLIENTS)
    return load
  }
  const breakIt = (way: string) => askOnce(gateway.url, { model: 'demo/hello' }, { 'x-test-break': way })

  it('loses only the request whose plugin throws outside any promise', async () => {
    const running = await start({ hasBreaker: true })
    for (let turn = 0; turn < 6; turn++) expect((await breakIt('timer')).status).toBe(500)
    await running.more(2 * CLIENTS)
    expect([...(await running.stop()).keys()]).toEqual([200])
    expect(pidsOf(gateway.output())).toEqual([gateway.pid])
  })

  it('loses nothing when its data threads are replaced', async () => {
    const running = await start()
    for (let thread = 3; thread <= 5; thread += 2) {
      gateway.launcher.kill('SIGUSR2')
      await gateway.waitFor(new RegExp(`"by":${thread},`))
    }
    await running.more(2 * CLIENTS)
    expect([...(await running.stop()).keys()]).toEqual([200])
    expect(pidsOf(gateway.output())).toEqual([gateway.pid])
  })

  it('serves again on the same port when it was killed', async () => {
    const running = await start()
    process.kill(gateway.pid, 'SIGKILL')
    await secondPid(gateway)
    await running.more(2 * CLIENTS)
    gateway.launcher.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
  })

  it('serves again when a plugin took all memory', async () => {
    const running = await start({ hasBreaker: true, env: { NODE_OPTIONS: '--max-old-space-size=64' } })
    expect((await breakIt('heap')).status).toBe('broken')
    await secondPid(gateway)
    await running.more(2 * CLIENTS)
  })
})
