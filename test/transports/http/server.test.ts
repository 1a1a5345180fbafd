import { describe, expect, test } from 'vitest'
import type { Reply } from '../../../core/edge.ts'
import { GatewayError } from '../../../core/errors.ts'
import { head, RawClient, serveEdge, signal } from './harness.ts'

describe('methods', () => {
  test('HEAD answers with the length of GET and no body, and the connection stays', async () => {
    const { port } = await serveEdge({
      handle: ({ reply, incoming }) => reply.send(200, [['X-A', '1']], incoming.method === 'HEAD' ? '12345' : 'got'),
    })
    const client = new RawClient({ port }).write(head('HEAD /thing'))
    const first = await client.until('\r\n\r\n')
    expect(first).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(first).toContain('Content-Length: 5\r\n')
    expect(first).not.toContain('12345')
    expect(await client.write(head('GET /thing')).until('got')).toContain('Content-Length: 3\r\n')
  })

  test('a streamed answer to HEAD is its head', async () => {
    const { port } = await serveEdge({
      handle({ reply }) {
        reply.start(200, [['X-A', '1']])
        reply.write('never seen')
        reply.end()
      },
    })
    const client = new RawClient({ port }).write(head('HEAD /thing'))
    expect(await client.until('\r\n\r\n')).toContain('X-A: 1')
    client.write(head('HEAD /thing'))
    expect(await client.until(/\r\n\r\n[\s\S]+\r\n\r\n$/)).not.toContain('never')
  })

  test('OPTIONS names the methods', async () => {
    const { port, handled } = await serveEdge()
    expect(await new RawClient({ port }).write(head('OPTIONS /both/7')).until('\r\n\r\n')).toMatch(
      /200 OK[\s\S]*Allow: GET, DELETE, HEAD, OPTIONS\r\n/,
    )
    expect(handled).toHaveLength(0)
  })

  test.each(['PATCH', 'POST', 'PROPFIND', 'get'])('%s of a known path is 405 with Allow, through the edge', async (method) => {
    const { port, refused } = await serveEdge()
    const received = await new RawClient({ port }).write(head(`${method} /both/7`)).until('}')
    expect(received).toMatch(/^HTTP\/1.1 405 Method Not Allowed\r\n/)
    expect(received).toContain('Allow: GET, DELETE, HEAD, OPTIONS\r\n')
    expect(refused).toMatchObject([{ code: 'GW_METHOD_NOT_ALLOWED', incoming: { path: '/both/7', route: { operation: 'read' } } }])
  })

  test.each(['/nothing', '/echo/', '//echo', '/%65cho', '/echo;x', '/ECHO', '/'])('%s is 404, through the edge', async (path) => {
    const { port, refused } = await serveEdge()
    expect(await new RawClient({ port }).write(head(`POST ${path}`)).until('}')).toMatch(/^HTTP\/1.1 404 Not Found\r\n/)
    expect(refused).toMatchObject([{ code: 'GW_ROUTE_NOT_FOUND' }])
  })

  test('HEAD of an unknown path has no body', async () => {
    const { port } = await serveEdge()
    const client = new RawClient({ port }).write(head('HEAD /nothing'))
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 404/)
    expect(await client.write(head('GET /thing')).until('GET ')).not.toContain('GW_ROUTE_NOT_FOUND')
  })
})

describe('CORS', () => {
  const origin = 'Origin: https://app.example.com'

  test('a preflight is answered without a credential', async () => {
    const limits = { allowedOrigins: ['https://*.example.com'], allowedHeaders: ['X-Team'] }
    const { port, handled } = await serveEdge({
      limits,
      identify() {
        throw new GatewayError('GW_REQUEST_BLOCKED', { reason: 'no credential' })
      },
    })
    const received = await new RawClient({ port })
      .write(head('OPTIONS /echo', origin, 'Access-Control-Request-Method: POST'))
      .until('\r\n\r\n')
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    for (const line of [
      'Access-Control-Allow-Origin: https://app.example.com',
      'Access-Control-Allow-Credentials: true',
      'Vary: Origin',
      'Access-Control-Allow-Methods: GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS',
      'Access-Control-Allow-Headers: Content-Type, Authorization, X-Requested-With, X-Team',
      'Access-Control-Max-Age: 86400',
    ]) {
      expect(received).toContain(`${line}\r\n`)
    }
    expect(handled).toHaveLength(0)
  })

  test('a preflight from elsewhere is 403', async () => {
    const { port } = await serveEdge()
    const received = await new RawClient({ port }).write(head('OPTIONS /echo', origin)).until('}')
    expect(received).toMatch(/^HTTP\/1.1 403 /)
    expect(received).not.toContain('Access-Control-Allow')
    expect(received).toContain('Vary: Origin\r\n')
  })

  test('answers and refusals carry the origin where it is allowed', async () => {
    const { port } = await serveEdge({ limits: { allowedOrigins: ['https://app.example.com'] } })
    for (const path of ['/thing', '/nothing']) {
      expect(await new RawClient({ port }).write(head(`GET ${path}`, origin)).until('\r\n\r\n')).toContain(
        'Access-Control-Allow-Origin: https://app.example.com\r\n',
      )
    }
  })

  test('no Origin, no CORS', async () => {
    const { port } = await serveEdge({ limits: { allowedOrigins: ['*'] } })
    expect(await new RawClient({ port }).write(head('GET /thing')).until('\r\n\r\n')).not.toMatch(/Access-Control|Vary/)
  })
})

describe('connections', () => {
  test('requests sent behind one another are answered in order', async () => {
    const { port, handled } = await serveEdge()
    const burst = Array.from({ length: 100 }, (_, at) => `${head('POST /echo', `Content-Length: ${`${at}`.length + 2}`)}<${at}>`).join('')
    const received = await new RawClient({ port }).write(burst).until('<99>')
    expect(received.match(/<\d+>/g)).toEqual(Array.from({ length: 100 }, (_, at) => `<${at}>`))
    expect(handled).toHaveLength(100)
  })

  test('a request behind a pending answer closes the connection, and does not run', async () => {
    const aborted = signal()
    const { port, handled } = await serveEdge({ handle: ({ reply }) => reply.onAbort(aborted.resolve) })
    const client = new RawClient({ port }).write(head('GET /thing')).write(head('GET /thing'))
    await Promise.all([client.closed(), aborted.promise])
    expect(handled).toHaveLength(1)
    expect(client.received).toBe('')
  })

  test("a client's half-close is an abort", async () => {
    const aborted = signal()
    const { port } = await serveEdge({ handle: ({ reply }) => reply.onAbort(aborted.resolve) })
    const client = new RawClient({ port })
    client.socket.end(head('GET /thing'))
    await aborted.promise
    expect(await client.closed()).toBe('')
  })

  test('an answer has no banner of the library', async () => {
    const { port } = await serveEdge()
    expect(await new RawClient({ port }).write(head('GET /thing')).until('GET ')).not.toContain('uWebSockets')
  })

  test('counts connections and open requests', async () => {
    const counts: number[] = []
    const replies: Reply[] = []
    const gone = signal()
    const arrived = signal()
    const { port, server } = await serveEdge({
      onConnectionCount(count) {
        counts.push(count)
        if (count === 0) gone.resolve()
      },
      handle({ reply }) {
        replies.push(reply)
        arrived.resolve()
      },
    })
    const client = new RawClient({ port }).write(head('GET /thing'))
    await arrived.promise
    expect([server.connections(), server.requests()]).toEqual([1, 1])
    replies[0]!.send(200, [], 'done')
    await client.until('done')
    expect([server.connections(), server.requests()]).toEqual([1, 0])
    client.socket.destroy()
    await gone.promise
    expect(counts).toEqual([1, 0])
  })

  test('a draining server ends each connection with its answer', async () => {
    const { port, server } = await serveEdge()
    const client = new RawClient({ port }).write(head('GET /thing'))
    expect(await client.until('GET ')).not.toContain('Connection: close')
    server.setDraining()
    expect(await client.write(`${head('POST /echo', 'Content-Length: 2')}hi`).closed()).toMatch(/Connection: close\r\n[\s\S]*POST hi$/)
  })

  test('a streamed answer of a draining server says so and is whole', async () => {
    const { port, server } = await serveEdge({
      handle({ reply }) {
        reply.start(200, [])
        reply.write('abc')
        reply.end()
      },
    })
    server.setDraining()
    const received = await new RawClient({ port }).write(head('GET /thing')).until('0\r\n\r\n')
    expect(received).toContain('Connection: close\r\n')
    expect(received.endsWith('\r\n\r\n3\r\nabc\r\n0\r\n\r\n')).toBe(true)
  })
})

describe('refusals at header time', () => {
  const refuse = (): never => {
    throw new GatewayError('GW_MISSING_HEADERS', { names: 'x-team' })
  }

  test('with the whole body there, the connection stays', async () => {
    const { port, handled } = await serveEdge({ identify: refuse })
    const client = new RawClient({ port }).write(`${head('POST /echo', 'Content-Length: 2')}hi`)
    await client.until('GW_MISSING_HEADERS')
    client.received = ''
    expect(await client.write(head('GET /thing')).until('}')).toContain('400 Bad Request')
    expect(handled).toHaveLength(0)
  })

  test.each(['/echo', '/nothing', '/thing'])('on %s, with an unread body, it closes and nothing behind is a request', async (path) => {
    const { port, handled, refused } = await serveEdge({ identify: refuse })
    const client = new RawClient({ port }).write(head(`POST ${path}`, 'Content-Length: 1000'))
    const received = await client.write(head('GET /thing')).closed()
    expect(received.match(/HTTP\/1.1/g)).toHaveLength(1)
    expect(received).toContain('Connection: close\r\n')
    expect(refused).toHaveLength(1)
    expect(handled).toHaveLength(0)
  })

  test('an error that is no GatewayError is refused all the same', async () => {
    const { port } = await serveEdge({
      identify() {
        throw new TypeError('a bug')
      },
    })
    expect(await new RawClient({ port }).write(head('GET /thing')).until('}')).toMatch(/^HTTP\/1.1 500/)
  })

  test('a throw out of handle costs that request alone', async () => {
    const { port } = await serveEdge({
      handle() {
        throw new TypeError('a bug')
      },
    })
    expect(await new RawClient({ port }).write(head('GET /thing')).until('}')).toMatch(/^HTTP\/1.1 500/)
  })
})
