import { BedrockRuntimeClient, InvokeModelCommand, InvokeModelWithResponseStreamCommand } from '@aws-sdk/client-bedrock-runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { definePlugin } from '../../core/plugin/plugin.ts'
import { createGateway } from '../../transports/testing.ts'
import { PROVIDERS } from '../matrix/cases.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

let behind: MatrixGateway
let aws: BedrockRuntimeClient
beforeAll(async () => {
  behind = await startMatrixGateway()
  aws = new BedrockRuntimeClient({
    region: 'us-east-1',
    endpoint: `${behind.http2Url}/bedrock`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  })
})
afterAll(async () => {
  aws.destroy()
  await behind.close()
})

type Body = Record<string, unknown>

async function invoke(modelId: string, body: Body): Promise<Body> {
  const answer = await aws.send(new InvokeModelCommand({ modelId, body: JSON.stringify(body), contentType: 'application/json' }))
  return JSON.parse(Buffer.from(answer.body).toString()) as Body
}

async function stream(modelId: string, body: Body): Promise<Body[]> {
  const answer = await aws.send(
    new InvokeModelWithResponseStreamCommand({ modelId, body: JSON.stringify(body), contentType: 'application/json' }),
  )
  expect(answer.contentType).toBe('application/json')
  const chunks: Body[] = []
  for await (const { chunk } of answer.body ?? []) chunks.push(JSON.parse(Buffer.from(chunk?.bytes ?? []).toString()) as Body)
  return chunks
}

/** A field deep in a chunk, by its path; undefined where something on the way is not there. */
function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((holder, name) => (holder as Body | undefined)?.[name], value)
}

interface FamilyCase {
  name: string
  /** An id of Bedrock's that names the family. */
  id: string
  body: Body
  /** Where an answer has its text, and why it ended. */
  text: string
  stop: [path: string, whole: string, cut: string]
  /** The same in a stream's chunks. */
  piece: string
  lastStop: string
  usage?: Body
}

const openai = {
  body: { messages: [{ role: 'user', content: 'hello' }], max_tokens: 100 },
  text: 'choices.0.message.content',
  piece: 'choices.0.delta.content',
  usage: { usage: { prompt_tokens: 12, completion_tokens: 15 } },
}
const FAMILIES: readonly FamilyCase[] = [
  {
    name: 'Claude',
    id: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
    body: { anthropic_version: 'bedrock-2023-05-31', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] },
    text: 'content.0.text',
    stop: ['stop_reason', 'end_turn', 'max_tokens'],
    piece: 'delta.text',
    lastStop: 'delta.stop_reason',
    usage: { usage: { input_tokens: 12, output_tokens: 15 } },
  },
  {
    name: 'Nova',
    id: 'us.amazon.nova-lite-v1:0',
    body: {
      schemaVersion: 'messages-v1',
      system: [{ text: 'Be kind.' }],
      messages: [{ role: 'user', content: [{ text: 'hello' }] }],
      inferenceConfig: { maxTokens: 100 },
    },
    text: 'output.message.content.0.text',
    stop: ['stopReason', 'end_turn', 'max_tokens'],
    piece: 'contentBlockDelta.delta.text',
    lastStop: 'messageStop.stopReason',
    usage: { usage: { inputTokens: 12, outputTokens: 15 } },
  },
  {
    name: 'Titan Text',
    id: 'amazon.titan-text-premier-v1:0',
    body: { inputText: 'hello', textGenerationConfig: { maxTokenCount: 100, stopSequences: ['X'] } },
    text: 'results.0.outputText',
    stop: ['results.0.completionReason', 'FINISHED', 'LENGTH'],
    piece: 'outputText',
    lastStop: 'completionReason',
    usage: { inputTextTokenCount: 12, results: [{ tokenCount: 15 }] },
  },
  {
    name: 'Llama',
    id: 'us.meta.llama3-3-70b-instruct-v1:0',
    body: { prompt: 'hello', max_gen_len: 100, temperature: 0.5, top_p: 0.9 },
    text: 'generation',
    stop: ['stop_reason', 'stop', 'length'],
    piece: 'generation',
    lastStop: 'stop_reason',
    usage: { prompt_token_count: 12, generation_token_count: 15 },
  },
  {
    name: 'Mistral',
    id: 'mistral.mistral-7b-instruct-v0:2',
    body: { prompt: '<s>[INST] hello [/INST]', max_tokens: 100, stop: ['X'] },
    text: 'outputs.0.text',
    stop: ['outputs.0.stop_reason', 'stop', 'length'],
    piece: 'outputs.0.text',
    lastStop: 'outputs.0.stop_reason',
  },
  {
    name: 'Mistral with messages',
    id: 'mistral.mistral-large-2407-v1:0',
    ...openai,
    stop: ['choices.0.stop_reason', 'stop', 'length'],
    piece: 'choices.0.message.content',
    lastStop: 'choices.0.stop_reason',
  },
  {
    name: 'Command R',
    id: 'cohere.command-r-plus-v1:0',
    body: { message: 'hello', chat_history: [{ role: 'USER', message: 'before' }], max_tokens: 100, p: 0.5 },
    text: 'text',
    stop: ['finish_reason', 'COMPLETE', 'MAX_TOKENS'],
    piece: 'text',
    lastStop: 'finish_reason',
    usage: { meta: { billed_units: { input_tokens: 12, output_tokens: 15 } } },
  },
  {
    name: 'Jamba',
    id: 'ai21.jamba-1-5-large-v1:0',
    ...openai,
    stop: ['choices.0.finish_reason', 'stop', 'length'],
    lastStop: 'choices.0.finish_reason',
  },
  {
    name: 'DeepSeek',
    id: 'us.deepseek.r1-v1:0',
    body: { prompt: '<｜begin▁of▁sentence｜><｜User｜>hello<｜Assistant｜><think>\n', max_tokens: 100 },
    text: 'choices.0.text',
    stop: ['choices.0.stop_reason', 'stop', 'length'],
    piece: 'choices.0.text',
    lastStop: 'choices.0.stop_reason',
  },
  {
    name: 'gpt-oss',
    id: 'openai.gpt-oss-120b-1:0',
    ...openai,
    stop: ['choices.0.finish_reason', 'stop', 'length'],
    lastStop: 'choices.0.finish_reason',
  },
]

/** Names that no maker has: by shape alone some bodies are another family's. */
const BY_SHAPE = FAMILIES.filter(({ name }) => !['Mistral with messages'].includes(name))

describe.each(BY_SHAPE)('a body of $name, told by its shape', ({ body, text, stop, piece, lastStop, usage }) => {
  test.each(PROVIDERS)('%s, whole', async (provider) => {
    const answer = await invoke(`${provider}/text`, body)
    expect([at(answer, text), at(answer, stop[0])]).toEqual([PLAIN_TEXT, stop[1]])
    if (usage) expect(answer).toMatchObject(usage)
    expect(at(await invoke(`${provider}/length`, body), stop[0])).toBe(stop[2])
  })

  test.each(PROVIDERS)('%s, streamed', async (provider) => {
    const chunks = await stream(`${provider}/text`, body)
    expect(chunks.map((chunk) => at(chunk, piece) ?? '').join('')).toBe(PLAIN_TEXT)
    expect(chunks.map((chunk) => at(chunk, lastStop)).filter((reason) => typeof reason === 'string')).toEqual([stop[1]])
    const metered = chunks.filter((chunk) => chunk['amazon-bedrock-invocationMetrics'] !== undefined)
    expect(metered).toEqual(chunks.slice(-1))
    expect(metered[0]).toMatchObject({ 'amazon-bedrock-invocationMetrics': { inputTokenCount: 12, outputTokenCount: 15 } })
  })

  test('a stream that fails ends in an exception', async () => {
    await expect(stream('openai/fault-error-mid', body)).rejects.toThrow(/overloaded|error/i)
  })
})

describe.each(FAMILIES)("$name to Bedrock, by the model's id", ({ name, id, body, text, piece }) => {
  const path = `/model/${encodeURIComponent(id)}`

  test('the body goes on as it came, and so does the answer', async () => {
    const written = { ...body, next: { year: [1] } }
    expect(at(await invoke(id, written), text)).toBe(PLAIN_TEXT)
    expect(behind.upstream.requests.at(-1)).toMatchObject({ path: `${path}/invoke`, json: written })
    const asked = async (url: string): Promise<Buffer> => {
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(written) })
      return Buffer.from(await answer.arrayBuffer())
    }
    for (const method of ['invoke', 'invoke-with-response-stream'])
      expect(await asked(`${behind.url}/bedrock${path}/${method}`)).toEqual(await asked(`${behind.upstream.url}${path}/${method}`))
  })

  test('a stream too, without what is the gateway’s own', async () => {
    const chunks = await stream(id, { ...body, next: 1, fallbacks: ['openai/text'] })
    expect(
      chunks.map((chunk) => at(chunk, piece.replace('message', name === 'Mistral with messages' ? 'delta' : 'message')) ?? '').join(''),
    ).toBe(PLAIN_TEXT)
    expect(behind.upstream.requests.at(-1)?.path).toBe(`${path}/invoke-with-response-stream`)
    expect(behind.upstream.requests.at(-1)?.json).toEqual({ ...body, next: 1 })
  })
})

test('Claude as it was before Messages, by its prompt', async () => {
  const body = { prompt: 'Be kind.\n\nHuman: hello\n\nAssistant:', max_tokens_to_sample: 9, anthropic_version: 'bedrock-2023-05-31' }
  const answer = await invoke('openai/text', body)
  expect(answer).toMatchObject({ type: 'completion', completion: PLAIN_TEXT, stop_reason: 'stop_sequence', stop: '\n\nHuman:' })
  expect(behind.upstream.requests.at(-1)?.json.messages).toMatchObject([{ role: 'system' }, { role: 'user', content: 'hello' }])
})

const llama = { prompt: 'hello', max_gen_len: 100 }
const claude = { anthropic_version: 'bedrock-2023-05-31', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] }
const lastPath = (): string | undefined => behind.upstream.requests.at(-1)?.path

describe('Bedrock is asked by Converse', () => {
  test('where the model is of another family than the body', async () => {
    const aliases = { 'my-model': 'eu.anthropic.claude-sonnet-4-5' }
    const keys = [{ name: 'aws', value: 'sk-provider', models: ['*'], aliases }]
    const bedrock = { keys, network_config: { base_url: behind.upstream.url } }
    const gateway = await createGateway({ config: { providers: { bedrock } } })
    const answer = await gateway.fetch('/bedrock/model/my-model/invoke', JSON.stringify(llama))
    expect(await answer.json()).toMatchObject({ generation: PLAIN_TEXT })
    expect(lastPath()).toBe('/model/eu.anthropic.claude-sonnet-4-5/converse')
    await gateway.close()
  })

  test('where a header says what stands in the body', async () => {
    const headers = { 'content-type': 'application/json', 'anthropic-beta': 'context-1m-2025-08-07' }
    const url = `${behind.url}/bedrock/model/anthropic.claude-sonnet-4-5/invoke`
    await (await fetch(url, { method: 'POST', headers, body: JSON.stringify(claude) })).text()
    expect(lastPath()).toBe('/model/anthropic.claude-sonnet-4-5/converse')
    expect(behind.upstream.requests.at(-1)?.json).toMatchObject({
      additionalModelRequestFields: { anthropic_beta: ['context-1m-2025-08-07'] },
    })
  })

  test('where a Claude body lacks what Bedrock wants of it', async () => {
    const { anthropic_version: _, ...rest } = claude
    expect(await invoke('anthropic.claude-sonnet-4-5', rest)).toMatchObject({ type: 'message', content: [{ text: PLAIN_TEXT }] })
    expect(lastPath()).toBe('/model/anthropic.claude-sonnet-4-5/converse')
  })
})

test('an ARN of a profile names the family, and one that names none leaves it to the body', async () => {
  const arn = 'arn:aws:bedrock:us-east-1:123456789012'
  await invoke(`${arn}:inference-profile/us.meta.llama3-3-70b-instruct-v1:0`, { prompt: 'hello' })
  expect(lastPath()).toBe(`/model/${encodeURIComponent(`${arn}:inference-profile/us.meta.llama3-3-70b-instruct-v1:0`)}/invoke`)
  await invoke(`${arn}:imported-model/abc`, llama)
  expect(lastPath()).toBe(`/model/${encodeURIComponent(`${arn}:imported-model/abc`)}/invoke`)
})

test('a fallback to another provider is translated, and answers in the form of the body', async () => {
  const answer = await invoke('bedrock/fault-500', { ...llama, fallbacks: ['gemini/text'] })
  expect(answer).toMatchObject({ generation: PLAIN_TEXT, stop_reason: 'stop' })
})

test('a guardrail that a header names reaches Bedrock', async () => {
  await aws.send(
    new InvokeModelCommand({
      modelId: 'meta.llama3-8b-instruct-v1:0',
      body: JSON.stringify(llama),
      contentType: 'application/json',
      guardrailIdentifier: 'abc',
      guardrailVersion: '1',
    }),
  )
  expect(behind.upstream.requests.at(-1)?.headers.get('x-amzn-bedrock-guardrailidentifier')).toBe('abc')
})

test('tools go both ways: Command R, Nova, gpt-oss', async () => {
  const definitions = { city: { description: 'where', type: 'str', required: true } }
  const cohere = { message: 'hello', tools: [{ name: 'get_weather', description: 'd', parameter_definitions: definitions }] }
  const calls = [{ name: 'get_weather', parameters: { city: 'Paris', unit: 'celsius' } }]
  expect(await invoke('openai/tools', cohere)).toMatchObject({ tool_calls: calls, finish_reason: 'COMPLETE' })
  expect(behind.upstream.requests.at(-1)?.json).toMatchObject({
    tools: [{ function: { name: 'get_weather', parameters: { properties: { city: { type: 'string' } }, required: ['city'] } } }],
  })
  const chunks = await stream('anthropic/tools', cohere)
  expect(chunks).toContainEqual({ is_finished: false, event_type: 'tool-calls-generation', tool_calls: calls })
  const results = { ...cohere, tool_results: [{ call: calls[0], outputs: [{ sky: 'sunny' }] }] }
  expect(await invoke('gemini/tools', results)).toMatchObject({ text: expect.stringContaining('sunny') })

  const toolConfig = { tools: [{ toolSpec: { name: 'get_weather', inputSchema: { json: { type: 'object' } } } }] }
  const nova = { messages: [{ role: 'user', content: [{ text: 'hello' }] }], toolConfig }
  expect(await invoke('cohere/tools', nova)).toMatchObject({
    stopReason: 'tool_use',
    output: { message: { content: expect.arrayContaining([{ toolUse: expect.objectContaining({ name: 'get_weather' }) }]) } },
  })
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }]
  expect(await invoke('bedrock/tools', { ...openai.body, tools })).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] })
})

test('what whole answers cost stands in their heads, translated or not', async () => {
  for (const model of ['mistral.mistral-7b-instruct-v0:2', 'openai/text']) {
    const body = JSON.stringify({ prompt: 'hello', max_tokens: 9 })
    const { headers } = await behind.gateway.fetch(`/bedrock/model/${encodeURIComponent(model)}/invoke`, body)
    expect(headers.get('x-amzn-bedrock-input-token-count')).toBe('12')
    expect(headers.get('x-amzn-bedrock-output-token-count')).toBe('15')
  }
})

test('handlers see the usage of what passes, and what they change is asked by Converse', async () => {
  const seen: unknown[] = []
  let isEditing = false
  const spy = definePlugin({
    name: 'spy',
    config: z.strictObject({}),
    setup: () => ({
      hooks: {
        preRequest: {
          needs: ['canonical'],
          handler(ctx) {
            if (isEditing) ctx.request = { ...ctx.request, temperature: 0.1 }
          },
        },
        postHook(outcome) {
          if (outcome.ok) seen.push(outcome.usage)
          return outcome
        },
      },
    }),
  })
  const keys = [{ name: 'aws', value: 'sk-provider', models: ['*'] }]
  const config = { providers: { bedrock: { keys, network_config: { base_url: behind.upstream.url } } } }
  const gateway = await createGateway({ config, plugins: [spy] })
  const ask = async (method: string): Promise<string> => {
    const path = `/bedrock/model/mistral.mistral-7b-instruct-v0:2/${method}`
    return (await gateway.fetch(path, JSON.stringify({ prompt: 'hello', max_tokens: 9 }))).text()
  }
  await ask('invoke')
  expect(lastPath()).toContain('/invoke')
  await ask('invoke-with-response-stream')
  expect(seen).toEqual([
    { inputTokens: 12, outputTokens: 15 },
    { inputTokens: 12, outputTokens: 15 },
  ])
  isEditing = true
  expect(JSON.parse(await ask('invoke'))).toEqual({ outputs: [{ text: PLAIN_TEXT, stop_reason: 'stop' }] })
  expect([lastPath(), behind.upstream.requests.at(-1)?.json]).toMatchObject([
    expect.stringContaining('/converse'),
    { inferenceConfig: { temperature: 0.1, maxTokens: 9 } },
  ])
  await gateway.close()
})

describe('what cannot be right asks nobody', () => {
  const cases: [string, Body, string][] = [
    ['openai/text', {}, 'messages: is required, or another of prompt, inputText, message'],
    ['text', { task: 'x' }, 'messages: is required, or another of'],
    ['meta.llama3-8b-instruct-v1:0', { max_gen_len: 5 }, 'messages: is required, or another of'],
    ['openai/text', { prompt: '' }, 'prompt: must not be empty'],
    ['openai/text', { prompt: 'x', max_gen_len: 'many' }, 'max_gen_len: must be a number'],
    ['openai/text', { inputText: 'x', textGenerationConfig: { topP: 'x' } }, 'textGenerationConfig.topP: must be a number'],
    ['openai/text', { message: 'x', chat_history: [{ role: 'robot', message: 'x' }] }, 'chat_history[0].role: must be one of'],
    ['openai/text', { message: 'x', tools: [{}] }, 'tools[0].name: is required'],
    ['openai/text', { messages: [], inferenceConfig: {} }, 'messages: must not be empty'],
    ['openai/text', { message: 'x', search_queries_only: true }, 'search_queries_only'],
    ['openai/text', { prompt: 'x', images: ['AAAA'], max_gen_len: 9 }, 'images'],
  ]
  test.each(cases)('%s %j: %s', async (model, body, said) => {
    const { length } = behind.upstream.requests
    await expect(invoke(model, body)).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining(said) })
    expect(behind.upstream.requests).toHaveLength(length)
  })
})
