import { writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type RealGateway, realGateway } from '../helpers/real-gateway.ts'

const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
const hasIpv6 = addresses.some(({ address }) => address === '::1')

let gateway: RealGateway
afterEach(() => gateway.destroy())

const start = async (...args: string[]) => {
  gateway = await realGateway({ args })
}

function canConnect(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(gateway.url).port), host)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function version(): Promise<{ threads: number }> {
  return (await (await fetch(`${gateway.url}/api/version`)).json()) as { threads: number }
}

describe('flags of the gateway', () => {
  it('--host 0.0.0.0 listens on all addresses', async () => {
    await start('--host', '0.0.0.0')
    expect(gateway.output()).toContain('listening on http://0.0.0.0:')
    expect(gateway.url).toContain('//localhost:')
    const outer = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.2'
    expect(await canConnect('127.0.0.1')).toBe(true)
    expect(await canConnect(outer)).toBe(true)
  })

  it.skipIf(!hasIpv6)('--host ::1 listens there and nowhere else (skipped where there is no IPv6)', async () => {
    await start('--host', '::1')
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
    expect(await canConnect('::1')).toBe(true)
    expect(await canConnect('127.0.0.1')).toBe(false)
  })

  it('--threads N wins over the configuration', async () => {
    gateway = await realGateway({ config: { client: { threads: 1 } }, args: ['--threads', '3'] })
    expect((await version()).threads).toBe(3)
  })

  it('--threads auto takes the number from the cores', async () => {
    gateway = await realGateway({ config: { client: { threads: 5 } }, args: ['--threads', 'auto'] })
    expect((await version()).threads).not.toBe(5)
  })

  it('--config wins over the file of --app-dir, whose relative paths are its own', async () => {
    gateway = await realGateway({ hasBreaker: true, config: { client: { threads: 2 } } })
    expect((await version()).threads).toBe(2)
    const other = join(gateway.folder, 'other.json')
    writeFileSync(other, '{"client":{"threads":3}}')
    const first = gateway
    await start('--config', other)
    expect((await version()).threads).toBe(3)
    await first.destroy()
  })

  it('--log-level and --log-style rule the log', async () => {
    await start('--log-level', 'error')
    expect((await version()).threads).toBeGreaterThan(0)
    expect(gateway.output()).not.toContain('the gateway serves')
    await gateway.destroy()
    await start('--log-style', 'pretty')
    const [line] = await gateway.waitFor(/.*the gateway serves.*/)
    expect(line).not.toMatch(/^\{/)
  })
})

describe('the limit of a head, as the launcher sets it (faults.md 35)', () => {
  it('lets a header of 5 KB pass and answers 431 to one of 33 KB', async () => {
    await start()
    const statusFor = (bytes: number) =>
      new Promise((resolve, reject) => {
        const headers = { 'x-large': 'a'.repeat(bytes) }
        get(`${gateway.url}/health`, { agent: false, headers }, (response) => resolve(response.resume().statusCode)).on('error', reject)
      })
    expect(await statusFor(5 * 1024)).toBe(200)
    expect(await statusFor(33 * 1024)).toBe(431)
  })
})
