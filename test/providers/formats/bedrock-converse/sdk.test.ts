import { Readable } from 'node:stream'
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock'
import {
  BedrockRuntimeClient,
  type ContentBlock,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
  type ConverseStreamOutput,
} from '@aws-sdk/client-bedrock-runtime'
import { EventStreamCodec } from '@smithy/eventstream-codec'
import { generateText, jsonSchema, streamText, type ToolSet } from 'ai'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import type { Frame } from '../../../../core/format.ts'
import { writerOf } from '../../../../core/stream/framing.ts'
import { splits } from '../../../conformance/format.ts'
import { inbound, REPLY, write } from './helpers.ts'

const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', arguments: '' })

/** What vendors of other dialects send: no ids, usage before the end, calls side by side, an empty text, sealed thoughts. */
const PARTS: readonly StreamPart[] = [
  { type: 'response-start', id: '', model: '' },
  { type: 'part-start', choice: 0, index: 0, part: { type: 'text', text: '' } },
  { type: 'part-end', choice: 0, index: 0 },
  { type: 'part-start', choice: 0, index: 1, part: { type: 'reasoning', text: '', signedBy: 'openai' } },
  { type: 'part-delta', choice: 0, index: 1, delta: { text: 'hm é' } },
  { type: 'part-delta', choice: 0, index: 1, delta: { signature: 's' } },
  { type: 'part-end', choice: 0, index: 1 },
  { type: 'part-start', choice: 0, index: 2, part: { type: 'reasoning', text: '', redacted: 'gAA-_', signedBy: 'openai' } },
  { type: 'part-end', choice: 0, index: 2 },
  { type: 'part-start', choice: 0, index: 3, part: { type: 'text', text: '' } },
  { type: 'part-delta', choice: 0, index: 3, delta: { text: 'Look 😀' } },
  { type: 'part-end', choice: 0, index: 3 },
  { type: 'part-start', choice: 0, index: 4, part: call('f:0') },
  { type: 'part-start', choice: 0, index: 5, part: call('') },
  { type: 'part-delta', choice: 0, index: 5, delta: { arguments: '{"y":' } },
  { type: 'part-delta', choice: 0, index: 4, delta: { arguments: '{"x":1}' } },
  { type: 'part-delta', choice: 0, index: 5, delta: { arguments: '2}' } },
  { type: 'part-end', choice: 0, index: 4 },
  { type: 'part-end', choice: 0, index: 5 },
  { type: 'usage', usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 2 } },
  { type: 'choice-end', choice: 0, stop: { reason: 'tool-calls', raw: 'tool_calls' } },
  { type: 'response-end' },
]

const SEALED = Buffer.from('bf.openai.gAA-_')
const CONTENT = [
  { reasoningContent: { reasoningText: { text: 'hm é', signature: 'bf.openai.s' } } },
  { reasoningContent: { redactedContent: new Uint8Array(SEALED) } },
  { text: 'Look 😀' },
  { toolUse: { toolUseId: 'f:0', name: 'f', input: { x: 1 } } },
  { toolUse: { toolUseId: 'tooluse_gw-1_5', name: 'f', input: { y: 2 } } },
]
const USAGE = { inputTokens: 8, outputTokens: 4, totalTokens: 14, cacheReadInputTokens: 2 }

interface Answer {
  status?: number
  headers: Record<string, string>
  body: Iterable<Uint8Array>
}

/** The official client before an answer; what it sent is kept. */
function client(answer: Answer) {
  const sent: { path: string; body: JsonObject }[] = []
  const runtime = new BedrockRuntimeClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { path: string; body: Uint8Array }) => {
        sent.push({ path: request.path, body: JSON.parse(new TextDecoder().decode(request.body)) as JsonObject })
        const { status: statusCode = 200, headers, body } = answer
        return { response: { statusCode, headers, body: Readable.from(body) } } as never
      },
    },
  })
  return { runtime, sent }
}

function json(value: JsonObject, status = 200, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: [Buffer.from(JSON.stringify(value))] }
}

function* pieces(frames: readonly Frame[], seed: number): Generator<Uint8Array> {
  const writer = writerOf('aws-event-stream')
  for (const frame of frames) writer.add(frame)
  const bytes = writer.take() as Uint8Array
  let from = 0
  for (const size of splits(seed)) {
    if (from >= bytes.length) return
    yield bytes.subarray(from, from + size)
    from += size
  }
}

function streamed(frames: readonly Frame[], seed = 1): Answer {
  return { headers: { 'content-type': 'application/vnd.amazon.eventstream' }, body: pieces(frames, seed) }
}

const INPUT: ConverseCommandInput = { modelId: 'openai/gpt-4o', messages: [{ role: 'user', content: [{ text: 'hi' }] }] }

async function collected(runtime: BedrockRuntimeClient): Promise<ConverseStreamOutput[]> {
  const events: ConverseStreamOutput[] = []
  for await (const event of (await runtime.send(new ConverseStreamCommand(INPUT))).stream ?? []) events.push(event)
  return events
}

/** The blocks that a client puts together, by their indices. */
function assembled(events: readonly ConverseStreamOutput[]): unknown[] {
  const blocks: { text?: string; thought?: string; proof?: unknown; call?: object; input?: string }[] = []
  for (const { contentBlockStart: start, contentBlockDelta: delta } of events) {
    const index = start?.contentBlockIndex ?? delta?.contentBlockIndex
    if (index === undefined) continue
    const block = blocks[index] ?? {}
    blocks[index] = block
    if (start?.start?.toolUse) block.call = start.start.toolUse
    if (delta?.delta?.text !== undefined) block.text = (block.text ?? '') + delta.delta.text
    if (delta?.delta?.toolUse) block.input = (block.input ?? '') + delta.delta.toolUse.input
    const thought = delta?.delta?.reasoningContent
    if (thought?.text !== undefined) block.thought = (block.thought ?? '') + thought.text
    if (thought) block.proof = thought.signature ?? thought.redactedContent ?? block.proof
  }
  return blocks
}

describe('the official client', () => {
  test('reads a whole answer, and sends it back so that nothing is lost', async () => {
    const response = foldParts(PARTS)
    const { runtime, sent } = client(json(inbound.encodeResponse(response, REPLY)))
    const { output, usage, stopReason, metrics } = await runtime.send(new ConverseCommand(INPUT))
    expect(output?.message?.content?.filter((block) => block.text !== '')).toEqual(CONTENT)
    expect([stopReason, usage, metrics]).toEqual(['tool_use', USAGE, { latencyMs: 0 }])
    const content = output?.message?.content as ContentBlock[]
    await runtime
      .send(new ConverseCommand({ ...INPUT, messages: [...(INPUT.messages ?? []), { role: 'assistant', content }] }))
      .catch(() => {})
    const body = sent.at(-1)?.body as JsonObject
    expect(sent.at(-1)?.path).toBe('/model/openai%2Fgpt-4o/converse')
    const { messages } = inbound.decodeRequest(body, inbound.readPath?.('/model/openai%2Fgpt-4o/converse', '')).request
    const [choice] = response.choices as [ChatResponse['choices'][0]]
    const named = choice.parts.map((part) => (part.type === 'tool-call' && part.id === '' ? { ...part, id: 'tooluse_gw-1_5' } : part))
    expect(messages[1]?.parts).toEqual(named)
  })

  test.each([1, 2, 3])('reads a stream, cut by seed %i', async (seed) => {
    const events = await collected(client(streamed(write(PARTS), seed)).runtime)
    expect(assembled(events)).toEqual([
      { thought: 'hm é', proof: 'bf.openai.s' },
      { proof: new Uint8Array(SEALED) },
      { text: 'Look 😀' },
      { call: { toolUseId: 'f:0', name: 'f' }, input: '{"x":1}' },
      { call: { toolUseId: 'tooluse_gw-1_5', name: 'f' }, input: '{"y":2}' },
    ])
    expect(events.map((event) => Object.keys(event)[0]).filter((name) => name?.startsWith('m'))).toEqual([
      'messageStart',
      'messageStop',
      'metadata',
    ])
    expect(events.at(-1)?.metadata).toEqual({ usage: USAGE, metrics: { latencyMs: 0 } })
  })

  test.each([
    ['GW_UPSTREAM_TRUNCATED', 'ModelStreamErrorException'],
    ['GW_QUEUE_FULL', 'ThrottlingException'],
    ['GW_OVERLOADED', 'ServiceUnavailableException'],
    ['GW_INTERNAL', 'InternalServerException'],
    ['GW_INVALID_REQUEST', 'ValidationException'],
  ] as const)('throws %s mid-stream as %s', async (code, name) => {
    const error = new GatewayError(code)
    const { runtime } = client(streamed(write(PARTS.slice(0, 5), error)))
    await expect(collected(runtime)).rejects.toMatchObject({ name, message: error.message })
  })

  test.each([
    ['GW_INVALID_REQUEST', 'ValidationException'],
    ['GW_MODEL_NOT_ALLOWED', 'AccessDeniedException'],
    ['GW_QUEUE_FULL', 'ThrottlingException'],
    ['GW_REQUEST_TIMEOUT', 'ModelTimeoutException'],
    ['GW_UPSTREAM_RESET', 'InternalServerException'],
  ] as const)('throws %s as %s', async (code, name) => {
    const error = new GatewayError(code)
    const { runtime } = client(json(inbound.encodeError(error), error.status, inbound.errorHeaders?.(error)))
    await expect(runtime.send(new ConverseCommand(INPUT))).rejects.toMatchObject({ name, message: error.message })
  })
})

describe('a stricter client', () => {
  const provider = ({ headers, body }: Answer) => {
    const fetch = async () => new Response(ReadableStream.from(body), { headers })
    return createAmazonBedrock({ region: 'us-east-1', apiKey: 'k', fetch: fetch as typeof globalThis.fetch })('m')
  }
  const tools: ToolSet = { f: { inputSchema: jsonSchema({ type: 'object', properties: {} }) } }
  const options = { prompt: 'q', tools, maxRetries: 0 }
  const expected = [
    { toolCallId: 'f:0', input: { x: 1 } },
    { toolCallId: 'tooluse_gw-1_5', input: { y: 2 } },
  ]

  test('reads a whole answer', async () => {
    const answer = await generateText({ model: provider(json(inbound.encodeResponse(foldParts(PARTS), REPLY))), ...options })
    expect(answer.toolCalls).toMatchObject(expected)
    expect([answer.text, answer.reasoningText, answer.finishReason]).toEqual(['Look 😀', 'hm é', 'tool-calls'])
  })

  test('reads a stream', async () => {
    const answer = streamText({ model: provider(streamed(write(PARTS), 5)), ...options })
    expect([await answer.text, await answer.reasoningText, await answer.finishReason]).toEqual(['Look 😀', 'hm é', 'tool-calls'])
    expect(await answer.toolCalls).toMatchObject(expected)
    expect(await answer.usage).toMatchObject({ inputTokens: 10, outputTokens: 4 })
  })
})

test("AWS's codec reads what is written: events as events, exceptions as exceptions", () => {
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
    (text) => Buffer.from(text),
  )
  const frames = write(PARTS.slice(0, 5), new GatewayError('GW_QUEUE_FULL'))
  const writer = writerOf('aws-event-stream')
  const read = frames.map((frame) => {
    writer.add(frame)
    return codec.decode(writer.take() as Uint8Array)
  })
  const kinds = read.map(({ headers }) => headers[':message-type']?.value)
  expect(kinds).toEqual([...frames.slice(1).map(() => 'event'), 'exception'])
  expect(read.at(-1)?.headers[':exception-type']?.value).toBe('throttlingException')
  expect(read.map(({ body }) => Buffer.from(body).toString())).toEqual(frames.map(({ data }) => data))
})
