import { expect } from 'vitest'
import type { ChatRequest, StreamPart } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { EncodedRequest, EncodeOptions, Frame, ReplyOptions } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/anthropic-messages/index.ts'
import { decodeStream } from '../../../../providers/formats/anthropic-messages/stream.ts'
import { runFold } from '../../../conformance/format.ts'

export const outbound = format.outbound as NonNullable<typeof format.outbound>

/** A request with one user text, and what the test adds. */
export function chat(more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: 'claude-sonnet-4-5', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }], stream: false, ...more }
}

export function encode(more: Partial<ChatRequest> = {}, options: EncodeOptions = {}): EncodedRequest {
  return outbound.encodeRequest(chat(more), options)
}

/** The messages of the body that a conversation becomes. */
export function turns(messages: ChatRequest['messages']): unknown {
  return encode({ messages }).body.messages
}

export function betas(more: Partial<ChatRequest>): string[] {
  return encode(more).headers?.['anthropic-beta']?.split(',') ?? []
}

/** Runs events (or their texts) through the decoder; the state is cloned between any two where asked. */
export function decode(events: readonly (JsonObject | string)[], options: { clone?: boolean; finish?: boolean } = {}) {
  const parts: StreamPart[] = []
  const errors: Error[] = []
  const out = { push: (part: StreamPart) => void parts.push(part), end() {}, refuse: (error: Error) => void errors.push(error), wake() {} }
  let state = decodeStream.start()
  for (const event of events) {
    decodeStream.step(state, { data: typeof event === 'string' ? event : JSON.stringify(event) }, out)
    if (options.clone) state = structuredClone(state)
  }
  if (options.finish !== false) decodeStream.end(state, out)
  return { parts, errors }
}

/** The events of a message around those of its content. */
export function message(
  content: readonly JsonObject[],
  delta: JsonObject = { stop_reason: 'end_turn', stop_sequence: null },
): JsonObject[] {
  return [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [],
        usage: { input_tokens: 3, output_tokens: 1 },
      },
    },
    ...content,
    { type: 'message_delta', delta, usage: { output_tokens: 7 } },
    { type: 'message_stop' },
  ]
}

/** The events of one block. */
export function block(index: number, start: JsonObject, ...deltas: JsonObject[]): JsonObject[] {
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

export const inbound = format.inbound as NonNullable<typeof format.inbound>

/** What a client is told of: the gateway's own facts, where the answer has none. */
export const REPLY: ReplyOptions = { id: 'gw-1', created: 1_700_000_000, model: 'asked-model' }

/** The frames that an answer's steps become; the state is cloned between any two. */
export function write(parts: readonly StreamPart[], failure?: Error): Frame[] {
  const { out, error } = runFold(inbound.encodeStream, parts, REPLY, failure)
  if (error) throw error
  return out
}

/** The events that a client reads, in an order that its SDK accepts. */
export function events(parts: readonly StreamPart[]): JsonObject[] {
  const told = write(parts).map(({ event, data }) => {
    const value = JSON.parse(data) as JsonObject
    if (value.type !== event) throw new Error(`${event} holds ${String(value.type)}`)
    return value
  })
  expectGrammar(told)
  return told
}

/** One message, blocks one at a time, their indices rising by one. */
export function expectGrammar(told: readonly JsonObject[]): void {
  let open = -1
  let next = 0
  told.forEach((event, at) => {
    if (event.type === 'content_block_start') {
      expect(open).toBe(-1)
      expect(event.index).toBe(next++)
      open = event.index as number
    } else if (event.type === 'content_block_delta') expect(event.index).toBe(open)
    else if (event.type === 'content_block_stop') {
      expect(event.index).toBe(open)
      open = -1
    } else expect([at, event.type]).toEqual([at, at === 0 ? 'message_start' : at === told.length - 1 ? 'message_stop' : 'message_delta'])
  })
  expect(open).toBe(-1)
  expect(told.at(-2)?.type).toBe('message_delta')
}

/** The blocks that a client puts together from the events, by the rules of Anthropic's documentation: independent of the decoder. */
export function blocksOf(told: readonly JsonObject[]): JsonObject[] {
  const blocks: JsonObject[] = []
  let json = ''
  for (const event of told) {
    const block = blocks.at(-1) as JsonObject
    const delta = event.delta as JsonObject
    if (event.type === 'content_block_start') blocks.push({ ...(event.content_block as JsonObject) })
    else if (event.type === 'content_block_stop' && json !== '') block.input = JSON.parse(json)
    if (event.type !== 'content_block_delta') json = ''
    else if (delta.type === 'text_delta') block.text = `${block.text}${delta.text}`
    else if (delta.type === 'thinking_delta') block.thinking = `${block.thinking}${delta.thinking}`
    else if (delta.type === 'signature_delta') block.signature = delta.signature
    else if (delta.type === 'citations_delta')
      block.citations = [...((block.citations ?? []) as JsonObject[]), delta.citation as JsonObject]
    else json += String(delta.partial_json)
  }
  return blocks
}

/** Numbers from 0 to 1 from a seed, always the same. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Frames as the bytes that a client is sent. */
export function bytesOf(frames: readonly Frame[]): Uint8Array {
  return Buffer.from(frames.map(({ event, data }) => `event: ${event}\ndata: ${data}\n\n`).join(''))
}
