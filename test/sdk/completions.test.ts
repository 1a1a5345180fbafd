import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { PROVIDERS } from '../matrix/cases.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

let behind: MatrixGateway
let client: OpenAI
beforeAll(async () => {
  behind = await startMatrixGateway()
  client = new OpenAI({ apiKey: 'sk-client', baseURL: `${behind.url}/v1`, maxRetries: 0 })
})
afterAll(() => behind.close())

async function all<Event>(stream: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of stream) events.push(event)
  return events
}

describe.each(PROVIDERS)('text completions by %s', (provider) => {
  test('whole', async () => {
    const completion = await client.completions.create({ model: `${provider}/text`, prompt: 'hello', max_tokens: 100 })
    expect(completion).toMatchObject({ object: 'text_completion', usage: { prompt_tokens: 12, completion_tokens: 15, total_tokens: 27 } })
    expect(completion.choices).toMatchObject([{ index: 0, text: PLAIN_TEXT, finish_reason: 'stop' }])
    expect(completion).toMatchObject({ extra_fields: { provider, request_type: 'text_completion' } })
  })

  test('streamed', async () => {
    const stream = await client.completions.create({
      model: `${provider}/length`,
      prompt: ['hello'],
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let finish: string | null = null
    let usage: unknown
    for await (const event of stream) {
      text += event.choices[0]?.text ?? ''
      finish = event.choices[0]?.finish_reason ?? finish
      usage = event.usage ?? usage
    }
    expect([text, finish, usage]).toMatchObject(['This answer was cut', 'length', { completion_tokens: 15 }])
  })

  test.each([
    ['fault-404', 404],
    ['fault-429', 429],
  ])('%s', async (model, status) => {
    await expect(client.completions.create({ model: `${provider}/${model}`, prompt: 'hello' })).rejects.toMatchObject({ status })
  })

  test('a stream that fails ends in an error', async () => {
    const stream = await client.completions.create({ model: `${provider}/fault-error-mid`, prompt: 'hello', stream: true })
    await expect(all(stream)).rejects.toThrow(/overloaded|error/i)
  })
})

test('a provider that has them is asked for them, with the body as it came', async () => {
  await client.completions.create({ model: 'openai/text', prompt: ['one', 'two'], suffix: 'x', best_of: 2 })
  expect(behind.upstream.requests.at(-1)).toMatchObject({
    path: '/v1/completions',
    json: { model: 'text', prompt: ['one', 'two'], suffix: 'x', best_of: 2 },
  })
})

test('the prompt is given back where it is asked for', async () => {
  const asked = { model: 'anthropic/text', prompt: 'hello ', echo: true }
  expect((await client.completions.create(asked)).choices[0]?.text).toBe(`hello ${PLAIN_TEXT}`)
  const events = await all(await client.completions.create({ ...asked, stream: true }))
  expect(events.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(`hello ${PLAIN_TEXT}`)
})

test.each<[JsonObject, string]>([
  [{}, 'prompt: is required'],
  [{ prompt: '' }, 'prompt: must not be empty'],
  [{ prompt: ['a', 'b'] }, 'prompt: this provider takes one prompt a request'],
  [{ prompt: [1, 2] }, 'prompt[0]: must be a string'],
  [{ prompt: 'a', max_tokens: 0 }, 'max_tokens: must be a whole number of at least 1'],
  [{ prompt: 'a', stream: 'yes' }, 'stream: must be true or false'],
])('%j, to a provider of chat alone: %s', async (body, message) => {
  const response = await behind.gateway.fetch('/v1/completions', JSON.stringify({ model: 'anthropic/text', ...body }))
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { message } })
})

interface Completion {
  type: string
  id: string
  completion: string
  stop_reason: string | null
}

/** Its package has no method for them any more, and still reads their streams. */
describe.each(PROVIDERS)("Anthropic's text completions by %s", (provider) => {
  const anthropic = () => new Anthropic({ apiKey: 'x', baseURL: `${behind.url}/anthropic`, maxRetries: 0 })
  const asked = (model: string) => ({
    body: { model: `${provider}/${model}`, max_tokens_to_sample: 100, prompt: '\n\nHuman: hello\n\nAssistant:' },
  })
  const streamed = (model: string): Promise<AsyncIterable<Completion>> => {
    const { body } = asked(model)
    return anthropic().post('/v1/complete', { body: { ...body, stream: true }, stream: true }) as never
  }

  test('whole', async () => {
    const answer = await anthropic().post<Completion>('/v1/complete', asked('text'))
    expect(answer).toMatchObject({ type: 'completion', completion: PLAIN_TEXT, stop_reason: 'stop_sequence' })
    expect((await anthropic().post<Completion>('/v1/complete', asked('length'))).stop_reason).toBe('max_tokens')
  })

  test('streamed', async () => {
    const events = await all(await streamed('text'))
    expect(events.map(({ completion }) => completion).join('')).toBe(PLAIN_TEXT)
    expect(events.map(({ stop_reason: reason }) => reason).filter((reason) => reason !== null)).toEqual(['stop_sequence'])
    expect(events.every(({ type, id }) => type === 'completion' && id !== '')).toBe(true)
  })

  test('a stream that fails ends in an error', async () => {
    await expect(all(await streamed('fault-error-mid'))).rejects.toThrow(/overloaded|error/i)
  })
})

test.each<[JsonObject, string]>([
  [{ max_tokens_to_sample: 9 }, 'prompt: is required'],
  [{ prompt: 'x', max_tokens_to_sample: 0 }, 'max_tokens_to_sample: must be a whole number'],
  [{ prompt: 'x', stream: 'yes' }, 'stream: must be true or false'],
])("Anthropic's text completions, %j: %s", async (body, message) => {
  const response = await behind.gateway.fetch('/anthropic/v1/complete', JSON.stringify({ model: 'openai/text', ...body }))
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', message: expect.stringContaining(message) },
  })
})
