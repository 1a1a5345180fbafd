import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Frame, ProviderError } from '../../../core/format.ts'

/** The HTTP status that goes with an error's type, for errors that come inside a stream: https://docs.claude.com/en/api/errors */
const STATUSES = new Map<string | undefined, number>([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
])

/** Bytes of a text body that are worth repeating in a message. */
const MAX_TEXT = 500

/** Reads `{type: 'error', error: {type, message}}`, and what stands there instead when a proxy answered. */
export function decodeError(body: Json | undefined): ProviderError {
  if (typeof body === 'string') return { message: describeText(body) }
  if (!isObject(body)) return { message: 'empty response' }
  const error = isObject(body.error) ? body.error : body
  const message = typeof error.message === 'string' ? error.message : typeof body.error === 'string' ? body.error : undefined
  const type = typeof error.type === 'string' && error !== body ? error.type : undefined
  return { message: message ?? JSON.stringify(body).slice(0, MAX_TEXT), ...(type !== undefined && { type }) }
}

/** An error that came with status 200 or inside a stream, with the status it stands for. */
export function upstreamError(body: Json | undefined): GatewayError {
  const upstream = decodeError(body)
  const status = STATUSES.get(upstream.type) ?? 502
  return new GatewayError('GW_UPSTREAM_ERROR', { status, upstream, raw: body })
}

/** The error's type by the status, for errors that are not Anthropic's own. */
const TYPES = new Map<number, string>([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
])

/** An error as the API writes it (https://docs.claude.com/en/api/errors): Anthropic's own keeps its type and id, others are told by their status. */
export function encodeError(error: GatewayError): JsonObject {
  const { detail, status } = error
  const raw = isObject(detail.raw) && detail.raw.type === 'error' ? detail.raw : undefined
  const own = raw && STATUSES.has(detail.upstream?.type) ? detail.upstream?.type : undefined
  const type = own ?? TYPES.get(status) ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
  const requestId = raw?.request_id ?? detail.id
  return {
    type: 'error',
    error: { type, message: detail.upstream?.message ?? error.message },
    ...(typeof requestId === 'string' && { request_id: requestId }),
  }
}

/** The event that ends a stream which failed; no `message_stop` follows it. */
export function encodeErrorFrame(error: GatewayError): Frame {
  return { event: 'error', data: JSON.stringify(encodeError(error)) }
}

function describeText(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') return 'empty response'
  if (/^<(!doctype|html|head|body)\b/i.test(trimmed)) return 'the provider answered with an HTML page'
  return trimmed.slice(0, MAX_TEXT)
}
