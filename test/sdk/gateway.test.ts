import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { ask, chunksOf, extraFields, messageOf, PROVIDERS, type ProviderName, startBench } from './support.ts'

const bench = startBench()

/** Events twice, too late or not at all, with the whole answer among them. */
const ODD = ['fault-double-start', 'fault-double-finish', 'fault-double-terminal', 'fault-after-done', 'fault-no-usage']

/** What the provider's own answer has, and its first event of content. */
const RAW: Record<ProviderName, { whole: object; event: object }> = {
  openai: { whole: { object: 'chat.completion' }, event: { object: 'chat.completion.chunk' } },
  anthropic: { whole: { type: 'message', role: 'assistant' }, event: { type: 'content_block_delta' } },
  gemini: { whole: { responseId: 'fake_1' }, event: { responseId: 'fake_1' } },
  bedrock: { whole: { stopReason: 'end_turn' }, event: { contentBlockIndex: 0 } },
  cohere: { whole: { finish_reason: 'COMPLETE' }, event: { type: 'content-delta' } },
}

describe.each(PROVIDERS)('%s, what the gateway adds', (provider) => {
  const request = { model: `${provider}/text`, messages: ask() }

  test('extra_fields of a whole answer', async () => {
    expect(extraFields(await bench.client.chat.completions.create(request))).toEqual({
      request_type: 'chat_completion',
      provider,
      original_model_requested: 'text',
      resolved_model_used: 'text',
      latency: expect.any(Number),
    })
  })

  test('extra_fields of a stream: in the first chunk and the last ones at least, numbered', async () => {
    const chunks = await chunksOf(
      await bench.client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }),
    )
    const facts = chunks.map(extraFields)
    const finish = chunks.findIndex((chunk) => chunk.choices[0]?.finish_reason)
    for (const index of [0, finish, chunks.length - 1]) {
      expect(facts[index]).toMatchObject({
        request_type: 'chat_completion_stream',
        provider,
        chunk_index: index,
        latency: expect.any(Number),
      })
    }
    const total = facts.at(-1)?.latency as number
    expect(facts.reduce((sum, fact) => Math.max(sum, fact?.latency ?? 0), 0)).toBe(total)
  })

  test('extra_fields in every chunk when asked', async () => {
    const headers = { 'x-bf-extra-fields': 'all' }
    const chunks = await chunksOf(await bench.client.chat.completions.create({ ...request, stream: true }, { headers }))
    expect(chunks.map((chunk) => extraFields(chunk)?.chunk_index)).toEqual(chunks.map((_, index) => index))
  })

  test('x-request-id: the client’s own, else a new one', async () => {
    const named = await bench.client.chat.completions.create(request, { headers: { 'x-request-id': 'mine-1' } }).withResponse()
    expect(named.request_id).toBe('mine-1')
    const { request_id: minted } = await bench.client.chat.completions.create({ ...request, stream: true }).withResponse()
    expect(minted).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('the raw request and answer when asked, whole', async () => {
    const headers = { 'x-bf-send-back-raw-request': 'true', 'x-bf-send-back-raw-response': 'true' }
    const facts = extraFields(await bench.client.chat.completions.create(request, { headers }))
    expect(facts?.raw_request).toEqual(bench.lastRequest().json)
    expect(facts?.raw_response).toMatchObject(RAW[provider].whole)
    expect(facts?.raw_response).not.toHaveProperty('extra_fields')
  })

  test('the raw request and events when asked, streamed', async () => {
    const headers = { 'x-bf-send-back-raw-request': 'true', 'x-bf-send-back-raw-response': 'true', 'x-bf-extra-fields': 'all' }
    const chunks = await chunksOf(await bench.client.chat.completions.create({ ...request, stream: true }, { headers }))
    const facts = chunks.map(extraFields)
    expect(facts[0]?.raw_request).toEqual(bench.lastRequest().json)
    expect(facts.slice(1).every((fact) => fact?.raw_request === undefined)).toBe(true)
    expect(facts.map((fact) => fact?.raw_response)).toContainEqual(expect.objectContaining(RAW[provider].event))
  })

  test('neither when not asked, and none on errors', async () => {
    const facts = extraFields(await bench.client.chat.completions.create(request))
    expect(facts).not.toHaveProperty('raw_request')
    expect(facts).not.toHaveProperty('raw_response')
  })
})

describe.each(PROVIDERS)('%s, a client that leaves', (provider) => {
  test('in the middle of a stream cancels the provider', async () => {
    const id = bench.upstream.requests.length
    const stream = await bench.client.chat.completions.create({ model: `${provider}/fault-infinite`, messages: ask(), stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) stream.controller.abort()
    expect(await bench.upstream.closed(id)).toBe('closed-by-client')
  })

  test.each([false, true])('before any answer cancels the provider (stream: %s)', async (stream) => {
    const id = bench.upstream.requests.length
    const controller = new AbortController()
    const work = bench.client.chat.completions.create(
      { model: `${provider}/fault-silent`, messages: ask(), stream },
      { signal: controller.signal },
    )
    await bench.upstream.request(id)
    controller.abort()
    await expect(work).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
    expect(await bench.upstream.closed(id)).toBe('closed-by-client')
  })

  test('by break leaves the loop and the provider', async () => {
    const id = bench.upstream.requests.length
    const stream = await bench.client.chat.completions.create({ model: `${provider}/fault-infinite`, messages: ask(), stream: true })
    for await (const _ of stream) break
    expect(await bench.upstream.closed(id)).toBe('closed-by-client')
  })
})

describe.each(PROVIDERS)('%s, an answer in another shape than asked for', (provider) => {
  test('a whole answer becomes a stream', async () => {
    const runner = bench.client.chat.completions.stream({ model: `${provider}/fault-json-for-stream`, messages: ask() })
    expect(messageOf(await runner.finalChatCompletion()).content).toBe(PLAIN_TEXT)
  })

  test('events become a whole answer', async () => {
    const completion = await bench.client.chat.completions.create({ model: `${provider}/fault-stream-for-json`, messages: ask() })
    expect(messageOf(completion).content).toBe(PLAIN_TEXT)
  })

  test.each(ODD)('%s is one answer', async (model) => {
    const runner = bench.client.chat.completions.stream({ model: `${provider}/${model}`, messages: ask() })
    expect(messageOf(await runner.finalChatCompletion()).content).toBe(PLAIN_TEXT)
  })
})

describe('an answer without its first or last event', () => {
  // Many compatible servers leave them out; Anthropic does not, and a stream that lacks them was cut.
  test.each(['fault-no-start', 'fault-no-terminator'])('%s: well from openai, an error from anthropic', async (model) => {
    const final = (provider: string) =>
      bench.client.chat.completions.stream({ model: `${provider}/${model}`, messages: ask() }).finalChatCompletion()
    expect(messageOf(await final('openai')).content).toBe(PLAIN_TEXT)
    await expect(final('anthropic')).rejects.toThrow()
  })
})

describe('the list of models', () => {
  test('names each with its provider', async () => {
    const ids: string[] = []
    for await (const model of bench.client.models.list()) ids.push(model.id)
    expect(ids).toEqual(expect.arrayContaining(['openai/text', 'anthropic/text']))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('of one provider', async () => {
    const { data } = await bench.client.models.list({ query: { provider: 'anthropic' } })
    expect(data.every((model) => model.id.startsWith('anthropic/') && model.object === 'model')).toBe(true)
    expect(data.length).toBeGreaterThan(5)
  })
})

describe('the demo provider', () => {
  test('answers the official client whole and streamed', async () => {
    const request = { model: 'demo/hello', messages: ask('ping') }
    const whole = messageOf(await bench.client.chat.completions.create(request))
    const streamed = messageOf(await bench.client.chat.completions.stream(request).finalChatCompletion())
    expect(whole.content).toContain('"ping"')
    expect(streamed.content).toBe(whole.content)
  })

  test('is in the list of models', async () => {
    const { data } = await bench.client.models.list({ query: { provider: 'demo' } })
    expect(data.map(({ id }) => id)).toEqual(['demo/hello'])
  })

  test('streams word by word, under an id of its own', async () => {
    const request = { model: 'demo/hello', messages: ask('one two') }
    const asked = async () => chunksOf(await bench.client.chat.completions.create({ ...request, stream: true }))
    const [first, second] = [await asked(), await asked()]
    expect(first.filter((chunk) => chunk.choices[0]?.delta.content).length).toBeGreaterThan(5)
    expect(new Set([...first, ...second].map(({ id }) => id)).size).toBe(2)
    expect((await bench.client.chat.completions.create(request)).id).toMatch(/^.{8,}$/)
  })
})
