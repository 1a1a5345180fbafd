import { type Member, Roster } from './roster.ts'

/** A time limit that is running. Move `at` to extend it; milliseconds of the gateway's clock. */
export interface Deadline extends Member {
  at: number
  onReached(now: number): void
}

/** The time source; injected, so that tests move it by hand. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Calls `tick` about every `ms` milliseconds until the returned function is called. */
  every(ms: number, tick: () => void): () => void
}

/** The machine's clock. Its timer does not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  every(ms, tick) {
    const timer = setInterval(tick, ms).unref()
    return () => clearInterval(timer)
  },
}

/** How late a deadline may be noticed, in milliseconds. */
const GRANULARITY_MS = 25

/** All running time limits, swept by one timer: arming and disarming one is a push and a pop. */
export class Deadlines {
  readonly clock: Clock
  readonly #running = new Roster<Deadline>()
  #stop: (() => void) | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(deadline: Deadline): void {
    this.#running.add(deadline)
    this.#stop ??= this.clock.every(GRANULARITY_MS, () => this.sweep())
  }

  delete(deadline: Deadline): void {
    this.#running.delete(deadline)
  }

  /** Calls every deadline that is reached. A deadline stays until it is deleted or moved by its owner. */
  sweep(): void {
    const now = this.clock.now()
    this.#running.forEach((deadline) => {
      if (now >= deadline.at) deadline.onReached(now)
    })
    if (this.#running.size > 0) return
    this.#stop?.()
    this.#stop = undefined
  }

  get size(): number {
    return this.#running.size
  }
}
