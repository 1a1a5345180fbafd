import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type RealGateway, realGateway } from '../helpers/real-gateway.ts'
import { startTokenServer, TOKEN_ANSWERS, type TokenServer } from '../helpers/token-server.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

const REQUESTS = 16

let gateway: RealGateway | undefined
let upstream: FakeUpstream
let server: TokenServer
afterEach(async () => {
  await gateway?.destroy()
  await Promise.all([upstream.close(), server.close()])
})

/** One request on a connection of its own: connections are dealt to the data threads in turn. Resolves with the whole answer. */
function askAlone(port: number, model: string): Promise<string> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] })
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(head + body))
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (/\r\n\r\n.*\}$/s.test(text)) socket.end(() => resolve(text))
    })
    socket.on('error', reject)
  })
}

test('two data threads share one mint: many requests at once cost one token request', async () => {
  ;[upstream, server] = await Promise.all([startUpstream(), startTokenServer(TOKEN_ANSWERS.tokens('ya29.shared-token'))])
  const started = await realGateway({
    config: {
      client: { threads: 2 },
      providers: { vertex: { network_config: { base_url: upstream.url }, keys: [server.key('minted')] } },
    },
    args: ['--threads', '2'],
  })
  gateway = started
  const port = Number(new URL(started.url).port)
  // Held until every request has reached its thread: later ones could live on what the first got.
  const first = Promise.withResolvers<() => void>()
  server.answer = (response, count) => first.resolve(() => TOKEN_ANSWERS.tokens('ya29.shared-token')(response, count))
  const answers = Array.from({ length: REQUESTS }, () => askAlone(port, 'vertex/text'))
  const release = await first.promise
  expect(await Promise.all([askAlone(port, 'demo/hello'), askAlone(port, 'demo/hello')])).toEqual(
    Array(2).fill(expect.stringMatching(/^HTTP\/1.1 200/)),
  )
  release()
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1.1 200/)
  // Models are listed at the start besides.
  const chats = upstream.requests.filter(({ method }) => method === 'POST')
  expect(chats.map(({ key }) => key)).toEqual(Array(REQUESTS).fill('ya29.shared-token'))
  expect(server.count).toBe(1)
  // What each thread holds serves on, without a question.
  for (const answer of await Promise.all([1, 2, 3, 4].map(() => askAlone(port, 'vertex/text')))) expect(answer).toMatch(/^HTTP\/1.1 200/)
  expect(server.count).toBe(1)
  expect(started.output()).not.toContain('ya29.shared-token')
})
