import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { definePlugin } from '../../core/plugin/plugin.ts'
import { turn, until } from '../helpers/clock.ts'
import { faultBench, WAYS } from '../helpers/faults.ts'
import { openStream } from '../helpers/open-stream.ts'
import { chatBody, chatRequest, rawClient } from '../helpers/raw-client.ts'

const STREAMED = WAYS.filter((way) => way.stream)

/** A plugin that writes down how each request ended. */
function watcher(seen: string[]) {
  return definePlugin({
    name: 'watcher',
    setup: () => ({ hooks: { postHook: (outcome) => void seen.push(outcome.ok ? 'ok' : outcome.error.code) } }),
  })
}

describe.each(WAYS)('the client leaves ($side, stream $stream)', (way) => {
  const ask = (model: string) => chatRequest(chatBody(`${way.side}/${model}`, { stream: way.stream }))

  it.each(['FIN', 'reset', 'half-close'] as const)(
    '29, 31 before the provider answers, by %s: the provider is cancelled, nothing is tried again',
    async (how) => {
      const seen: string[] = []
      const bench = await faultBench({ network: { max_retries: 3 }, plugins: [watcher(seen)] })
      const client = rawClient(bench.gateway.port)
      client.write(ask('fault-silent'))
      await bench.upstream.request(0)
      if (how === 'half-close') client.socket.end()
      else if (how === 'reset') client.socket.resetAndDestroy()
      else client.socket.destroy()
      expect(await bench.upstream.closed(0)).toBe('closed-by-client')
      await bench.settled()
      bench.clock.advance(60_000)
      expect(bench.hits()).toHaveLength(1)
      expect(seen).toEqual(['GW_CANCELLED'])
    },
  )

  it('29 during the pause before a retry: no further attempt', async () => {
    const bench = await faultBench({ network: { max_retries: 3 } })
    const client = rawClient(bench.gateway.port)
    client.write(ask('fault-500'))
    expect(await bench.upstream.closed(0)).toBe('answered')
    await until(() => bench.gateway.core.runtime.upstream.stats().busy === 0)
    client.socket.destroy()
    await bench.settled()
    expect(bench.hits()).toHaveLength(1)
  })
})

describe.each(STREAMED)('a stream ($side)', (way) => {
  it('30 whose client leaves: the provider is cancelled, postHook runs once', async () => {
    const seen: string[] = []
    const bench = await faultBench({ plugins: [watcher(seen)] })
    const stream = await openStream(bench, way, 'fault-stall-after-2', {}, 'Hello')
    stream.leave()
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
    expect(seen).toEqual(['GW_CANCELLED'])
    await expect(stream.rest()).rejects.toThrow()
  })

  it('31 whose client half-closes: the same', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.write(chatRequest(chatBody(`${way.side}/fault-stall-after-2`, { stream: true })))
    await client.until('Hello')
    client.socket.end()
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  it('32 with a slow reader pauses the provider, and goes on when it reads', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.socket.pause()
    client.write(chatRequest(chatBody(`${way.side}/flood-48`, { stream: true })))
    await bench.upstream.request(0)
    const [socket] = bench.upstream.sockets
    let before = -1
    for (let same = 0; same < 200; same = socket?.bytesWritten === before ? same + 1 : 0) {
      before = socket?.bytesWritten ?? 0
      await turn()
    }
    expect(before).toBeGreaterThan(0)
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

describe('bodies and heads', () => {
  const small = { client: { max_request_body_size_mb: 0.01 } }

  const CHUNKED = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n`

  it.each([
    ['declared', chatRequest('x'.repeat(20_000))],
    ['chunked', CHUNKED],
  ])('34 a body over the limit (%s): 413', async (_, bytes) => {
    const bench = await faultBench(small)
    const client = rawClient(bench.gateway.port)
    client.write(bytes)
    const text = await client.until('request_too_large')
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(text).toContain('max_request_body_size_mb')
    expect(text).not.toContain('xxxx')
  })

  it('34 what follows a chunked body over the limit is no request', async () => {
    const bench = await faultBench(small)
    const client = rawClient(bench.gateway.port)
    client.write(CHUNKED + chatRequest(chatBody('openai/text')))
    expect(await client.closed()).not.toContain('Hello')
    expect(bench.hits()).toHaveLength(0)
  })

  it('34 a declared length over the limit is refused before the body has come', async () => {
    const bench = await faultBench(small)
    const client = rawClient(bench.gateway.port)
    client.write('POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 101000000\r\n\r\n{"model":')
    expect(await client.until('request_too_large')).toMatch(/^HTTP\/1\.1 413 /)
    await client.closed()
  })

  it.each([
    ['a hundred and more headers', Array.from({ length: 120 }, (_, index) => `X-${index}: y`)],
    ['a header of 40 KB', [`X-Big: ${'y'.repeat(40_000)}`]],
    ['a cookie of 40 KB', [`Cookie: ${'y'.repeat(40_000)}`]],
  ])('35 %s: 431 at once', async (_, lines) => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.write(chatRequest(chatBody('openai/text'), lines))
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 431 /)
    expect(bench.hits()).toHaveLength(0)
  })

  it('36 a storm of connections leaves running streams alone', async () => {
    const bench = await faultBench()
    const stream = await openStream(bench, STREAMED[0] as (typeof STREAMED)[0], 'gated-stream-a', {}, 'Hello')
    const storm = Array.from({ length: 400 }, () => rawClient(bench.gateway.port))
    await Promise.all(storm.map(({ socket }) => once(socket, 'connect')))
    for (const [index, { socket }] of storm.entries()) {
      if (index % 2) socket.resetAndDestroy()
      else socket.destroy()
    }
    bench.upstream.release('a')
    expect(await stream.rest()).toContain('[DONE]')
    await bench.settled()
  })
})

describe('38 HTTP', () => {
  it('Expect: 100-continue is answered without a second request', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.write(chatRequest(chatBody('openai/text'), ['Expect: 100-continue']))
    expect(await client.until('Hello')).toMatch(/HTTP\/1\.1 200 OK/)
    expect(bench.hits()).toHaveLength(1)
  })

  it('HTTP/1.0 gets 505', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.write('GET /health HTTP/1.0\r\nHost: x\r\n\r\n')
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 505 /)
  })

  it('a hundred pipelined requests that are answered at once come in order', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.write(Array.from({ length: 100 }, (_, index) => `GET /nothing/${index}x HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
    const text = await client.until('/nothing/99x')
    expect([...text.matchAll(/Route not found: \/nothing\/(\d+)x/g)].map(([, index]) => Number(index))).toEqual(
      Array.from({ length: 100 }, (_, index) => index),
    )
  })

  it('behind a pending answer the connection is closed, and no request runs twice', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    client.write(chatRequest(chatBody('openai/gated-a')))
    await bench.upstream.request(0)
    client.write(chatRequest(chatBody('openai/text')))
    await client.closed()
    await bench.settled()
    expect(bench.hits().length).toBeLessThanOrEqual(1)
  })

  it('a connection serves on after an error', async () => {
    const bench = await faultBench()
    const client = rawClient(bench.gateway.port)
    for (const [model, mark] of [
      ['openai/fault-500', 'failed with 500'],
      ['nowhere/x', 'provider/model form'],
      ['anthropic/fault-html', 'text/html'],
      ['openai/text', 'Hello'],
    ] as const) {
      client.write(chatRequest(chatBody(model)))
      await client.until(mark)
      await until(() => bench.gateway.core.runtime.upstream.stats().busy === 0)
    }
    expect(client.text.match(/HTTP\/1\.1 /g)).toHaveLength(4)
  })
})
