import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { ChatAnthropic } from '@langchain/anthropic'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { Mistral } from '@mistralai/mistralai'
import { generateObject, generateText, jsonSchema, type LanguageModel, streamText, type ToolSet, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { PROVIDERS } from '../matrix/cases.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

// It warns of models that it does not know.
;(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false

let behind: MatrixGateway
beforeAll(async () => {
  behind = await startMatrixGateway()
})
afterAll(() => behind.close())

const CITY = { type: 'object', properties: { city: { type: 'string' }, unit: { type: 'string' } }, required: ['city'] } as const
const WEATHER = { type: 'object', properties: { city: { type: 'string' }, temperature: { type: 'number' } }, required: ['city'] } as const

const MODELS: Readonly<Record<string, (model: string) => LanguageModel>> = {
  'OpenAI chat': (model) => createOpenAI({ apiKey: 'x', baseURL: `${behind.url}/openai/v1` }).chat(model),
  'OpenAI responses': (model) => createOpenAI({ apiKey: 'x', baseURL: `${behind.url}/openai/v1` }).responses(model),
  Anthropic: (model) => createAnthropic({ apiKey: 'x', baseURL: `${behind.url}/anthropic/v1` })(model),
  Google: (model) => createGoogleGenerativeAI({ apiKey: 'x', baseURL: `${behind.url}/genai/v1beta` })(model),
}

describe.each(Object.entries(MODELS))("the AI SDK's %s", (_, modelOf) => {
  const weather = tool({ description: 'The weather', inputSchema: jsonSchema<{ city: string }>(CITY) })

  test.each(PROVIDERS)('is answered by %s', async (provider) => {
    const { text, finishReason, usage } = await generateText({ model: modelOf(`${provider}/text`), prompt: 'hello', maxRetries: 0 })
    expect([text, finishReason, usage.inputTokens, usage.outputTokens]).toEqual([PLAIN_TEXT, 'stop', 12, 15])
  })

  test.each(PROVIDERS)('streams from %s', async (provider) => {
    const { textStream, usage } = streamText({ model: modelOf(`${provider}/text`), prompt: 'hello', maxRetries: 0 })
    let text = ''
    for await (const piece of textStream) text += piece
    expect(text).toBe(PLAIN_TEXT)
    expect((await usage).outputTokens).toBe(15)
  })

  test.each(PROVIDERS)('calls tools by %s', async (provider) => {
    const asked = {
      model: modelOf(`${provider}/parallel-tools`),
      prompt: 'hello',
      tools: { get_weather: weather } as unknown as ToolSet,
      maxRetries: 0,
    }
    const { toolCalls, finishReason } = await generateText(asked)
    expect(finishReason).toBe('tool-calls')
    expect(toolCalls.map(({ input }) => (input as { city: string }).city)).toEqual(['Paris', 'Rome', 'Zürich'])
  })

  test.each(PROVIDERS)('gets an object from %s', async (provider) => {
    const schema = jsonSchema<{ city: string; temperature: number }>(WEATHER)
    const { object } = await generateObject({ model: modelOf(`${provider}/structured`), prompt: 'hello', schema, maxRetries: 0 })
    expect(object).toMatchObject({ city: 'Paris', temperature: 21.5 })
  })

  test('tells errors', async () => {
    const asked = generateText({ model: modelOf('openai/fault-404'), prompt: 'hello', maxRetries: 0 })
    await expect(asked).rejects.toMatchObject({ statusCode: 404 })
  })
})

/** What both of its clients tell. */
interface Answer {
  text: string
  usage_metadata?: { input_tokens: number; output_tokens: number }
}

describe.each(PROVIDERS)('LangChain with %s', (provider) => {
  const chats = (model: string) => [
    new ChatOpenAI({ model, apiKey: 'x', configuration: { baseURL: `${behind.url}/langchain/v1` }, maxRetries: 0 }),
    new ChatAnthropic({ model, apiKey: 'x', anthropicApiUrl: `${behind.url}/langchain/anthropic`, maxRetries: 0 }),
  ]

  test('answers, whole and streamed', async () => {
    for (const chat of chats(`${provider}/text`)) {
      const { text, usage_metadata: usage } = (await chat.invoke('hello')) as unknown as Answer
      expect([text, usage?.input_tokens, usage?.output_tokens]).toEqual([PLAIN_TEXT, 12, 15])
      let said = ''
      for await (const piece of await chat.stream('hello')) said += piece.text
      expect(said).toBe(PLAIN_TEXT)
    }
  })

  test('calls tools', async () => {
    const weather = langchainTool(() => 'sunny', { name: 'get_weather', description: 'The weather', schema: CITY })
    for (const chat of chats(`${provider}/parallel-tools`)) {
      const { tool_calls: calls } = await chat.bindTools([weather]).invoke('hello')
      expect(calls?.map(({ args }) => args.city)).toEqual(['Paris', 'Rome', 'Zürich'])
    }
  })
})

describe.each(PROVIDERS)("Mistral's client with %s", (provider) => {
  const client = () => new Mistral({ apiKey: 'x', serverURL: `${behind.url}/openai` })
  const messages = [{ role: 'user' as const, content: 'hello' }]

  test('answers, whole and streamed', async () => {
    const { choices, usage } = await client().chat.complete({ model: `${provider}/text`, messages })
    expect([choices[0]?.message?.content, choices[0]?.finishReason, usage.completionTokens]).toEqual([PLAIN_TEXT, 'stop', 15])
    let said = ''
    for await (const { data } of await client().chat.stream({ model: `${provider}/text`, messages }))
      said += data.choices[0]?.delta.content ?? ''
    expect(said).toBe(PLAIN_TEXT)
  })

  test('streamed calls come whole: its package reads no piece without a name', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: { type: 'object' } } }]
    const heard: [string | undefined, unknown][] = []
    for await (const { data } of await client().chat.stream({ model: `${provider}/parallel-tools`, messages, tools }))
      for (const call of data.choices[0]?.delta.toolCalls ?? [])
        heard.push([call.function.name, JSON.parse(String(call.function.arguments))])
    expect(heard).toEqual(['Paris', 'Rome', 'Zürich'].map((city) => ['get_weather', { city, unit: 'celsius' }]))
  })
})
