import { connect, constants } from 'node:http2'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { type Http2Bridge, startHttp2Bridge } from '../../transports/http2.ts'
import { pem } from '../core/upstream/support.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'
import { serveEdge } from './http/harness.ts'

let behind: MatrixGateway
let bridge: Http2Bridge
beforeAll(async () => {
  behind = await startMatrixGateway()
  bridge = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: behind.gateway.port } })
})
afterAll(async () => {
  await bridge.close()
  await behind.close()
})

function open(port = bridge.port) {
  const session = connect(`http://127.0.0.1:${port}`)
  onTestFinished(() => session.destroy())
  return session
}

async function post(session: ReturnType<typeof open>, model: string, stream: boolean) {
  const body = JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hi' }] })
  const asked = session.request({ ':method': 'POST', ':path': '/v1/chat/completions', 'content-type': 'application/json' })
  const head = new Promise<Record<string, unknown>>((resolve) => asked.on('response', resolve))
  asked.end(body)
  const { ':status': status, ...headers } = await head
  return { asked, status, headers }
}

describe('HTTP/2 without TLS', () => {
  test.each([
    ['whole', false],
    ['streamed', true],
  ])('asks the same routes, %s', async (_, stream) => {
    const { asked, status, headers } = await post(open(), 'openai/text', stream)
    expect(status).toBe(200)
    expect(headers['x-request-id']).toEqual(expect.any(String))
    const answer = await text(asked)
    if (!stream) expect(JSON.parse(answer)).toMatchObject({ choices: [{ message: { content: PLAIN_TEXT } }] })
    else expect(answer).toMatch(/^data: .*\n\ndata: \[DONE\]\n\n$/s)
  })

  test('carries many requests on one connection', async () => {
    const session = open()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post(session, 'anthropic/text', true).then(({ asked }) => text(asked))),
    )
    for (const answer of answers) expect(answer).toContain('[DONE]')
  })

  test('errors keep their status and dialect', async () => {
    const { asked, status } = await post(open(), 'openai/fault-404', false)
    expect(status).toBe(404)
    expect(JSON.parse(await text(asked))).toMatchObject({ error: { message: 'The model does not exist.' } })
  })

  test('a client that leaves ends the request', async () => {
    const { length } = behind.upstream.requests
    const { asked } = await post(open(), 'openai/paced-3000-50', true)
    asked.close(constants.NGHTTP2_CANCEL)
    expect(await behind.upstream.closed(length)).toBe('closed-by-client')
  })

  test('a gateway that is gone is a 502', async () => {
    const orphan = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: 1 } })
    const { status } = await post(open(orphan.port), 'openai/text', false)
    expect(status).toBe(502)
    await orphan.close()
  })

  test('a port that is taken is a sentence', async () => {
    const taken = startHttp2Bridge({ hosts: ['127.0.0.1'], port: bridge.port, target: { host: '127.0.0.1', port: 1 } })
    await expect(taken).rejects.toThrow(`cannot listen on 127.0.0.1:${bridge.port} (client.http2_port): `)
  })
})

describe('the bridge and the gateway behind it', () => {
  const WORD = 'a-word-of-this-process'

  /** A bridge before an edge that tells what it takes for the client. */
  async function bridged(options: Parameters<typeof serveEdge>[0] = {}, word: string | undefined = WORD) {
    const edge = await serveEdge({
      bridgeWord: WORD,
      handle: ({ incoming, reply }) => {
        const { clientAddress, remoteAddress, scheme, headers } = incoming
        reply.send(200, [], JSON.stringify({ clientAddress, remoteAddress, scheme, word: headers.get('x-bifrost-bridge') }))
      },
      ...options,
    })
    const target = { host: '127.0.0.1', port: edge.port, isSecure: options.tls !== undefined, word }
    const own = await startHttp2Bridge({ hosts: ['127.0.0.2'], port: 0, target })
    onTestFinished(() => own.close())
    const session = connect(`http://127.0.0.2:${own.port}`, { localAddress: '127.0.0.3' } as object)
    onTestFinished(() => session.destroy())
    const ask = async (headers: Record<string, string> = {}) => {
      const stream = session.request({ ':path': '/thing', ...headers })
      const status = await new Promise((resolve) => {
        stream.on('response', (head) => resolve(head[':status']))
        stream.on('error', () => resolve('reset'))
      })
      return { status, body: status === 'reset' ? '' : await text(stream) }
    }
    return { ask, edge, session }
  }

  test('tells the address of its client, which no client can say itself', async () => {
    const { ask } = await bridged()
    const own = { clientAddress: '127.0.0.3', remoteAddress: '127.0.0.3', scheme: 'http' }
    expect(JSON.parse((await ask()).body)).toEqual(own)
    expect(JSON.parse((await ask({ 'x-bifrost-bridge': `${WORD} 9.9.9.9`, 'x-forwarded-for': '9.9.9.9' })).body)).toEqual(own)
  })

  test('is no way around trusted proxies: its own address is not the client', async () => {
    const { ask } = await bridged({ limits: { trustedProxies: ['127.0.0.1'] } })
    expect(JSON.parse((await ask({ 'x-forwarded-for': '9.9.9.9' })).body)).toMatchObject({ clientAddress: '127.0.0.3' })
    const behind = await bridged({ limits: { trustedProxies: ['127.0.0.3'] } })
    expect(JSON.parse((await behind.ask({ 'x-forwarded-for': '9.9.9.9' })).body)).toMatchObject({ clientAddress: '9.9.9.9' })
  })

  test.each([
    ['another word', 'another-word-of-proces'],
    ['a shorter one', 'a'],
    ['none', ''],
  ])('with %s it is nobody', async (_name, word) => {
    const { ask } = await bridged({}, word)
    expect(JSON.parse((await ask()).body)).toMatchObject({ clientAddress: '127.0.0.1', remoteAddress: '127.0.0.1' })
    expect(JSON.parse((await ask()).body)).not.toHaveProperty('word')
  })

  test('asks by TLS where the gateway speaks that', async () => {
    const { ask } = await bridged({ tls: { cert: pem('server.pem'), key: pem('server.key') } })
    expect(JSON.parse((await ask()).body)).toMatchObject({ clientAddress: '127.0.0.3', scheme: 'http' })
  })

  test.each([
    { ':path': '/thing a' },
    { ':path': '/\r\nX-Injected: 1' },
    { ':path': '/thing HTTP/1.1\r\nHost: evil\r\n\r\nGET /both/1' },
    { ':path': '/th\u00efng' },
    { ':path': 'http://other/thing' },
    { ':method': 'CONNECT', ':authority': 'other:80', ':path': undefined },
    { ':method': 'G\tET' },
    { 'transfer-encoding': 'chunked' },
  ])('%j becomes no other request, and the connection or the next one serves on', async (headers) => {
    const { ask, edge } = await bridged()
    const refused = await Promise.resolve(headers)
      .then((lines) => ask(lines as Record<string, string>))
      .catch(() => ({ status: 'not sent by the client' }))
    expect(refused.status).not.toBe(200)
    expect(edge.handled).toEqual([])
    const next = await bridged()
    expect((await next.ask()).status).toBe(200)
  })

  test('a line break in a header makes no header', async () => {
    const { ask, edge } = await bridged()
    await ask({ 'x-a': '1\r\nX-Injected: 1' })
    for (const { incoming } of edge.handled) expect([...incoming.headers.keys()]).not.toContain('x-injected')
    expect((await ask()).status).toBe(200)
  })
})
