import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { createUpstreamClient, rawServer, requestOf, run, targetOf, until } from './support.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function answer(encoding: string, body: Buffer, options: { headers?: string; pieces?: number } = {}) {
  const server = await rawServer((seen) => {
    const head = `HTTP/1.1 200 OK\r\n${options.headers ?? 'content-type: application/json\r\n'}content-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`
    seen.socket.write(head)
    const size = Math.ceil(body.length / (options.pieces ?? 1)) || 1
    for (let at = 0; at < body.length; at += size) seen.socket.write(body.subarray(at, at + size))
  })
  const client = createUpstreamClient()
  closers.push(
    () => server.close(),
    () => client.close(),
  )
  return { server, client, target: targetOf(server.port) }
}

const text = Buffer.from(JSON.stringify({ words: 'é😀 '.repeat(20_000) }))
const codings: [string, (body: Buffer) => Buffer][] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['zstd', zstdCompressSync],
]

describe('answers compressed unasked', () => {
  it.each(codings)('in %s are decoded once, and the head no longer speaks of it', async (coding, compress) => {
    const { client, target, server } = await answer(coding.toUpperCase(), compress(text), { pieces: 7 })
    for (let time = 0; time < 2; time++) {
      const outcome = await run(client, target).done
      expect(outcome.fault).toBeUndefined()
      expect(outcome.body.equals(text)).toBe(true)
      expect(outcome.head?.headers).toEqual([['content-type', 'application/json']])
    }
    expect(server.sockets).toHaveLength(1)
  })

  it('and bigger than the decoder takes at once leave a connection that serves on', async () => {
    const noise = randomBytes(400_000)
    const { client, target, server } = await answer('gzip', gzipSync(noise))
    for (let time = 0; time < 3; time++) expect((await run(client, target).done).body.equals(noise)).toBe(true)
    expect(server.sockets).toHaveLength(1)
  })

  it('in identity, or empty, are left as they are', async () => {
    for (const [coding, body] of [
      ['identity', text],
      ['gzip', Buffer.alloc(0)],
    ] as const) {
      const { client, target } = await answer(coding, body)
      expect(await run(client, target).done).toMatchObject({ fault: undefined, body })
    }
  })

  it.each(codings)('in %s and truncated are an encoding fault', async (coding, compress) => {
    const whole = compress(text)
    const { client, target } = await answer(coding, whole.subarray(0, whole.length - 9))
    expect((await run(client, target).done).fault).toMatchObject({ kind: 'encoding', isReplayable: false })
  })

  it.each(['gzip, gzip', Array(1000).fill('gzip').join(','), 'compress', 'constructor'])(
    'in %.20s are an encoding fault',
    async (coding) => {
      const { client, target, server } = await answer(coding, gzipSync(gzipSync(text)))
      const outcome = await run(client, target).done
      expect(outcome).toMatchObject({ head: undefined, fault: { kind: 'encoding' } })
      expect(outcome.fault?.message.length).toBeLessThan(200)
      await server.closed(0)
    },
  )

  it('that are not what they say are an encoding fault', async () => {
    const { client, target, server } = await answer('gzip', Buffer.alloc(5000, 'x'))
    expect((await run(client, target).done).fault?.kind).toBe('encoding')
    await until(() => client.stats().busy === 0)
    expect(server.seen).toHaveLength(1)
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('that are a bomb in %s stop at the limit', async (coding, compress) => {
    const { client, target } = await answer(coding, compress(Buffer.alloc(50_000_000)))
    const outcome = await run(client, target, requestOf({ maxResponseBytes: 100_000 })).done
    expect(outcome.fault?.kind).toBe('too-large')
    expect(outcome.body.length).toBeLessThanOrEqual(100_000)
  })

  it('that are streams pass the limit, and pause holds them back', async () => {
    const plain = Buffer.alloc(3_000_000, 'data: x\n\n')
    const { client, target } = await answer('gzip', gzipSync(plain, { level: 0 }), { headers: 'content-type: text/event-stream\r\n' })
    let received = 0
    let held = -1
    const done = Promise.withResolvers<void>()
    const call = client.open(target, requestOf({ maxResponseBytes: 1000 }), {
      onHead() {},
      onData(chunk) {
        received += chunk.length
        if (held < 0) {
          held = received
          call.pause()
          setImmediate(() =>
            setImmediate(() => {
              expect(received).toBe(held)
              call.resume()
            }),
          )
        }
      },
      onEnd: done.resolve,
      onError: done.reject,
    })
    await done.promise
    expect(received).toBe(plain.length)
  })

  it('can be aborted in the middle', async () => {
    const { client, target, server } = await answer('gzip', gzipSync(text).subarray(0, 200), { headers: 'x: y\r\n' })
    const running = run(client, target)
    await running.head
    running.call.abort()
    await until(() => client.stats().busy === 0)
    expect(server.sockets).toHaveLength(1)
  })
})
