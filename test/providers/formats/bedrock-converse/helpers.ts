import type { ChatRequest, Message, StreamPart } from '../../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../../core/canonical/json.ts'
import type { Carry, EncodedRequest, EncodeOptions, Frame, ReplyOptions } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/bedrock-converse/index.ts'
import { decodeStream } from '../../../../providers/formats/bedrock-converse/stream.ts'
import { runFold } from '../../../conformance/format.ts'

export const outbound = format.outbound as NonNullable<typeof format.outbound>

export const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
export const OLD_CLAUDE = 'anthropic.claude-3-7-sonnet-20250219-v1:0'
export const NOVA = 'us.amazon.nova-2-lite-v1:0'
export const LLAMA = 'us.meta.llama4-maverick-17b-instruct-v1:0'

/** A request with one user text, and what the test adds. */
export function chat(more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: CLAUDE, messages: [user('hi')], stream: false, ...more }
}

export function user(text: string): Message {
  return { role: 'user', parts: [{ type: 'text', text }] }
}

export function encode(more: Partial<ChatRequest> = {}, options: EncodeOptions = {}): EncodedRequest {
  return outbound.encodeRequest(chat(more), options)
}

/** The messages of the body that a conversation becomes. */
export function turns(messages: ChatRequest['messages'], model: string = CLAUDE): Json | undefined {
  return encode({ messages, model }).body.messages
}

/** A field of the model's own. */
export function modelField(more: Partial<ChatRequest>, name: string): Json | undefined {
  const fields = encode(more).body.additionalModelRequestFields
  return isObject(fields) ? fields[name] : undefined
}

/** Runs frames through the decoder; the state is cloned between any two. */
export function decode(frames: readonly Frame[], options: { carry?: Carry; finish?: boolean } = {}) {
  const parts: StreamPart[] = []
  const errors: Error[] = []
  const out = { push: (part: StreamPart) => void parts.push(part), end() {}, refuse: (error: Error) => void errors.push(error), wake() {} }
  let state = decodeStream.start({ carry: options.carry })
  for (const frame of frames) {
    decodeStream.step(state, frame, out)
    state = structuredClone(state)
  }
  if (options.finish !== false) decodeStream.end(state, out)
  return { parts, errors }
}

export function frame(event: string, value: JsonObject): Frame {
  return { event, data: JSON.stringify(value) }
}

export function delta(index: number, value: JsonObject): Frame {
  return frame('contentBlockDelta', { contentBlockIndex: index, delta: value })
}

export function call(index: number, id: string, name: string, ...inputs: string[]): Frame[] {
  return [
    frame('contentBlockStart', { contentBlockIndex: index, start: { toolUse: { toolUseId: id, name } } }),
    ...inputs.map((input) => delta(index, { toolUse: { input } })),
    stopped(index),
  ]
}

export function stopped(index: number): Frame {
  return frame('contentBlockStop', { contentBlockIndex: index })
}

/** The events of an answer around those of its content. */
export function answer(content: readonly Frame[], stop: JsonObject = { stopReason: 'end_turn' }): Frame[] {
  return [
    frame('messageStart', { role: 'assistant' }),
    ...content,
    frame('messageStop', stop),
    frame('metadata', { usage: { inputTokens: 3, outputTokens: 7, totalTokens: 10 }, metrics: { latencyMs: 5 } }),
  ]
}

export const inbound = format.inbound as NonNullable<typeof format.inbound>

export const REPLY: ReplyOptions = { id: 'gw-1', created: 1_700_000_000, model: 'asked-model' }

/** The canonical request of a body, for a path that names a model. */
export function read(body: JsonObject, model: string = CLAUDE): ChatRequest {
  return inbound.decodeRequest(body, { model, stream: false }).request
}

/** The body that a body becomes on its way to a provider of the same format. */
export function again(body: JsonObject, model: string = CLAUDE): JsonObject {
  return plain(outbound.encodeRequest(read(body, model), {}).body)
}

/** The events of an answer's steps; the encoder's state is cloned between any two. */
export function write(parts: readonly StreamPart[], failure?: Error): Frame[] {
  return runFold(inbound.encodeStream, parts, REPLY, failure).out
}

export function plain(value: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
