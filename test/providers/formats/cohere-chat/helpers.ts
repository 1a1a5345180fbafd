import type { ChatRequest, StreamPart } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Frame, Inbound, Outbound, ReplyOptions } from '../../../../core/format.ts'
import { writerOf } from '../../../../core/stream/framing.ts'
import { format } from '../../../../providers/formats/cohere-chat/index.ts'
import { runFold } from '../../../conformance/format.ts'

export const inbound = format.inbound as Inbound
export const outbound = format.outbound as Outbound

export const REPLY: ReplyOptions = { id: 'gw-1', created: 1_700_000_000, model: 'asked-model' }

/** The canonical request of a body. */
export function read(body: JsonObject): ChatRequest {
  return inbound.decodeRequest({ model: 'command-a-03-2025', ...body }).request
}

/** The events of an answer's steps; the encoder's state is cloned between any two. */
export function write(parts: readonly StreamPart[], failure?: Error): Frame[] {
  return runFold(inbound.encodeStream, parts, REPLY, failure).out
}

export function bytesOf(frames: readonly Frame[]): Uint8Array {
  const writer = writerOf(format.framing)
  for (const frame of frames) writer.add(frame)
  return Buffer.from(writer.take() as string)
}

export function plain(value: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
