import { GatewayError } from '../../core/errors.ts'

/** Failures of one address within a window; beyond them it has to wait. */
const MOST_FAILURES = 5
const WINDOW_MS = 60_000
/** Addresses that are remembered; the oldest is forgotten for a new one. */
const MOST_ADDRESSES = 10_000

/** Slows down who guesses passwords: five failures a minute and address, then 429 until the minute is over. */
export class Throttle {
  readonly #now: () => number
  readonly #failures = new Map<string, { count: number; since: number }>()

  /** `now`: milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Throws GW_TOO_MANY_ATTEMPTS while the address has to wait. */
  check(address: string): void {
    const known = this.#failures.get(address)
    if (!known || known.count < MOST_FAILURES) return
    const retryAfterMs = known.since + WINDOW_MS - this.#now()
    if (retryAfterMs > 0) throw new GatewayError('GW_TOO_MANY_ATTEMPTS', { retryAfterMs })
    this.#failures.delete(address)
  }

  failed(address: string): void {
    const now = this.#now()
    const known = this.#failures.get(address)
    if (known && now - known.since < WINDOW_MS) {
      known.count++
      return
    }
    this.#failures.delete(address)
    if (this.#failures.size >= MOST_ADDRESSES) for (const oldest of this.#failures.keys()) return this.#replace(oldest, address, now)
    this.#failures.set(address, { count: 1, since: now })
  }

  worked(address: string): void {
    this.#failures.delete(address)
  }

  #replace(oldest: string, address: string, now: number): void {
    this.#failures.delete(oldest)
    this.#failures.set(address, { count: 1, since: now })
  }
}
