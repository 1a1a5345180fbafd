import type { ChatResponse, Choice, Part } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry } from '../../../core/format.ts'
import { unifyStop } from '../shared/stop-reason.ts'
import { decodeBlock } from './blocks.ts'
import { isFailure, upstreamError } from './error.ts'
import { type Block, type Memory, NAME, readCarry, text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** The API's words for why it stopped: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html */
export const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  guardrail_intervened: 'content-filter',
  content_filtered: 'content-filter',
  refusal: 'refusal',
}

/** Fields of a whole answer, and of the last event of a stream, that are read; the others are kept. */
const READ = new Set(['output', 'stopReason', 'usage', 'additionalModelResponseFields', 'serviceTier', 'p'])

/** A whole answer. Throws GW_UPSTREAM_INVALID for what is no message, GW_UPSTREAM_ERROR for an error sent with status 200. */
export function decodeResponse(body: JsonObject, carry?: Carry): ChatResponse {
  const message = isObject(body.output) && isObject(body.output.message) ? body.output.message : undefined
  if (!Array.isArray(message?.content)) {
    if (isFailure(undefined, body)) throw upstreamError(body)
    throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is no message' })
  }
  const { parts, isAnswer } = decodeContent(message.content.filter(isObject), readCarry(carry))
  const fields = body.additionalModelResponseFields
  const choice: Choice = { index: 0, parts, stop: decodeStop(body.stopReason, fields, isAnswer) }
  if (isObject(fields)) choice.extra = { [NAME]: { additionalModelResponseFields: fields } }
  const usage = decodeUsage(body.usage)
  const serviceTier = decodeServiceTier(body.serviceTier)
  const extra = responseExtra(body)
  return {
    id: '',
    model: '',
    choices: [choice],
    ...(usage && { usage }),
    ...(serviceTier !== undefined && { serviceTier }),
    ...(extra && { extra: { [NAME]: extra } }),
  }
}

/** A stop reason with the sequence that matched. A call that stood for the answer is no call to wait for. */
export function decodeStop(reason: unknown, fields: unknown, isAnswer: boolean): Stop {
  const stop = unifyStop(text(reason), STOP_REASONS)
  if (isAnswer && stop.reason === 'tool-calls') stop.reason = 'stop'
  const delta = isObject(fields) && isObject(fields.delta) ? fields.delta : undefined
  const sequence = isObject(fields) ? (text(fields.stop_sequence) ?? text(delta?.stop_sequence)) : undefined
  if (sequence !== undefined) stop.sequence = sequence
  return stop
}

/** The tier that served the request: `{type}`. */
export function decodeServiceTier(tier: unknown): string | undefined {
  return isObject(tier) ? text(tier.type) : undefined
}

/** What an answer says beyond the fields that are read (`metrics`, `trace`, `performanceConfig`); undefined for nothing. */
export function responseExtra(body: JsonObject): JsonObject | undefined {
  let extra: JsonObject | undefined
  for (const field in body) {
    if (READ.has(field) || body[field] === null || body[field] === undefined) continue
    extra ??= {}
    extra[field] = body[field]
  }
  return extra
}

/**
 * The parts of a message. Where a tool stood for the answer's schema, its input is the answer, and text around it that nobody
 * could parse is left out; the stream's decoder does the same. `isAnswer`: it was called, and no other tool.
 */
function decodeContent(blocks: readonly Block[], memory: Memory): { parts: Part[]; isAnswer: boolean } {
  const decoded = blocks.map((block) => decodeBlock(block, memory))
  if (memory.answer === undefined) return { parts: decoded, isAnswer: false }
  const parts: Part[] = []
  let held: Part[] = []
  let hasAnswer = false
  let hasCalls = false
  for (const part of decoded) {
    if (part.type === 'tool-call' && part.name === memory.answer) {
      if (!hasAnswer) parts.push({ type: 'text', text: part.arguments })
      held = []
      hasAnswer = true
    } else if (part.type === 'text') {
      if (!hasAnswer) held.push(part)
    } else {
      if (part.type === 'tool-call') {
        parts.push(...held)
        held = []
        hasCalls = true
      }
      parts.push(part)
    }
  }
  return { parts: [...parts, ...held], isAnswer: hasAnswer && !hasCalls }
}
