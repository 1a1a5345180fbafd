import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { UpstreamClient } from '../../core/upstream/types.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type ManualClock, manualClock, turn } from '../helpers/clock.ts'
import { ask, chunksOf, extraFields } from './support.ts'

const MODEL = 'meta/meta-llama-3-70b-instruct'
const PIECES = ['Once', ' upon\n', 'a time']

interface Seen {
  line: string
  headers: IncomingMessage['headers']
  body: JsonObject
}

/** A small Replicate: a prediction is done at the third look; `hasStream` and `outcome` are the test's to set. */
class FakeReplicate {
  readonly seen: Seen[] = []
  hasStream = true
  outcome: JsonObject = { status: 'succeeded', output: PIECES, metrics: { input_token_count: 5, output_token_count: 3 } }
  streamEnd = 'event: done\ndata: {}\n\n'
  looksLeft = 2
  /** What a look is answered with; 0: no JSON, -1: never. */
  lookStatus = 200
  /** Pages of the list of deployments, and where the later ones are said to be. */
  pages = 1
  pagesAt = 'https://api.replicate.com'
  readonly server = createServer((request, response) => void this.#serve(request, response))

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += chunk
    const line = `${request.method} ${request.url}`
    this.seen.push({ line, headers: request.headers, body: text === '' ? {} : (JSON.parse(text) as JsonObject) })
    if (line === 'GET /v1/files/s1') return this.#stream(response)
    const [, cursor] = /^GET \/v1\/deployments(?:\?cursor=(\d+))?$/.exec(line) ?? []
    if (line.startsWith('GET /v1/deployments')) return send(response, 200, this.#page(Number(cursor ?? 1)))
    if (line.startsWith('POST') && text.includes('refuse me'))
      return send(response, 422, { title: 'Invalid', detail: 'no such input', status: 422 })
    if (request.method === 'GET' && this.lookStatus === -1) return
    if (request.method === 'GET' && this.lookStatus === 0) return void response.writeHead(200).end('{')
    if (request.method === 'GET' && this.lookStatus !== 200) return send(response, this.lookStatus, { detail: 'oh' })
    const isDone = request.method === 'GET' && --this.looksLeft < 0
    send(response, request.method === 'POST' ? 201 : 200, this.#prediction(isDone ? this.outcome : { status: 'processing', output: null }))
  }

  #page(number: number): JsonObject {
    const next = number < this.pages ? `${this.pagesAt}/v1/deployments?cursor=${number + 1}` : null
    return { previous: null, next, results: [{ owner: 'acme', name: number === 1 ? 'chat' : `chat-${number}` }] }
  }

  /** URLs as the vendor writes them: of its own hosts, whatever the base URL is. */
  #prediction(outcome: JsonObject): JsonObject {
    const get = 'https://api.replicate.com/v1/predictions/p1'
    const stream = this.hasStream ? { stream: 'https://stream.replicate.com/v1/files/s1' } : {}
    return {
      id: 'p1',
      model: MODEL,
      created_at: '2024-04-25T17:06:22Z',
      error: null,
      ...outcome,
      urls: { get, cancel: `${get}/cancel`, ...stream },
    }
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of PIECES)
      response.write(
        `event: output\n${piece
          .split('\n')
          .map((row) => `data: ${row}\n`)
          .join('')}\n`,
      )
    if (this.streamEnd !== '') response.end(this.streamEnd)
  }
}

function send(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

let fake: FakeReplicate
let gateway: TestGateway
let clock: ManualClock
let client: OpenAI

beforeEach(async () => {
  fake = new FakeReplicate()
  fake.server.listen(0, '127.0.0.1')
  await once(fake.server, 'listening')
  clock = manualClock()
  const keys = [
    { name: 'main', value: 'r8-secret', models: ['*'], aliases: { mine: 'deployments/acme/chat' }, blacklisted_models: ['acme/dep'] },
    { name: 'deployed', value: 'r8-other', models: ['acme/dep'], replicate_key_config: { use_deployments_endpoint: true } },
  ]
  const network = { base_url: fake.url, default_request_timeout_in_seconds: 3600, max_retries: 0 }
  gateway = await createGateway({ clock, random: () => 0, config: { providers: { replicate: { keys, network_config: network } } } })
  client = new OpenAI({ apiKey: 'sk-client', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
})
afterEach(async () => {
  await gateway.close()
  fake.server.closeAllConnections()
  fake.server.close()
})

/** Lets the pauses between looks pass. */
function passing<T>(promise: Promise<T>): Promise<T> {
  return clock.drive(promise, 50)
}
const lines = (): string[] => fake.seen.map(({ line }) => line)

describe('a whole answer', () => {
  test('is looked for until it is there', async () => {
    const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...ask('Tell me a story')]
    const completion = await passing(client.chat.completions.create({ model: `replicate/${MODEL}`, messages, max_tokens: 9, user: 'u' }))
    expect(completion.choices[0]?.message.content).toBe('Once upon\na time')
    expect(completion.choices[0]?.finish_reason).toBe('stop')
    expect(completion.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 })
    expect([completion.id, completion.model, completion.created]).toEqual(['p1', MODEL, 1_714_064_782])
    expect(extraFields(completion)).toMatchObject({ provider: 'replicate', dropped_compat_plugin_params: ['user'] })
    const look = 'GET /v1/predictions/p1'
    expect(lines()).toEqual([`POST /v1/models/${MODEL}/predictions`, look, look, look])
    expect(fake.seen[0]?.body).toEqual({ input: { system_prompt: 'Be brief.', prompt: 'Tell me a story', max_tokens: 9 } })
    expect(fake.seen.map(({ headers }) => headers.authorization)).toEqual(Array(4).fill('Bearer r8-secret'))
    expect(fake.seen[0]?.headers.prefer).toBeUndefined()
  })

  test('of a failed prediction is an error', async () => {
    fake.outcome = { status: 'failed', output: null, error: 'CUDA out of memory' }
    const failed = passing(client.chat.completions.create({ model: `replicate/${MODEL}`, messages: ask() }))
    await expect(failed).rejects.toMatchObject({ status: 502, message: expect.stringContaining('CUDA out of memory') })
  })

  test('that is refused at once keeps its status', async () => {
    const refused = client.chat.completions.create({ model: `replicate/${MODEL}`, messages: ask('refuse me') })
    await expect(refused).rejects.toMatchObject({ status: 422, message: expect.stringContaining('no such input') })
  })

  test.each([
    ['mine', '/v1/deployments/acme/chat/predictions'],
    ['acme/dep', '/v1/deployments/acme/dep/predictions'],
    [`acme/chat:${'a'.repeat(64)}`, '/v1/predictions'],
    ['b'.repeat(64), '/v1/predictions'],
  ])('of %s is asked for at %s', async (model, path) => {
    await passing(client.chat.completions.create({ model: `replicate/${model}`, messages: ask() }))
    expect(lines()[0]).toBe(`POST ${path}`)
    expect(fake.seen[0]?.body.version).toBe(path === '/v1/predictions' ? model : undefined)
  })

  test.each(['prefer', 'x-bf-eh-prefer'])('is waited for where the client says so by %s', async (name) => {
    const body = { model: `replicate/${MODEL}`, messages: ask() }
    await passing(client.chat.completions.create(body, { headers: { [name]: 'wait=5' } }))
    expect(fake.seen.map(({ headers }) => headers.prefer)).toEqual(['wait=5', undefined, undefined, undefined])
  })

  test('cannot call tools', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'f' } }]
    const refused = client.chat.completions.create({ model: `replicate/${MODEL}`, messages: ask(), tools })
    await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining('tools') })
    expect(fake.seen).toEqual([])
  })
})

describe('a stream', () => {
  const open = () => client.chat.completions.create({ model: `replicate/${MODEL}`, messages: ask(), stream: true })
  const textOf = (chunks: OpenAI.ChatCompletionChunk[]) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')

  test('comes from where the prediction says', async () => {
    const chunks = await chunksOf(await open())
    expect(textOf(chunks)).toBe('Once upon\na time')
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(lines()).toEqual([`POST /v1/models/${MODEL}/predictions`, 'GET /v1/files/s1'])
    expect(fake.seen[0]?.body.stream).toBe(true)
    expect(fake.seen[1]?.headers).toMatchObject({ accept: 'text/event-stream', authorization: 'Bearer r8-secret' })
  })

  const counted = () =>
    client.chat.completions.create({
      model: `replicate/${MODEL}`,
      messages: ask(),
      stream: true,
      stream_options: { include_usage: true },
    })
  const usageOf = (chunks: OpenAI.ChatCompletionChunk[]) => chunks.flatMap(({ usage }) => usage ?? [])

  test('tells its usage, which the prediction has at its end', async () => {
    fake.looksLeft = 0
    const chunks = await chunksOf(await counted())
    expect(textOf(chunks)).toBe('Once upon\na time')
    expect(usageOf(chunks)).toMatchObject([{ prompt_tokens: 5, completion_tokens: 3 }])
    expect(lines()).toEqual([`POST /v1/models/${MODEL}/predictions`, 'GET /v1/files/s1', 'GET /v1/predictions/p1'])
    expect(fake.seen[2]?.headers).toMatchObject({ accept: 'application/json', authorization: 'Bearer r8-secret' })
  })

  test.each<[string, number]>([
    ['is not done yet', 200],
    ['fails', 500],
    ['is no JSON', 0],
  ])('ends well without where that prediction %s', async (_, status) => {
    fake.lookStatus = status
    const chunks = await chunksOf(await counted())
    expect([textOf(chunks), usageOf(chunks)]).toEqual(['Once upon\na time', []])
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(lines()).toHaveLength(3)
  })

  test('does not wait for one that does not come', async () => {
    fake.lookStatus = -1
    const chunks = await passing(counted().then(chunksOf))
    expect([textOf(chunks), usageOf(chunks)]).toEqual(['Once upon\na time', []])
    // A second, and the turns of the rest of the exchange; the limits of the request are an hour away.
    expect(clock.now()).toBeLessThan(60_000)
  })

  test('of a model that has none is made of its whole answer', async () => {
    fake.hasStream = false
    const chunks = await passing(open().then(chunksOf))
    expect(textOf(chunks)).toBe('Once upon\na time')
    expect(lines().at(-1)).toBe('GET /v1/predictions/p1')
  })

  test('that fails in the middle ends in an error', async () => {
    fake.streamEnd = 'event: error\ndata: {"detail":"GPU lost"}\n\nevent: done\ndata: {"reason":"error"}\n\n'
    await expect(open().then(chunksOf)).rejects.toThrow('GPU lost')
  })

  test('that the client leaves is canceled', async () => {
    fake.streamEnd = ''
    const stream = await open()
    for await (const _ of stream) break
    stream.controller.abort()
    while (!lines().includes('POST /v1/predictions/p1/cancel')) await turn()
    expect(lines().filter((line) => line.startsWith('POST'))).toHaveLength(2)
  })
})

test('the models are its deployments, and what the keys name', async () => {
  const { data } = (await (await gateway.fetch('/v1/models?provider=replicate')).json()) as { data: { id: string }[] }
  expect(data.map(({ id }) => id).sort()).toEqual(['replicate/acme/dep', 'replicate/deployments/acme/chat', 'replicate/mine'])
})

const listed = async (of = gateway): Promise<string[]> => {
  const { data } = (await (await of.fetch('/v1/models?provider=replicate')).json()) as { data: { id: string }[] }
  return data.map(({ id }) => id).filter((id) => id.startsWith('replicate/deployments/'))
}

test('the list is followed from page to page, below the base URL', async () => {
  fake.pages = 3
  expect(await listed()).toEqual(['chat', 'chat-2', 'chat-3'].map((name) => `replicate/deployments/acme/${name}`))
  const asked = ['GET /v1/deployments', 'GET /v1/deployments?cursor=2', 'GET /v1/deployments?cursor=3']
  // With each of the two keys.
  expect(lines().sort()).toEqual([...asked, ...asked].sort())
  const credentials = fake.seen.map(({ headers }) => headers.authorization)
  expect(credentials.filter((credential) => credential === credentials[0])).toHaveLength(3)
})

test('a list without an end is not followed without end', async () => {
  fake.pages = Number.POSITIVE_INFINITY
  expect(await listed()).toHaveLength(20)
  expect(fake.seen).toHaveLength(2 * 20)
})

test('a list that leads to a foreign host is not followed there', async () => {
  const asked: string[] = []
  const upstream: UpstreamClient = {
    open(target, { path }, handler) {
      asked.push(target.host + path)
      const body = { results: [], next: 'https://replicate.com.example.test/v1/deployments?cursor=2' }
      queueMicrotask(() => {
        handler.onHead({ status: 200, headers: [['content-type', 'application/json']] })
        handler.onData(Buffer.from(JSON.stringify(body)))
        handler.onEnd()
      })
      return { abort() {}, pause() {}, resume() {} }
    },
    stats: () => ({ open: 0, idle: 0, busy: 0 }),
    preconnect() {},
    close() {},
  }
  const keys = [{ name: 'main', value: 'r8_secret', models: ['*'] }]
  const own = await createGateway({ config: { providers: { replicate: { keys } } }, upstream })
  onTestFinished(() => own.close())
  const answer = await own.fetch('/v1/models?provider=replicate')
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining('https://replicate.com.example.test')])
  expect(asked).toEqual(['api.replicate.com/v1/deployments'])
})
