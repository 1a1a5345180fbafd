import { describe, expect, onTestFinished, test } from 'vitest'
import type { Reply } from '../../../core/edge.ts'
import { type Handled, head, manualClock, RawClient, serveEdge, signal } from './harness.ts'

const MEGABYTE = Buffer.alloc(1024 * 1024, 0x61)

/** Serves GET /thing by `handle` and returns what one client receives until `wanted`. */
async function ask(handle: (handled: Handled) => void, wanted: string | RegExp): Promise<string> {
  const { port } = await serveEdge({ handle })
  return new RawClient({ port }).write(head('GET /thing')).until(wanted)
}

/** Leaves the reply with the test. */
async function hold(options: Parameters<typeof serveEdge>[0] = {}): Promise<{ client: RawClient; reply: Reply; port: number }> {
  const arrived = signal<Reply>()
  const { port } = await serveEdge({ ...options, handle: ({ reply }) => arrived.resolve(reply) })
  const client = new RawClient({ port }).write(head('GET /thing'))
  return { client, reply: await arrived.promise, port }
}

/** The body that came in chunks. */
function dechunked(body: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    if (size === 0) return Buffer.concat(pieces)
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}

describe('a whole answer', () => {
  test('has status, headers, length and body', async () => {
    const received = await ask(
      ({ reply }) =>
        reply.send(
          418,
          [
            ['X-A', '1'],
            ['X-B', ''],
          ],
          'tea',
        ),
      'tea',
    )
    expect(received).toMatch(/^HTTP\/1.1 418 I'm a Teapot\r\nX-A: 1\r\nX-B: \r\nDate: [^\r]+\r\nContent-Length: 3\r\n\r\ntea$/)
  })

  test('leaves out headers that would split it, and the framing ones', async () => {
    const bad: [string, string][] = [
      ['X-Cr', 'a\rb'],
      ['X-Lf', 'a\nSet-Cookie: b'],
      ['X-Nul', 'a\0b'],
      ['X-Wide', 'a\u20ac'],
      ['X Space', 'a'],
      ['X-Name\r\nX-Other', 'a'],
      ['Content-Length', '99'],
      ['transfer-encoding', 'chunked'],
      ['Connection', 'upgrade'],
    ]
    const received = await ask(({ reply }) => reply.send(200, [...bad, ['X-Good', '1']], 'end.'), 'end.')
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\nX-Good: 1\r\nDate: [^\r]+\r\nContent-Length: 4\r\n\r\nend.$/)
  })

  test('writes latin1 as latin1', async () => {
    expect(await ask(({ reply }) => reply.send(200, [['X-A', 'caf\xe9']], 'end.'), 'end.')).toContain('X-A: caf\xe9\r\n')
  })

  test.each([204, 304])('%i has neither body nor length, and the connection stays', async (status) => {
    const { port } = await serveEdge({
      handle: ({ reply, incoming }) => (incoming.query === '' ? reply.send(status, [], 'x') : reply.send(200, [], 'next')),
    })
    const client = new RawClient({ port }).write(head('GET /thing'))
    expect(await client.until('\r\n\r\n')).not.toMatch(/Content-Length|Transfer-Encoding|\r\n\r\nx/)
    await client.write(head('GET /thing?next')).until('next')
  })

  test('is sent once', async () => {
    const received = await ask(({ reply }) => {
      reply.send(200, [], 'one')
      reply.send(200, [], 'two')
      reply.start(200, [])
      reply.write('three')
      reply.end()
      reply.destroy()
    }, 'one')
    expect(received.endsWith('one')).toBe(true)
  })
})

describe('a streamed answer', () => {
  test('is chunked, has no length, and keeps the connection', async () => {
    const { port } = await serveEdge({
      handle({ reply }) {
        reply.start(200, [
          ['Content-Type', 'text/event-stream'],
          ['Content-Length', '7'],
        ])
        setImmediate(() => {
          reply.write('data: 1\n\n')
          setImmediate(() => {
            reply.write(Buffer.from('data: 2\n\n'))
            reply.end()
          })
        })
      },
    })
    const client = new RawClient({ port }).write(head('GET /thing'))
    const received = await client.until('0\r\n\r\n')
    expect(received).toMatch(
      /^HTTP\/1.1 200 OK\r\nContent-Type: text\/event-stream\r\nDate: [^\r]+\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n/,
    )
    expect(received.endsWith('9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n')).toBe(true)
    client.received = ''
    await client.write(head('GET /thing')).until('0\r\n\r\n')
  })

  test.each([1, 15, 16, 20, 29, 30, 31, 64])('of %i KB in one chunk arrives as it is, cut through no character', async (size) => {
    for (const text of ['a', 'b👩'].map((start) => start + '👩'.repeat(size * 512))) {
      for (const chunk of [text, Buffer.from(text)]) {
        const handle = ({ reply }: Handled): void => {
          reply.start(200, [])
          reply.write(chunk)
          reply.write('end')
          reply.end()
        }
        const received = Buffer.from(await ask(handle, 'end\r\n0\r\n\r\n'), 'latin1')
        expect(dechunked(received.subarray(received.indexOf('\r\n\r\n') + 4)).toString()).toBe(`${text}end`)
      }
    }
  })

  test('that ends without a chunk is an empty answer', async () => {
    expect(
      await ask(({ reply }) => {
        reply.start(200, [])
        reply.end()
      }, '\r\n\r\n'),
    ).toContain('Content-Length: 0\r\n')
  })

  test('that is destroyed is cut, not ended', async () => {
    const { client, reply } = await hold()
    let aborts = 0
    reply.onAbort(() => aborts++)
    reply.start(200, [])
    reply.write('abc')
    await client.until('abc')
    reply.destroy()
    expect(await client.closed()).not.toContain('0\r\n\r\n')
    expect(reply.isAborted).toBe(true)
    expect(aborts).toBe(0)
  })
})

describe('a client that leaves', () => {
  test('is reported once, to the last listener, and nothing throws afterwards', async () => {
    const { client, reply } = await hold()
    const gone = signal()
    reply.onAbort(() => expect.unreachable())
    reply.onAbort(gone.resolve)
    reply.start(200, [])
    client.socket.destroy()
    await gone.promise
    expect(reply.isAborted).toBe(true)
    reply.send(200, [], 'x')
    reply.start(200, [])
    expect(reply.write('x')).toBe(true)
    reply.end()
    reply.destroy()
    const late = signal()
    reply.onAbort(late.resolve)
    await late.promise
  })
})

test('a listener that throws is an uncaught exception of the thread, and the server goes on', async () => {
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  onTestFinished(() => {
    for (const listener of others) process.on('uncaughtException', listener)
  })
  const caught = signal<Error>()
  process.once('uncaughtException', caught.resolve)
  const { client, reply, port } = await hold()
  reply.onAbort(() => {
    throw new Error('from a listener')
  })
  client.socket.destroy()
  expect((await caught.promise).message).toBe('from a listener')
  expect(await new RawClient({ port }).write(head('GET /none')).until('}')).toContain('404 Not Found')
})

describe('a slow client', () => {
  test('stops the writer until it has caught up, and gets every byte', async () => {
    const { client, reply } = await hold()
    client.socket.pause()
    reply.start(200, [])
    const drained = signal()
    reply.onDrain(drained.resolve)
    let sent = 0
    while (reply.write(MEGABYTE)) {
      sent++
      if (sent > 64) expect.unreachable()
    }
    sent++
    client.socket.resume()
    await drained.promise
    expect(reply.write('last')).toBe(true)
    reply.end()
    const received = await client.until(/last\r\n0\r\n\r\n$/)
    expect(received.split('a').length - 1).toBeGreaterThanOrEqual(sent * MEGABYTE.length)
  })

  test('that has not caught up after 60 s is cut', async () => {
    const clock = manualClock()
    const { client, reply } = await hold({ clock })
    const gone = signal()
    client.socket.pause()
    reply.onAbort(gone.resolve)
    reply.start(200, [])
    while (reply.write(MEGABYTE));
    reply.end()
    clock.advance(59_000)
    expect(reply.isAborted).toBe(false)
    clock.advance(1_000)
    await gone.promise
    clock.advance(100)
    expect(clock.running()).toBe(0)
  })

  test('is cut when a writer that does not stop fills its buffer', async () => {
    const { client, reply } = await hold()
    const gone = signal()
    client.socket.pause()
    reply.onAbort(gone.resolve)
    reply.start(200, [])
    while (reply.write(MEGABYTE));
    reply.write(MEGABYTE)
    reply.write('over')
    await gone.promise
    expect(reply.isAborted).toBe(true)
  })

  test('an end while it is behind waits for it', async () => {
    const { client, reply } = await hold()
    client.socket.pause()
    reply.start(200, [])
    while (reply.write(MEGABYTE));
    reply.end()
    client.socket.resume()
    expect((await client.until(/0\r\n\r\n$/)).length).toBeGreaterThan(MEGABYTE.length)
    expect(reply.isAborted).toBe(false)
  })
})
