import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { findNode, gatewayEnv } from '../../transports/launcher.ts'
import { isAlive, type LaunchedGateway, launchGateway, watch } from '../helpers/gateway-process.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const launcher = (...args: string[]) => [file('../helpers/launch.ts'), file('../helpers/thread-main.ts'), ...args]

let gateway: LaunchedGateway | undefined
afterEach(async () => {
  gateway?.launcher.kill('SIGTERM')
  await gateway?.exited
  gateway = undefined
})

async function secondPid({ waitFor }: LaunchedGateway): Promise<number> {
  return Number((await waitFor(/\(pid \d+,[^]*\(pid (\d+),[^]*the gateway serves/))[1])
}

describe('the choice of Node', () => {
  const runtime = { platform: 'plan9', arch: 'x64', version: 'v22.18.0', execPath: '/bin/node', isMusl: false }

  it('is the running one where no package has it and it is new enough', () => {
    expect(findNode(runtime)).toEqual({ path: '/bin/node' })
  })
  it.each(['v20.20.2', 'v22.17.1', 'v23.1.0', 'v24.0.0'])('is a sentence on %s without the package', (version) => {
    expect(findNode({ ...runtime, version })).toEqual({ problem: expect.stringContaining(version) })
  })
  it('is a sentence on musl', () => {
    expect(findNode({ ...runtime, isMusl: true })).toEqual({ problem: expect.stringContaining('musl') })
  })
})

describe("the gateway's environment", () => {
  it('has room for headers and enough threads, and leaves what the operator set', () => {
    expect(gatewayEnv({}, ['--threads', '16'])).toMatchObject({ UWS_HTTP_MAX_HEADERS_SIZE: '32768', UV_THREADPOOL_SIZE: '64' })
    expect(gatewayEnv({}, ['-threads=1']).UV_THREADPOOL_SIZE).toBe('16')
    expect(gatewayEnv({ UV_THREADPOOL_SIZE: '5' }, []).UV_THREADPOOL_SIZE).toBe('5')
  })
})

describe('the launcher', () => {
  it('starts a killed gateway again on the same port', async () => {
    gateway = await launchGateway()
    process.kill(gateway.pid, 'SIGKILL')
    await secondPid(gateway)
    expect((await fetch(`${gateway.url}/hello`)).status).toBe(200)
    gateway.launcher.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
  })

  it('starts it again when a data thread hit its heap limit', async () => {
    gateway = await launchGateway({ env: { NODE_OPTIONS: '--max-old-space-size=64' } })
    await fetch(`${gateway.url}/heap`).catch(() => undefined)
    await secondPid(gateway)
    expect((await fetch(`${gateway.url}/hello`)).status).toBe(200)
  })

  it.each([
    ['a configuration that is bad', ['--config', 'bad'], 78, /client\.threads: is bad/],
    ['a flag that is unknown', ['--bogus'], 2, /--bogus/],
  ])('does not try again with %s', async (_, args, code, sentence) => {
    const started = watch(spawn(process.execPath, launcher('--port', '0', ...args)))
    expect(await started.exited).toBe(code)
    expect(started.output()).toMatch(sentence)
    expect(started.output()).not.toContain('starting it again')
  })

  it('ends at once, and not with 0, on a second signal', async () => {
    gateway = await launchGateway({ env: { TEST_CLIENT: '{"drainDelayMs":60000}' } })
    gateway.launcher.kill('SIGTERM')
    await gateway.waitFor(/the gateway drains/)
    const timer = setInterval(() => gateway?.launcher.kill('SIGTERM'), 100)
    const code = await gateway.exited
    clearInterval(timer)
    expect(code).toBe(137)
    expect(isAlive(gateway.pid)).toBe(false)
  })

  it('takes a signal that comes twice in a moment for one', async () => {
    gateway = await launchGateway()
    gateway.launcher.kill('SIGINT')
    gateway.launcher.kill('SIGINT')
    expect(await gateway.exited).toBe(0)
  })

  it('ends in order when the gateway itself gets SIGTERM', async () => {
    gateway = await launchGateway()
    process.kill(gateway.pid, 'SIGTERM')
    expect(await gateway.exited).toBe(0)
  })

  it('leaves no gateway behind when it is killed itself', async () => {
    gateway = await launchGateway()
    gateway.launcher.kill('SIGKILL')
    await gateway.exited
    expect(gateway.output()).toContain('the gateway has stopped')
  })

  it('drains when its parent is gone', async () => {
    const script = `const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify(launcher('--port', '0'))}, { stdio: 'inherit' }); setInterval(() => {}, 1000)`
    const parent = watch(spawn(process.execPath, ['-e', script]))
    await parent.waitFor(/the gateway serves/)
    parent.launcher.kill('SIGKILL')
    await parent.exited
    expect(parent.output()).toContain('the gateway has stopped')
  })
})
