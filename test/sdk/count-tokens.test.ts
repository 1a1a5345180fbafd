import Anthropic from '@anthropic-ai/sdk'
import { CountTokensCommand } from '@aws-sdk/client-bedrock-runtime'
import { CohereClient } from 'cohere-ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OperationsGateway, startOperations } from './operations-gateway.ts'

/** As many words, which is what the fake provider counts. */
const SYSTEM = 'be very brief'
const TEXT = 'how many tokens are these'
const WORDS = 8
const FAMILIES: readonly (readonly [model: string, path: string])[] = [
  ['openai/small', '/v1/responses/input_tokens'],
  ['anthropic/small', '/v1/messages/count_tokens'],
  ['gemini/small', '/v1beta/models/small:countTokens'],
  ['vertex/gemini-2.5-pro', '/v1/projects/my-project/locations/us-central1/publishers/google/models/gemini-2.5-pro:countTokens'],
  ['vertex/claude-opus-4', '/v1/projects/my-project/locations/us-central1/publishers/anthropic/models/count-tokens:rawPredict'],
  ['bedrock/small', '/model/small/count-tokens'],
  ['cohere/small', '/v1/tokenize'],
]

let behind: OperationsGateway
let anthropic: Anthropic
beforeAll(async () => {
  behind = await startOperations(['openai', 'anthropic', 'gemini', 'vertex', 'bedrock', 'cohere', 'groq'])
  anthropic = new Anthropic({ apiKey: 'x', baseURL: `${behind.gateway.url}/anthropic`, maxRetries: 0 })
})
afterAll(() => behind.close())

describe.each(FAMILIES)('%s', (model, path) => {
  test("OpenAI's client", async () => {
    const answer = await behind.openai.responses.inputTokens.count({ model, instructions: SYSTEM, input: TEXT })
    expect(behind.last().path).toBe(path)
    expect(answer).toMatchObject({
      object: 'response.input_tokens',
      input_tokens: WORDS,
      extra_fields: { request_type: 'count_tokens', provider: model.split('/')[0] },
    })
  })

  test("Anthropic's client", async () => {
    const tools = [{ name: 'f', input_schema: { type: 'object' as const, properties: {} } }]
    const messages = [{ role: 'user' as const, content: TEXT }]
    expect((await anthropic.messages.countTokens({ model, system: SYSTEM, messages, tools })).input_tokens).toBe(WORDS)
  })

  test("Google's client", async () => {
    const answer = await behind.google.models.countTokens({ model, contents: TEXT })
    expect(answer.totalTokens).toBe(5)
    const contents = [{ role: 'user', parts: [{ text: TEXT }] }]
    const whole = { model: `models/${model}`, contents, systemInstruction: { parts: [{ text: SYSTEM }] } }
    const { body } = await behind.post(`/genai/v1beta/models/${model}:countTokens`, { generateContentRequest: whole })
    expect(body.totalTokens).toBe(WORDS)
  })

  test("AWS's client, of Converse and of InvokeModel", async () => {
    const converse = { system: [{ text: SYSTEM }], messages: [{ role: 'user' as const, content: [{ text: TEXT }] }] }
    const first = await behind.aws.send(new CountTokensCommand({ modelId: model, input: { converse } }))
    expect(first.inputTokens).toBe(WORDS)
    // Bedrock itself is sent these bytes, in which its double finds no words.
    if (model.startsWith('bedrock')) return
    const body = Buffer.from(JSON.stringify({ system: SYSTEM, messages: [{ role: 'user', content: TEXT }] }))
    const second = await behind.aws.send(new CountTokensCommand({ modelId: model, input: { invokeModel: { body } } }))
    expect(second.inputTokens).toBe(WORDS)
  })
})

test("Cohere's client gets the tokens of Cohere, and of no other provider", async () => {
  const cohere = new CohereClient({ token: 'x', environment: `${behind.gateway.url}/cohere`, maxRetries: 0 })
  const answer = await cohere.tokenize({ text: TEXT, model: 'small' })
  expect([answer.tokens, answer.tokenStrings]).toEqual([[1, 2, 3, 4, 5], TEXT.split(' ')])
  const before = behind.upstream.requests.length
  const refused = await behind.post('/cohere/v1/tokenize', { text: TEXT, model: 'openai/small' })
  expect([refused.status, refused.body.message]).toMatchObject([400, expect.stringContaining('tokens cannot be sent to provider openai')])
  expect(behind.upstream.requests.length).toBe(before)
})

test('Cohere is asked for texts alone, and tools are told to be left out', async () => {
  const tools = [{ name: 'f', input_schema: { type: 'object', properties: {} } }]
  const asked = { model: 'cohere/small', messages: [{ role: 'user', content: TEXT }], tools }
  const { headers } = await behind.post('/anthropic/v1/messages/count_tokens', asked)
  expect(behind.last().json).toEqual({ model: 'small', text: TEXT })
  expect(headers.get('x-bifrost-dropped-compat-plugin-params')).toBe('tools')
})

describe('a provider that does not count says so in the dialect of the client', () => {
  const said = 'count_tokens is not supported by groq provider'
  const messages = [{ role: 'user', content: TEXT }]
  test.each([
    ['/v1/responses/input_tokens', { model: 'groq/small', input: TEXT }, { error: { type: 'unsupported_operation', message: said } }],
    ['/anthropic/v1/messages/count_tokens', { model: 'groq/small', messages }, { type: 'error', error: { message: said } }],
    [
      '/genai/v1beta/models/groq/small:countTokens',
      { contents: [{ parts: [{ text: TEXT }] }] },
      { error: { code: 400, message: said, status: 'INVALID_ARGUMENT' } },
    ],
    [
      '/bedrock/model/groq%2Fsmall/count-tokens',
      { input: { converse: { messages: [{ role: 'user', content: [{ text: TEXT }] }] } } },
      { message: said, __type: 'ValidationException' },
    ],
  ])('%s', async (path, asked, answer) => {
    const before = behind.upstream.requests.length
    const { status, body } = await behind.post(path, asked)
    expect([status, body]).toMatchObject([400, answer])
    expect(behind.upstream.requests.length).toBe(before)
  })

  test('nor does a family of models that does not', async () => {
    const { status, body } = await behind.post('/v1/responses/input_tokens', { model: 'vertex/mistral-large', input: TEXT })
    expect([status, body]).toMatchObject([400, { error: { message: 'count_tokens is not supported by vertex provider' } }])
  })
})
