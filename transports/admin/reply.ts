import type { Json } from '../../core/canonical/json.ts'
import { ConfigError } from '../../core/config/problems.ts'
import { GatewayError } from '../../core/errors.ts'
import { SealingError } from '../../core/sealing/sealing-error.ts'
import { StoreError } from '../../core/stores/stores.ts'
import type { ControlReply } from '../../core/threads/messages.ts'
import type { AdminReply } from './router.ts'

const JSON_TYPE = 'application/json'
/** Answers of the management API are one operator's: no cache keeps them, and no page frames or sniffs them. */
const GUARDS: readonly (readonly [string, string])[] = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
]

/** An answer as data, for the data thread that asked. */
export function jsonReply({ status, headers = [], body }: AdminReply, usual = 200): Omit<ControlReply, 'id'> {
  const isText = typeof body === 'object' && body !== null && 'type' in body && 'text' in body
  const { type, text } = isText ? (body as { type: string; text: string | Uint8Array }) : { type: JSON_TYPE, text: JSON.stringify(body) }
  return { status: status ?? usual, headers: [['content-type', type], ...GUARDS, ...headers], body: text }
}

/** An error of the management API, in the shape of the native one. What is no GatewayError tells the client nothing of itself. */
export function errorReply(error: unknown): Omit<ControlReply, 'id'> {
  const failure = error instanceof ConfigError ? wrongConfig(error) : isLost(error) ? lostStore(error) : error
  const known = failure instanceof GatewayError ? failure : new GatewayError('GW_INTERNAL', { id: '' }, { cause: error })
  const { status, type, message, detail } = known
  const body: Json = {
    is_bifrost_error: status >= 500,
    status_code: status,
    error: { type, code: type, message, ...(detail.param !== undefined && { param: detail.param }) },
  }
  const headers: [string, string][] = []
  if (status === 401) headers.push(['www-authenticate', 'Basic realm="bifrost"'])
  if (typeof detail.allow === 'string') headers.push(['allow', detail.allow])
  if (detail.retryAfterMs !== undefined) headers.push(['retry-after', String(Math.ceil(detail.retryAfterMs / 1000))])
  return jsonReply({ status, headers, body })
}

/** A store whose key was changed while this gateway was cut off from it is no less lost. */
function isLost(error: unknown): error is Error {
  return error instanceof StoreError || error instanceof SealingError
}

function lostStore(error: Error): GatewayError {
  return new GatewayError('GW_STORE_UNAVAILABLE', { reason: error.message }, { cause: error })
}

/** Problems read `path: sentence`: the first one's path is the parameter. */
function wrongConfig({ problems, message }: ConfigError): GatewayError {
  const [first = message] = problems
  const colon = first.indexOf(': ')
  const param = (colon < 0 ? '' : first.slice(0, colon)) || 'body'
  const reason = [colon < 0 ? first : first.slice(colon + 2), ...problems.slice(1)].join('; ')
  return new GatewayError('GW_INVALID_REQUEST', { param, reason })
}
