import { isIP } from 'node:net'
import { plainAddress } from '../../core/addresses.ts'
import { GatewayError } from '../../core/errors.ts'

/** Failures of one caller within a window; beyond them it has to wait. */
const MOST_FAILURES = 5
const WINDOW_MS = 60_000
/** Each wait is twice the one before, up to this. */
const LONGEST_WAIT_MS = 15 * 60_000
/** A caller that has not failed for so long starts anew. */
const FORGET_MS = 30 * 60_000
/** Callers that are remembered; the one that has failed least lately is forgotten for a new one. */
const MOST_CALLERS = 10_000
/** Checks of passwords at once: each takes 32 MB, and a thread of the pool that look-ups of names need too. */
const MOST_AT_ONCE = 4
/** Checks that wait for their turn, of all callers that are not known; more are turned away. */
const MOST_WAITING = 64
const BUSY_MS = 1000

interface Caller {
  failures: number
  /** Of the first of these failures. */
  since: number
  failedAt: number
  /** How often it had to wait. */
  waits: number
  until: number
}

/**
 * Slows down who guesses passwords: five failures a minute, then 429 for a minute, for two after the next five, and so on up to a quarter of an hour. What is
 * right is not asked before the wait is over: an answer would be a guess. A success forgives nothing, since neighbours share an address.
 */
export class Throttle {
  readonly #now: () => number
  readonly #callers = new Map<string, Caller>()

  /** `now`: milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Throws GW_TOO_MANY_ATTEMPTS while the caller has to wait. */
  check(name: string): void {
    const retryAfterMs = (this.#callers.get(name)?.until ?? 0) - this.#now()
    if (retryAfterMs > 0) throw new GatewayError('GW_TOO_MANY_ATTEMPTS', { retryAfterMs })
  }

  failed(name: string): void {
    const now = this.#now()
    const known = this.#callers.get(name)
    const caller = known && now - known.failedAt < FORGET_MS ? known : { failures: 0, since: now, failedAt: now, waits: 0, until: 0 }
    if (now - caller.since >= WINDOW_MS) Object.assign(caller, { failures: 0, since: now })
    caller.failures++
    caller.failedAt = now
    if (caller.failures >= MOST_FAILURES) {
      caller.until = now + Math.min(LONGEST_WAIT_MS, WINDOW_MS * 2 ** caller.waits)
      Object.assign(caller, { failures: 0, since: now, waits: caller.waits + 1 })
    }
    this.#remember(name, caller)
  }

  #remember(name: string, caller: Caller): void {
    this.#callers.delete(name)
    if (this.#callers.size >= MOST_CALLERS) {
      const [oldest] = this.#callers.keys()
      if (oldest !== undefined) this.#callers.delete(oldest)
    }
    this.#callers.set(name, caller)
  }
}

/** Who guesses, by the address: one household or host has a whole /64 of IPv6. */
export function networkOf(address: string): string {
  const plain = plainAddress(address)
  if (plain === undefined || isIP(plain) === 4) return plain ?? address
  const [left = '', right] = plain.split('::')
  const groups = left === '' ? [] : left.split(':')
  const others = right === undefined || right === '' ? [] : right.split(':')
  const all = right === undefined ? groups : [...groups, ...Array<string>(8 - groups.length - others.length).fill('0'), ...others]
  return `${all.slice(0, 4).join(':')}::/64`
}

/** Checks of passwords, so many at once: who floods the sign-in takes neither the memory nor the threads. */
export class Checks {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** Throws GW_TOO_MANY_ATTEMPTS where too many wait; `isKnown`: a browser that has signed in before always may. */
  async run<Result>(work: () => Promise<Result>, isKnown: boolean): Promise<Result> {
    if (this.#running >= MOST_AT_ONCE) {
      if (!isKnown && this.#waiting.length >= MOST_WAITING) throw new GatewayError('GW_TOO_MANY_ATTEMPTS', { retryAfterMs: BUSY_MS })
      await new Promise<void>((resolve) => (isKnown ? this.#waiting.unshift(resolve) : this.#waiting.push(resolve)))
    } else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
