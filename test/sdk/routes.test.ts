import { GoogleGenAI } from '@google/genai'
import OpenAI, { AzureOpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { vectorOf } from '../../bench/upstream/operations.ts'
import { type OperationsGateway, startOperations } from './operations-gateway.ts'

let behind: OperationsGateway
beforeAll(async () => {
  behind = await startOperations(['openai', 'azure', 'vertex', 'gemini', 'anthropic', 'cohere'])
})
afterAll(() => behind.close())

const last = (): string => behind.last().path
const PROJECT = '/v1/projects/my-project/locations/us-central1/publishers/google/models'

describe("Google's client as one of Vertex AI", () => {
  /** By a key it names no project; by Google's own sign-in it does. */
  const CLIENTS = {
    'by a key': () => new GoogleGenAI({ vertexai: true, apiKey: 'x', httpOptions: { baseUrl: `${behind.gateway.url}/genai` } }),
    'of a project': () =>
      new GoogleGenAI({
        vertexai: true,
        project: 'theirs',
        location: 'europe-west1',
        googleAuthOptions: { authClient: { getRequestHeaders: async () => new Headers({ authorization: 'Bearer x' }) } as never },
        httpOptions: { baseUrl: `${behind.gateway.url}/genai` },
      }),
  }

  describe.each(Object.entries(CLIENTS))('%s', (_, makeClient) => {
    test.each([
      ['text', `${PROJECT}/text`],
      ['openai/text', '/v1/chat/completions'],
      ['gemini/text', '/v1beta/models/text'],
      ['anthropic/text', '/v1/messages'],
    ])('%s: chat, whole and streamed', async (model, path) => {
      const { models } = makeClient()
      expect((await models.generateContent({ model, contents: 'hello' })).text).toBe(PLAIN_TEXT)
      expect(last().startsWith(path)).toBe(true)
      let said = ''
      for await (const { text } of await models.generateContentStream({ model, contents: 'hello' })) said += text ?? ''
      expect(said).toBe(PLAIN_TEXT)
    })

    test.each(['text', 'gemini/text', 'anthropic/text'])('%s: tokens', async (model) => {
      const { totalTokens } = await makeClient().models.countTokens({ model, contents: 'one two three' })
      expect(totalTokens).toBe(3)
    })

    test.each(['text-embedding-005', 'openai/small', 'cohere/embed-v4.0'])('%s: embeddings', async (model) => {
      const { embeddings } = await makeClient().models.embedContent({ model, contents: ['one', 'three'] })
      expect(embeddings?.map(({ values }) => values)).toEqual([vectorOf('one'), vectorOf('three')])
    })
  })

  test('one model, and all of them', async () => {
    const client = CLIENTS['by a key']()
    const names: (string | undefined)[] = []
    for await (const { name } of await client.models.list()) names.push(name)
    expect(names).toContain('models/vertex/text')
    expect(await client.models.get({ model: 'text' })).toMatchObject({ name: 'models/vertex/text' })
    await expect(client.models.get({ model: 'nothing' })).rejects.toMatchObject({ status: 404 })
  })
})

test("Google's client of Gemini asks for one model", async () => {
  expect(await behind.google.models.get({ model: 'text' })).toMatchObject({ name: 'models/gemini/text' })
  expect(await behind.google.models.get({ model: 'openai/text' })).toMatchObject({ name: 'models/openai/text' })
  await expect(behind.google.models.get({ model: 'nothing' })).rejects.toMatchObject({ status: 404 })
})

describe('of the resource of Azure', () => {
  const azure = () =>
    new AzureOpenAI({ endpoint: `${behind.gateway.url}/openai`, apiKey: 'x', apiVersion: '2025-03-01-preview', maxRetries: 0 })

  test('responses, whose model is a deployment', async () => {
    const answer = await azure().responses.create({ model: 'text', input: 'hello' })
    expect([answer.output_text, last()]).toEqual([PLAIN_TEXT, '/openai/v1/responses'])
    const other = await azure().responses.create({ model: 'anthropic/text', input: 'hello' })
    expect([other.output_text, last()]).toEqual([PLAIN_TEXT, '/v1/messages'])
  })

  test('responses of a deployment in the path', async () => {
    const { status, body } = await behind.post('/openai/openai/deployments/openai/text/responses', { input: 'hello' })
    expect([status, JSON.stringify(body).includes(PLAIN_TEXT), last()]).toEqual([200, true, '/v1/responses'])
    const completion = await behind.post('/openai/openai/deployments/anthropic/text/completions', { prompt: 'hello' })
    expect(completion.body).toMatchObject({ choices: [{ text: PLAIN_TEXT }] })
    const translated = await behind.post('/openai/openai/deployments/anthropic/text/responses', { input: 'hello' })
    expect([translated.status, last()]).toEqual([200, '/v1/messages'])
  })

  test('its first version, by the plain client', async () => {
    const client = new OpenAI({ apiKey: 'x', baseURL: `${behind.gateway.url}/openai/openai/v1`, maxRetries: 0 })
    const answer = await client.chat.completions.create({ model: 'text', messages: [{ role: 'user', content: 'hello' }] })
    expect([answer.choices[0]?.message.content, last()]).toEqual([PLAIN_TEXT, '/openai/v1/chat/completions'])
    const { data } = await client.embeddings.create({ model: 'small', input: 'one' })
    expect([data[0]?.embedding, last()]).toEqual([vectorOf('one'), '/openai/v1/embeddings'])
    const ids = (await client.models.list()).data.map(({ id }) => id)
    expect(ids).toContain('azure/text')
  })
})

describe('of Cursor', () => {
  const cursor = () => new OpenAI({ apiKey: 'x', baseURL: `${behind.gateway.url}/cursor/v1`, maxRetries: 0 })
  const tools = [{ type: 'function', name: 'get_weather', parameters: { type: 'object' }, strict: false }]

  test.each(['text', 'anthropic/text', 'gemini/text'])('%s: a body of the Responses API is answered as a chat', async (model) => {
    const body = { model, input: [{ role: 'user', content: 'hello' }], instructions: 'Be kind.', max_output_tokens: 99 } as never
    const answer = await cursor().chat.completions.create(body)
    expect(answer).toMatchObject({ object: 'chat.completion', choices: [{ message: { content: PLAIN_TEXT }, finish_reason: 'stop' }] })
    const asked = { ...(body as object), model: model.replace('text', 'tools'), tools, stream: true } as never
    const events = (await cursor().chat.completions.create(asked)) as unknown as AsyncIterable<OpenAI.ChatCompletionChunk>
    const calls: string[] = []
    let finish: string | null | undefined
    for await (const { choices } of events) {
      for (const call of choices[0]?.delta.tool_calls ?? []) calls.push(call.function?.name ?? '')
      finish = choices[0]?.finish_reason ?? finish
    }
    expect([calls.join(''), finish]).toEqual(['get_weather', 'tool_calls'])
  })

  test('a chat is one', async () => {
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const answer = await cursor().chat.completions.create({ model: 'cohere/text', messages })
    expect(answer.choices[0]?.message.content).toBe(PLAIN_TEXT)
    const other = await behind.post('/cursor/chat/completions', { model: 'text' })
    expect(other).toMatchObject({ status: 400, body: { error: { message: 'messages: is required' } } })
  })
})

test.each([
  ['POST', '/genai/v1beta/models/text'],
  ['GET', '/genai/v1beta/models/text:generateContent'],
  ['GET', '/genai/v1beta1/publishers/google/models/'],
  ['GET', '/genai/v1beta/nothing'],
])('%s %s is not there', async (method, path) => {
  const before = behind.upstream.requests.length
  const init = { method, ...(method === 'POST' && { body: JSON.stringify({ contents: [{ parts: [{ text: 'hi' }] }] }) }) }
  const answer = await fetch(`${behind.gateway.url}${path}`, init)
  expect(answer.status).toBe(404)
  expect(behind.upstream.requests).toHaveLength(before)
})
