/** A monotonic clock in milliseconds, and the one interval that the transport needs. Injected by tests. */
export interface Clock {
  now(): number
  /** Calls `run` every `ms` until the function it returns is called. Does not keep the process alive. */
  every(ms: number, run: () => void): () => void
}

/** Something with a time limit. `sweep` may take itself off. */
export interface Swept {
  sweep(now: number): void
}

/** The monotonic clock of the process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  every(ms, run) {
    const timer = setInterval(run, ms).unref()
    return () => clearInterval(timer)
  },
}

/** One coarse interval for all time limits of the edge, running only while something is limited: a request that arrives whole costs no timer. */
export class Sweep {
  readonly #clock: Clock
  readonly #periodMs: number
  readonly #items = new Set<Swept>()
  #stop: (() => void) | undefined

  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock
    this.#periodMs = periodMs
  }

  now(): number {
    return this.#clock.now()
  }

  add(item: Swept): void {
    this.#items.add(item)
    this.#stop ??= this.#clock.every(this.#periodMs, () => this.#run())
  }

  delete(item: Swept): void {
    this.#items.delete(item)
  }

  /** The interval ends here and not in `delete`: starting it costs more than a body that came in two pieces. */
  #run(): void {
    const now = this.#clock.now()
    for (const item of this.#items) item.sweep(now)
    if (this.#items.size > 0) return
    this.#stop?.()
    this.#stop = undefined
  }
}
