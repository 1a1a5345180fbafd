import { get } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { isAlive, type LaunchedGateway, launchGateway } from '../../helpers/gateway-process.ts'

let gateway: LaunchedGateway
const start = async (options: Parameters<typeof launchGateway>[0] = {}) => {
  gateway = await launchGateway(options)
  return gateway
}
const client = (settings: object) => ({ TEST_CLIENT: JSON.stringify(settings) })

afterEach(async () => {
  gateway.launcher.kill('SIGTERM')
  await gateway.exited
  expect(isAlive(gateway.pid)).toBe(false)
})

interface Answer {
  status: number | undefined
  body: string
}

/** One request on a connection of its own; `onPart` sees the body as it comes. Rejects when the connection breaks. */
function ask(path: string, onPart?: () => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(gateway.url + path, { agent: false }, (res) => {
      let body = ''
      res.on('data', (part) => {
        body += part
        onPart?.()
      })
      res.on('end', () => resolve({ status: res.statusCode, body }))
      res.on('error', reject)
    }).on('error', reject)
  })
}

/** Resolves once the stream's first bytes are here; `answer` is the whole of it. */
async function openStream(): Promise<{ answer: Promise<Answer> }> {
  const first = Promise.withResolvers<void>()
  const answer = ask('/stream', () => first.resolve())
  answer.catch((error) => first.reject(error))
  await first.promise
  return { answer }
}

async function waitUntil(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}

describe('a gateway of threads', () => {
  it('serves from every data thread, and from the main thread what is at home there', async () => {
    await start({ args: ['--threads', '2'] })
    const bodies = new Set<string>()
    for (let i = 0; i < 4; i++) bodies.add((await ask('/hello')).body)
    expect(bodies).toEqual(new Set(['hello from 0', 'hello from 1']))
    expect(await ask('/health')).toMatchObject({ status: 200, body: '{"status":"ok","components":{"db_pings":"disabled"}}' })
  })

  it('ends the one request whose plugin threw where nothing catches, and refuses process.exit', async () => {
    await start()
    const { answer } = await openStream()
    expect((await ask('/throw')).status).toBe(500)
    expect((await ask('/exit')).body).toContain('refused')
    await ask('/end')
    expect((await answer).body).toBe('first;last')
    expect(isAlive(gateway.pid)).toBe(true)
  })

  it('replaces its data threads under load without losing a request', async () => {
    await start({ args: ['--threads', '2'] })
    const { answer } = await openStream()
    let isOver = false
    const seen = new Set<string>()
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) seen.add((await ask('/hello')).body)
    })
    process.kill(gateway.pid, 'SIGUSR2')
    await Promise.race([waitUntil(() => seen.has('hello from 2')), ...load])
    await ask('/end')
    await Promise.race([gateway.waitFor(/"by":3,/), ...load])
    isOver = true
    await Promise.all(load)
    expect((await answer).body).toBe('first;last')
    expect([...seen].every((body) => /^hello from \d$/.test(body))).toBe(true)
    expect(seen).toContain('hello from 3')
  })

  it('drains on SIGTERM: readiness 503, the listener open for the delay, running streams to their end', async () => {
    await start({ env: client({ drainDelayMs: 2000 }) })
    const { answer } = await openStream()
    gateway.launcher.kill('SIGTERM')
    await gateway.waitFor(/the gateway drains/)
    const health = await fetch(`${gateway.url}/health`)
    expect([health.status, health.headers.get('connection')]).toEqual([503, 'close'])
    await ask('/end')
    expect((await answer).body).toBe('first;last')
    expect(await gateway.exited).toBe(0)
  })

  it('cuts what still runs after the grace time with the last words of its dialect, and ends with 0', async () => {
    await start({ env: client({ graceMs: 300 }) })
    const { answer } = await openStream()
    gateway.launcher.kill('SIGTERM')
    expect((await answer).body).toBe('first;cut')
    expect(await gateway.exited).toBe(0)
  })

  it('starts anew when a data thread hangs in a loop', async () => {
    await start({ env: { TEST_SILENCE_MS: '3000' } })
    const broken = ask('/spin').catch((error: Error) => error)
    await gateway.waitFor(/gives no sign of life/)
    expect(await broken).toBeInstanceOf(Error)
    await gateway.waitFor(/\(pid \d+,[^]*\(pid \d+,/)
    expect((await ask('/hello')).status).toBe(200)
  })
})
