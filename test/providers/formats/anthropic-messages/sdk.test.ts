import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { describe, expect, test } from 'vitest'
import type { Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import type { StopReason } from '../../../../core/canonical/stop.ts'
import { GatewayError } from '../../../../core/errors.ts'
import type { Outbound } from '../../../../core/format.ts'
import { formats } from '../../../../providers/formats/index.ts'
import { CASES, framesOf, runFold, splits } from '../../../conformance/format.ts'
import { awsStream } from '../../../helpers/aws-stream.ts'
import { bytesOf, inbound, REPLY, write } from './helpers.ts'

const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', arguments: '' })

/** What vendors of other dialects send: no ids, usage last, calls side by side, an empty text. */
const PARTS: readonly StreamPart[] = [
  { type: 'response-start', id: '', model: '' },
  { type: 'part-start', choice: 0, index: 0, part: { type: 'text', text: '' } },
  { type: 'part-end', choice: 0, index: 0 },
  { type: 'part-start', choice: 0, index: 1, part: { type: 'reasoning', text: '' } },
  { type: 'part-delta', choice: 0, index: 1, delta: { text: 'hm é' } },
  { type: 'part-end', choice: 0, index: 1 },
  { type: 'part-start', choice: 0, index: 2, part: { type: 'text', text: '' } },
  { type: 'part-delta', choice: 0, index: 2, delta: { text: 'Look 😀' } },
  { type: 'part-delta', choice: 0, index: 2, delta: { citation: { kind: 'url', url: 'https://a.example' } } },
  { type: 'part-end', choice: 0, index: 2 },
  { type: 'part-start', choice: 0, index: 3, part: call('f:0') },
  { type: 'part-start', choice: 0, index: 4, part: call('') },
  { type: 'part-delta', choice: 0, index: 4, delta: { arguments: '{"y":' } },
  { type: 'part-delta', choice: 0, index: 3, delta: { arguments: '{"x":1}' } },
  { type: 'part-delta', choice: 0, index: 4, delta: { arguments: '2}' } },
  { type: 'part-end', choice: 0, index: 3 },
  { type: 'part-end', choice: 0, index: 4 },
  { type: 'choice-end', choice: 0, stop: { reason: 'tool-calls', raw: 'tool_calls' } },
  { type: 'usage', usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 2 } },
  { type: 'response-end' },
]

const EXPECTED = {
  id: 'msg_gw-1',
  type: 'message',
  role: 'assistant',
  model: 'asked-model',
  content: [
    { type: 'thinking', thinking: 'hm é', signature: '' },
    { type: 'text', text: 'Look 😀', citations: [{ type: 'web_search_result_location', url: 'https://a.example' }] },
    { type: 'tool_use', id: 'f_0', name: 'f', input: { x: 1 } },
    { type: 'tool_use', id: 'toolu_gw-1_4', name: 'f', input: { y: 2 } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 8, cache_creation_input_tokens: 0, cache_read_input_tokens: 2, output_tokens: 4 },
}

const REQUEST = { model: 'm', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hi' }] }

const FIXTURES = join(import.meta.dirname, '../../../fixtures/chat')

/** The standard cases as every provider streams them. */
const STREAMS = formats.flatMap((format) =>
  CASES.map((name) => ({ format, name, file: join(FIXTURES, name, `${format.name}.stream.txt`) })),
)

function partsOf({ format, file }: (typeof STREAMS)[number]): StreamPart[] {
  const recorded = format.framing === 'aws-event-stream' ? awsStream(readFileSync(file, 'utf8')) : readFileSync(file)
  return runFold((format.outbound as Outbound).decodeStream, framesOf(format, recorded), {}).out
}

const STOPS = new Map<StopReason | undefined, string>([
  ['stop', 'end_turn'],
  ['length', 'max_tokens'],
  ['tool-calls', 'tool_use'],
  ['refusal', 'refusal'],
  ['content-filter', 'refusal'],
])

/** What the client should have heard, part by part. */
function heard(part: Part): unknown {
  if (part.type === 'tool-call') return { type: 'tool_use', name: part.name, input: JSON.parse(part.arguments) }
  if (part.type === 'reasoning')
    return part.redacted === undefined ? { type: 'thinking', thinking: part.text } : { type: 'redacted_thinking' }
  return { type: 'text', text: (part as { text: string }).text }
}

/** The official client before an answer. */
function client(answer: () => Response): Anthropic {
  return new Anthropic({ apiKey: 'k', baseURL: 'http://gateway.invalid', maxRetries: 0, fetch: async () => answer() })
}

function streamed(bytes: Uint8Array, sizes: Iterable<number>): Response {
  const pieces: Uint8Array[] = []
  let from = 0
  for (const size of sizes) {
    if (from >= bytes.length) break
    pieces.push(bytes.subarray(from, from + size))
    from += size
  }
  return new Response(ReadableStream.from(pieces), { headers: { 'content-type': 'text/event-stream' } })
}

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } })

describe('the official client', () => {
  test.each([1, 7, 42, 1000])('puts a stream together, however it is cut (at most %i bytes)', async (most) => {
    const anthropic = client(() => streamed(bytesOf(write(PARTS)), splits(most, most)))
    const texts: string[] = []
    const message = await anthropic.messages
      .stream(REQUEST)
      .on('text', (text) => texts.push(text))
      .finalMessage()
    expect(message).toMatchObject(EXPECTED)
    expect(texts.join('')).toBe('Look 😀')
  })

  test.each(STREAMS.filter(({ file }) => existsSync(file)))('hears of $format.name all that it said: $name', async (stream) => {
    const parts = partsOf(stream)
    const [choice] = foldParts(parts).choices
    const message = await client(() => streamed(bytesOf(write(parts)), splits(5)))
      .messages.stream(REQUEST)
      .finalMessage()
    expect(message.content).toMatchObject(choice?.parts.map(heard) ?? [])
    expect(message.usage.output_tokens).toBe(foldParts(parts).usage?.outputTokens ?? 0)
    const isRefused = choice?.parts.some(({ type }) => type === 'refusal')
    expect(message.stop_reason).toBe(isRefused ? 'refusal' : STOPS.get(choice?.stop.reason))
  })

  test('reads a whole answer', async () => {
    expect(await client(() => json(inbound.encodeResponse(foldParts(PARTS), REPLY))).messages.create(REQUEST)).toMatchObject(EXPECTED)
  })

  test('reads the same of an answer that is streamed part by part', async () => {
    const anthropic = client(() => streamed(bytesOf(write(explode(foldParts(PARTS)))), splits(3)))
    expect(await anthropic.messages.stream(REQUEST).finalMessage()).toMatchObject(EXPECTED)
  })

  test('skips pings', async () => {
    const ping = Buffer.from(inbound.keepAlive ?? '')
    const anthropic = client(() => streamed(Buffer.concat([ping, bytesOf(write(PARTS))]), [5, 5000, 5000]))
    expect(await anthropic.messages.stream(REQUEST).finalMessage()).toMatchObject(EXPECTED)
  })

  test('its turn comes back as the conversation it was', async () => {
    const message = await client(() => streamed(bytesOf(write(PARTS)), splits(9)))
      .messages.stream(REQUEST)
      .finalMessage()
    const results = message.content
      .filter((block) => block.type === 'tool_use')
      .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' }))
    const messages = [...REQUEST.messages, { role: message.role, content: message.content }, { role: 'user', content: results }]
    const { request } = inbound.decodeRequest(JSON.parse(JSON.stringify({ ...REQUEST, messages })))
    expect(request.messages.map(({ parts }) => parts.map(({ type }) => type))).toEqual([
      ['text'],
      ['reasoning', 'text', 'tool-call', 'tool-call'],
      ['tool-result', 'tool-result'],
    ])
  })

  test('throws the error of a stream', async () => {
    const frames = write(PARTS.slice(0, 9), new GatewayError('GW_UPSTREAM_TRUNCATED', { provider: 'p' }))
    const anthropic = client(() => streamed(bytesOf(frames), splits(5)))
    await expect(anthropic.messages.stream(REQUEST).finalMessage()).rejects.toThrow(/ended the stream before its terminator/)
  })

  test.each([
    [400, Anthropic.BadRequestError],
    [404, Anthropic.NotFoundError],
    [429, Anthropic.RateLimitError],
    [529, Anthropic.InternalServerError],
  ])('throws its own error for status %i', async (status, type) => {
    const error = new GatewayError('GW_UPSTREAM_ERROR', { status, upstream: { message: 'what went wrong' } })
    const asked = client(() => json(inbound.encodeError(error), error.status)).messages.create(REQUEST)
    await expect(asked).rejects.toThrow(type)
    await expect(asked).rejects.toThrow(/what went wrong/)
  })
})
