import { isObject, type Json } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { ProviderError } from '../../../core/format.ts'
import { text } from './types.ts'

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
