import { BedrockRuntimeClient, InvokeModelWithResponseStreamCommand } from '@aws-sdk/client-bedrock-runtime'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { definePlugin } from '../../core/plugin/plugin.ts'
import { providers as entries } from '../../providers/index.ts'
import { type Http2Bridge, startHttp2Bridge } from '../../transports/http2.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type Replay, startReplay } from '../helpers/replay.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

/** Lines of the releases' notes about chat, streams, responses, tools and thinking: each test is named after one. */

const NAMES = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere', 'fireworks']
/** OpenAI with its Responses API behind chat. */
const responsesEntry = {
  ...(entries.find(({ name }) => name === 'openai') as (typeof entries)[number]),
  name: 'responses',
  format: 'openai-responses',
  paths: { chat_completion: '/v1/responses', responses: '/v1/responses' },
}
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const CHAT = '/v1/chat/completions'
const MESSAGES = '/anthropic/v1/messages'
const ask = [{ role: 'user', content: 'hello' }]
const FUNCTION = {
  name: 'get_weather',
  description: 'The weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}

let upstream: FakeUpstream
let replay: Replay
let gateway: TestGateway
let bridge: Http2Bridge
/** Models whose streams ended, as a plugin saw them. */
const ended: string[] = []
const watcher = definePlugin({
  name: 'watcher',
  setup: () => ({ hooks: { postHook: (_, ctx) => void ended.push(`${ctx.provider}/${ctx.model}`) } }),
})

beforeAll(async () => {
  upstream = await startUpstream()
  replay = await startReplay(REPLAYS)
  const block = (name: string, url: string): JsonObject => ({
    keys: [{ name: `${name}-main`, value: 'sk-provider', models: ['*'], aliases: { short: 'text' } }],
    network_config: { base_url: url, max_retries: 1, retry_backoff_initial: 100, retry_backoff_max: 100 },
  })
  const vllm = { keys: [{ name: 'vllm-main', models: ['*'], vllm_key_config: { url: replay.url, model_name: 'recording-0' } }] }
  const config = {
    providers: {
      ...Object.fromEntries([...NAMES, 'responses'].map((name) => [name, block(name, upstream.url)])),
      vllm,
      mistral: block('mistral', replay.url),
    },
  }
  gateway = await createGateway({ config, providers: [responsesEntry], plugins: [watcher] })
  bridge = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: gateway.port } })
})
afterAll(async () => {
  await bridge.close()
  await gateway.close()
  await upstream.close()
  await replay.close()
})
beforeEach(() => {
  upstream.requests.length = 0
})

const chunk = (fields: JsonObject, delta: JsonObject, finish: string | null = null): string =>
  JSON.stringify({
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...fields,
  })
const stream = (chunks: string[]) => ({
  name: '',
  dialect: 'openai-chat',
  provider: '',
  isStream: true,
  status: 200,
  contentType: 'text/event-stream',
  bytes: Buffer.from([...chunks, '[DONE]'].map((data) => `data: ${data}\n\n`).join('')),
})
const REPLAYS = [
  stream([
    chunk({}, { role: 'assistant', content: '' }),
    chunk({}, { content: 'Hi' }),
    chunk({}, { content: '' }, 'stop'),
    chunk({ usage: { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 } }, { content: '' }),
  ]),
  stream([
    chunk({}, { role: 'assistant', content: null }),
    chunk({}, { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'WebSearch', arguments: '' } }] }),
    chunk({}, { tool_calls: [{ index: 0, function: { arguments: '{"query":"news","allowed_domains":' } }] }),
    chunk({}, { tool_calls: [{ index: 0, function: { arguments: '["a.example"],"blocked_domains":[]}' } }] }),
    chunk({ usage: { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 } }, {}, 'tool_calls'),
  ]),
]

/** Sends a body, and returns what the provider was sent. */
async function sent(path: string, body: JsonObject, headers: Record<string, string> = {}) {
  await (await gateway.fetch(path, body, headers)).text()
  const request = upstream.requests.at(-1)
  if (!request) throw new Error('the provider was not asked')
  return { ...request, path: request.path, headers: request.headers, body: request.json as JsonObject }
}

describe('0: features', () => {
  test('Claude Opus 4.7: adaptive thinking, task-budgets beta header, display, "xhigh" effort', async () => {
    const budget = { type: 'tokens', total: 50_000 }
    const { body, headers } = await sent(CHAT, {
      model: 'anthropic/claude-opus-4-7',
      messages: ask,
      reasoning: { effort: 'xhigh', display: 'omitted' },
      task_budget: budget,
    })
    expect(body.thinking).toEqual({ type: 'adaptive', display: 'omitted' })
    expect(body.output_config).toEqual({ effort: 'xhigh', task_budget: budget })
    expect(headers.get('anthropic-beta')).toMatch(/task-budgets-/)
  })

  test('Anthropic Structured Outputs: JSON schema and JSON object, chat completions and Responses API', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
    const model = 'anthropic/claude-sonnet-4-5'
    const format = { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } }
    const byChat = await sent(CHAT, { model, messages: ask, response_format: format })
    const byResponses = await sent('/v1/responses', {
      model,
      input: 'hello',
      text: { format: { type: 'json_schema', name: 'a', schema, strict: true } },
    })
    for (const { body } of [byChat, byResponses]) expect(body.output_config).toMatchObject({ format: { type: 'json_schema', schema } })
    for (const [path, body] of [
      [CHAT, { model, messages: ask, response_format: { type: 'json_object' } }],
      ['/v1/responses', { model, input: 'hello', text: { format: { type: 'json_object' } } }],
    ] as const)
      expect(JSON.stringify((await sent(path, body)).body)).toMatch(/JSON/i)
  })

  test('Anthropic Server Tools: web search, code execution, computer use, containers', async () => {
    const tools = [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 2 },
      { type: 'code_execution_20250825', name: 'code_execution' },
      { type: 'computer_20250124', name: 'computer', display_width_px: 800, display_height_px: 600 },
    ]
    const body = { model: 'anthropic/text', max_tokens: 9, messages: ask, tools, container: 'container_1' }
    for (const path of [CHAT, MESSAGES]) expect((await sent(path, body)).body).toMatchObject({ tools, container: 'container_1' })
    const byResponses = await sent('/v1/responses', {
      model: 'anthropic/text',
      input: 'hello',
      tools: [{ type: 'web_search' }, { type: 'code_interpreter', container: { type: 'auto' } }],
    })
    expect((byResponses.body.tools as JsonObject[]).map(({ name }) => name)).toEqual(['web_search', 'code_execution'])
  })

  test('Fireworks AI Provider: native completions, responses', async () => {
    expect((await sent('/v1/completions', { model: 'fireworks/text', prompt: 'hello' })).path).toBe('/v1/completions')
    expect((await sent('/v1/responses', { model: 'fireworks/text', input: 'hello' })).path).toBe('/v1/responses')
    expect((await sent(CHAT, { model: 'fireworks/text', messages: ask })).path).toBe(CHAT)
  })
})

describe('0: fixed', () => {
  const call = { id: 'call_9', type: 'function', function: { name: 'get_weather', arguments: '{}' } }
  const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }
  const result = (content: unknown): JsonObject => ({
    messages: [
      ...ask,
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_9', content },
    ] as JsonObject[],
    tools: [{ type: 'function', function: FUNCTION }],
  })

  test('OpenAI Tool Result Output: flattened array-form tool_result; non-text blocks preserved', async () => {
    const texts = [
      { type: 'text', text: 'sunny' },
      { type: 'text', text: '21 degrees' },
    ]
    const outputOf = async (content: unknown): Promise<unknown> => {
      const { body } = await sent(CHAT, { model: 'responses/text', ...result(content) })
      return (body.input as JsonObject[]).find(({ type }) => type === 'function_call_output')?.output
    }
    expect(await outputOf(texts)).toBe('sunny\n21 degrees')
    expect(await outputOf([texts[0], image])).toMatchObject([{ type: 'input_text', text: 'sunny' }, { type: 'input_image' }])
    const block = { type: 'tool_result', tool_use_id: 't_1', content: texts }
    const claude = [
      ...ask,
      { role: 'assistant', content: [{ type: 'tool_use', id: 't_1', name: 'f', input: {} }] },
      { role: 'user', content: [block] },
    ]
    const { body } = await sent(MESSAGES, { model: 'responses/text', max_tokens: 99, messages: claude as JsonObject[] })
    expect((body.input as JsonObject[]).at(-1)?.output).toBe('sunny\n21 degrees')
  })

  test('vLLM Token Usage: delta.content="" treated same as nil in streaming', async () => {
    const client = new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const asked = { model: 'vllm/recording-0', messages: [{ role: 'user' as const, content: 'hello' }] }
    const chat = await client.chat.completions
      .stream({ ...asked, stream: true, stream_options: { include_usage: true } })
      .finalChatCompletion()
    expect(chat.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 9 })
    expect(chat.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hi' } })
    const { usage } = await client.responses.stream({ model: 'vllm/recording-0', input: 'hello' }).finalResponse()
    expect([usage?.input_tokens, usage?.output_tokens]).toEqual([7, 9])
  })

  test('Bedrock Streaming: message_stop for Anthropic invoke stream', async () => {
    const { stream: events, close } = await invoked('text')
    const types: string[] = []
    for await (const { chunk: piece } of events)
      types.push((JSON.parse(Buffer.from(piece?.bytes ?? []).toString()) as { type: string }).type)
    close()
    expect(types.slice(-2)).toEqual(['message_delta', 'message_stop'])
  })

  test('Bedrock Streaming: case-insensitive anthropic-beta header merging', async () => {
    const tools = [{ name: 'f', input_schema: { type: 'object' } }]
    const thinking = { type: 'enabled', budget_tokens: 1024 }
    const request = { model: 'bedrock/anthropic.claude-sonnet-4-5', max_tokens: 2048, messages: ask, tools, thinking }
    const { body } = await sent(MESSAGES, request, {
      'Anthropic-Beta': 'Interleaved-Thinking-2025-05-14, context-1m-2025-08-07,CONTEXT-1M-2025-08-07',
    })
    const flags = (body.additionalModelRequestFields as { anthropic_beta: string[] }).anthropic_beta.map((flag) => flag.toLowerCase())
    expect(flags.sort()).toEqual(['context-1m-2025-08-07', 'interleaved-thinking-2025-05-14'])
  })

  test.each(['fault-error-event-first', 'fault-fin-after-start'])(
    'Bedrock Streaming Retries: AWS exceptions and closed connections (%s)',
    async (model) => {
      await (await gateway.fetch(CHAT, { model: `bedrock/${model}`, messages: ask, stream: true })).text()
      expect(upstream.requests).toHaveLength(2)
    },
  )

  test('Bedrock Tool Images: image blocks in tool results', async () => {
    const { body } = await sent(CHAT, { model: 'bedrock/text', ...result([{ type: 'text', text: 'sunny' }, image]) })
    const [block] = (body.messages as { content: JsonObject[] }[]).at(-1)?.content ?? []
    expect(block).toMatchObject({ toolResult: { content: [{ text: 'sunny' }, { image: { format: 'png', source: { bytes: PIXEL } } }] } })
  })

  test('Bedrock Tool Choice: conversion to auto', async () => {
    const asked = { model: 'bedrock/tools', messages: ask, tools: [{ type: 'function', function: FUNCTION }] }
    const { body } = await sent(CHAT, { ...asked, tool_choice: 'auto' })
    expect(body.toolConfig).toMatchObject({ toolChoice: { auto: {} } })
    expect((await sent(CHAT, { ...asked, tool_choice: 'required' })).body.toolConfig).toMatchObject({ toolChoice: { any: {} } })
  })

  test('Gemini Tool Outputs: content blocks in function_call_output', async () => {
    const output = [
      { type: 'input_text', text: 'sunny' },
      { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}` },
    ]
    const input = [
      { role: 'user', content: 'hello' },
      { type: 'function_call', call_id: 'call_9', name: 'get_weather', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_9', output },
    ]
    const { body } = await sent('/v1/responses', { model: 'gemini/text', input })
    const last = (body.contents as { parts: JsonObject[] }[]).at(-1)
    expect(last?.parts).toMatchObject([
      { functionResponse: { name: 'get_weather', response: { output: 'sunny' } } },
      { inlineData: { mimeType: 'image/png', data: PIXEL } },
    ])
  })

  test('Gemini Thinking Level: preserved across round trips', async () => {
    const generate = (model: string) => `/genai/v1beta/models/${model}:generateContent`
    const body = {
      contents: [{ role: 'user', parts: [{ text: 'hello' }] }],
      generationConfig: { thinkingConfig: { thinkingLevel: 'low' } },
    }
    expect((await sent(generate('gemini-3-flash'), body)).body.generationConfig).toEqual(body.generationConfig)
    expect((await sent(generate('openai/text'), body)).body.reasoning_effort).toBe('low')
    const back = await sent(CHAT, { model: 'gemini/gemini-3-flash', messages: ask, reasoning_effort: 'low' })
    expect(back.body.generationConfig).toMatchObject({ thinkingConfig: { thinkingLevel: 'LOW' } })
  })

  test.each([
    ['text', 'stop'],
    ['tools', 'tool_calls'],
    ['length', 'length'],
    ['content-filter', 'content_filter'],
  ])('Gemini: corrected finish reason mapping (%s is %s)', async (model, reason) => {
    const answer = (await (await gateway.fetch(CHAT, { model: `gemini/${model}`, messages: ask })).json()) as {
      choices: { finish_reason: string }[]
    }
    expect(answer.choices[0]?.finish_reason).toBe(reason)
  })

  test.each(['claude-cli/1.0.0', 'some-other-client/2'])('Anthropic WebSearch: tool arguments flow for all clients (%s)', async (agent) => {
    const body = { model: 'mistral/recording-1', max_tokens: 99, messages: ask, stream: true }
    const text = await (await gateway.fetch(MESSAGES, body, { 'user-agent': agent })).text()
    const pieces = [...text.matchAll(/"partial_json":("(?:[^"\\]|\\.)*")/g)].map(([, json]) => JSON.parse(json as string) as string)
    expect(JSON.parse(pieces.join(''))).toEqual({ query: 'news', allowed_domains: ['a.example'], blocked_domains: [] })
  })

  test.each(NAMES.slice(0, 5))('Responses Streaming Errors: mid-stream errors reach the client (%s)', async (provider) => {
    const client = new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const heard = client.responses.stream({ model: `${provider}/fault-error-mid`, input: 'hello' })
    await expect(heard.finalResponse()).rejects.toThrow(/overloaded|failed/i)
  })

  test.each([CHAT, MESSAGES])('Anthropic Request Fallbacks: fallback fields dropped (%s)', async (path) => {
    const { body } = await sent(path, { model: 'anthropic/text', max_tokens: 9, messages: ask, fallbacks: ['openai/text'] })
    expect(Object.keys(body)).not.toContain('fallbacks')
  })

  test('Streaming Post-Hook Race: each stream is told with its own facts', async () => {
    ended.length = 0
    const models = ['text', 'tools', 'unicode', 'length', 'reasoning'].flatMap((model) =>
      NAMES.slice(0, 5).map((name) => `${name}/${model}`),
    )
    await Promise.all(models.map(async (model) => (await gateway.fetch(CHAT, { model, messages: ask, stream: true })).text()))
    expect(ended.sort()).toEqual(models.sort())
  })

  test('Streaming Blocker: a stream that waits holds up no other', async () => {
    const waiting = await gateway.fetch(CHAT, { model: 'openai/gated-stream-seeds', messages: ask, stream: true })
    const other = await (await gateway.fetch(CHAT, { model: 'openai/text', messages: ask, stream: true })).text()
    expect(other).toContain('[DONE]')
    upstream.release('seeds')
    expect(await waiting.text()).toContain('[DONE]')
  })

  test('Model Alias Tracking: what was requested, and what it resolved to', async () => {
    const answer = (await (await gateway.fetch(CHAT, { model: 'openai/short', messages: ask })).json()) as { extra_fields: JsonObject }
    expect(answer.extra_fields).toMatchObject({ original_model_requested: 'short', resolved_model_used: 'text' })
  })
})

describe('1 and 2: breaking change 7', () => {
  test('dropped_compat_plugin_params returns which parameters were dropped; litellm_compat is removed', async () => {
    const body = { model: 'anthropic/text', messages: ask, logprobs: true, seed: 1 }
    const answer = (await (await gateway.fetch(CHAT, body, { 'x-bf-compat': 'should_drop_params' })).json()) as { extra_fields: JsonObject }
    expect(answer.extra_fields.dropped_compat_plugin_params).toEqual(expect.arrayContaining(['logprobs', 'seed']))
    expect(answer.extra_fields).not.toHaveProperty('litellm_compat')
  })

  test('should_drop_params is off unless asked for: an unsupported parameter is refused by name', async () => {
    const refused = await gateway.fetch(CHAT, { model: 'anthropic/text', messages: ask, logprobs: true })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('logprobs')
  })
})

/** The events of a streamed InvokeModel of Claude, by the official client. */
async function invoked(model: string) {
  const client = new BedrockRuntimeClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${bridge.port}/bedrock`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  })
  const body = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 9, messages: ask })
  const { body: stream } = await client.send(
    new InvokeModelWithResponseStreamCommand({ modelId: model, body, contentType: 'application/json' }),
  )
  return { stream: stream ?? [], close: () => client.destroy() }
}
