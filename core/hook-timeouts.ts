/** A promise that is waited for, and what to do when it takes too long. */
interface Pending {
  dueAt: number
  expire(): void
}

/**
 * Bounds the time that promises may take, with one timer for all of them: they share one duration, so that the oldest is
 * always due first, and a promise that settles costs two operations on a Set and no timer of its own.
 */
export class HookTimeouts {
  readonly durationMs: number
  #pending = new Set<Pending>()
  #timer: NodeJS.Timeout | undefined

  constructor(durationMs: number) {
    this.durationMs = durationMs
  }

  /** What `promise` settles to, or a rejection after `durationMs`; then what becomes of the promise is of no interest. */
  bound<Value>(promise: PromiseLike<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        dueAt: performance.now() + this.durationMs,
        expire: () => reject(new Error(`no answer within ${this.durationMs} ms`)),
      }
      this.#pending.add(pending)
      this.#timer ??= this.#arm(this.durationMs)
      promise.then(
        (value) => this.#settle(pending, () => resolve(value)),
        (error) => this.#settle(pending, () => reject(error)),
      )
    })
  }

  #settle(pending: Pending, deliver: () => void): void {
    this.#pending.delete(pending)
    deliver()
  }

  #arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#sweep(), delayMs).unref()
  }

  /** The timer outlives promises that settled: it finds an empty set, or waits on for the next that is due. */
  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const pending of this.#pending) {
      if (pending.dueAt > now) {
        this.#timer = this.#arm(Math.ceil(pending.dueAt - now))
        return
      }
      this.#pending.delete(pending)
      pending.expire()
    }
  }
}
