import { isObject, type Json } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { ProviderError } from '../../../core/format.ts'

/** Characters of a body that are worth repeating in a message. */
const MAX_TEXT = 500

/** Reads `{detail, title, status}` (https://replicate.com/docs/reference/http#errors), and what stands there when a proxy answered. */
export function decodeError(body: Json | undefined): ProviderError {
  if (typeof body === 'string') return { message: body.trim().slice(0, MAX_TEXT) || 'empty response' }
  if (!isObject(body)) return { message: 'empty response' }
  const { detail, title, error, status } = body
  const found = [detail, error, title].find((text) => typeof text === 'string' && text !== '')
  const message = typeof found === 'string' ? found : describeInvalid(body)
  return { message, ...(typeof status === 'number' && { code: String(status) }) }
}

/** A prediction that was not made, or an `error` event, with what is known of it. */
export function predictionError(body: Json | undefined, fallback: string): GatewayError {
  const upstream = decodeError(body)
  const isSaid = isObject(body) && (typeof body.detail === 'string' || typeof body.error === 'string')
  return new GatewayError('GW_UPSTREAM_ERROR', {
    status: 502,
    upstream: isSaid || typeof body === 'string' ? upstream : { message: fallback },
    raw: body,
  })
}

/** `{invalid_fields: [{field, description}]}`, which comes with 422. */
function describeInvalid({ invalid_fields: fields, ...body }: Record<string, Json | undefined>): string {
  if (!Array.isArray(fields)) return JSON.stringify(body).slice(0, MAX_TEXT)
  const lines = fields.filter(isObject).map(({ field, description }) => `${String(field)}: ${String(description)}`)
  return lines.join('; ').slice(0, MAX_TEXT)
}
