import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../../core/edge.ts'
import { type BodyHost, BodyReader } from '../../../transports/http/body.ts'
import { createBodyBudget } from '../../../transports/http/budget.ts'
import type { HttpReply } from '../../../transports/http/reply.ts'
import { Sweep } from '../../../transports/http/sweep.ts'
import { TIMING } from '../../../transports/http/timing.ts'
import type { HttpResponse } from '../../../transports/http/uws.ts'
import { head, manualClock, RawClient, serveEdge, signal } from './harness.ts'

const chunked = head('POST /echo', 'Transfer-Encoding: chunked')

describe('arrival', () => {
  test('in one piece with the head', async () => {
    const { port, handled } = await serveEdge()
    await new RawClient({ port }).write(`${head('POST /echo', 'Content-Length: 5')}hello`).until('POST hello')
    expect(handled[0]!.body.toString()).toBe('hello')
  })

  test('in many pieces, byte for byte', async () => {
    const { port, handled } = await serveEdge({ handle: ({ body, reply }) => reply.send(200, [], `${body.length}`) })
    const body = Buffer.from(Array.from({ length: 600_000 }, (_, at) => at % 251))
    const client = new RawClient({ port }).write(head('POST /echo', `Content-Length: ${body.length}`))
    for (let at = 0; at < body.length; at += 70_001) client.socket.write(body.subarray(at, at + 70_001))
    await client.until('600000')
    expect(handled[0]!.body.equals(body)).toBe(true)
  })

  test('chunked: kept together, and the connection ends with the answer', async () => {
    const { port } = await serveEdge()
    const client = new RawClient({ port }).write(`${chunked}3\r\nhel\r\n`)
    const received = await client.write('2\r\nlo\r\n0\r\n\r\n').closed()
    expect(received).toContain('Connection: close\r\n')
    expect(received.endsWith('POST hello')).toBe(true)
  })

  test('chunked and answered by a stream: what follows is not read', async () => {
    const { port, handled } = await serveEdge({
      handle({ reply }) {
        reply.start(200, [])
        reply.write('abc')
        reply.end()
      },
    })
    const client = new RawClient({ port }).write(`${chunked}3\r\nabc\r\n0\r\n\r\n`)
    const received = await client.until('0\r\n\r\n')
    expect(received).toContain('Connection: close\r\n')
    client.write(head('GET /thing'))
    await new RawClient({ port }).write(head('GET /thing')).until('0\r\n\r\n')
    expect(handled.map((entry) => entry.incoming.method)).toEqual(['POST', 'GET'])
    expect(client.received).toBe(received)
  })

  test('a POST without a body is handled with an empty one', async () => {
    const { port, handled } = await serveEdge()
    await new RawClient({ port }).write(head('POST /echo')).until('POST ')
    expect(handled[0]!.body).toHaveLength(0)
  })

  test('a GET with a body is read like any other', async () => {
    const { port } = await serveEdge()
    const client = new RawClient({ port }).write(`${head('GET /thing', 'Content-Length: 30')}GET /other HTTP/1.1`)
    expect(await client.write(' and so on!').until('so on!')).toContain('GET GET /other')
  })

  test('Expect: 100-continue is answered before the body', async () => {
    const { port } = await serveEdge()
    const client = new RawClient({ port }).write(head('POST /echo', 'Content-Length: 5', 'Expect: 100-continue'))
    await client.until('HTTP/1.1 100 Continue\r\n\r\n')
    expect(await client.write('hello').until('POST hello')).toContain('HTTP/1.1 200 OK')
  })

  test('a client that leaves half-way is forgotten', async () => {
    const gone = signal()
    const { port, handled, server } = await serveEdge({ onConnectionCount: (count) => count === 0 && gone.resolve() })
    const client = new RawClient({ port }).write(`${head('POST /echo', 'Content-Length: 5')}he`)
    await new RawClient({ port }).write(head('GET /thing', 'Connection: close')).until('GET ')
    client.socket.destroy()
    await client.closed()
    await expect.poll(() => server.requests()).toBe(0)
    expect(handled).toHaveLength(1)
  })
})

describe('size', () => {
  const limits = { maxRequestBodyBytes: 1000 }

  test('a declared length over the limit is 413 before the body', async () => {
    const { port, handled } = await serveEdge({ limits })
    const received = await new RawClient({ port }).write(head('POST /echo', 'Content-Length: 1001')).closed()
    expect(received).toMatch(/^HTTP\/1.1 413 Payload Too Large\r\n[\s\S]*Connection: close\r\n[\s\S]*GW_BODY_TOO_LARGE/)
    expect(handled).toHaveLength(0)
  })

  test('a client that sends it all the same reads the 413', async () => {
    const { port } = await serveEdge({ limits })
    const status = await new Promise((resolve, reject) => {
      const post = request({ port, host: '127.0.0.1', method: 'POST', path: '/echo', agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode))
      })
      post.on('error', reject).end(Buffer.alloc(8_000_000))
    })
    expect(status).toBe(413)
  })

  test('a chunked body that grows past the limit is 413', async () => {
    const { port, handled } = await serveEdge({ limits })
    const client = new RawClient({ port }).write(`${chunked}200\r\n${'a'.repeat(512)}\r\n200\r\n${'a'.repeat(512)}\r\n`)
    expect(await client.closed()).toMatch(/^HTTP\/1.1 413 [\s\S]*Connection: close/)
    expect(handled).toHaveLength(0)
  })

  test('the limit itself passes', async () => {
    const { port } = await serveEdge({ limits })
    await new RawClient({ port }).write(`${head('POST /echo', 'Content-Length: 1000')}${'a'.repeat(1000)}`).until('POST aaa')
  })
})

describe('time', () => {
  test.each([
    ['that is not complete in time', 'a'.repeat(50_000), 60_000, 'not complete after 60000 ms'],
    ['that is too slow', 'a', 9_000, 'slower than 500 bytes a second'],
  ])('a body %s is 408', async (_name, part, elapsed, reason) => {
    const clock = manualClock()
    const { port, handled } = await serveEdge({ clock })
    const client = new RawClient({ port }).write(`${head('POST /echo', 'Content-Length: 100000')}${part}`)
    await expect.poll(() => clock.running()).toBe(1)
    clock.advance(elapsed)
    clock.advance(100)
    const received = await client.closed()
    expect(received).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n[\s\S]*Connection: close/)
    expect(received).toContain(reason)
    expect(handled).toHaveLength(0)
    expect(clock.running()).toBe(0)
  })

  test('a request that arrives whole starts no timer', async () => {
    const clock = manualClock()
    const { port } = await serveEdge({ clock })
    await new RawClient({ port }).write(`${head('POST /echo', 'Content-Length: 5')}hello`).until('POST hello')
    expect(clock.running()).toBe(0)
  })

  // The library's timer takes 10 s and more, so the calls that push it back are counted on a stand-in for its response object.
  test("every 3 s the library's own timer is pushed back", () => {
    const clock = manualClock()
    const calls: string[] = []
    let onData: (chunk: ArrayBuffer, isLast: boolean) => void = () => {}
    const native = {
      onData(handler: typeof onData) {
        onData = handler
      },
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
    } as unknown as HttpResponse
    const host: BodyHost = { sweep: new Sweep(clock, 100), timing: TIMING, budget: createBodyBudget(() => 1e6) }
    const reply = { mustClose: false, heldBudget: 0, isAborted: false } as HttpReply
    const bodies: Buffer[] = []
    const sink = { onBody: (body: Buffer) => bodies.push(body), onRefusal: () => {} }
    new BodyReader(native, reply, { host, rules: { declared: 5001, maxBytes: 1e6, timeoutMs: 0 }, sink }).read()
    onData(new ArrayBuffer(5000), false)
    clock.advance(2_900)
    expect(calls).toEqual([])
    clock.advance(100)
    expect(calls).toEqual(['pause', 'resume'])
    clock.advance(3_000)
    expect(calls).toEqual(['pause', 'resume', 'pause', 'resume'])
    onData(new ArrayBuffer(1), true)
    expect(bodies[0]).toHaveLength(5001)
    clock.advance(100)
    expect(clock.running()).toBe(0)
  })
})

describe('memory', () => {
  const limits = { maxBufferedBodyBytes: 1000 }
  const body = `${head('POST /echo', 'Content-Length: 600')}${'a'.repeat(600)}`

  test('over the sum a new body waits, and goes on when there is room', async () => {
    const clock = manualClock()
    const replies: Reply[] = []
    const first = signal()
    const { port, handled } = await serveEdge({
      clock,
      limits,
      handle({ reply }) {
        replies.push(reply)
        first.resolve()
      },
    })
    const one = new RawClient({ port }).write(body)
    await first.promise
    const second = new RawClient({ port }).write(body)
    await expect.poll(() => clock.running()).toBe(1)
    clock.advance(4_900)
    expect(handled).toHaveLength(1)
    replies[0]!.send(200, [], 'first')
    await one.until('first')
    clock.advance(50)
    expect(handled).toHaveLength(2)
    expect(handled[1]!.body).toHaveLength(600)
    replies[1]!.send(200, [], 'second')
    await second.until('second')
    clock.advance(100)
    expect(clock.running()).toBe(0)
  })

  test.each([
    ['all there', body, false],
    ['still to come', head('POST /echo', 'Content-Length: 600'), true],
    ['chunked', `${chunked}258\r\n${'a'.repeat(600)}\r\n0\r\n\r\n`, true],
  ])('after 5 s it is 503 with Retry-After: %s', async (_name, text, isClosed) => {
    const clock = manualClock()
    const first = signal()
    const { port, handled, refused } = await serveEdge({ clock, limits, handle: () => first.resolve() })
    new RawClient({ port }).write(body)
    await first.promise
    const second = new RawClient({ port }).write(text)
    await expect.poll(() => clock.running()).toBe(1)
    clock.advance(5_000)
    clock.advance(100)
    const received = await second.until('}')
    expect(received).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n/)
    if (isClosed) expect(received).toContain('Connection: close\r\n')
    expect(refused).toMatchObject([{ code: 'GW_OVERLOADED' }])
    expect(handled).toHaveLength(1)
  })

  test('a client that leaves gives its share back', async () => {
    const first = signal()
    const { port, server } = await serveEdge({
      limits,
      handle: ({ incoming, reply }) => (incoming.query === '' ? first.resolve() : reply.send(200, [], 'ok')),
    })
    const client = new RawClient({ port }).write(body)
    await first.promise
    client.socket.destroy()
    await expect.poll(() => server.requests()).toBe(0)
    await new RawClient({ port }).write(body.replace('/echo', '/echo?again')).until('ok')
  })
})
