import { createHash } from 'node:crypto'
import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import type { Candidate } from './hooks/hooks.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'

/** What a client asks of the choice of a key. */
export interface KeyWish {
  /** The one key that may serve. */
  pin?: KeySettings | undefined
  /** Requests of one session go to the same key while it can serve. */
  session?: string | undefined
}

const NONE: KeyWish = {}

/**
 * Reads `x-bf-api-key-id`, `x-bf-api-key` (a key's id or name; the id wins) and `x-bf-session-id`. They hold for the first target
 * alone, not for fallbacks or for requests that plugins make; a gateway in front changes nothing. Throws GW_INVALID_REQUEST for a
 * key that is not there.
 */
export function keyWish(ctx: Context, settings: ProviderSettings): KeyWish {
  if (ctx.fallbackIndex > 0 || ctx.parent) return NONE
  const id = ctx.header('x-bf-api-key-id')
  const name = id === undefined ? ctx.header('x-bf-api-key') : undefined
  const session = ctx.header('x-bf-session-id')
  if (id === undefined && name === undefined) return session ? { session } : NONE
  const param = id === undefined ? 'x-bf-api-key' : 'x-bf-api-key-id'
  const pin = settings.keys.find((key) => (id === undefined ? key.name === name : key.id === id))
  if (!pin) throw new GatewayError('GW_INVALID_REQUEST', { param, reason: `"${id ?? name}" is no key of provider ${settings.name}` })
  if (!pin.enabled)
    throw new GatewayError('GW_INVALID_REQUEST', { param, reason: `key "${pin.name}" of provider ${settings.name} is disabled` })
  return { pin }
}

/**
 * Candidates in the order that a session always finds them in, by weight: rendezvous hashing (decision 0007). A key that
 * comes or goes moves only the sessions that it takes or had. Weights that are all zero count as equal.
 */
export function orderForSession(candidates: readonly Candidate[], session: string): Candidate[] {
  const isEqual = candidates.every(({ weight }) => weight === 0)
  const scored = candidates.map((candidate) => ({ candidate, score: score(session, candidate, isEqual ? 1 : candidate.weight) }))
  return scored.sort((one, other) => other.score - one.score).map(({ candidate }) => candidate)
}

/** Larger is better; over many sessions each key is best in proportion to its weight. */
function score(session: string, { key }: Candidate, weight: number): number {
  const hash = createHash('sha256')
    .update(`${session}\0${key?.id ?? ''}`)
    .digest()
  const uniform = (hash.readUIntBE(0, 6) + 1) / (2 ** 48 + 1)
  return -weight / Math.log(uniform)
}
