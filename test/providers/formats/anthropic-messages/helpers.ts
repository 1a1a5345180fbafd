import type { ChatRequest, StreamPart } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { EncodedRequest, EncodeOptions } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/anthropic-messages/index.ts'
import { decodeStream } from '../../../../providers/formats/anthropic-messages/stream.ts'

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
