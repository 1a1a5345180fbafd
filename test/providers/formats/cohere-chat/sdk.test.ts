import { createCohere } from '@ai-sdk/cohere'
import { generateText, jsonSchema, streamText, type ToolSet } from 'ai'
import { CohereClientV2, CohereError } from 'cohere-ai'
import { describe, expect, test } from 'vitest'
import type { Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { splits } from '../../../conformance/format.ts'
import { bytesOf, inbound, REPLY, read, write } from './helpers.ts'

const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', arguments: '' })

/** What vendors of other dialects send: no ids, usage before the end, calls side by side, an empty text, late sources. */
const PARTS: readonly StreamPart[] = [
  { type: 'response-start', id: '', model: '' },
  { type: 'part-start', choice: 0, index: 0, part: { type: 'text', text: '' } },
  { type: 'part-end', choice: 0, index: 0 },
  { type: 'part-start', choice: 0, index: 1, part: { type: 'reasoning', text: '', signedBy: 'openai' } },
  { type: 'part-delta', choice: 0, index: 1, delta: { text: 'hm é' } },
  { type: 'part-delta', choice: 0, index: 1, delta: { signature: 's' } },
  { type: 'part-end', choice: 0, index: 1 },
  { type: 'part-start', choice: 0, index: 2, part: { type: 'text', text: '' } },
  { type: 'part-delta', choice: 0, index: 2, delta: { text: 'Look 😀' } },
  { type: 'part-end', choice: 0, index: 2 },
  { type: 'part-start', choice: 0, index: 3, part: call('f:0') },
  { type: 'part-start', choice: 0, index: 4, part: call('') },
  { type: 'part-delta', choice: 0, index: 4, delta: { arguments: '{"y":' } },
  { type: 'part-delta', choice: 0, index: 3, delta: { arguments: '{"x":1}' } },
  { type: 'part-delta', choice: 0, index: 4, delta: { arguments: '2}' } },
  { type: 'part-end', choice: 0, index: 3 },
  { type: 'part-end', choice: 0, index: 4 },
  { type: 'part-delta', choice: 0, index: 2, delta: { citation: { kind: 'url', url: 'https://a.example' } } },
  { type: 'usage', usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 2 } },
  { type: 'choice-end', choice: 0, stop: { reason: 'tool-calls', raw: 'tool_calls' } },
  { type: 'response-end' },
]

const CALLS = [
  { id: 'f:0', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
  { id: 'gw-1_4', type: 'function', function: { name: 'f', arguments: '{"y":2}' } },
]

const whole = (): Response => json(inbound.encodeResponse(foldParts(PARTS), REPLY))

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } })
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

/** The official client before an answer; what it sent is kept. */
function client(answer: () => Response) {
  const sent: string[] = []
  const fetch = async (_: unknown, init?: RequestInit) => {
    sent.push(String(init?.body))
    return answer()
  }
  return {
    cohere: new CohereClientV2({ token: 'k', baseUrl: 'http://gateway.invalid', maxRetries: 0, fetch: fetch as typeof globalThis.fetch }),
    sent,
  }
}

const REQUEST = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }

describe('the official client', () => {
  test('reads a whole answer, and sends it back so that nothing is lost', async () => {
    const { cohere, sent } = client(whole)
    const { id, finishReason, message, usage } = await cohere.chat(REQUEST)
    expect({ id, finishReason, calls: message.toolCalls, content: message.content }).toEqual({
      id: 'gw-1',
      finishReason: 'TOOL_CALL',
      calls: CALLS,
      content: [
        { type: 'thinking', thinking: 'hm é' },
        { type: 'text', text: 'Look 😀' },
      ],
    })
    expect(usage).toMatchObject({ tokens: { inputTokens: 10, outputTokens: 4 }, cachedTokens: 2 })
    expect(message.citations).toMatchObject([{ contentIndex: 1, sources: [{ document: { url: 'https://a.example' } }] }])
    await cohere.chat({ ...REQUEST, messages: [...REQUEST.messages, message, { role: 'tool', toolCallId: 'f:0', content: 'r' }] })
    const again = read(JSON.parse(sent.at(-1) ?? '')).messages
    expect(again[1]?.parts.map((part) => ('text' in part ? part.text : 'name' in part ? part.name : part.type))).toEqual([
      'hm é',
      'Look 😀',
      'f',
      'f',
    ])
    expect(again[2]?.parts).toMatchObject([{ type: 'tool-result', id: 'f:0' }])
  })

  test.each([1, 2, 3])('reads a stream, cut by seed %i', async (seed) => {
    const { cohere } = client(() => streamed(bytesOf(write(PARTS)), splits(seed)))
    const said: Record<string, string> = {}
    const types = new Set<string>()
    for await (const event of await cohere.chatStream(REQUEST)) {
      types.add(event.type)
      const add = (key: string, text = ''): void => {
        said[key] = (said[key] ?? '') + text
      }
      if (event.type === 'content-delta')
        add(`content ${event.index}`, event.delta?.message?.content?.text ?? event.delta?.message?.content?.thinking)
      if (event.type === 'tool-call-start') add(`call ${event.index}`, `${event.delta?.message?.toolCalls?.id} `)
      if (event.type === 'tool-call-delta') add(`call ${event.index}`, event.delta?.message?.toolCalls?.function?.arguments)
      if (event.type === 'message-end')
        expect(event.delta).toMatchObject({ finishReason: 'TOOL_CALL', usage: { tokens: { inputTokens: 10 } } })
    }
    expect(said).toEqual({ 'content 0': 'hm é', 'content 1': 'Look 😀', 'call 0': 'f:0 {"x":1}', 'call 1': 'gw-1_4 {"y":2}' })
    expect(types.has('citation-start')).toBe(true)
  })

  test('throws errors with their message, and is told mid-stream', async () => {
    const error = new GatewayError('GW_QUEUE_FULL', { provider: 'p' })
    const refused = client(() => json(inbound.encodeError(error), error.status)).cohere.chat(REQUEST)
    await expect(refused).rejects.toMatchObject({ statusCode: 429, body: { message: error.message } })
    await expect(refused).rejects.toBeInstanceOf(CohereError)
    const { cohere } = client(() => streamed(bytesOf(write(PARTS.slice(0, 9), error)), splits(1)))
    let last: unknown
    for await (const event of await cohere.chatStream(REQUEST)) last = event
    expect(last).toMatchObject({ type: 'message-end', delta: { finishReason: 'ERROR', error: error.message } })
  })
})

describe('a stricter client', () => {
  const provider = (answer: () => Response) => createCohere({ apiKey: 'k', fetch: (async () => answer()) as typeof fetch })('m')
  const tools: ToolSet = { f: { inputSchema: jsonSchema({ type: 'object', properties: {} }) } }
  const expected = [
    { toolCallId: 'f:0', input: { x: 1 } },
    { toolCallId: 'gw-1_4', input: { y: 2 } },
  ]

  test('reads a whole answer', async () => {
    const answer = await generateText({ model: provider(whole), prompt: 'q', tools, maxRetries: 0 })
    expect(answer.toolCalls).toMatchObject(expected)
    expect([answer.text, answer.reasoningText, answer.finishReason]).toEqual(['Look 😀', 'hm é', 'tool-calls'])
  })

  test('reads a stream, and one that failed', async () => {
    const answer = streamText({ model: provider(() => streamed(bytesOf(write(PARTS)), splits(5))), prompt: 'q', tools, maxRetries: 0 })
    expect([await answer.text, await answer.reasoningText, await answer.finishReason]).toEqual(['Look 😀', 'hm é', 'tool-calls'])
    expect(await answer.toolCalls).toMatchObject(expected)
    const failed = write(PARTS.slice(0, 9), new GatewayError('GW_UPSTREAM_TRUNCATED'))
    const cut = streamText({ model: provider(() => streamed(bytesOf(failed), splits(5))), prompt: 'q', maxRetries: 0 })
    expect([await cut.text, await cut.finishReason]).toEqual(['Look 😀', 'error'])
  })
})
