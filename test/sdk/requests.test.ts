import type {
  ChatCompletionContentPart,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import { describe, expect, test } from 'vitest'
import { ask, extraFields, messageOf, PATHS, PROVIDERS, type ProviderName, startBench } from './support.ts'

const bench = startBench()

const DATA = 'aGVsbG8gd29ybGQ='
const system: ChatCompletionMessageParam = { role: 'system', content: 'Be brief.' }
const developer: ChatCompletionMessageParam = { role: 'developer', content: 'Be brief.' }

/** What one thing a client says becomes on either wire. Objects need only be part of what was sent. */
interface Case {
  name: string
  request: Partial<ChatCompletionCreateParamsNonStreaming>
  /** Undefined: the provider cannot be sent it, and is not asked. */
  wire: Record<ProviderName, object | undefined>
}

const parts = (...content: ChatCompletionContentPart[]): Partial<ChatCompletionCreateParamsNonStreaming> => ({
  messages: [{ role: 'user', content }],
})
const sent = (...content: object[]): object => ({ messages: [{ role: 'user', content }] })
const sentParts = (...parts: object[]): object => ({ contents: [{ role: 'user', parts }] })
const hello = { messages: [{ role: 'user', content: [{ text: 'hello' }] }] }

const CASES: readonly Case[] = [
  {
    name: 'a system message',
    request: { messages: [system, ...ask()] },
    wire: {
      openai: { messages: [system, { role: 'user', content: 'hello' }] },
      anthropic: {
        system: [{ type: 'text', text: 'Be brief.' }],
        messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
      },
      gemini: { systemInstruction: { parts: [{ text: 'Be brief.' }] }, ...sentParts({ text: 'hello' }) },
      bedrock: { system: [{ text: 'Be brief.' }], ...hello },
      cohere: { messages: [system, { role: 'user', content: 'hello' }] },
    },
  },
  {
    name: 'a developer message',
    request: { messages: [developer, ...ask()] },
    wire: {
      openai: { messages: [developer, {}] },
      anthropic: { system: [{ type: 'text', text: 'Be brief.' }], messages: [{}] },
      gemini: { systemInstruction: { parts: [{ text: 'Be brief.' }] }, contents: [{}] },
      bedrock: { system: [{ text: 'Be brief.' }], messages: [{}] },
      cohere: { messages: [system, {}] },
    },
  },
  {
    name: 'an image as data',
    request: parts(
      { type: 'text', text: 'what is it?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}`, detail: 'low' } },
    ),
    wire: {
      openai: sent({ type: 'text' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}`, detail: 'low' } }),
      anthropic: sent({ type: 'text' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: DATA } }),
      gemini: sentParts({ text: 'what is it?' }, { inlineData: { mimeType: 'image/png', data: DATA } }),
      bedrock: sent({ text: 'what is it?' }, { image: { format: 'png', source: { bytes: DATA } } }),
      cohere: sent({ type: 'text' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}` } }),
    },
  },
  {
    name: 'an image by URL',
    request: parts({ type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } }),
    wire: {
      openai: sent({ type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } }),
      anthropic: sent({ type: 'image', source: { type: 'url', url: 'https://example.com/cat.jpg' } }),
      gemini: sentParts({ fileData: { fileUri: 'https://example.com/cat.jpg' } }),
      bedrock: undefined,
      cohere: sent({ type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } }),
    },
  },
  {
    name: 'a document',
    request: parts(
      { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${DATA}` } },
      { type: 'text', text: 'sum up' },
    ),
    wire: {
      openai: sent({ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${DATA}` } }, { type: 'text' }),
      anthropic: sent(
        { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: DATA } },
        { type: 'text' },
      ),
      gemini: sentParts({ inlineData: { mimeType: 'application/pdf', data: DATA } }, { text: 'sum up' }),
      bedrock: sent({ document: { format: 'pdf', source: { bytes: DATA } } }, { text: 'sum up' }),
      cohere: undefined,
    },
  },
  {
    name: 'limits and sampling',
    request: { max_completion_tokens: 100, temperature: 0.5, stop: ['END'] },
    wire: {
      openai: { max_completion_tokens: 100, temperature: 0.5, stop: ['END'] },
      anthropic: { max_tokens: 100, temperature: 0.5, stop_sequences: ['END'] },
      gemini: { generationConfig: { maxOutputTokens: 100, temperature: 0.5, stopSequences: ['END'] } },
      bedrock: { inferenceConfig: { maxTokens: 100, temperature: 0.5, stopSequences: ['END'] } },
      cohere: { max_tokens: 100, temperature: 0.5, stop_sequences: ['END'] },
    },
  },
  {
    name: 'the older name of the limit, and one stop as text',
    request: { max_tokens: 100, stop: 'END' },
    wire: {
      openai: { max_tokens: 100, stop: 'END' },
      anthropic: { max_tokens: 100, stop_sequences: ['END'] },
      gemini: { generationConfig: { maxOutputTokens: 100, stopSequences: ['END'] } },
      bedrock: { inferenceConfig: { maxTokens: 100, stopSequences: ['END'] } },
      cohere: { max_tokens: 100, stop_sequences: ['END'] },
    },
  },
  {
    name: 'effort',
    request: { reasoning_effort: 'low' },
    wire: {
      openai: { reasoning_effort: 'low' },
      anthropic: { thinking: { type: 'enabled', budget_tokens: expect.any(Number) } },
      // Models of these say by their names how they think; this one says nothing.
      gemini: {},
      bedrock: {},
      cohere: { thinking: { type: 'enabled' } },
    },
  },
  {
    name: 'nothing but the question',
    request: {},
    wire: {
      openai: { messages: [{ role: 'user', content: 'hello' }] },
      anthropic: { max_tokens: 4096 },
      gemini: sentParts({ text: 'hello' }),
      bedrock: hello,
      cohere: { messages: [{ role: 'user', content: 'hello' }] },
    },
  },
]

describe.each(PROVIDERS)('%s is sent', (provider) => {
  test.each(CASES)('$name', async ({ request, wire }) => {
    const asked = bench.client.chat.completions.create({ model: `${provider}/text`, messages: ask(), ...request })
    const expected = wire[provider]
    if (!expected) return expect(asked).rejects.toMatchObject({ status: 400 })
    await asked
    const { json, key, path } = bench.lastRequest()
    expect(path).toBe(PATHS[provider])
    expect(json).toMatchObject(PATHS[provider].includes('/text') ? expected : { model: 'text', ...expected })
    expect(key).toBe('sk-provider')
  })

  test('the provider’s credential and none of the client’s', async () => {
    await bench.client.chat.completions.create({ model: `${provider}/text`, messages: ask() })
    const { headers, headText, path } = bench.lastRequest()
    expect(headText).not.toContain('sk-client')
    expect(path).toBe(PATHS[provider])
    const header = { anthropic: 'x-api-key', gemini: 'x-goog-api-key' }[provider as string]
    expect(headers.get(header ?? 'authorization')).toBe(header ? 'sk-provider' : 'Bearer sk-provider')
  })

  test('forwarded headers without their prefix, but no credentials', async () => {
    const headers = { 'x-bf-eh-trace': 't-1', 'x-bf-eh-authorization': 'Bearer stolen', 'x-bf-eh-x-api-key': 'stolen' }
    await bench.client.chat.completions.create({ model: `${provider}/text`, messages: ask() }, { headers })
    const { headers: seen, headText } = bench.lastRequest()
    expect(seen.get('trace')).toBe('t-1')
    expect(headText).not.toContain('stolen')
  })

  test('an image that it reads', async () => {
    const content = [{ type: 'image_url' as const, image_url: { url: `data:image/png;base64,${DATA}` } }]
    const completion = await bench.client.chat.completions.create({
      model: `${provider}/image-echo`,
      messages: [{ role: 'user', content }],
    })
    expect(messageOf(completion).content).toMatch(new RegExp(`^\\[image (image/png )?${DATA.length} characters\\]$`))
  })

  test('a conversation in its order', async () => {
    const messages: ChatCompletionMessageParam[] = [...ask('one'), { role: 'assistant', content: 'two' }, ...ask('three')]
    const completion = await bench.client.chat.completions.create({ model: `${provider}/echo`, messages })
    expect(messageOf(completion).content).toBe('three')
    const { messages: sent, contents } = bench.lastRequest().json as Record<string, { role: string }[]>
    expect((sent ?? contents ?? []).map(({ role }) => role)).toEqual(['user', provider === 'gemini' ? 'model' : 'assistant', 'user'])
  })
})

describe('hints', () => {
  test('are forwarded to the same format, and dropped and listed for another', async () => {
    const request = { messages: ask(), seed: 7, user: 'u-1', metadata: { a: 'b' }, top_k: 5 }
    const same = await bench.client.chat.completions.create({ model: 'openai/text', ...request })
    expect(bench.lastRequest().json).toMatchObject({ seed: 7, user: 'u-1', top_k: 5 })
    expect(extraFields(same)?.dropped_compat_plugin_params).toBeUndefined()
    const translated = await bench.client.chat.completions.create({ model: 'anthropic/text', ...request })
    expect(extraFields(translated)?.dropped_compat_plugin_params).toContain('seed')
    expect(bench.lastRequest().json).not.toHaveProperty('seed')
  })

  test('what changes the meaning is dropped when the client says so', async () => {
    const headers = { 'x-bf-compat': 'should_drop_params' }
    const completion = await bench.client.chat.completions.create({ model: 'anthropic/text', messages: ask(), logprobs: true }, { headers })
    expect(extraFields(completion)?.dropped_compat_plugin_params).toContain('logprobs')
  })
})
