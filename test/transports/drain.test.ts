import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { askOnce } from '../helpers/load.ts'
import { type RealGateway, realGateway } from '../helpers/real-gateway.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

const STREAMS = 50

describe.skipIf(process.platform === 'win32')('the drain of a gateway with running streams (skipped on Windows: it has no signals)', () => {
  let upstream: FakeUpstream
  let gateway: RealGateway
  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(() => upstream.close())
  afterEach(() => gateway.destroy())

  async function start(shutdown: object): Promise<void> {
    const provider = (name: string) => ({ keys: [{ name, value: 'sk-k', models: ['*'] }], network_config: { base_url: upstream.url } })
    const providers = { openai: provider('o'), anthropic: provider('a') }
    gateway = await realGateway({ config: { client: { shutdown }, providers }, args: ['--threads', '2'] })
  }

  /** Streams of both lanes, each with its first content at the client. Resolves with what each is in the end. */
  async function openStreams(gate: string): Promise<{ ended: Promise<string[]> }> {
    const responses = await Promise.all(
      Array.from({ length: STREAMS }, async (_, index) => {
        const model = `${index % 2 === 0 ? 'openai' : 'anthropic'}/gated-stream-${gate}`
        const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello!' }] })
        return fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })
      }),
    )
    return { ended: Promise.all(responses.map((response) => response.text())) }
  }

  async function term(): Promise<void> {
    gateway.launcher.kill('SIGTERM')
    await gateway.waitFor(/the gateway drains/)
  }

  it('turns readiness at once, answers and closes during the delay, and lets the streams end', async () => {
    await start({ drain_delay_seconds: 2, grace_seconds: 15 })
    const { ended } = await openStreams('finishing')
    await term()
    const health = await fetch(`${gateway.url}/health`)
    expect([health.status, health.headers.get('connection')]).toEqual([503, 'close'])
    const body = JSON.stringify({ model: 'demo/hello', messages: [{ role: 'user', content: 'Hello!' }] })
    const late = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close'])
    await expect.poll(() => askOnce(gateway.url, { model: 'demo/hello' }), { timeout: 8000 }).toMatchObject({ status: 'broken' })
    upstream.release('finishing')
    for (const text of await ended) expect(text).toMatch(/"finish_reason":"stop"[^]*data: \[DONE\]\n\n$/)
    expect(await gateway.exited).toBe(0)
  })

  it('answers what outlives the grace time with 503', async () => {
    await start({ drain_delay_seconds: 0, grace_seconds: 0.5 })
    const asked = askOnce(gateway.url, { model: 'openai/gated-whole' })
    await upstream.request(upstream.requests.length)
    await term()
    expect(await asked).toMatchObject({ status: 503, text: expect.stringContaining('"shutting_down"') })
    expect(await gateway.exited).toBe(0)
  })

  it('ends streams that outlive the grace time with the error of their dialect', async () => {
    await start({ drain_delay_seconds: 0, grace_seconds: 0.5 })
    const { ended } = await openStreams('outliving')
    await term()
    for (const text of await ended) {
      expect(text).not.toContain('[DONE]')
      expect(text).toMatch(/data: \{[^\n]*"error":\{[^\n]*\}\n\n$/)
    }
    expect(await gateway.exited).toBe(0)
  })
})
