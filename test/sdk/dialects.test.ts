import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI } from '@google/genai'
import OpenAI, { AzureOpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

let behind: MatrixGateway
beforeAll(async () => {
  behind = await startMatrixGateway()
})
afterAll(() => behind.close())

const post = (path: string, body: JsonObject) => behind.gateway.fetch(path, JSON.stringify(body), { 'content-type': 'application/json' })
const lastRequest = () => behind.upstream.requests.at(-1)

describe('routes (api.md 2)', () => {
  const openai = { messages: [{ role: 'user', content: 'hi' }] }
  const messages = { ...openai, max_tokens: 10 }
  const genai = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }
  test.each<[string, JsonObject, string]>([
    ['/openai/v1/chat/completions', { model: 'text', ...openai }, '/v1/chat/completions'],
    ['/openai/chat/completions', { model: 'anthropic/text', ...openai }, '/v1/messages'],
    ['/litellm/chat/completions', { model: 'gemini/text', ...openai }, '/v1beta/models/text:generateContent'],
    ['/langchain/v1/chat/completions', { model: 'text', ...openai }, '/v1/chat/completions'],
    ['/pydanticai/anthropic/v1/messages', { model: 'text', ...messages }, '/v1/messages'],
    ['/anthropic/v1/messages', { model: 'text', ...messages }, '/v1/messages'],
    ['/anthropic/v1/messages', { model: 'openai/text', ...messages }, '/v1/chat/completions'],
    ['/genai/v1beta/models/text:generateContent', genai, '/v1beta/models/text:generateContent'],
    ['/genai/v1beta/models/openai/text:generateContent', genai, '/v1/chat/completions'],
    ['/genai/v1/models/openai%2Ftext:generateContent', genai, '/v1/chat/completions'],
    ['/litellm/genai/v1beta/models/cohere/text:generateContent', genai, '/v2/chat'],
    ['/openai/openai/deployments/openai/text/chat/completions', openai, '/v1/chat/completions'],
  ])('%s %j asks for %s', async (path, body, asked) => {
    const response = await post(path, body)
    expect(response.status).toBe(200)
    expect(JSON.stringify(await response.json())).toContain(PLAIN_TEXT)
    expect(lastRequest()?.path).toBe(asked)
  })

  test.each(['/genai/v1beta/models/text:inventContent', '/genai/v1beta/models/:generateContent', '/openai/openai/deployments/x/audio'])(
    '%s is not there',
    async (path) => {
      const response = await post(path, genai)
      expect(response.status).toBe(404)
      expect(JSON.stringify(await response.json())).toContain('Route not found')
    },
  )

  test('facts go out as headers, not in the body (D23)', async () => {
    const response = await post('/anthropic/v1/messages', { model: 'openai/text', ...messages, top_k: 5, stream: true })
    expect(await response.text()).not.toContain('extra_fields')
    expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('x-bifrost-')))).toEqual({
      'x-bifrost-provider': 'openai',
      'x-bifrost-request-type': 'chat_completion_stream',
      'x-bifrost-original-model-requested': 'text',
      'x-bifrost-resolved-model-used': 'text',
      ...(response.headers.has('x-bifrost-dropped-compat-plugin-params') && { 'x-bifrost-dropped-compat-plugin-params': 'top_k' }),
    })
  })

  test('models are listed as each dialect does', async () => {
    const anthropic = new Anthropic({ apiKey: 'x', baseURL: `${behind.url}/anthropic` })
    expect((await anthropic.models.list()).data.map(({ id }) => id)).toContain('anthropic/text')
    const { models } = (await (await behind.gateway.fetch('/genai/v1beta/models')).json()) as { models: { name: string }[] }
    expect(models.map(({ name }) => name)).toContain('models/gemini/text')
  })

  test("Azure's client names its deployment in the path", async () => {
    const client = new AzureOpenAI({
      endpoint: `${behind.url}/openai`,
      apiKey: 'x',
      apiVersion: '2024-10-21',
      deployment: 'openai/text',
      maxRetries: 0,
    })
    const completion = await client.chat.completions.create({ model: 'ignored', messages: [{ role: 'user', content: 'hi' }] })
    expect(completion.choices[0]?.message.content).toBe(PLAIN_TEXT)
  })
})

describe('streams', () => {
  const genai = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }
  const method = (model: string, query = '') => `/genai/v1beta/models/${model}:streamGenerateContent${query}`
  const textOf = (events: { candidates: { content: { parts: { text: string }[] } }[] }[]) =>
    events.flatMap(({ candidates }) => candidates.flatMap(({ content }) => content.parts.map(({ text }) => text))).join('')

  test.each(['gemini/text', 'openai/text', 'anthropic/text'])('%s is one JSON array where events are not asked for', async (model) => {
    const response = await post(method(model), genai)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(textOf((await response.json()) as never)).toBe(PLAIN_TEXT)
  })

  test.each(['gemini/fault-error-mid', 'openai/fault-error-mid'])('%s ends the array with the error', async (model) => {
    const events = (await (await post(method(model), genai)).json()) as { error?: JsonObject }[]
    expect(events.length).toBeGreaterThan(1)
    expect(events.at(-1)).toMatchObject({ error: { code: expect.any(Number), message: expect.any(String), status: expect.any(String) } })
  })

  test.each(['gemini/text', 'anthropic/text'])('%s as events has no terminator', async (model) => {
    const text = await (await post(method(model, '?alt=sse'), genai)).text()
    expect(text).not.toContain('[DONE]')
    expect(text).toContain('"finishReason":"STOP"')
  })

  test('to the same dialect events pass as the provider wrote them', async () => {
    const asked = async (path: string): Promise<string> => (await post(path, genai)).text()
    const own = await fetch(`${behind.upstream.url}/v1beta/models/text:streamGenerateContent?alt=sse`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-goog-api-key': 'sk-provider' },
      body: JSON.stringify(genai),
    })
    expect(await asked(method('gemini/text', '?alt=sse'))).toBe(await own.text())
  })
})

describe('errors are in the dialect of the client', () => {
  const anthropic = () => new Anthropic({ apiKey: 'x', baseURL: `${behind.url}/anthropic`, maxRetries: 0 })
  const google = () => new GoogleGenAI({ apiKey: 'x', httpOptions: { baseUrl: `${behind.url}/genai` } })
  const ask = (model: string) => ({ model, max_tokens: 10, messages: [{ role: 'user' as const, content: 'hi' }] })

  test.each([
    ['openai/fault-404', Anthropic.NotFoundError, 'not_found_error'],
    ['gemini/fault-429', Anthropic.RateLimitError, 'rate_limit_error'],
    ['bedrock/fault-500', Anthropic.InternalServerError, 'api_error'],
    ['anthropic/fault-529', Anthropic.InternalServerError, 'overloaded_error'],
    ['cohere/fault-401', Anthropic.InternalServerError, 'api_error'],
  ])('%s to an Anthropic client', async (model, kind, type) => {
    const error = await anthropic()
      .messages.create(ask(model))
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(kind)
    expect((error as { error: JsonObject }).error).toMatchObject({ type: 'error', error: { type } })
  })

  test('to a Google client', async () => {
    const error = await google()
      .models.generateContent({ model: 'openai/fault-404', contents: 'hi' })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect((error as ApiError).status).toBe(404)
    expect((error as ApiError).message).toContain('NOT_FOUND')
  })
})

describe('bad input is refused with its path, and asks nobody', () => {
  const user = { role: 'user', content: 'hi' }
  const image = (data: string) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } })
  const messages: [JsonObject, string][] = [
    [{ messages: [user], max_tokens: 9 }, 'model is required'],
    [{ model: 'openai/text', messages: [user] }, 'max_tokens: is required'],
    [{ model: 'openai/text', max_tokens: 9, messages: [] }, 'messages: must not be empty'],
    [{ model: 'openai/text', max_tokens: 9, messages: [{ role: 'robot', content: 'hi' }] }, 'messages[0].role: '],
    [{ model: 'openai/text', max_tokens: 9, messages: [user], stream: 'yes' }, 'stream: must be true or false'],
    [
      { model: 'openai/text', max_tokens: 9, messages: [{ role: 'user', content: [image('not base64!')] }] },
      'messages[0].content[0].source.data: ',
    ],
    [
      { model: 'openai/text', max_tokens: 9, messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x' }] }] },
      'messages[0].content[0].tool_use_id: ',
    ],
    [
      {
        model: 'openai/text',
        max_tokens: 9,
        messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'x', name: 'f', input: 'text' }] }],
      },
      'messages[0].content[0].input: ',
    ],
    [
      { model: 'openai/text', max_tokens: 9, messages: [user], system: [{ type: 'image', source: image('AAAA').source }] },
      'system[0].type: ',
    ],
  ]
  test.each(messages)('/anthropic/v1/messages %j: %s', async (body, said) => {
    const { length } = behind.upstream.requests
    const response = await post('/anthropic/v1/messages', body)
    expect(response.status).toBe(400)
    const error = (await response.json()) as { type: string; error: { type: string; message: string } }
    expect(error).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
    expect(error.error.message).toContain(said)
    expect(behind.upstream.requests).toHaveLength(length)
  })

  const parts = (...list: JsonObject[]): JsonObject => ({ contents: [{ role: 'user', parts: list }] })
  const contents: [JsonObject, string][] = [
    [{}, 'contents: is required'],
    [{ contents: [] }, 'contents: must not be empty'],
    [{ contents: [{ role: 'robot', parts: [] }] }, 'contents[0].role: '],
    [parts({}), 'contents[0].parts[0]: holds nothing'],
    [parts({ inlineData: { mimeType: 'image/png', data: 'not base64!' } }), 'contents[0].parts[0].inlineData.data: '],
    [parts({ functionResponse: { name: 'f', response: {} } }), 'contents[0].parts[0].functionResponse: '],
    [{ ...parts({ text: 'hi' }), generationConfig: { maxOutputTokens: 'many' } }, 'generationConfig.maxOutputTokens: '],
    [{ ...parts({ text: 'hi' }), tools: [{ functionDeclarations: [{}] }] }, 'tools[0].functionDeclarations[0].name: '],
  ]
  test.each(contents)('/genai %j: %s', async (body, said) => {
    const { length } = behind.upstream.requests
    const response = await post('/genai/v1beta/models/openai/text:generateContent', body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { code: 400, status: 'INVALID_ARGUMENT', message: expect.stringContaining(said) },
    })
    expect(behind.upstream.requests).toHaveLength(length)
  })
})

describe('round trips: an answer that is sent back is accepted by who made it, and by others', () => {
  const tools = [{ name: 'get_weather', input_schema: { type: 'object' as const } }]
  test.each(['anthropic', 'openai', 'gemini', 'bedrock', 'cohere'])('%s, by an Anthropic client', async (provider) => {
    const client = new Anthropic({ apiKey: 'x', baseURL: `${behind.url}/anthropic`, maxRetries: 0 })
    const asked = [{ role: 'user' as const, content: 'hi' }]
    const first = await client.messages.create({ model: `${provider}/reasoning-tools`, max_tokens: 4000, messages: asked, tools })
    const results = first.content.flatMap((block) =>
      block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'sunny' }] : [],
    )
    const messages = [...asked, { role: 'assistant' as const, content: first.content }, { role: 'user' as const, content: results }]
    for (const next of [provider, 'openai', 'gemini', 'anthropic']) {
      const answer = await client.messages.create({ model: `${next}/tools`, max_tokens: 4000, messages, tools })
      expect(answer.content).toMatchObject([{ type: 'text', text: 'The tool said: sunny' }])
    }
  })

  test.each(['gemini', 'anthropic', 'openai'])('%s, by a Google client', async (provider) => {
    const client = new GoogleGenAI({ apiKey: 'x', httpOptions: { baseUrl: `${behind.url}/genai` } })
    const config = { tools: [{ functionDeclarations: [{ name: 'get_weather' }] }] }
    const asked = { role: 'user', parts: [{ text: 'hi' }] }
    const first = await client.models.generateContent({ model: `${provider}/reasoning-tools`, contents: [asked], config })
    const made = first.candidates?.[0]?.content
    const call = made?.parts?.find((part) => part.functionCall)?.functionCall
    const functionResponse = { ...(call?.id !== undefined && { id: call.id }), name: 'get_weather', response: { output: 'sunny' } }
    const contents = [asked, made ?? {}, { role: 'user', parts: [{ functionResponse }] }]
    for (const next of [provider, 'openai', 'anthropic']) {
      const answer = await client.models.generateContent({ model: `${next}/tools`, contents, config })
      expect(answer.text).toBe('The tool said: sunny')
    }
    await client.models.generateContent({ model: 'anthropic/tools', contents, config })
    const sent = JSON.stringify(lastRequest()?.json)
    expect(sent.includes('ZmFrZS1zaWduYXR1cmU=')).toBe(provider === 'anthropic')
  })

  test('a proof of thoughts goes back to those who wrote it, through a client of another dialect', async () => {
    const client = new OpenAI({ apiKey: 'x', baseURL: `${behind.url}/openai/v1`, maxRetries: 0 })
    const first = await client.chat.completions.create({ model: 'gemini/tools', messages: [{ role: 'user', content: 'hi' }] })
    expect(first.choices[0]?.message.tool_calls?.[0]?.id).toMatch(/^gem_/)
  })
})
