import type { ChatResponse, Choice } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry } from '../../../core/format.ts'
import { answerParts, answerStop } from '../shared/answer-tool.ts'
import { unifyStop } from '../shared/stop-reason.ts'
import { decodeBlock } from './blocks.ts'
import { isFailure, upstreamError } from './error.ts'
import { NAME, readCarry, text } from './types.ts'
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
  const memory = readCarry(carry)
  const decoded = message.content.filter(isObject).map((block) => decodeBlock(block, memory))
  const { parts, isAnswer } = answerParts(decoded, memory.answer)
  const fields = body.additionalModelResponseFields
  const choice: Choice = { index: 0, parts, stop: answerStop(decodeStop(body.stopReason, fields), isAnswer) }
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

/** A stop reason with the sequence that matched. */
export function decodeStop(reason: unknown, fields: unknown): Stop {
  const stop = unifyStop(text(reason), STOP_REASONS)
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
