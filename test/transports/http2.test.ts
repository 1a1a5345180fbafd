import { connect, constants } from 'node:http2'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { type Http2Bridge, startHttp2Bridge } from '../../transports/http2.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

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
