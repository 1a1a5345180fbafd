import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { GatewayError } from '../../../core/errors.ts'
import type { Frame } from '../../../core/format.ts'
import { encodeError, failureOf } from '../shared/openai-error.ts'

/**
 * The event that ends a stream which failed: https://platform.openai.com/docs/api-reference/responses-streaming/error. The error stands
 * in it twice: flat, as the API has it, and nested, as OpenAI's clients look for it in streams of every kind.
 */
export function encodeErrorFrame(error: GatewayError): Frame {
  const body = encodeError(error)
  const { code = null, message, param = null } = isObject(body.error) ? body.error : {}
  return { event: 'error', data: JSON.stringify({ type: 'error', code, message, param, ...body }) }
}

/** A failure that an event or an answer tells: `error`, or a response that failed. */
export function responseFailure(body: JsonObject): GatewayError {
  return failureOf(body)
}
