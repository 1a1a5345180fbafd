import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StreamStage } from '../../../core/hooks/hooks.ts'
import { definePlugin, type Plugin } from '../../../core/plugin/plugin.ts'
import { StreamPool } from '../../../core/stream/pool.ts'
import type { Target, UpstreamFault } from '../../../core/upstream/types.ts'
import { turn, until } from '../../helpers/clock.ts'
import { openStream } from '../../helpers/open-stream.ts'
import { folderWith } from '../../helpers/plugins.ts'
import { POOLED, type PooledBench, pooledBench } from '../../helpers/pooled.ts'
import { chatBody, chatRequest, rawClient } from '../../helpers/raw-client.ts'

const ask = (bench: PooledBench, model: string, body = {}) => bench.ask(POOLED, model, { body })

describe('before the stream: the data thread decides', () => {
  test('the provider’s status and words are kept', async () => {
    const bench = await pooledBench()
    expect(await ask(bench, 'fault-400')).toMatchObject({ status: 400, isMidStream: false })
    expect(await ask(bench, 'fault-529')).toMatchObject({ status: 529 })
    expect(await ask(bench, 'fault-html')).toMatchObject({ status: 502, type: 'upstream_invalid_response' })
    expect(await ask(bench, 'fault-redirect')).toMatchObject({ status: 502, type: 'upstream_redirect' })
    expect(bench.ownCalls).toBe(0)
    await bench.settled()
  })

  test('retries, each of them in the pool', async () => {
    const bench = await pooledBench({ network: { max_retries: 2 } })
    for (const model of ['fault-500-first-2', 'fault-rst-first']) {
      const { length } = bench.upstream.requests
      expect((await ask(bench, model)).text).toContain('Hello')
      expect(bench.hits(length).length).toBeGreaterThan(1)
    }
    expect(bench.ownCalls).toBe(0)
    await bench.settled()
  })

  test('the next key, then none', async () => {
    const keys = { random: () => 0, wallClock: () => 1_700_000_000_000 }
    const bench = await pooledBench({ ...keys, keys: ['dead-1', 'sk-good'], network: { max_retries: 2 } })
    expect((await ask(bench, 'text')).text).toContain('Hello')
    expect(bench.ownCalls).toBe(0)
  })

  test.each(['fault-error-event-first', 'fault-fin-after-start', 'fault-end-after-start', 'fault-503'])(
    'fallback after %s',
    async (model) => {
      const bench = await pooledBench()
      expect((await ask(bench, model, { fallbacks: ['anthropic/unicode'] })).text).toBeDefined()
      expect(bench.hits()).toHaveLength(2)
      expect(bench.ownCalls).toBe(0)
      await bench.settled()
    },
  )

  test('nobody listens', async () => {
    const bench = await pooledBench({ network: { max_retries: 0 } })
    await bench.upstream.close()
    expect(await ask(bench, 'text')).toMatchObject({ status: 502, type: 'upstream_connect_error' })
    await bench.settled()
  })

  test('a proxy is used by the pool as well', async () => {
    const connects: string[] = []
    const proxy = createServer((socket) => {
      socket.once('data', (data) => {
        connects.push(data.toString())
        socket.destroy()
      })
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void proxy.close())
    const { port } = proxy.address() as { port: number }
    const url = `http://127.0.0.1:${port}`
    const bench = await pooledBench({ provider: { proxy_config: { type: 'http', url, username: 'u', password: 'pass-CANARY' } } })
    connects.length = 0
    expect(await ask(bench, 'text')).toMatchObject({ status: 502 })
    expect(connects[0]).toMatch(/^(CONNECT|POST) /)
    expect(bench.lines.join()).not.toContain('CANARY')
  })
})

describe('inside the stream: an error event, never a clean end', () => {
  test.each([
    ['fault-error-mid', 'overloaded_error'],
    ['fault-fin-mid-stream', 'upstream_connection_lost'],
    ['fault-rst-mid-stream', 'upstream_connection_lost'],
    ['fault-end-mid-stream', 'upstream_truncated'],
    ['fault-bad-json', 'upstream_invalid_response'],
  ])('%s', async (model, type) => {
    const bench = await pooledBench({ network: { max_retries: 3 } })
    const verdict = await ask(bench, model, { fallbacks: ['openai/text'] })
    expect(verdict).toMatchObject({ isMidStream: true, type })
    expect(verdict.raw).not.toContain('[DONE]')
    expect(bench.hits()).toHaveLength(1)
    expect(bench.ownCalls).toBe(0)
    await bench.settled()
  })

  test('no secret in an error that the provider echoes', async () => {
    const bench = await pooledBench({ keys: ['CANARY-5f2c9a'] })
    for (const model of ['fault-echo-mid', 'fault-echo-first', 'fault-echo-headers']) {
      const verdict = await bench.ask(POOLED, model, { headers: { 'x-bf-send-back-raw-response': 'true' } })
      expect(verdict.text).toBeUndefined()
      expect([verdict.raw, verdict.message, ...bench.lines].join()).not.toContain('CANARY')
    }
  })
})

describe('time limits run on the data thread', () => {
  const LIMITS = { network: { default_request_timeout_in_seconds: 30, stream_idle_timeout_in_seconds: 60 } }

  test('silence before a head: 504', async () => {
    const bench = await pooledBench(LIMITS)
    const stream = openStream(bench, POOLED, 'fault-silent')
    await bench.upstream.request(0)
    bench.clock.advance(30_001)
    expect(await (await stream).rest()).toContain('request_timed_out')
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  test('silence after content: the error event at the idle limit', async () => {
    const bench = await pooledBench(LIMITS)
    const stream = await openStream(bench, POOLED, 'fault-stall-after-2', {}, 'Hello')
    bench.clock.advance(60_001)
    const text = await stream.rest()
    expect(text).toContain('stream_idle_timeout')
    expect(text).not.toContain('[DONE]')
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  test('any byte moves it, one that makes no event too', async () => {
    const bench = await pooledBench(LIMITS)
    const stream = await openStream(bench, POOLED, 'gated-ping-a', {}, 'Hello')
    bench.clock.advance(59_900)
    bench.upstream.release('a')
    // Both streams share the pool thread: once the other has come, so has the comment.
    await (await openStream(bench, POOLED, 'text')).rest()
    bench.clock.advance(59_900)
    bench.upstream.release('a-rest')
    expect(await stream.rest()).toContain('[DONE]')
    await bench.settled()
  })

  test('the longest stream', async () => {
    const bench = await pooledBench({ client: { max_stream_duration_seconds: 600 } })
    const stream = await openStream(bench, POOLED, 'fault-stall-after-2', {}, 'Hello')
    bench.clock.advance(600_001)
    expect(await stream.rest()).toContain('stream_duration_exceeded')
    await bench.settled()
  })
})

describe('the client', () => {
  test.each(['fault-stall-after-2', 'fault-silent'])('leaves: the provider is cancelled at once (%s)', async (model) => {
    const seen: string[] = []
    const postHook = (outcome: { ok: boolean; error?: { code: string } }) => void seen.push(outcome.error?.code ?? 'ok')
    const bench = await pooledBench({ plugins: [definePlugin({ name: 'watcher', setup: () => ({ hooks: { postHook } }) })] })
    seen.length = 0
    const client = rawClient(bench.gateway.port)
    client.write(chatRequest(chatBody(`anthropic/${model}`, { stream: true })))
    if (model === 'fault-silent') await bench.upstream.request(0)
    else await client.until('Hello')
    client.socket.destroy()
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
    expect(seen).toEqual(['GW_CANCELLED'])
  })

  test('reads slowly: the provider is paused, and goes on when it reads', async () => {
    const bench = await pooledBench()
    const client = rawClient(bench.gateway.port)
    client.socket.pause()
    client.write(chatRequest(chatBody('anthropic/flood-48', { stream: true })))
    const request = await bench.upstream.request(0)
    const socket = bench.upstream.sockets.find(({ id }) => id === request.socketId)
    await until(() => (socket?.bytesWritten ?? 0) > 1024 * 1024)
    let before = -1
    for (let same = 0; same < 5_000; same = socket?.bytesWritten === before ? same + 1 : 0) {
      before = socket?.bytesWritten ?? 0
      await turn()
    }
    expect(before).toBeLessThan(24 * 1024 * 1024)
    let bytes = 0
    let tail = ''
    client.socket.removeAllListeners('data')
    client.socket.on('data', (data: Buffer) => {
      bytes += data.length
      tail = (tail + data.toString('latin1')).slice(-200)
    })
    client.socket.resume()
    await until(() => tail.includes('[DONE]'))
    expect(bytes).toBeGreaterThan(48 * 64 * 16_000)
    await bench.settled()
  })
})

const DEADLY = `
export const leaving = { start: () => null, step(_, part) { if (part.type === 'part-delta') process.exit(3) }, end() {} }
export const escaping = { start: () => null, step(_, part, out) {
  out.push(part)
  if (part.type === 'part-delta') setImmediate(() => { throw new Error('escaped') })
}, end() {} }
`

function staging(stages: () => readonly StreamStage[]): Plugin {
  return definePlugin({ name: 'staging', setup: () => ({ hooks: { stream: (before) => [...before, ...stages()] } }) })
}

describe('a pool thread that dies', () => {
  test.each(['leaving', 'escaping'])('costs its streams an error event; later ones work again (%s)', async (name) => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ plugins: [staging(() => stages)], client: { stream_commit_after_ms: 0 } })
    const other = await openStream(bench, POOLED, 'fault-stall-after-2', {}, 'Hello')
    const module = pathToFileURL(`${folderWith({ 'deadly.mjs': DEADLY })}/deadly.mjs`).href
    stages = [{ on: 'parts', ref: { module, name } }]
    const killer = await openStream(bench, POOLED, 'fault-stall-after-2')
    for (const stream of [other, killer]) {
      const text = await stream.rest()
      expect(text).toContain('upstream_connection_lost')
      expect(text).not.toContain('[DONE]')
    }
    stages = []
    expect(await (await openStream(bench, POOLED, 'text')).rest()).toContain('[DONE]')
    expect(bench.ownCalls).toBe(0)
    await bench.settled()
  })

  test('before it is ready fails what waits for it, and again what asks later', async () => {
    const module = pathToFileURL(`${folderWith({ 'entry.mjs': "throw new Error('no entry')" })}/entry.mjs`)
    const pool = new StreamPool(1, module)
    onTestFinished(() => pool.close())
    for (let time = 0; time < 2; time++) {
      const fault = await new Promise<UpstreamFault>((onError) => {
        pool.open({ target: {} as Target } as never, { onError, onHead() {}, onData() {}, onEnd() {} })
      })
      expect([fault.kind, fault.message]).toEqual(['reset', expect.stringContaining('no entry')])
    }
  })
})

describe('the end of the gateway', () => {
  test('an open stream gets its error event, and nothing is left', async () => {
    const bench = await pooledBench()
    const stream = await openStream(bench, POOLED, 'fault-stall-after-2', {}, 'Hello')
    const { core } = bench.gateway
    await core.close()
    expect(await stream.rest()).toContain('shutting_down')
    await bench.settled()
    expect(core.runtime.deadlines.size).toBe(0)
  })

  test('a process that has closed its gateway ends by itself', async () => {
    const script = `
      import { createGateway } from ${JSON.stringify(pathToFileURL(resolve('transports/testing.ts')).href)}
      import { startUpstream } from ${JSON.stringify(pathToFileURL(resolve('bench/upstream.ts')).href)}
      const upstream = await startUpstream()
      const anthropic = { keys: [{ name: 'a', value: 'sk-a', models: ['*'] }], network_config: { base_url: upstream.url } }
      const gateway = await createGateway({ config: { providers: { anthropic } }, poolThreads: 1, utilisation: () => 1 })
      const body = { model: 'anthropic/text', stream: true, messages: [{ role: 'user', content: 'hi' }] }
      const answer = await gateway.fetch('/v1/chat/completions', body)
      process.stdout.write(String((await answer.text()).includes('[DONE]')))
      await gateway.close()
      await upstream.close()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let text = ''
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString()
    })
    const [code] = await once(child, 'exit')
    expect([code, text]).toEqual([0, 'true'])
  })
})
