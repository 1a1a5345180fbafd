import type { Socket } from 'node:net'

/** What an answer does, in order. A script that reaches its end leaves the connection open for the next request. */
export type Step =
  | { write: Uint8Array }
  /** Milliseconds; 0 is one turn of the event loop. */
  | { wait: number }
  /** The pieces one at a time, the n-th at n times `everyMs` after the step began, so that the rate does not drift. Endless: over again. */
  | { pace: readonly Uint8Array[]; everyMs: number; isEndless?: boolean }
  /** The same bytes over and over, as fast as the reader takes them. */
  | { repeat: Uint8Array; times: number }
  /** Holds until the test calls `release(gate)`. */
  | { gate: string }
  /** Nothing more, for ever: only the client ends it. */
  | { hang: true }
  | { fin: true }
  | { rst: true }

/** How an exchange ended, as the provider saw it. */
export type Ending = 'answered' | 'closed-by-client' | 'closed-by-upstream'

const NOTHING = new Uint8Array(0)

/** Runs one script on one socket. `onEnd` is called once, unless the run is stopped first. */
export class ScriptRun {
  readonly #socket: Socket
  readonly #steps: readonly Step[]
  readonly #gates: Gates
  readonly #onEnd: (ending: Ending) => void
  #at = 0
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(socket: Socket, steps: readonly Step[], gates: Gates, onEnd: (ending: Ending) => void) {
    this.#socket = socket
    this.#steps = steps
    this.#gates = gates
    this.#onEnd = onEnd
  }

  /** Starts it, and is what every step continues with. */
  next = (): void => {
    while (!this.#isStopped) {
      const step = this.#steps[this.#at++]
      if (step === undefined) this.#end('answered')
      else if (!this.#isDone(step)) return
    }
  }

  /** The socket has closed: no timer and no listener stays behind. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** True where the next step may follow at once. */
  #isDone(step: Step): boolean {
    if ('write' in step) {
      this.#socket.write(step.write)
      return true
    }
    if ('wait' in step) this.#wait(step.wait)
    else if ('pace' in step) this.#pace(step)
    else if ('repeat' in step) this.#repeat(step.repeat, step.times)
    else if ('gate' in step) this.#gates.wait(step.gate, this.next)
    else if ('fin' in step) this.#close(() => this.#socket.end())
    else if ('rst' in step) this.#close(() => this.#socket.resetAndDestroy())
    return false
  }

  #wait(ms: number): void {
    if (ms === 0) setImmediate(this.next)
    else this.#timer = setTimeout(this.next, ms)
  }

  #pace({ pace, everyMs, isEndless = false }: Extract<Step, { pace: readonly Uint8Array[] }>): void {
    const start = performance.now()
    let sent = 0
    const tick = (): void => {
      const piece = pace[isEndless ? sent % pace.length : sent]
      sent += 1
      if (piece === undefined) {
        this.next()
        return
      }
      this.#socket.write(piece)
      this.#timer = setTimeout(tick, Math.max(1, start + (sent + 1) * everyMs - performance.now()))
    }
    this.#timer = setTimeout(tick, everyMs)
  }

  #repeat(bytes: Uint8Array, times: number): void {
    let left = times
    const pump = (): void => {
      while (left-- > 0) {
        if (this.#isStopped) return
        if (!this.#socket.write(bytes)) return void this.#socket.once('drain', pump)
      }
      this.next()
    }
    pump()
  }

  /** Earlier writes are handed to the kernel first: a reset must cut behind them, not in front. */
  #close(close: () => void): void {
    this.#end('closed-by-upstream')
    this.#socket.write(NOTHING, close)
  }

  #end(ending: Ending): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#onEnd(ending)
  }
}

/** Named gates at which scripts wait for the test. A gate that was opened stays open. */
export class Gates {
  readonly #open = new Set<string>()
  readonly #waiting = new Map<string, (() => void)[]>()

  wait(name: string, go: () => void): void {
    if (this.#open.has(name)) go()
    else this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), go])
  }

  release(name: string): void {
    this.#open.add(name)
    const waiting = this.#waiting.get(name) ?? []
    this.#waiting.delete(name)
    for (const go of waiting) go()
  }
}
