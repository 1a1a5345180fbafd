import type { Json } from '../canonical/json.ts'
import { type ErrorCode, type ErrorDetail, GatewayError } from '../errors.ts'
import type { Format, ProviderError } from '../format.ts'
import type { UpstreamFault } from './types.ts'

/** Words by which providers say "slow down" whatever the status is (providers.md 6.3). */
const RATE_LIMIT =
  /rate.?limit|too many requests|quota.exceeded|request limit|throttl|rate exceeded|limit exceeded|requests per|[rt]pm exceeded|tokens per minute|usage limit|concurrent requests limit/i

/** Status of errors that a provider names in a body or a stream without an HTTP status. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  insufficient_quota: 429,
  api_error: 500,
  server_error: 500,
  overloaded_error: 529,
}

/** What an error is of which the provider gave a status and no type. */
const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  404: 'not_found_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
}

/** What to say of an error without a body (providers.md 6.5). */
const EMPTY_MESSAGE: Readonly<Record<number, string>> = {
  401: 'authentication failed: unauthorized (401) - check your API key',
  403: 'access forbidden (403) - check the permissions of your API key',
  404: 'resource not found (404)',
  429: 'rate limit exceeded (429)',
}

const FAULT_CODES: Record<UpstreamFault['kind'], ErrorCode> = {
  connect: 'GW_UPSTREAM_CONNECT',
  'connect-timeout': 'GW_CONNECT_TIMEOUT',
  tls: 'GW_UPSTREAM_TLS',
  reset: 'GW_UPSTREAM_RESET',
  protocol: 'GW_UPSTREAM_INVALID',
  encoding: 'GW_UPSTREAM_INVALID',
  'too-large': 'GW_UPSTREAM_TOO_LARGE',
  internal: 'GW_INTERNAL',
}

/** A connection fault as an error of the table. */
export function faultError(fault: UpstreamFault, detail: ErrorDetail): GatewayError {
  // A name or a handshake that does not come is the provider's failure (faults.md 2, 4); only a silent network is a timeout (3).
  const isFailure = fault.kind === 'connect-timeout' && (fault.phase === 'name' || fault.phase === 'handshake')
  const code = isFailure ? 'GW_UPSTREAM_CONNECT' : FAULT_CODES[fault.kind]
  return new GatewayError(code, { ...detail, reason: fault.message }, { cause: fault })
}

/** An error that a provider wrote into a stream or into a 200 answer; `data` is that event's or body's text. */
export function providerFault(format: Format, data: string): GatewayError {
  const body = parseOrText(data)
  const upstream = read(format, body)
  return new GatewayError('GW_UPSTREAM_ERROR', { status: statusOf(upstream), upstream, raw: body })
}

/** An error answer: its status stays, its words come from the body. */
export function answerError(format: Format, status: number, text: string): GatewayError {
  const body = text === '' ? undefined : parseOrText(text)
  const { retryAfterMs, ...upstream }: ProviderError = isHtml(text) ? { message: `HTML error page (${status})` } : read(format, body)
  if (text === '')
    upstream.message = EMPTY_MESSAGE[status] ?? (status >= 500 ? `provider server error (${status})` : `empty answer (HTTP ${status})`)
  upstream.type ??= TYPE_OF_STATUS[status]
  return new GatewayError('GW_UPSTREAM_ERROR', { status, upstream, raw: body, retryAfterMs })
}

/** The HTTP status that fits what a provider said: its own number, its word for it, else 502. */
export function statusOf(error: ProviderError): number {
  const number = Number(error.code)
  if (Number.isInteger(number) && number >= 400 && number <= 599) return number
  const byType = STATUS_OF_TYPE[error.type ?? ''] ?? STATUS_OF_TYPE[error.code ?? '']
  if (byType !== undefined) return byType
  return isRateLimit(error) ? 429 : 502
}

/** Whether a provider's words mean a rate limit. */
export function isRateLimit(error: ProviderError): boolean {
  return RATE_LIMIT.test(`${error.type ?? ''} ${error.code ?? ''} ${error.message}`)
}

/** A piece of a body that is no JSON, short and on one line, for an error's reason. */
export function snippet(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 120 ? `${line.slice(0, 120)}...` : line
}

function read(format: Format, body: Json | undefined): ProviderError {
  if (!format.outbound) return { message: 'unknown error' }
  const error = { ...format.outbound.decodeError(body) }
  if (error.message === '') error.message = 'the provider gave no message'
  return error
}

function parseOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return snippet(text)
  }
}

function isHtml(text: string): boolean {
  return text.length >= 20 && /^\s*<(!doctype|html|head|body)/i.test(text)
}
