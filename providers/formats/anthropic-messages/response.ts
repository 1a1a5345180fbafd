import type { ChatResponse, Choice } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry } from '../../../core/format.ts'
import { answerParts, answerStop } from '../shared/answer-tool.ts'
import { decodeBlock } from './blocks.ts'
import { upstreamError } from './error.ts'
import { readAnswer } from './schema.ts'
import { decodeStop } from './stop.ts'
import { type Block, NAME } from './types.ts'
import { decodeServiceTier, decodeUsage } from './usage.ts'

const MESSAGE_FIELDS = new Set(['id', 'type', 'role', 'model', 'content', 'stop_reason', 'stop_sequence', 'usage'])

/** A whole answer. Throws GW_UPSTREAM_INVALID for what is no message, GW_UPSTREAM_ERROR for an error sent with status 200. */
export function decodeResponse(body: JsonObject, carry?: Carry): ChatResponse {
  if (body.type === 'error') throw upstreamError(body)
  if (!Array.isArray(body.content)) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is no message' })
  const extra = messageExtra(body)
  const { parts, isAnswer } = answerParts(body.content.filter(isBlock).map(decodeBlock), readAnswer(carry))
  const choice: Choice = {
    index: 0,
    parts,
    stop: answerStop(decodeStop(body.stop_reason, body.stop_sequence), isAnswer),
    ...(extra && { extra: { [NAME]: extra } }),
  }
  const serviceTier = decodeServiceTier(body.usage)
  return {
    id: typeof body.id === 'string' ? body.id : '',
    model: typeof body.model === 'string' ? body.model : '',
    choices: [choice],
    ...(isObject(body.usage) && { usage: decodeUsage(body.usage) }),
    ...(serviceTier !== undefined && { serviceTier }),
  }
}

/** What a message says beyond the fields that are read (`container`, `context_management`, `stop_details`); undefined for nothing. */
export function messageExtra(message: JsonObject): JsonObject | undefined {
  let extra: JsonObject | undefined
  for (const field in message) {
    if (MESSAGE_FIELDS.has(field) || message[field] === null) continue
    extra ??= {}
    extra[field] = message[field]
  }
  return extra
}

/** Whether a value is a content block. */
export function isBlock(value: unknown): value is Block {
  return isObject(value) && typeof value.type === 'string'
}
