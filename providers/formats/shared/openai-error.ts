import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Frame, ProviderError } from '../../../core/format.ts'
import { text } from './openai-text.ts'

/** Longest piece of a body that is no JSON which an error repeats, in characters. */
const SNIPPET = 500

/** From this status on an error is the gateway's; below, the request was refused, which clients of the original read as `is_bifrost_error: false`. */
const OWN_FAULT = 499

/** The error object of the native API (api.md 1.4), which is also what OpenAI's SDKs read: `error.message`, `type`, `code`, `param`. */
export function encodeError(error: GatewayError): JsonObject {
  const { detail } = error
  return withoutUndefined<JsonObject>({
    type: error.isOwn ? error.type : undefined,
    is_bifrost_error: error.isOwn && error.status >= OWN_FAULT,
    status_code: error.status,
    error: withoutUndefined<JsonObject>({
      type: error.type,
      code: detail.upstream?.code ?? (error.isOwn ? error.type : undefined),
      message: detail.upstream?.message ?? error.message,
      param: detail.upstream?.param ?? detail.param,
    }),
    extra_fields: withoutUndefined<JsonObject>({
      provider: detail.provider,
      selected_key_name: detail.key,
      attempt: detail.attempt,
      original_model_requested: detail.originalModel,
      resolved_model_used: detail.resolvedModel,
      request_type: detail.requestType,
      raw_request: detail.rawRequest === undefined ? undefined : (parseObject(detail.rawRequest) ?? detail.rawRequest),
      raw_response: detail.raw,
      key_statuses: detail.keyStatuses?.map((status) => ({ ...status })),
      dropped_compat_plugin_params: detail.dropped?.length ? detail.dropped : undefined,
    }),
  })
}

/** The event that ends a stream which failed; no `[DONE]` follows it. */
export function encodeErrorFrame(error: GatewayError): Frame {
  return { data: JSON.stringify(encodeError(error)) }
}

/**
 * Reads an error body of any OpenAI-compatible server: `{error: {message, type, code, param}}`, `{error: "text"}`,
 * `{message}`, `{detail}` as text or as a list, a list of any of these, or text that is no JSON.
 */
export function decodeError(body: Json | undefined): ProviderError {
  if (typeof body === 'string') return { message: fromText(body) }
  if (Array.isArray(body)) {
    const errors = body.map(decodeError)
    return { ...errors[0], message: errors.map((error) => error.message).join('\n') || EMPTY }
  }
  if (!isObject(body)) return { message: EMPTY }
  if (typeof body.error === 'string') return fromObject({ ...body, message: body.error })
  return fromObject(isObject(body.error) ? body.error : body)
}

const EMPTY = 'the provider gave no reason'

function fromObject(error: JsonObject): ProviderError {
  return withoutUndefined<ProviderError>({
    message: messageOf(error) ?? EMPTY,
    type: text(error.type) ?? text(error.status),
    code: label(error.code),
    param: text(error.param),
  })
}

function messageOf(error: JsonObject): string | undefined {
  for (const name of ['message', 'detail', 'msg', 'error']) {
    const said = words(error[name])
    if (said) return said
  }
  return undefined
}

/** Validation errors come as lists of `{loc, msg}`. */
function words(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(words).filter(Boolean).join('\n')
  return isObject(value) ? messageOf(value) : undefined
}

function label(value: Json | undefined): string | undefined {
  return typeof value === 'number' ? String(value) : text(value)
}

function fromText(body: string): string {
  const trimmed = body.trim()
  if (trimmed === '') return EMPTY
  if (/^<(!doctype|html|\?xml)/i.test(trimmed)) return 'the provider answered with a page instead of JSON'
  return `provider API error: ${trimmed.slice(0, SNIPPET)}`
}

/** Statuses that error types stand for, where the event or the body does not say a number. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  tokens: 429,
  requests: 429,
  server_error: 500,
  api_error: 500,
  internal_error: 500,
  overloaded_error: 503,
  service_unavailable: 503,
}

/** Whether an answer or an event with status 200 says that it failed. */
export function isErrorBody(body: JsonObject): boolean {
  if (body.object === 'error') return true
  return body.error !== undefined && body.error !== null && body.error !== false
}

/** The provider's failure that came with status 200, inside an answer or a stream. */
export function failureOf(body: JsonObject): GatewayError {
  const upstream = decodeError(body)
  const source = isObject(body.error) ? body.error : body
  return new GatewayError('GW_UPSTREAM_ERROR', { status: statusOf(source, upstream), upstream, raw: body })
}

function statusOf(source: JsonObject, upstream: ProviderError): number | undefined {
  for (const name of ['status', 'status_code', 'code']) {
    const value = Number(source[name])
    if (Number.isInteger(value) && value >= 400 && value <= 599) return value
  }
  return byName(upstream.type) ?? byName(upstream.code)
}

function byName(name: string | undefined): number | undefined {
  return name !== undefined && Object.hasOwn(STATUS_OF_TYPE, name) ? STATUS_OF_TYPE[name] : undefined
}
