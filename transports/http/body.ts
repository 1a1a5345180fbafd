import { GatewayError } from '../../core/errors.ts'
import type { BodyBudget } from './budget.ts'
import { type HttpReply, touch } from './reply.ts'
import type { Sweep, Swept } from './sweep.ts'
import type { Timing } from './timing.ts'
import type { HttpResponse } from './uws.ts'

/** What reading a body goes by. */
export interface BodyRules {
  /** Undefined when chunked. */
  declared: number | undefined
  maxBytes: number
  /** For the whole body; 0 is no limit. */
  timeoutMs: number
}

/** What body readers of a server share. */
export interface BodyHost {
  readonly sweep: Sweep
  readonly timing: Timing
  readonly budget: BodyBudget
}

/** Where a body goes; one of the two is called, once, unless the client leaves. */
export interface BodySink {
  onBody(body: Buffer): void
  onRefusal(error: unknown): void
}

const READING = 0
/** Paused until the budget has room. */
const WAITING = 1
/** Discarding what still arrives, so that the answer is not lost to a reset. */
const REFUSING = 2
const FINISHED = 3

/** Largest body that is kept in memory which others share. */
const SHARED_BYTES = 4096

/** When a client may try again that found no room. */
const RETRY_AFTER_SECONDS = '1'

/** Reads one request body, bounded in size, time and rate, and in sum with all others. Calls back in the tick of the last byte, or after it when chunked. */
export class BodyReader implements Swept {
  readonly #native: HttpResponse
  readonly #reply: HttpReply
  readonly #host: BodyHost
  readonly #rules: BodyRules
  readonly #sink: BodySink
  #phase = READING
  #target: Buffer | undefined
  #chunks: Buffer[] = []
  #size = 0
  #isComplete = false
  /** Bytes to take from the budget before going on. */
  #wanted = 0
  #startedAt = 0
  #waitingSince = 0
  #touchedAt = 0
  #refusedAt = 0
  #lastByteAt = 0
  #refusal: unknown
  #isSwept = false

  constructor(native: HttpResponse, reply: HttpReply, options: { host: BodyHost; rules: BodyRules; sink: BodySink }) {
    this.#native = native
    this.#reply = reply
    this.#host = options.host
    this.#rules = options.rules
    this.#sink = options.sink
  }

  /** Registers with the native response; `refusal` is what the head already earned, and nothing of the body is then kept. */
  read(refusal?: { error: unknown }): void {
    const { declared } = this.#rules
    // Trailers would be parsed as the next request (the library knows none), and chunk extensions as part of the size.
    if (declared === undefined) this.#reply.mustClose = true
    if (refusal !== undefined) {
      this.#phase = REFUSING
      this.#refusal = refusal.error
    } else this.#take(declared ?? 0)
    this.#native.onData((chunk, isLast) => {
      this.#reply.isInCallback = true
      this.#onData(chunk, isLast)
      this.#reply.isInCallback = false
    })
  }

  sweep(now: number): void {
    if (this.#reply.isAborted) this.#leaveSweep()
    else if (this.#phase === WAITING) this.#sweepWaiting(now)
    else if (this.#phase === REFUSING) this.#sweepRefusing(now)
    else this.#sweepReading(now)
  }

  #onData(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#phase === FINISHED || this.#reply.isAborted) return
    if (isLast) this.#isComplete = true
    if (this.#phase !== REFUSING && chunk.byteLength > 0) this.#keep(chunk, isLast)
    if (this.#phase === REFUSING) this.#discard(isLast)
    else if (this.#phase === READING && isLast) this.#finish()
    else if (this.#phase === READING) this.#enterSweep()
  }

  /** Copies: the library empties `chunk` when this returns. */
  #keep(chunk: ArrayBuffer, isLast: boolean): void {
    const bytes = new Uint8Array(chunk)
    const end = this.#size + bytes.length
    if (end > this.#rules.maxBytes) {
      this.#refuse(bodyTooLarge(this.#rules.maxBytes))
      return
    }
    const { declared } = this.#rules
    if (declared === undefined || (isLast && this.#size === 0)) {
      this.#chunks.push(Buffer.from(bytes))
      if (declared === undefined) this.#take(bytes.length)
    } else {
      // Untouched pages cost nothing, and nothing is copied twice; small bodies share memory, a quarter of the cost of their own.
      this.#target ??= declared <= SHARED_BYTES ? Buffer.allocUnsafe(declared) : Buffer.allocUnsafeSlow(declared)
      this.#target.set(bytes, this.#size)
    }
    this.#size = end
  }

  #take(bytes: number): void {
    if (bytes === 0) return
    if (this.#phase === WAITING) {
      this.#wanted += bytes
      return
    }
    if (this.#host.budget.tryTake(bytes)) {
      this.#reply.heldBudget += bytes
      return
    }
    this.#wanted = bytes
    this.#phase = WAITING
    this.#native.pause()
    this.#enterSweep()
    this.#waitingSince = this.#host.sweep.now()
  }

  #finish(): void {
    this.#phase = FINISHED
    this.#leaveSweep()
    const body = this.#target ?? (this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks))
    this.#settle(() => this.#sink.onBody(body ?? EMPTY))
  }

  /** Chunked: bytes behind the end are still to be parsed in this tick. With an answer pending they close the connection, and no request is made of them. */
  #settle(run: () => void): void {
    const runUnlessGone = (): void => {
      if (!this.#reply.isAborted) run()
    }
    if (this.#rules.declared === undefined) setImmediate(runUnlessGone)
    else run()
  }

  #refuse(error: unknown): void {
    if (this.#phase === WAITING) this.#native.resume()
    this.#phase = REFUSING
    this.#refusal = error
    this.#chunks = []
    this.#target = undefined
  }

  #discard(isLast: boolean): void {
    if (isLast) {
      this.#answerRefusal()
      return
    }
    this.#lastByteAt = this.#host.sweep.now()
    if (this.#refusedAt === 0) this.#refusedAt = this.#lastByteAt
    this.#enterSweep()
  }

  #answerRefusal(): void {
    this.#phase = FINISHED
    this.#leaveSweep()
    if (!this.#isComplete) this.#reply.mustClose = true
    this.#settle(() => this.#sink.onRefusal(this.#refusal))
  }

  #sweepWaiting(now: number): void {
    if (this.#host.budget.tryTake(this.#wanted)) {
      this.#reply.heldBudget += this.#wanted
      this.#phase = READING
      this.#touchedAt = now
      this.#native.resume()
      if (this.#isComplete) this.#finish()
    } else if (now - this.#waitingSince >= this.#host.timing.bodyWaitMs) {
      this.#reply.addHeader('Retry-After', RETRY_AFTER_SECONDS)
      this.#refuseNow(new GatewayError('GW_OVERLOADED', { retryAfterMs: Number(RETRY_AFTER_SECONDS) * 1000 }), now)
    }
  }

  #sweepRefusing(now: number): void {
    const { lingerMs, lingerQuietMs } = this.#host.timing
    if (now - this.#lastByteAt >= lingerQuietMs || now - this.#refusedAt >= lingerMs) this.#answerRefusal()
  }

  #sweepReading(now: number): void {
    const { timing } = this.#host
    const elapsed = now - this.#startedAt
    const reason = this.#lateness(elapsed)
    if (reason !== undefined) this.#refuseNow(new GatewayError('GW_BODY_TIMEOUT', { reason }), now)
    else if (now - this.#touchedAt >= timing.touchMs) {
      this.#touchedAt = now
      touch(this.#native)
    }
  }

  #lateness(elapsed: number): string | undefined {
    const { timeoutMs } = this.#rules
    const { bodyGraceMs, minBodyBytesPerSecond } = this.#host.timing
    if (timeoutMs > 0 && elapsed >= timeoutMs) return `not complete after ${timeoutMs} ms (client.request_body_timeout_seconds)`
    const isSlow = elapsed >= bodyGraceMs && this.#size < (elapsed / 1000) * minBodyBytesPerSecond
    return isSlow ? `slower than ${minBodyBytesPerSecond} bytes a second` : undefined
  }

  #refuseNow(error: unknown, now: number): void {
    this.#refuse(error)
    this.#refusedAt = now
    this.#lastByteAt = now
    if (this.#isComplete) this.#answerRefusal()
  }

  #enterSweep(): void {
    if (this.#isSwept) return
    this.#isSwept = true
    this.#startedAt = this.#host.sweep.now()
    this.#touchedAt = this.#startedAt
    this.#host.sweep.add(this)
  }

  #leaveSweep(): void {
    if (!this.#isSwept) return
    this.#isSwept = false
    this.#host.sweep.delete(this)
  }
}

/** The body of a request that has none. */
export const EMPTY = Buffer.alloc(0)

/** The refusal of a body over the limit, at header time or when a chunked one grew past it. */
export function bodyTooLarge(limit: number): GatewayError {
  return new GatewayError('GW_BODY_TOO_LARGE', { limit })
}
