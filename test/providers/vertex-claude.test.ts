import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STRUCTURED_TEXT } from '../../bench/upstream/contents.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { definePlugin } from '../../core/plugin/plugin.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

const CLAUDE = 'claude-sonnet-4-5@20250929'
const PATH = `/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/${encodeURIComponent(CLAUDE)}`
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
const response_format = { type: 'json_schema' as const, json_schema: { name: 'place', strict: true, schema } }
const messages = [{ role: 'user' as const, content: 'hi' }]

let upstream: FakeUpstream
let gateway: TestGateway
let openai: OpenAI
let anthropic: Anthropic
let config: JsonObject

/** Edits every request of the user that it names, so that none of them goes out as it came. */
const editor = definePlugin({
  name: 'editor',
  setup: () => ({
    hooks: {
      preRequest: {
        needs: 'canonical',
        handler(ctx) {
          if (ctx.request.user === 'edited') ctx.request = { ...ctx.request, temperature: 0.5 }
        },
      },
    },
  }),
})

beforeAll(async () => {
  upstream = await startUpstream()
  const block = (network: JsonObject = {}): JsonObject => ({
    network_config: { base_url: upstream.url, ...network },
    keys: [{ name: 'k', value: 'AIza-key', models: ['*'], vertex_key_config: { project_id: 'my-project', region: 'us-east5' } }],
  })
  config = { providers: { vertex: block() } }
  gateway = await createGateway({ plugins: [editor], config })
  openai = new OpenAI({ apiKey: 'unused', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  anthropic = new Anthropic({ apiKey: 'unused', baseURL: `${gateway.url}/anthropic`, maxRetries: 0 })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

function sent(): { path: string; body: JsonObject; beta: string | undefined } {
  const seen = upstream.requests.at(-1)
  return { path: seen?.path ?? '', body: (seen?.json ?? {}) as JsonObject, beta: seen?.headers.get('anthropic-beta') }
}

describe('translated', () => {
  test('the path names model and method, the body the version', async () => {
    await openai.chat.completions.create({ model: `vertex/${CLAUDE}`, messages })
    expect(sent()).toMatchObject({ path: `${PATH}:rawPredict`, body: { anthropic_version: 'vertex-2023-10-16', max_tokens: 4096 } })
    expect(Object.keys(sent().body).sort()).toEqual(['anthropic_version', 'max_tokens', 'messages'])
    const stream = openai.chat.completions.stream({ model: `vertex/${CLAUDE}`, messages })
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toContain('fake provider')
    expect(sent()).toMatchObject({ path: `${PATH}:streamRawPredict`, body: { anthropic_version: 'vertex-2023-10-16', stream: true } })
    expect(sent().body).not.toHaveProperty('model')
  })

  test('the form of an answer is a tool that must be called, and its input is the answer', async () => {
    const answer = await openai.chat.completions.create({ model: `vertex/${CLAUDE}`, messages, response_format })
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: STRUCTURED_TEXT } })
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined()
    const { body, beta } = sent()
    expect(body).toMatchObject({
      tools: [{ name: 'bf_so_place', input_schema: schema }],
      tool_choice: { type: 'tool', name: 'bf_so_place' },
    })
    expect([body.output_config, beta]).toEqual([undefined, undefined])
  })

  test('streamed too', async () => {
    const stream = openai.chat.completions.stream({ model: `vertex/${CLAUDE}`, messages, response_format })
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: STRUCTURED_TEXT } })
    expect(choices[0]?.message.tool_calls ?? []).toEqual([])
  })

  test('streamed in the pool too', async () => {
    const busy = await createGateway({ config, poolThreads: 1, utilisation: () => 1 })
    const request = { model: `vertex/${CLAUDE}`, messages, response_format, stream: true }
    const text = await (await busy.fetch('/v1/chat/completions', request)).text()
    await busy.close()
    const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data as string) as OpenAI.ChatCompletionChunk)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(STRUCTURED_TEXT)
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
  })

  test('a strict tool is sent as one that is not', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'look', strict: true, parameters: schema } }]
    await openai.chat.completions.create({ model: `vertex/${CLAUDE}`, messages, tools })
    expect(sent().body.tools).toEqual([{ name: 'look', input_schema: schema }])
  })
})

describe('Anthropic’s own client', () => {
  const ask = { model: `vertex/${CLAUDE}`, messages, max_tokens: 50 }

  test('the body goes out as it came, with its version and without its model', async () => {
    const answer = await anthropic.messages.create({ ...ask, metadata: { user_id: 'me' } })
    expect(answer.content[0]).toMatchObject({ type: 'text' })
    expect(sent()).toMatchObject({ path: `${PATH}:rawPredict` })
    expect(sent().body).toEqual({ anthropic_version: 'vertex-2023-10-16', messages, max_tokens: 50, metadata: { user_id: 'me' } })
    const stream = anthropic.messages.stream({ ...ask })
    expect((await stream.finalMessage()).content[0]).toMatchObject({ type: 'text' })
    expect(sent()).toMatchObject({ path: `${PATH}:streamRawPredict` })
    expect(sent().body).toEqual({ anthropic_version: 'vertex-2023-10-16', messages, max_tokens: 50, stream: true })
  })

  test('a version of its own in the body stays', async () => {
    const body = { ...ask, anthropic_version: 'vertex-2023-10-16', model: `vertex/${CLAUDE}` }
    expect((await gateway.fetch('/anthropic/v1/messages', body)).status).toBe(200)
    expect(sent().body.anthropic_version).toBe('vertex-2023-10-16')
  })

  test('whether it may ask for a form is for the provider to say', async () => {
    const output_config = { format: { type: 'json_schema' as const, schema } }
    await expect(anthropic.messages.create({ ...ask, output_config } as never)).rejects.toThrow('output_config.format')
    expect(sent().body.output_config).toEqual(output_config)
  })

  test.each([false, true])('a request that a plugin edited gets its answer in the form, stream: %s', async (stream) => {
    const output_config = { format: { type: 'json_schema' as const, schema } }
    const request = { ...ask, output_config, metadata: { user_id: 'edited' } } as never
    const answer = await (stream ? anthropic.messages.stream(request).finalMessage() : anthropic.messages.create(request))
    expect(sent().body).toMatchObject({ temperature: 0.5, tool_choice: { type: 'tool', name: 'bf_so_answer' } })
    expect(answer).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text', text: STRUCTURED_TEXT }] })
  })

  test('flags that Vertex does not take are left out', async () => {
    await anthropic.messages.create(ask, { headers: { 'anthropic-beta': 'context-1m-2025-08-07,files-api-2025-04-14' } })
    expect(sent().beta).toBe('context-1m-2025-08-07')
  })
})

test('an operator whose project may ask for forms says so, and they are asked for', async () => {
  const network_config = { base_url: upstream.url, beta_header_overrides: { 'structured-outputs-': true } }
  const keys = [{ name: 'k', value: 'AIza-key', models: ['*'], vertex_key_config: { project_id: 'my-project', region: 'us-east5' } }]
  const own = await createGateway({ config: { providers: { vertex: { network_config, keys } } } })
  await own.fetch('/v1/chat/completions', { model: `vertex/${CLAUDE}`, messages, response_format })
  await own.close()
  expect(sent()).toMatchObject({
    body: { output_config: { format: { type: 'json_schema', schema } } },
    beta: 'structured-outputs-2025-11-13',
  })
})
