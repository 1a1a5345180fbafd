import { Readable } from 'node:stream'
import { BedrockRuntimeClient, InvokeModelCommand, InvokeModelWithResponseStreamCommand } from '@aws-sdk/client-bedrock-runtime'
import { describe, expect, test } from 'vitest'
import type { Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import type { Frame, Inbound, Outbound } from '../../../../core/format.ts'
import { writerOf } from '../../../../core/stream/framing.ts'
import { unwrap } from '../../../../providers/formats/bedrock-invoke/chunks.ts'
import { formats } from '../../../../providers/formats/index.ts'
import { REPLY, runFold } from '../../../conformance/format.ts'

const formatOf = (name: string) => formats.find((format) => format.name === name) as (typeof formats)[number]
const format = formatOf('bedrock-invoke')
const inbound = format.inbound as Inbound
const { decodeStream } = formatOf('anthropic-messages').outbound as Outbound
const { encodeRequest } = formatOf('bedrock-converse').outbound as Outbound

const PARTS: Part[] = [
  { type: 'text', text: 'Look 😀' },
  { type: 'tool-call', id: 't', name: 'f', arguments: '{"x":1}' },
]
const STEPS = explode({
  id: 'msg_1',
  model: 'm',
  choices: [{ index: 0, parts: PARTS, stop: { reason: 'tool-calls', raw: 'tool_use' } }],
  usage: { inputTokens: 3, outputTokens: 4 },
})
const write = (parts: readonly StreamPart[], failure?: Error): Frame[] => runFold(inbound.encodeStream, parts, REPLY, failure).out
const body = { anthropic_version: 'bedrock-2023-05-31', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }

function client(headers: Record<string, string>, answer: Uint8Array, statusCode = 200): BedrockRuntimeClient {
  const handle = async () => ({ response: { statusCode, headers, body: Readable.from([answer]) } }) as never
  return new BedrockRuntimeClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    requestHandler: { handle },
  })
}

test.each<[string, unknown]>([
  ['/bedrock/model/anthropic.claude%3A0/invoke', { model: 'anthropic.claude:0', stream: false }],
  ['/model/openai%2Fgpt/invoke-with-response-stream', { model: 'openai/gpt', stream: true }],
  ['/model/x/converse', undefined],
  ['/model/%zz/invoke', undefined],
])('the path %s names %j', (path, named) => {
  expect(inbound.readPath?.(path, '')).toEqual(named)
})

test.each(['amazon.titan-embed-text-v2:0', 'cohere.embed-english-v3'])('%s is asked for embeddings by its id', (model) => {
  const named = { model, stream: false, operation: 'embedding', format: 'bedrock-embed' }
  expect(inbound.readPath?.(`/model/${encodeURIComponent(model)}/invoke`, '')).toEqual(named)
})

describe('a request', () => {
  test('is one of Claude without a model; its beta flags reach Bedrock alone', () => {
    const { request } = inbound.decodeRequest({ ...body, anthropic_beta: ['b'], top_k: 3 }, { model: 'anthropic.claude-3', stream: true })
    expect(request).toMatchObject({ model: 'anthropic.claude-3', stream: true, maxOutputTokens: 9, topK: 3 })
    expect(JSON.stringify(request)).not.toContain('anthropic_version')
    expect(encodeRequest(request, {}).body.additionalModelRequestFields).toEqual({ top_k: 3, anthropic_beta: ['b'] })
    expect(inbound.decodeRequest(body, { model: 'm' }).request.stream).toBe(false)
  })

  test('without a model, or with what cannot be right, is refused', () => {
    expect(() => inbound.decodeRequest(body)).toThrow(expect.objectContaining({ code: 'GW_MODEL_REQUIRED' }))
    expect(() => inbound.decodeRequest({ ...body, messages: [] }, { model: 'm' })).toThrow(
      expect.objectContaining({ code: 'GW_INVALID_REQUEST' }),
    )
  })
})

describe('the official client', () => {
  test('reads a whole answer', async () => {
    const answer = Buffer.from(JSON.stringify(inbound.encodeResponse(foldParts(STEPS), REPLY)))
    const read = await client({ 'content-type': 'application/json' }, answer).send(new InvokeModelCommand({ modelId: 'm', body: '{}' }))
    expect(JSON.parse(Buffer.from(read.body).toString()) as JsonObject).toMatchObject({
      type: 'message',
      content: [{ text: 'Look 😀' }, { type: 'tool_use', input: { x: 1 } }],
      stop_reason: 'tool_use',
    })
  })

  const streamed = (frames: readonly Frame[]) => {
    const writer = writerOf(format.framing)
    for (const frame of frames) writer.add(frame)
    return client({ 'content-type': format.streamType }, writer.take() as Uint8Array).send(
      new InvokeModelWithResponseStreamCommand({ modelId: 'm', body: '{}' }),
    )
  }

  test("reads a stream of the model's own events", async () => {
    const frames: Frame[] = []
    for await (const { chunk } of (await streamed(write(STEPS))).body ?? []) {
      const data = Buffer.from(chunk?.bytes ?? []).toString()
      frames.push({ event: (JSON.parse(data) as { type: string }).type, data })
    }
    const { out, error } = runFold(decodeStream, frames, {})
    expect(error).toBeUndefined()
    expect(foldParts(out).choices).toMatchObject([{ parts: PARTS, stop: { reason: 'tool-calls' } }])
    expect(frames.slice(-2).map(({ event }) => event)).toEqual(['message_delta', 'message_stop'])
  })

  test('throws what went wrong mid-stream', async () => {
    const events: unknown[] = []
    const failed = write(STEPS.slice(0, 3), new GatewayError('GW_QUEUE_FULL', { provider: 'p' }))
    const read = async () => {
      for await (const event of (await streamed(failed)).body ?? []) events.push(event)
    }
    await expect(read()).rejects.toMatchObject({ name: 'ThrottlingException' })
    expect(events.length).toBeGreaterThan(0)
    expect(format.lens.mark(failed.at(-1) as Frame)).toBe('error')
  })

  test('throws errors by their names', async () => {
    const error = new GatewayError('GW_INVALID_REQUEST', { param: 'messages', reason: 'r' })
    const headers = { 'content-type': 'application/json', ...inbound.errorHeaders?.(error) }
    const refused = client(headers, Buffer.from(JSON.stringify(inbound.encodeError(error))), 400)
    await expect(refused.send(new InvokeModelCommand({ modelId: 'm', body: '{}' }))).rejects.toMatchObject({ name: 'ValidationException' })
  })
})

test('what ended well is not failed afterwards, and events are known through their chunks', () => {
  expect(write(STEPS, new GatewayError('GW_INTERNAL'))).toEqual(write(STEPS))
  const marks = write(STEPS).map((frame) => format.lens.mark(frame))
  expect(marks).toContain('content')
  expect(marks.at(-1)).toBe('terminal')
  expect(format.lens.mark({ event: 'other', data: '{}' })).toBe('other')
  expect(format.lens.mark({ event: 'chunk', data: '{}' })).toBe('other')
  expect(unwrap({ event: 'chunk', data: 'x' })).toBeUndefined()
})
