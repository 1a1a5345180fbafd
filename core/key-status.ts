import { ERRORS, type ErrorCode, GatewayError } from './errors.ts'
import type { Shared } from './shared.ts'
import type { KeySettings } from './snapshot.ts'

/** What is known of a key, for the lists of keys: from requests, and from asking for models. The newest counts. */
export interface KeyStatus {
  /** `refused`: the provider did not take it for a request; `unknown`: not used yet. */
  status: 'unknown' | 'success' | 'refused' | 'list_models_failed'
  /** Why, in a sentence; empty where nothing is wrong. */
  description: string
  /** Class of the last failure, as in the `type` of errors; undefined after a success. */
  lastError: string | undefined
  /** HTTP status of the provider's answer, where that was the failure. */
  upstreamStatus: number | undefined
  /** Until when it is passed over while others can serve, in milliseconds since 1970; undefined: it is not. */
  coolDownUntil: number | undefined
}

type Counters = Pick<Shared, 'health' | 'coolDown'>
type Slot = Pick<KeySettings, 'slot'>

/** In shared memory: 0 for nothing known, 1 for a success, else twice the failure's number, and one more where models were asked for. */
const WORKED = 1
/** HTTP statuses stand for themselves; the gateway's own errors follow them in the order of their table. */
const OWN_FROM = 1000
const CODES = Object.keys(ERRORS) as ErrorCode[]

/** The key served a request. It is passed over no longer if it was refused; a limit runs on, for others may have hit it since. */
export function noteWorked({ health, coolDown }: Counters, { slot }: Slot): void {
  const before = health.status(slot)
  if (before === WORKED) return
  health.set(slot, WORKED)
  if (isRefusal(before)) coolDown.clear(slot)
}

/** The provider refused the key. */
export function noteRefused({ health }: Counters, { slot }: Slot, status: number): void {
  health.set(slot, 2 * status)
}

/** The key's models were listed, or not: `error` says why. It serves on: a key may be good for requests alone. */
export function noteListed({ health }: Counters, { slot }: Slot, error?: unknown): void {
  if (error === undefined) {
    if (!isRefusal(health.status(slot))) health.set(slot, WORKED)
    return
  }
  const failure = error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL')
  // That the client left says nothing of the key.
  if (failure.code !== 'GW_CANCELLED') health.set(slot, 2 * numberOf(failure) + 1)
}

/** What is known of a key at a time (milliseconds since 1970). */
export function keyStatus({ health, coolDown }: Counters, { slot }: Slot, now: number): KeyStatus {
  const until = coolDown.until(slot)
  const coolDownUntil = until > now ? until : undefined
  const known = health.status(slot)
  if (known <= WORKED) {
    const status = known === WORKED ? 'success' : 'unknown'
    return { status, description: '', lastError: undefined, upstreamStatus: undefined, coolDownUntil }
  }
  const status = isRefusal(known) ? 'refused' : 'list_models_failed'
  const failure = known >> 1
  const isOwn = failure >= OWN_FROM
  const lastError = ERRORS[isOwn ? (CODES[failure - OWN_FROM] ?? 'GW_INTERNAL') : 'GW_UPSTREAM_ERROR'].type
  const what = isOwn ? lastError : `the provider answered ${failure}`
  const description = status === 'refused' ? what : `listing models failed: ${what}`
  return { status, description, lastError, upstreamStatus: isOwn ? undefined : failure, coolDownUntil }
}

function isRefusal(known: number): boolean {
  return known > WORKED && known % 2 === 0
}

/** A refused key is told as the gateway's own trouble; here the provider's word counts. */
function numberOf(failure: GatewayError): number {
  const said = failure.code === 'GW_CREDENTIALS_EXHAUSTED' && failure.cause instanceof GatewayError ? failure.cause : failure
  return said.code === 'GW_UPSTREAM_ERROR' ? said.status : OWN_FROM + CODES.indexOf(said.code)
}
