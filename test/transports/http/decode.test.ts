import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createBodyBudget } from '../../../transports/http/budget.ts'
import { DecodeQueue } from '../../../transports/http/decode.ts'
import { head, RawClient, serveEdge, signal } from './harness.ts'

const TEXT = JSON.stringify({ model: 'demo/hello', messages: [{ role: 'user', content: 'hi' }] })
const CODED = { gzip: gzipSync(TEXT), 'x-gzip': gzipSync(TEXT), zstd: zstdCompressSync(TEXT), GZip: gzipSync(TEXT) }

function post(port: number, coding: string, body: Buffer): RawClient {
  const client = new RawClient({ port }).write(head('POST /echo', `Content-Encoding: ${coding}`, `Content-Length: ${body.length}`))
  client.socket.write(body)
  return client
}

describe('a coded request body', () => {
  test.each(Object.entries(CODED))('%s is undone, and the connection goes on', async (coding, body) => {
    const { port, handled } = await serveEdge()
    const client = post(port, coding, body)
    await client.until(`POST ${TEXT}`)
    expect(handled[0]!.body.toString()).toBe(TEXT)
    await client.write(head('GET /thing')).until('GET ')
  })

  test('chunked, and in many pieces', async () => {
    const { port } = await serveEdge()
    const client = new RawClient({ port }).write(head('POST /echo', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'))
    for (const byte of CODED.gzip) client.socket.write(Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]))
    await client.write('0\r\n\r\n').until(`POST ${TEXT}`)
  })

  test('larger than one piece of the decoder, byte for byte', async () => {
    const { port, handled } = await serveEdge({ handle: ({ body, reply }) => reply.send(200, [], `${body.length} bytes`) })
    const body = Buffer.from(Array.from({ length: 900_000 }, (_, at) => (at * at) % 253))
    for (const coded of [gzipSync(body, { level: 0 }), zstdCompressSync(body)]) {
      await post(port, coded[0] === 0x1f ? 'gzip' : 'zstd', coded).until('900000 bytes')
    }
    expect(handled.every((entry) => entry.body.equals(body))).toBe(true)
  })

  test('identity is no coding, nor is an empty body one to undo', async () => {
    const { port } = await serveEdge()
    await post(port, 'identity', Buffer.from(TEXT)).until(`POST ${TEXT}`)
    await post(port, 'gzip', Buffer.alloc(0)).until('POST ')
  })

  test.each([
    ['br', brotliCompressSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['gzip, gzip', gzipSync(gzipSync(TEXT))],
    ['aws-chunked', Buffer.from(TEXT)],
    ['__proto__', Buffer.from(TEXT)],
  ])('%s: 415 that says what is accepted, before the body is looked at', async (coding, body) => {
    const { port, handled } = await serveEdge()
    const received = await post(port, coding, body).until('GW_UNSUPPORTED_ENCODING')
    expect(received).toMatch(/^HTTP\/1.1 415 [^]*\r\nAccept-Encoding: gzip, zstd\r\n/)
    expect(handled).toHaveLength(0)
  })

  test.each([
    ['gzip', Buffer.from(TEXT)],
    ['gzip', CODED.gzip.subarray(0, -6)],
    ['zstd', Buffer.from(TEXT)],
    ['zstd', CODED.zstd.subarray(0, -3)],
    ['zstd', CODED.gzip],
  ])('what is not whole and valid %s is 400', async (coding, body) => {
    const { port, handled } = await serveEdge()
    expect(await post(port, coding, body).until('GW_INVALID_REQUEST')).toContain(`the body is not valid ${coding}`)
    expect(handled).toHaveLength(0)
  })
})

describe('bounds', () => {
  const bomb = { gzip: gzipSync(Buffer.alloc(50_000_000)), zstd: zstdCompressSync(Buffer.alloc(50_000_000)) }

  test.each(Object.entries(bomb))('%s that grows over the limit is 413, long before it is all there', async (coding, body) => {
    let peak = 0
    let used = 0
    const budget = {
      tryTake(bytes: number) {
        used += bytes
        peak = Math.max(peak, used)
        return true
      },
      give(bytes: number) {
        used -= bytes
      },
    }
    const { port, handled } = await serveEdge({ limits: { maxRequestBodyBytes: 1_000_000 }, budget })
    await post(port, coding, body).until(/^HTTP\/1.1 413 [^]*GW_BODY_TOO_LARGE/)
    expect(handled).toHaveLength(0)
    expect(peak).toBeLessThan(1_100_000 + body.length)
    expect(used).toBe(0)
  })

  test('the budget of all bodies counts what is decoded: over it 503, and everything is given back', async () => {
    const budget = createBodyBudget(() => 600_000)
    const { port } = await serveEdge({ limits: { maxRequestBodyBytes: 100_000_000 }, budget })
    await post(port, 'gzip', bomb.gzip).until(/^HTTP\/1.1 503 [^]*Retry-After: 1\r\n[^]*GW_OVERLOADED/)
    expect(budget.tryTake(600_000)).toBe(true)
  })

  test('a window over 8 MiB is refused', async () => {
    const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_enableLongDistanceMatching]: 1 }
    const { port } = await serveEdge({ limits: { maxRequestBodyBytes: 100_000_000, maxBufferedBodyBytes: 400_000_000 } })
    await post(port, 'zstd', zstdCompressSync(Buffer.alloc(20_000_000, 7), { params })).until('the body is not valid zstd')
  })

  test('a client that leaves meanwhile holds nothing', async () => {
    const left = signal()
    const given = signal()
    let used = 0
    const budget = {
      tryTake(bytes: number) {
        used += bytes
        if (used > 200_000) left.resolve()
        return true
      },
      give(bytes: number) {
        used -= bytes
        if (used === 0) given.resolve()
      },
    }
    const { port, handled } = await serveEdge({ limits: { maxRequestBodyBytes: 100_000_000 }, budget })
    const client = post(port, 'gzip', bomb.gzip)
    await left.promise
    client.socket.destroy()
    await given.promise
    await post(port, 'gzip', CODED.gzip).until(`POST ${TEXT}`)
    expect(handled).toHaveLength(1)
    expect(used).toBe(0)
  })

  test('eight are decoded at once, the others in their turn', () => {
    const queue = new DecodeQueue()
    const started: number[] = []
    const dones: (() => void)[] = []
    for (let name = 0; name < 20; name++) {
      queue.run((done) => {
        started.push(name)
        dones.push(done)
      })
    }
    expect(started).toHaveLength(8)
    dones[0]!()
    dones[1]!()
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('turns that end at once cost no stack', () => {
    const queue = new DecodeQueue()
    const dones: (() => void)[] = []
    let ended = 0
    for (let turn = 0; turn < 8; turn++) queue.run((done) => dones.push(done))
    for (let turn = 0; turn < 50_000; turn++) {
      queue.run((done) => {
        ended++
        done()
      })
    }
    dones[0]!()
    expect(ended).toBe(50_000)
  })
})
