import { isObject, type Json } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { ProviderError } from '../../../core/format.ts'
import { STATUSES } from '../shared/aws-exceptions.ts'
import { text } from './types.ts'

/** Characters of a text body that are worth repeating in a message. */
const MAX_TEXT = 500

/** Reads `{message}` or `{Message}` with the exception's `__type`, and what stands there instead when a proxy answered. */
export function decodeError(body: Json | undefined): ProviderError {
  if (typeof body === 'string') return { message: describeText(body) }
  if (!isObject(body)) return { message: 'empty response' }
  const message = text(body.message) ?? text(body.Message) ?? text(body.error)
  // A shape's name, with its namespace before a `#` and the documentation's address after a `:`.
  const type = text(body.__type)?.replace(/^.*#/, '').replace(/:.*$/, '')
  return { message: message ?? JSON.stringify(body).slice(0, MAX_TEXT), ...(type && { type }) }
}

/** A failure that came with status 200 or inside a stream, with the status it stands for. */
export function upstreamError(body: Json | undefined, exception?: string): GatewayError {
  const decoded = decodeError(body)
  const type = exception ?? decoded.type
  const upstream = { message: decoded.message, ...(type !== undefined && { type }) }
  return new GatewayError('GW_UPSTREAM_ERROR', { status: STATUSES.get(type?.toLowerCase()) ?? 502, upstream, raw: body })
}

/** Whether an event of this type, which the stream does not define, says that the answer failed. */
export function isFailure(type: string | undefined, body: unknown): boolean {
  if (type !== undefined && (STATUSES.has(type.toLowerCase()) || /(?:exception|error)$/i.test(type))) return true
  return isObject(body) && (typeof body.message === 'string' || typeof body.Message === 'string')
}

function describeText(body: string): string {
  const trimmed = body.trim()
  if (trimmed === '') return 'empty response'
  if (/^<(!doctype|html|head|body)\b/i.test(trimmed)) return 'the provider answered with an HTML page'
  return trimmed.slice(0, MAX_TEXT)
}
