import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Frame, ProviderError } from '../../../core/format.ts'
import { text } from './types.ts'
import { encodeUsage } from './usage.ts'

/** Characters of a body without a message that are worth repeating. */
const MAX_TEXT = 500

/** Reads `{message}`, older `{data}`, and what stands there instead when a proxy answered. https://docs.cohere.com/reference/errors */
export function decodeError(body: Json | undefined): ProviderError {
  if (typeof body === 'string') return { message: body.slice(0, MAX_TEXT) }
  if (!isObject(body)) return { message: 'empty response' }
  const message = text(body.message) ?? text(body.data) ?? text(body.error) ?? text(body.detail)
  const type = text(body.error_type) ?? text(body.type)
  return { message: message ?? JSON.stringify(body).slice(0, MAX_TEXT), ...(type !== undefined && { type }) }
}

/** An answer that says by its finish reason that it failed. */
export function finishError(reason: string, said: Json | undefined): GatewayError {
  const isLate = reason === 'TIMEOUT'
  const message = text(said) ?? (isLate ? 'the model took too long' : 'the model failed')
  return new GatewayError('GW_UPSTREAM_ERROR', { status: isLate ? 504 : 500, upstream: { message, type: reason.toLowerCase() } })
}

/** `{message}`, and the request's id where it is known: https://docs.cohere.com/reference/errors */
export function encodeError(error: GatewayError): JsonObject {
  const id = text(error.detail.id)
  return { ...(id !== undefined && { id }), message: messageOf(error) }
}

/** The event that ends a stream which failed: a finish reason that says so. SDKs want usage in it. */
export function encodeErrorFrame(error: GatewayError): Frame {
  const delta = { finish_reason: error.status === 504 ? 'TIMEOUT' : 'ERROR', error: messageOf(error), usage: encodeUsage(undefined) }
  return { event: 'message-end', data: JSON.stringify({ type: 'message-end', delta }) }
}

function messageOf(error: GatewayError): string {
  return error.detail.upstream?.message ?? error.message
}
