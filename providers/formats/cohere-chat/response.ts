import type { ChatResponse, Part, TextPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import { citationsIn, decodeCitation } from './citations.ts'
import { finishError } from './error.ts'
import { decodeStop, FAILURES } from './stop.ts'
import { NAME, text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** A whole answer of POST /v2/chat. Throws GW_UPSTREAM_INVALID for what is none, GW_UPSTREAM_ERROR for one that says it failed. */
export function decodeResponse(body: JsonObject): ChatResponse {
  const { message, finish_reason: reason } = body
  if (!isObject(message)) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the answer has no message' })
  if (FAILURES.has(reason)) throw finishError(String(reason), body.error)
  const usage = decodeUsage(body.usage)
  return {
    id: text(body.id) ?? '',
    model: text(body.model) ?? '',
    choices: [
      { index: 0, parts: decodeParts(message), stop: decodeStop(reason), ...(body.logprobs !== undefined && { logprobs: body.logprobs }) },
    ],
    ...(usage && { usage }),
  }
}

function decodeParts(message: JsonObject): Part[] {
  const plan = text(message.tool_plan)
  const content = listOf(message.content).map(decodeBlock)
  cite(content, message.citations)
  return [...(plan ? [planPart(plan)] : []), ...content.filter((part) => part !== undefined), ...listOf(message.tool_calls).map(decodeCall)]
}

/** A plan is told before the calls that follow it; the mark brings it back to its place. */
export function planPart(plan: string): Part {
  return { type: 'reasoning', text: plan, extra: { [NAME]: { tool_plan: true } } }
}

function decodeBlock(block: JsonObject): Part | undefined {
  if (block.type === 'text') return block.text === '' ? undefined : { type: 'text', text: text(block.text) ?? '' }
  if (block.type === 'thinking') return { type: 'reasoning', text: text(block.thinking) ?? '' }
  return { type: 'opaque', format: NAME, value: block }
}

/** A call; without arguments the dialect writes `null` or nothing, where clients expect an object. */
export function decodeCall(call: JsonObject): Part {
  const called = isObject(call.function) ? call.function : {}
  return { type: 'tool-call', id: text(call.id) ?? '', name: text(called.name) ?? '', arguments: argumentsOf(text(called.arguments) ?? '') }
}

/** Arguments as text of an object. */
export function argumentsOf(written: string): string {
  return written === '' || written === 'null' ? '{}' : written
}

/** Gives citations to their texts. `content_index` counts the blocks of the content; without one the first text is meant. */
export function cite(content: readonly (Part | undefined)[], citations: Json | undefined): void {
  for (const entry of citationsIn(citations)) {
    const named = typeof entry.content_index === 'number' ? content[entry.content_index] : undefined
    const part = named?.type === 'text' ? named : content.find((each): each is TextPart => each?.type === 'text')
    if (part) part.citations = [...(part.citations ?? []), ...decodeCitation(entry)]
  }
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : []
}
