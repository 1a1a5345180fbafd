import { ERRORS, type ErrorCode, type GatewayError } from './errors.ts'
import type { NetworkSettings } from './snapshot.ts'
import { isRateLimit } from './upstream/fault.ts'

/** What to do after a failed attempt: the same target with another key at once, the same again after a pause, or give up on it. */
export type Verdict = 'rotate' | 'retry' | 'stop'

const DEAD_KEY = new Set([401, 402, 403])
const RETRYABLE = new Set([500, 502, 503, 504, 529])

/** How long a key that hit a limit is passed over when the provider does not say, in milliseconds. */
export const DEFAULT_COOL_DOWN_MS = 1_000
/** How long a refused key is passed over before it is tried again, in milliseconds. */
export const DEAD_KEY_COOL_DOWN_MS = 60_000

/** Whether the provider refused the key itself. */
export function isDeadKey(error: GatewayError): boolean {
  return error.code === 'GW_UPSTREAM_ERROR' && DEAD_KEY.has(error.status)
}

/** Whether the provider asked to slow down. */
export function isLimited(error: GatewayError): boolean {
  if (error.code !== 'GW_UPSTREAM_ERROR') return false
  if (error.status === 429) return true
  return error.status >= 500 && error.detail.upstream !== undefined && isRateLimit(error.detail.upstream)
}

/** Judges a failed attempt. Keys are rotated whatever max_retries is: another key is another account (faults.md 10, 11). */
export function judge(error: GatewayError, left: { keys: number; retries: number }): Verdict {
  if (isDeadKey(error)) return left.keys > 0 ? 'rotate' : 'stop'
  if (error.code === 'GW_SIGN_IN_FAILED') return left.keys > 0 ? 'rotate' : 'stop'
  if (isLimited(error)) return left.keys > 0 ? 'rotate' : left.retries > 0 ? 'retry' : 'stop'
  return isTransient(error) && left.retries > 0 ? 'retry' : 'stop'
}

function isTransient(error: GatewayError): boolean {
  return error.code === 'GW_UPSTREAM_ERROR' ? RETRYABLE.has(error.status) : ERRORS[error.code].isRetryable
}

/** Errors of ours that another provider may well not have. */
const FALLS_BACK: ReadonlySet<ErrorCode> = new Set(['GW_QUEUE_FULL', 'GW_CREDENTIALS_EXHAUSTED', 'GW_SIGN_IN_FAILED'])

/** Whether the next fallback is tried: after limits, server faults, timeouts and lost connections; not after 400, 404, 422 (D26). */
export function fallsBack(error: GatewayError): boolean {
  if (!error.allowFallbacks) return false
  if (error.code === 'GW_UPSTREAM_ERROR') return error.status === 429 || error.status >= 500 || isDeadKey(error)
  const isUpstreams = error.code.startsWith('GW_UPSTREAM_') || error.code.endsWith('_TIMEOUT')
  return FALLS_BACK.has(error.code) || (isUpstreams && ERRORS[error.code].status >= 500)
}

/** Whether a fallback itself cannot serve this request (not configured, no key, not allowed): the next one is tried. */
export function isUnusable(error: GatewayError): boolean {
  return error.allowFallbacks && error.isOwn && error.code !== 'GW_CANCELLED' && error.status < 500
}

/** The pause before retry number `retry` (from 0), in milliseconds: exponential, jittered by a fifth, never above the most. */
export function backoffMs(network: NetworkSettings, retry: number, random: () => number): number {
  const base = Math.min(network.retryBackoffInitialMs * 2 ** retry, network.retryBackoffMaxMs)
  return Math.min(base * (0.8 + random() * 0.4), network.retryBackoffMaxMs)
}

/** Retry-After (seconds or an HTTP date) or retry-after-ms as milliseconds; undefined where neither is usable. */
export function retryAfterMs(headers: ReadonlyMap<string, string>, wallClock: number): number | undefined {
  const exact = headers.get('retry-after-ms')
  if (exact !== undefined && DECIMAL.test(exact)) return Number(exact)
  const value = headers.get('retry-after')
  if (value === undefined) return undefined
  if (DECIMAL.test(value)) return Number(value) * 1000
  const date = DATE.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock)
}

const DECIMAL = /^\d+(?:\.\d+)?$/
/** A day's name, or an ISO date: Date.parse alone reads `-5` as a day in 2001. */
const DATE = /^(?:[A-Z][a-z]{2,8},? |\d{4}-\d\d-\d\dT)/
