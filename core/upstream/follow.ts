import { type JsonObject, parseObject } from '../canonical/json.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'
import type { NextStep } from '../provider.ts'
import { retryAfterMs } from '../retry.ts'
import { utf8 } from '../text.ts'
import { NO_HANDLER, placeOf, type Surroundings, stepRequest } from './follow-step.ts'
import { TailedStream } from './follow-tail.ts'
import {
  type Target,
  type UpstreamCall,
  type UpstreamClient,
  UpstreamFault,
  type UpstreamHandler,
  type UpstreamHead,
  type UpstreamRequest,
} from './types.ts'

/** Least time between two questions for the same answer, in milliseconds. */
const LEAST_PAUSE_MS = 100
/** Questions in a row that may fail before the failure is the answer. */
const MOST_FAILURES = 5
/** How long a cancellation that nobody waits for may take, in milliseconds. */
const CANCEL_MS = 10_000
/** Faults of the way there: the same question may be asked again. */
const PASSING: ReadonlySet<UpstreamFault['kind']> = new Set(['connect', 'connect-timeout', 'reset'])

/** A call that may take several requests. */
export interface FollowOptions extends Surroundings {
  upstream: UpstreamClient
  /** The first one. Its header lines, the credential among them, go with each of the others, but for those of its body. */
  request: UpstreamRequest
  /** Where to ask next; undefined: this is the answer. */
  follow(answer: JsonObject, wantsStream: boolean): NextStep | undefined
  wantsStream: boolean
  /** The step's `tail` is asked for. */
  wantsTail?: boolean | undefined
  deadlines: Deadlines
  /** Milliseconds since 1970, for dates in Retry-After. */
  wallClock(): number
  /** When the caller gives up, in milliseconds of the deadlines' clock: no pause goes beyond it. */
  endsAt: number
}

/**
 * Sends a request and asks on where its answer says so, until there is one: the handler hears of that alone. A question that
 * fails with 429, 5xx or a lost connection is asked again after Retry-After, at most 5 times in a row; every other status
 * is the answer. A URL of a foreign host ends the call with a `protocol` fault that names it. Whoever aborts, or is given a failure, has the
 * provider told so at the step's `cancelUrl`, once, unwaited. The caller's time limit bounds the number of steps.
 */
export function openFollowed(options: FollowOptions, handler: UpstreamHandler): UpstreamCall {
  const call = new FollowedCall(options, handler)
  call.start()
  return call
}

class FollowedCall implements UpstreamCall, UpstreamHandler {
  readonly #options: FollowOptions
  readonly #handler: UpstreamHandler
  #call: UpstreamCall | undefined
  /** What is asked now; undefined: the first request. */
  #step: NextStep | undefined
  #cancelUrl: string | undefined
  #pause: Deadline | undefined
  /** `read`: JSON that may lead on. `pass`: the handler's. `skip`: a failure that will be tried again, after so many milliseconds. */
  #mode: 'read' | 'pass' | 'skip' = 'read'
  #head: UpstreamHead = { status: 0, headers: [] }
  #chunks: Buffer[] = []
  #failures = 0
  #waitMs = 0
  #isPaused = false
  /** The stream that is passed on, where something is asked for at its end. */
  #tailed: TailedStream | undefined
  #isEnded = false

  constructor(options: FollowOptions, handler: UpstreamHandler) {
    this.#options = options
    this.#handler = handler
  }

  start(): void {
    const { upstream, target, request } = this.#options
    this.#call = upstream.open(target, request, this)
  }

  abort(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#call?.abort()
    this.#tailed?.abort()
    this.#stopPause()
    this.#cancel()
  }

  pause(): void {
    this.#isPaused = true
    this.#call?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#call?.resume()
  }

  onHead(head: UpstreamHead): void {
    this.#head = head
    this.#chunks = []
    this.#mode = this.#modeOf(head)
    if (this.#mode !== 'pass') return
    this.#tailed = head.status < 300 ? this.#openTailed() : undefined
    this.#handler.onHead(head)
  }

  onData(chunk: Buffer): void {
    if (this.#mode === 'pass') (this.#tailed ?? this.#handler).onData(chunk)
    else if (this.#mode === 'read') this.#chunks.push(Buffer.from(chunk))
  }

  onEnd(): void {
    if (this.#mode === 'skip') return this.#askAfter(this.#waitMs)
    if (this.#mode === 'read') return this.#readAnswer(Buffer.concat(this.#chunks))
    if (this.#tailed) return this.#tailed.onEnd()
    this.#isEnded = true
    if (this.#head.status >= 300) this.#cancel()
    this.#handler.onEnd()
  }

  onError(fault: UpstreamFault): void {
    const isLost = this.#mode !== 'pass' && this.#step !== undefined && PASSING.has(fault.kind)
    if (isLost && this.#mayAskAgain(this.#pauseOf())) this.#askAfter(this.#waitMs)
    else if (this.#tailed) this.#tailed.onError(fault)
    else this.#fail(fault)
  }

  #openTailed(): TailedStream | undefined {
    const { tail } = this.#step ?? {}
    if (!tail || !this.#options.wantsTail) return undefined
    const { deadlines, request } = this.#options
    const ask = (handler: UpstreamHandler): UpstreamCall => {
      const place = placeOf(tail.url, this.#options)
      if (typeof place === 'string') throw new UpstreamFault('protocol', place, false)
      return this.#open(place, stepRequest(request, { method: 'GET', path: place.path, accept: 'application/json' }), handler)
    }
    return new TailedStream(
      { tail, deadlines, ask },
      {
        onData: (chunk) => this.#isEnded || this.#handler.onData(chunk),
        onEnd: () => {
          if (this.#isEnded) return
          this.#isEnded = true
          this.#handler.onEnd()
        },
        onError: (fault) => this.#fail(fault),
      },
    )
  }

  #modeOf({ status, headers }: UpstreamHead): 'read' | 'pass' | 'skip' {
    const isFailure = status === 429 || status >= 500
    if (isFailure && this.#step) {
      const wanted = retryAfterMs(new Map(headers), this.#options.wallClock()) ?? 0
      return this.#mayAskAgain(Math.max(wanted, this.#pauseOf())) ? 'skip' : 'pass'
    }
    if (status < 200 || status >= 300 || this.#step?.isStream) return 'pass'
    return headers.some(([name, value]) => name === 'content-type' && value.toLowerCase().includes('json')) ? 'read' : 'pass'
  }

  #mayAskAgain(waitMs: number): boolean {
    const { deadlines, endsAt } = this.#options
    if (this.#failures >= MOST_FAILURES || deadlines.clock.now() + waitMs >= endsAt) return false
    this.#failures++
    this.#waitMs = waitMs
    return true
  }

  #pauseOf(): number {
    return Math.max(this.#step?.afterMs ?? 0, LEAST_PAUSE_MS)
  }

  #readAnswer(body: Buffer): void {
    this.#failures = 0
    try {
      const answer = parseObject(utf8(body))
      const step = answer && this.#options.follow(answer, this.#options.wantsStream)
      if (!step) return this.#deliver(body)
      this.#step = step
      this.#cancelUrl = step.cancelUrl ?? this.#cancelUrl
    } catch (error) {
      return this.#fail(new UpstreamFault('internal', (error as Error).message, false, error))
    }
    if (this.#step.isStream && this.#step.afterMs === undefined) this.#ask()
    else this.#askAfter(this.#pauseOf())
  }

  #askAfter(ms: number): void {
    const { deadlines } = this.#options
    this.#mode = 'read'
    this.#call = undefined
    const pause = {
      at: deadlines.clock.now() + ms,
      onReached: () => {
        this.#stopPause()
        this.#ask()
      },
    }
    this.#pause = pause
    deadlines.add(pause)
  }

  #ask(): void {
    const step = this.#step as NextStep
    const place = placeOf(step.url, this.#options)
    if (typeof place === 'string') return this.#fail(new UpstreamFault('protocol', place, false))
    const accept = step.isStream ? 'text/event-stream' : 'application/json'
    try {
      this.#call = this.#open(place, stepRequest(this.#options.request, { method: 'GET', path: place.path, accept }), this)
      if (this.#isPaused) this.#call.pause()
    } catch (error) {
      this.#fail(new UpstreamFault('internal', (error as Error).message, false, error))
    }
  }

  #open({ target }: { target: Target }, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    return this.#options.upstream.open(target, request, handler)
  }

  /** As if it were the only answer there was. The handler may abort at each of the three. */
  #deliver(body: Buffer): void {
    this.#cancelUrl = undefined
    this.#handler.onHead(this.#head)
    if (!this.#isEnded && body.length > 0) this.#handler.onData(body)
    if (this.#isEnded) return
    this.#isEnded = true
    this.#handler.onEnd()
  }

  #fail(fault: UpstreamFault): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#cancel()
    this.#handler.onError(fault)
  }

  #stopPause(): void {
    if (this.#pause) this.#options.deadlines.delete(this.#pause)
    this.#pause = undefined
  }

  /** Best effort: what becomes of it interests nobody any more. */
  #cancel(): void {
    const url = this.#cancelUrl
    this.#cancelUrl = undefined
    const place = url === undefined ? undefined : placeOf(url, this.#options)
    if (place === undefined || typeof place === 'string') return
    const { deadlines, request } = this.#options
    let call: UpstreamCall | undefined
    const limit: Deadline = { at: deadlines.clock.now() + CANCEL_MS, onReached: () => end() }
    const end = (): void => {
      deadlines.delete(limit)
      call?.abort()
    }
    deadlines.add(limit)
    const asked = stepRequest(request, { method: 'POST', path: place.path, accept: 'application/json' })
    call = this.#open(place, asked, { ...NO_HANDLER, onEnd: end, onError: end })
  }
}
