import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Frame, ProviderError } from '../../../core/format.ts'
import { text } from './types.ts'

/** Characters of a text body that are worth repeating in a message. */
const MAX_TEXT = 500

/**
 * Reads Google's error, alone or first of a list: `{error: {code, message, status}}`
 * (https://cloud.google.com/apis/design/errors), and what stands there instead when a proxy answered.
 */
export function decodeError(body: Json | undefined): ProviderError {
  if (typeof body === 'string') return { message: body.trim().slice(0, MAX_TEXT) || 'empty response' }
  const errors = (Array.isArray(body) ? body : [body]).map(errorIn).filter((error) => error !== undefined)
  const [first] = errors
  if (!first) return { message: body === undefined ? 'empty response' : JSON.stringify(body).slice(0, MAX_TEXT) }
  const { code } = first
  return {
    message: errors.map((error) => text(error.message) ?? JSON.stringify(error).slice(0, MAX_TEXT)).join('\n'),
    ...((typeof code === 'number' || typeof code === 'string') && { code: String(code) }),
    ...retryIn(first.details),
  }
}

/** A failure inside a stream or in a 200 answer, with the status it names. */
export function upstreamError(body: Json): GatewayError {
  const upstream = decodeError(body)
  const status = Number(upstream.code)
  return new GatewayError('GW_UPSTREAM_ERROR', { status: status >= 400 && status <= 599 ? status : 502, upstream, raw: body })
}

/** Whether a body or an event says that the answer failed. */
export function isFailure(body: Json | undefined): boolean {
  return errorIn(Array.isArray(body) ? body[0] : body) !== undefined
}

/** https://cloud.google.com/apis/design/errors#handling_errors */
const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** An error as Google writes it. */
export function encodeError(error: GatewayError): JsonObject {
  const { status: code, detail } = error
  const status = STATUSES[code] ?? (code >= 500 ? 'INTERNAL' : 'FAILED_PRECONDITION')
  return { error: { code, message: detail.upstream?.message ?? error.message, status } }
}

/** The event that ends a stream which failed. */
export function encodeErrorFrame(error: GatewayError): Frame {
  return { data: JSON.stringify(encodeError(error)) }
}

function errorIn(body: unknown): JsonObject | undefined {
  return isObject(body) && isObject(body.error) ? body.error : undefined
}

/** `RetryInfo` (https://cloud.google.com/apis/design/errors#error_details) says how long to wait: `34.07s`. */
function retryIn(details: unknown): { retryAfterMs?: number } {
  if (!Array.isArray(details)) return {}
  const info = details.find((detail) => isObject(detail) && String(detail['@type']).endsWith('google.rpc.RetryInfo'))
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(info?.retryDelay))?.[1]
  return seconds === undefined ? {} : { retryAfterMs: Math.round(Number(seconds) * 1000) }
}
