import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PLAIN_TEXT, STRUCTURED_TEXT, UNICODE_TEXT } from '../../bench/upstream/contents.ts'
import { type FakeUpstream, MODEL_NAMES, startUpstream } from '../helpers/upstream.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const CHAT = '/v1/chat/completions'
const MESSAGES = '/v1/messages'
const ANTHROPIC = { 'anthropic-version': '2023-06-01' }

/** A request as bytes, so that no client library stands between the test and the wire. */
function requestText(path: string, body: object | string, headers: Record<string, string> = {}): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const lines = Object.entries({ host: 'x', 'content-length': String(Buffer.byteLength(text)), ...headers })
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`
}

function bodyFor(model: string, more: object = {}): object {
  return { model, max_tokens: 10, messages: [{ role: 'user', content: 'hi' }], ...more }
}

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const dialect = path === MESSAGES ? ANTHROPIC : {}
  return fetch(upstream.url + path, { method: 'POST', body: JSON.stringify(body), headers: { ...dialect, ...headers }, redirect: 'manual' })
}

async function dataOf(response: Response): Promise<string[]> {
  const text = await response.text()
  return text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
}

async function open(): Promise<Socket> {
  const socket = connect(upstream.port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** All bytes until the provider closes; `code` is the error that ended it, if any. */
async function untilClosed(socket: Socket): Promise<{ text: string; code: string | undefined }> {
  let text = ''
  let code: string | undefined
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code
  })
  await new Promise((resolve) => socket.once('close', resolve))
  return { text, code }
}

describe('healthy answers', () => {
  it('speaks whole openai-chat and anthropic-messages', async () => {
    const chat = (await (await post(CHAT, bodyFor('text'))).json()) as { choices: { message: { content: string } }[] }
    expect(chat.choices[0]?.message.content).toBe(PLAIN_TEXT)
    const message = (await (await post(MESSAGES, bodyFor('text'))).json()) as { content: object[]; usage: object }
    expect(message).toMatchObject({ content: [{ type: 'text', text: PLAIN_TEXT }], stop_reason: 'end_turn', usage: { input_tokens: 12 } })
  })

  it('answers about 1 KB for whole-1k', async () => {
    for (const path of [CHAT, MESSAGES]) {
      const size = (await (await post(path, bodyFor('whole-1k'))).text()).length
      expect(size).toBeGreaterThan(700)
      expect(size).toBeLessThan(1100)
    }
  })

  it.each([
    [CHAT, '"content":"a few'],
    [MESSAGES, 'text_delta'],
  ])('counts the content events of events-50 and paced on %s', async (path, mark) => {
    for (const model of ['events-50', 'paced-50-1000']) {
      const events = await dataOf(await post(path, bodyFor(model, { stream: true })))
      expect(events.filter((event) => event.includes(mark))).toHaveLength(50)
    }
  })

  it('gives the same script on the quick path as on the slow one', async () => {
    const quick = await (await post(CHAT, { model: 'events-5', messages: [], stream: true })).text()
    const slow = await (await post(CHAT, { messages: [], model: 'events-5', stream: true })).text()
    expect(quick).toBe(slow)
  })

  it('lists models in either dialect', async () => {
    const list = (await (await fetch(`${upstream.url}/v1/models`)).json()) as { object: string }
    expect(list.object).toBe('list')
    const page = (await (await fetch(`${upstream.url}/v1/models`, { headers: ANTHROPIC })).json()) as object
    expect(page).toMatchObject({ has_more: false, first_id: 'whole-1k' })
  })

  it('echoes texts and images of the last message, and ends a tool loop', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
    const seen = await (
      await post(CHAT, bodyFor('image-echo', { messages: [{ role: 'user', content: [{ type: 'text', text: 'see' }, image] }] }))
    ).text()
    expect(seen).toContain('see [image image/png 4 characters]')
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: '21 degrees' }] }
    expect(await (await post(MESSAGES, bodyFor('tools', { messages: [result] }))).text()).toContain('The tool said: 21 degrees')
  })

  it('refuses what every vendor refuses', async () => {
    expect((await post(MESSAGES, { model: 'text', messages: [] })).status).toBe(400)
    expect((await post(MESSAGES, bodyFor('text', { messages: [{ role: 'system', content: 'x' }] }))).status).toBe(400)
    expect((await post('/v1/nothing', bodyFor('text'))).status).toBe(404)
  })
})

describe('the official openai client', () => {
  const stream = (model: string) =>
    new OpenAI({ apiKey: 'k', baseURL: `${upstream.url}/v1`, maxRetries: 0 }).chat.completions
      .stream({ model, messages: [{ role: 'user', content: 'hi' }], stream_options: { include_usage: true } })
      .finalChatCompletion()

  it.each([
    ['text', PLAIN_TEXT],
    ['unicode', UNICODE_TEXT],
    ['structured', STRUCTURED_TEXT],
    ['fault-crlf', PLAIN_TEXT],
    ['fault-comments', PLAIN_TEXT],
    ['fault-multi-line-data', PLAIN_TEXT],
    ['fault-split-bytes', PLAIN_TEXT],
    ['fault-utf8-split', UNICODE_TEXT],
    ['fault-gzip', PLAIN_TEXT],
  ])('accepts the stream of %s', async (model, text) => {
    const { choices, usage } = await stream(model)
    expect(choices[0]?.message.content).toBe(text)
    expect(usage?.prompt_tokens).toBe(12)
  })

  it('accepts parallel tools, a refusal and a length stop', async () => {
    const tools = await stream('parallel-tools')
    expect(tools.choices[0]?.message.tool_calls?.map((call) => call.id)).toEqual(['call_1', 'call_2', 'call_3'])
    expect((await stream('refusal')).choices[0]?.message.refusal).toBe('I cannot help with that.')
  })

  it.each(['fault-no-finish', 'fault-fin-mid-stream', 'fault-error-mid', 'fault-rst-mid-stream'])('notices %s', async (model) => {
    await expect(stream(model)).rejects.toThrow()
  })
})

describe('anthropic streams', () => {
  it.each(['text', 'reasoning', 'parallel-tools', 'redacted-reasoning', 'citations', 'empty'])(
    'opens and closes each block of %s in order',
    async (model) => {
      const events = (await dataOf(await post(MESSAGES, bodyFor(model, { stream: true })))).map(
        (data) => JSON.parse(data) as { type: string; index?: number },
      )
      expect(events[0]?.type).toBe('message_start')
      expect(events.slice(-2).map(({ type }) => type)).toEqual(['message_delta', 'message_stop'])
      let next = 0
      let isOpen = false
      for (const { type, index } of events) {
        if (!type.startsWith('content_block')) continue
        expect([isOpen, index]).toEqual([type !== 'content_block_start', next])
        isOpen = type !== 'content_block_stop'
        if (!isOpen) next += 1
      }
      expect(isOpen).toBe(false)
    },
  )

  it('signs its thinking', async () => {
    const events = await dataOf(await post(MESSAGES, bodyFor('reasoning', { stream: true })))
    expect(events.filter((event) => event.includes('signature_delta'))).toHaveLength(1)
  })
})

describe('faults', () => {
  /** These send nothing by design: the others must show a byte or an end. */
  const MUTE = new Set(['fault-silent'])

  it.each(MODEL_NAMES.filter((name) => !MUTE.has(name)))('%s shows itself in both dialects, whole and streamed', async (model) => {
    for (const path of [CHAT, MESSAGES]) {
      for (const stream of [false, true]) {
        const socket = await open()
        socket.on('error', () => {})
        socket.write(requestText(path, bodyFor(model, { stream }), ANTHROPIC))
        await new Promise<void>((resolve) => {
          socket.once('data', () => resolve())
          socket.once('close', () => resolve())
        })
        socket.destroy()
      }
    }
  })

  it.each([400, 401, 402, 403, 404, 422, 429, 500, 502, 503, 504, 529])('answers %i in the shape of the dialect', async (status) => {
    const chat = await post(CHAT, bodyFor(`fault-${status}`))
    expect([chat.status, ((await chat.json()) as { error: { message: string } }).error.message.length > 0]).toEqual([status, true])
    const message = await post(MESSAGES, bodyFor(`fault-${status}`))
    expect(message.status).toBe(status)
    expect(await message.json()).toMatchObject({ type: 'error', error: { message: expect.any(String) as string } })
    expect(message.headers.get('retry-after')).toBe(status === 429 ? '2' : null)
  })

  it('refuses by key value', async () => {
    const status = async (key: string) => (await post(CHAT, bodyFor('text'), { authorization: `Bearer ${key}` })).status
    expect([await status('dead-1'), await status('dead-402-x'), await status('busy-1'), await status('good')]).toEqual([401, 402, 429, 200])
    expect((await post(MESSAGES, bodyFor('text'), { 'x-api-key': 'dead-403-x' })).status).toBe(403)
    expect((await post(CHAT, { model: 'whole-1k', messages: [] }, { authorization: 'Bearer dead-1' })).status).toBe(401)
  })

  it('recovers after the first requests of each key', async () => {
    const status = async (key: string) => (await post(CHAT, bodyFor('fault-429-first-2'), { authorization: `Bearer ${key}` })).status
    expect([await status('a'), await status('a'), await status('a'), await status('b')]).toEqual([429, 429, 200, 429])
  })

  it('redirects to another host name', async () => {
    const response = await post(CHAT, bodyFor('fault-redirect'))
    expect([response.status, response.headers.get('location')]).toEqual([307, `http://localhost:${upstream.port}/stolen`])
  })

  it('resets and ends where it says', async () => {
    const outcome = async (model: string) => {
      const socket = await open()
      socket.write(requestText(CHAT, bodyFor(model, { stream: true })))
      const { text, code } = await untilClosed(socket)
      return [text.includes('HTTP/1.1 200'), code]
    }
    expect(await outcome('fault-rst-before-head')).toEqual([false, 'ECONNRESET'])
    expect(await outcome('fault-fin-before-head')).toEqual([false, undefined])
    expect(await outcome('fault-rst-mid-stream')).toEqual([true, 'ECONNRESET'])
    expect(await outcome('fault-fin-mid-stream')).toEqual([true, undefined])
  })

  it('dies only on the second request of a connection with rst-if-reused', async () => {
    const socket = await open()
    socket.write(requestText(CHAT, bodyFor('fault-rst-if-reused')))
    await once(socket, 'data')
    socket.write(requestText(CHAT, bodyFor('fault-rst-if-reused')))
    expect((await untilClosed(socket)).code).toBe('ECONNRESET')
  })

  it('refuses /early before the body has come', async () => {
    const socket = await open()
    socket.write(requestText('/early/v1/chat/completions', 'x'.repeat(100)).slice(0, -50))
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    expect(bytes.toString()).toContain('413')
    socket.destroy()
  })
})

describe('what it records', () => {
  it('keeps requests, credentials and connections, and tells when the client left', async () => {
    const own = await startUpstream()
    const socket = connect(own.port, '127.0.0.1')
    socket.write(requestText(CHAT, bodyFor('fault-stall-after-2', { stream: true }), { Authorization: 'Bearer sk-1', 'X-Twice': 'a' }))
    const request = await own.request(0)
    expect([request.method, request.path, request.key, request.headers.get('x-twice')]).toEqual(['POST', CHAT, 'sk-1', 'a'])
    expect(request.json.model).toBe('fault-stall-after-2')
    await once(socket, 'data')
    expect(request.ending).toBeUndefined()
    socket.destroy()
    expect(await own.closed(0)).toBe('closed-by-client')
    await own.sockets[0]?.closed
    expect([own.openSockets, own.sockets[0]?.requests]).toEqual([0, 1])
    await own.close()
  })

  it('holds gated answers until they are released', async () => {
    const own = await startUpstream()
    const answer = fetch(`${own.url}${CHAT}`, { method: 'POST', body: JSON.stringify(bodyFor('gated-here')) })
    expect((await own.request(0)).ending).toBeUndefined()
    own.release('here')
    expect((await answer).status).toBe(200)
    expect(await own.closed(0)).toBe('answered')
    await own.close()
  })

  it('stops writing a flood when the reader stops', async () => {
    const own = await startUpstream()
    const socket = connect(own.port, '127.0.0.1')
    socket.pause()
    socket.write(requestText(CHAT, bodyFor('flood-64', { stream: true })))
    const request = await own.request(0)
    expect(own.sockets[0]?.bytesWritten).toBeLessThan(32 * 1024 * 1024)
    expect(request.ending).toBeUndefined()
    socket.destroy()
    expect(await request.closed).toBe('closed-by-client')
    await own.close()
  })

  it('reads requests byte by byte, chunked and pipelined', async () => {
    const own = await startUpstream()
    const socket = connect(own.port, '127.0.0.1')
    const text = JSON.stringify(bodyFor('text'))
    const chunked = `POST ${CHAT} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${text.slice(0, 5)}\r\n${(text.length - 5).toString(16)}\r\n${text.slice(5)}\r\n0\r\n\r\n`
    for (const byte of chunked) socket.write(byte)
    socket.write(requestText(CHAT, bodyFor('gated-p')) + requestText(CHAT, bodyFor('text')))
    await own.request(1)
    own.release('p')
    expect(await Promise.all([own.closed(0), own.closed(1), own.closed(2)])).toEqual(['answered', 'answered', 'answered'])
    expect(own.requests.map(({ json }) => json.model)).toEqual(['text', 'gated-p', 'text'])
    socket.destroy()
    await own.close()
  })
})
