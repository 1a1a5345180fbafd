import type { Json } from './canonical/json.ts'

/** One row of the table: HTTP status, whether another attempt may help, `type` and `code` on the wire, and the sentence. */
interface ErrorRow {
  status: number
  isRetryable: boolean
  /** `error.type` and `error.code` that clients see; part of the API. */
  type: string
  /** `{name}` is replaced by the fact of that name in `detail`. Not part of the API. */
  message: string
}

/** Every error the gateway itself makes. The code is API, the message is not. Listed in core/README.md (a test compares). */
export const ERRORS = {
  GW_INVALID_JSON: row(400, 'invalid_request_error', 'invalid request format: {reason}'),
  GW_INVALID_REQUEST: row(400, 'invalid_request_error', '{param}: {reason}'),
  GW_MODEL_REQUIRED: row(400, 'invalid_request_error', 'model is required'),
  GW_PROVIDER_REQUIRED: row(400, 'invalid_request_error', 'model should be in provider/model form, got "{model}"{hint}'),
  GW_UNSUPPORTED_PARAMETER: row(
    400,
    'unsupported_parameter',
    '{param} cannot be sent to provider {provider}. Leave it out, or have it dropped with client.compat.should_drop_params or the header x-bf-compat: should_drop_params',
  ),
  GW_UNSUPPORTED_OPERATION: row(400, 'unsupported_operation', '{operation} is not supported by {provider} provider'),
  GW_MISSING_HEADERS: row(400, 'missing_required_headers', 'missing required headers: {names}'),
  GW_NO_KEYS: row(400, 'no_keys', 'no keys found for provider: {provider} and model: {model}'),
  GW_NO_BASE_URL: row(400, 'no_base_url', 'no base URL configured for provider {provider}: {hint}'),
  GW_UNAUTHORIZED: row(401, 'unauthorized', 'Unauthorized: {reason}'),
  GW_VIRTUAL_KEY_REQUIRED: row(
    401,
    'virtual_key_required',
    'a virtual key is required: send it as x-bf-vk, X-Bifrost-Virtual-Key, x-api-key, x-goog-api-key or Authorization: Bearer',
  ),
  GW_VIRTUAL_KEY_UNKNOWN: row(401, 'virtual_key_not_found', 'the virtual key is not known to this gateway'),
  GW_VIRTUAL_KEY_BLOCKED: row(403, 'virtual_key_blocked', 'virtual key {name} {reason}'),
  GW_PROVIDER_BLOCKED: row(403, 'provider_blocked', 'provider {provider} is not allowed by virtual key {name} (provider_configs)'),
  GW_MODEL_NOT_ALLOWED: row(403, 'model_blocked', 'model {model} is not allowed by {rule}'),
  GW_NO_KEY_FOR_MODEL: row(403, 'model_blocked', 'no keys found that support model: {model} (provider {provider}: {rule})'),
  GW_REQUEST_BLOCKED: row(403, 'request_blocked', '{reason}'),
  GW_ROUTE_NOT_FOUND: row(404, 'not_found', 'Route not found: {path}'),
  GW_METHOD_NOT_ALLOWED: row(405, 'method_not_allowed', 'method {method} is not allowed for {path}; allowed: {allow}'),
  GW_NOT_FOUND: row(404, 'not_found', '{what} not found'),
  GW_CONFLICT: row(409, 'conflict', '{reason}'),
  GW_BODY_TIMEOUT: row(408, 'request_body_timeout', 'the request body did not arrive: {reason}'),
  GW_BODY_TOO_LARGE: row(413, 'request_too_large', 'the request body is over the limit of {limit} bytes (client.max_request_body_size_mb)'),
  GW_UNSUPPORTED_ENCODING: row(415, 'unsupported_encoding', 'content-encoding {encoding} is not supported; accepted: {accepted}'),
  GW_QUEUE_FULL: row(429, 'request_dropped', 'request dropped: queue is full for provider {provider}'),
  GW_TOO_MANY_ATTEMPTS: row(429, 'too_many_attempts', 'too many failed attempts to sign in; wait as long as Retry-After says'),
  GW_CANCELLED: row(499, 'request_cancelled', 'the client closed the request'),
  GW_INTERNAL: row(500, 'internal_error', 'the gateway failed to handle this request (id {id})'),
  GW_PLUGIN: row(500, 'plugin_error', 'plugin {plugin} failed in {hook}'),
  GW_PLUGIN_NOT_LOADED: row(500, 'plugin_not_loaded', 'plugin {name} does not load, and the change was taken back: {reason}'),
  GW_LOOP: row(508, 'loop_detected', 'the request passed this gateway {depth} times; check base_url of provider {provider}'),
  GW_UPSTREAM_ERROR: retryRow(502, 'upstream_error', 'provider {provider} answered {status} (key {key}, attempt {attempt}): {reason}'),
  GW_UPSTREAM_INVALID: retryRow(
    502,
    'upstream_invalid_response',
    'provider {provider} sent an answer that is not valid (key {key}, attempt {attempt}): {reason}',
  ),
  GW_UPSTREAM_TRUNCATED: retryRow(
    502,
    'upstream_truncated',
    'provider {provider} ended the stream before its terminator (key {key}, attempt {attempt})',
  ),
  GW_UPSTREAM_CONNECT: retryRow(
    502,
    'upstream_connect_error',
    'no connection to provider {provider} (key {key}, attempt {attempt}): {reason}',
  ),
  GW_UPSTREAM_TLS: row(502, 'upstream_tls_error', 'no trusted connection to provider {provider} (key {key}, attempt {attempt}): {reason}'),
  GW_UPSTREAM_RESET: retryRow(
    502,
    'upstream_connection_lost',
    'the connection to provider {provider} was lost (key {key}, attempt {attempt}): {reason}',
  ),
  GW_UPSTREAM_TOO_LARGE: row(
    502,
    'upstream_response_too_large',
    'the answer of provider {provider} is over the limit (key {key}, attempt {attempt}): {reason}',
  ),
  GW_UPSTREAM_REDIRECT: row(
    502,
    'upstream_redirect',
    'provider {provider} redirected the request, which is not followed (key {key}, attempt {attempt})',
  ),
  GW_CREDENTIALS_EXHAUSTED: row(
    502,
    'upstream_credentials_exhausted',
    'provider {provider} refused every key (last attempt {attempt}): {reason}',
  ),
  GW_SIGN_IN_FAILED: row(502, 'upstream_sign_in_failed', 'no credential for provider {provider} (key {key}): {reason}'),
  GW_NO_STORE: row(
    503,
    'no_store',
    'the configuration is kept in its file alone: change the file, or set config_store.enabled to change it here',
  ),
  GW_STORE_UNAVAILABLE: row(503, 'store_unavailable', 'the configuration store does not answer, nothing was changed: {reason}'),
  GW_SHUTTING_DOWN: row(503, 'shutting_down', 'the gateway is shutting down'),
  GW_OVERLOADED: row(503, 'overloaded', 'the gateway holds too many request bodies; try again'),
  GW_CONNECT_TIMEOUT: retryRow(
    504,
    'upstream_connect_timeout',
    'no connection to provider {provider} within {ms} ms (key {key}, attempt {attempt})',
  ),
  GW_REQUEST_TIMEOUT: retryRow(
    504,
    'request_timed_out',
    'provider {provider} did not answer within {ms} ms (key {key}, attempt {attempt}; network_config.default_request_timeout_in_seconds, 30 by default)',
  ),
  GW_STREAM_IDLE: row(
    504,
    'stream_idle_timeout',
    'provider {provider} sent nothing for {ms} ms (key {key}, attempt {attempt}; network_config.stream_idle_timeout_in_seconds)',
  ),
  GW_STREAM_TOO_LONG: row(
    504,
    'stream_duration_exceeded',
    'the stream of provider {provider} ran for more than {ms} ms (key {key}, attempt {attempt}; client.max_stream_duration_seconds)',
  ),
  GW_DEADLINE: row(
    504,
    'request_deadline_exceeded',
    'no answer within {ms} ms over all attempts (provider {provider}, attempt {attempt}; client.request_deadline_seconds)',
  ),
} as const satisfies Record<string, ErrorRow>

/** The name of a row of ERRORS. */
export type ErrorCode = keyof typeof ERRORS

function row(status: number, type: string, message: string): ErrorRow {
  return { status, isRetryable: false, type, message }
}
function retryRow(status: number, type: string, message: string): ErrorRow {
  return { status, isRetryable: true, type, message }
}

/** Facts about an error. Never a secret: key *names*, not values. All are optional; unknown ones are kept for logs. */
export interface ErrorDetail {
  provider?: string | undefined
  /** The provider key's name, never its value. */
  key?: string | undefined
  attempt?: number | undefined
  /** HTTP status of the provider's answer; then also the status the client sees, unless the code says otherwise. */
  status?: number | undefined
  /** Path of the request field that is wrong. */
  param?: string | undefined
  reason?: string | undefined
  /** The provider's own words: what it called the error. */
  upstream?: { message: string; type?: string | undefined; code?: string | undefined; param?: string | undefined } | undefined
  /** The provider's raw error body, parsed where it was JSON. Sent to a client only when raw answers are on. */
  raw?: Json | undefined
  /** The body that went to the provider, as text; present only when the client is to see it. */
  rawRequest?: string | undefined
  /** Milliseconds a client should wait (from Retry-After). */
  retryAfterMs?: number | undefined
  /** State of each key that was tried, for `extra_fields.key_statuses`. */
  keyStatuses?: readonly { key: string; status: number; reason: string }[] | undefined
  requestType?: string | undefined
  originalModel?: string | undefined
  resolvedModel?: string | undefined
  dropped?: readonly string[] | undefined
  [fact: string]: unknown
}

/** The one error class. `detail` holds the facts; the message is made from them. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly detail: ErrorDetail
  /** Set to false by a hook or by the table of failure classes to end the chain of fallbacks. */
  allowFallbacks = true

  constructor(code: ErrorCode, detail: ErrorDetail = {}, options?: { cause?: unknown }) {
    super(fill(ERRORS[code].message, detail), options)
    this.name = 'GatewayError'
    this.code = code
    this.detail = detail
  }

  /** The HTTP status the client gets. */
  get status(): number {
    return this.code === 'GW_UPSTREAM_ERROR' ? (this.detail.status ?? 502) : ERRORS[this.code].status
  }
  /** `error.type` on the wire: the provider's own where the error is its. */
  get type(): string {
    return this.detail.upstream?.type ?? ERRORS[this.code].type
  }
  /** Whether the error is the gateway's own (`is_bifrost_error`). */
  get isOwn(): boolean {
    return this.code !== 'GW_UPSTREAM_ERROR'
  }
}

function fill(message: string, detail: ErrorDetail): string {
  return message.replace(/\{(\w+)\}/g, (_, name: string) => {
    const fact = name === 'reason' ? (detail.upstream?.message ?? detail.reason) : detail[name]
    return fact === undefined ? (name === 'hint' ? '' : 'unknown') : String(fact)
  })
}
