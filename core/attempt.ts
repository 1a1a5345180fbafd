import { admit, release } from './admission.ts'
import {
  type AttemptFacts,
  errorFacts,
  explainError,
  maskSecrets,
  sendsRawRequest,
  sendsRawResponse,
  unexpectedBody,
} from './attempt-facts.ts'
import { passBetas } from './beta-flags.ts'
import type { StreamPart } from './canonical/chat.ts'
import type { AnyResponse } from './canonical/operations.ts'
import type { Context } from './context.ts'
import type { Deadline } from './deadlines.ts'
import type { HeaderList } from './edge.ts'
import { bodyText, encodeOutgoing, type Outgoing } from './encode-request.ts'
import { type ErrorCode, GatewayError } from './errors.ts'
import type { Framing } from './format.ts'
import { forwardedHeaders, mergeHeaders, shownHeaders } from './forward-headers.ts'
import type { Candidate, HookCallers, StreamStage } from './hooks/hooks.ts'
import { locate, pathOf } from './request-path.ts'
import { retryAfterMs } from './retry.ts'
import { exactGoal, type Goal, nativeGoal } from './routing.ts'
import type { Runtime } from './runtime.ts'
import { signRequest } from './sign-in.ts'
import { framingOf, isText } from './stream/framing.ts'
import { BUSY_UTILISATION, chooseLane } from './stream/lane.ts'
import type { LiveStream } from './stream/live.ts'
import { openStream, poolTask, type StreamHandle } from './stream/open.ts'
import type { PoolCall } from './stream/pool.ts'
import { utf8 } from './text.ts'
import { answerError, faultError } from './upstream/fault.ts'
import { openFollowed } from './upstream/follow.ts'
import { destinationOf, HOP_HEADER, withFirstHop } from './upstream/target.ts'
import type { Target, UpstreamCall, UpstreamFault, UpstreamHandler, UpstreamHead, UpstreamRequest } from './upstream/types.ts'
import { openWhole } from './whole-answer.ts'

/**
 * A successful attempt. `bytes` is a whole answer in the client's own dialect, `response` a translated one; `parts` are those
 * that it came in, where it was made by no provider.
 */
export type Served = { facts: AttemptFacts | undefined; headers: HeaderList; carry: Outgoing['carry'] } & (
  | { kind: 'bytes'; body: Buffer }
  | { kind: 'response'; response: AnyResponse; parts?: readonly StreamPart[] | undefined; raw: string | undefined }
  | { kind: 'live'; live: LiveStream }
)

/** Most bytes that are kept of an error body, and of a body that is not what was asked for. */
const MAX_ERROR_BYTES = 64 * 1024
/** How long the connection of a stream may stay open after its terminator, in milliseconds. */
const TERMINATOR_GRACE_MS = 1_000

/**
 * One attempt at one candidate: takes a place, sends the request, and resolves when the answer is whole or its stream has
 * committed. Rejects with a GatewayError that names provider, key and attempt. Everything it holds is given back at its end.
 */
export function attempt(runtime: Runtime, ctx: Context, goal: Goal, candidate: Candidate): Promise<Served> {
  return new Promise((resolve, reject) => {
    const named = exactGoal(runtime, goal, candidate)
    const exact = named.entry.native ? nativeGoal(named, ctx, { candidate, callers: runtime.callers(ctx) }) : named
    const start = (): void => new AttemptRun({ runtime, ctx, goal: exact, candidate, resolve, reject }).start()
    const admission = admit(runtime, ctx, goal.settings)
    if (admission) admission.then(start, reject)
    else start()
  })
}

interface RunOptions {
  runtime: Runtime
  ctx: Context
  goal: Goal
  candidate: Candidate
  resolve(served: Served): void
  reject(error: GatewayError): void
}

type Mode = 'waiting' | 'whole' | 'events' | 'stream' | 'error' | 'unexpected'

class AttemptRun implements UpstreamHandler {
  readonly #options: RunOptions
  readonly #callers: HookCallers
  readonly #facts: AttemptFacts
  readonly #deadline: Deadline
  #outgoing: Outgoing | undefined
  #call: UpstreamCall | undefined
  #poolCall: PoolCall | undefined
  /** What the stream hook returned, where it was asked before the request went out. */
  #stages: readonly StreamStage[] | undefined
  #stream: StreamHandle | undefined
  #stopListening: (() => void) | undefined
  #mode: Mode = 'waiting'
  #head: UpstreamHead = { status: 0, headers: [] }
  #chunks: Buffer[] = []
  #bytes = 0
  #isSettled = false
  #isReleased = false
  /** What the running time limit means. */
  #limit: { code: ErrorCode; ms: number }

  constructor(options: RunOptions) {
    const { runtime, ctx, goal, candidate } = options
    this.#options = options
    this.#callers = runtime.callers(ctx)
    const startedAt = runtime.deadlines.clock.now()
    const sendsRaw = sendsRawResponse(ctx, goal)
    this.#facts = { goal, candidate, startedAt, dropped: [], rawRequest: undefined, sendsRawResponse: sendsRaw }
    const { requestTimeoutMs } = goal.settings.network
    this.#limit = { code: 'GW_REQUEST_TIMEOUT', ms: requestTimeoutMs }
    this.#deadline = { at: startedAt + requestTimeoutMs, onReached: (now) => this.#onLate(now) }
  }

  start(): void {
    const { runtime, ctx, goal, candidate } = this.#options
    try {
      const destination = destinationOf(runtime.registry, goal, candidate.key)
      const outgoing = encodeOutgoing(ctx, goal, candidate, { wantsUsage: this.#callers.postHook !== undefined })
      const { target, path } = locate(destination, goal.settings, pathOf(goal, ctx, { candidate, method: outgoing.method }))
      this.#outgoing = outgoing
      this.#facts.dropped = outgoing.dropped
      if (sendsRawRequest(ctx, goal)) this.#facts.rawRequest = bodyText(outgoing.body)
      runtime.deadlines.add(this.#deadline)
      this.#stopListening = ctx.onAbort(() => this.#cancel())
      if (this.#isSettled) return
      const request = {
        method: 'POST',
        path,
        headers: this.#headers(destination.headers, outgoing.headers),
        body: outgoing.body,
        maxResponseBytes: ctx.client.maxResponseBytes,
      }
      this.#signIn(target, request)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** Sends the request, at once where its key needs no minted credential and no signature. */
  #signIn(target: Target, request: UpstreamRequest): void {
    const { runtime, goal, candidate } = this.#options
    const { settings, entry } = goal
    const signed = candidate.key && signRequest(runtime, { entry, settings, key: candidate.key }, { target, request })
    if (signed === undefined) this.#send(target, request)
    else if (signed instanceof Promise)
      signed.then((ready) => this.#send(target, ready)).catch((error: unknown) => this.#fail(error as Error))
    else this.#send(target, signed)
  }

  #send(target: Target, request: UpstreamRequest): void {
    // Given up while the credential was awaited.
    if (this.#isReleased) return
    this.#call =
      this.#callFollowed(target, request) ?? this.#callPool(target, request) ?? this.#options.runtime.upstream.open(target, request, this)
  }

  /** Where the first answer may only promise one. */
  #callFollowed(target: Target, request: UpstreamRequest): UpstreamCall | undefined {
    const { runtime, ctx, goal } = this.#options
    const { follow, hosts = [] } = goal.entry
    if (!follow) return undefined
    const { upstream, deadlines, wallClock } = runtime
    const staysAtTarget = goal.settings.network.baseUrl !== undefined
    const options = { upstream, deadlines, wallClock, target, request, follow, hosts, staysAtTarget, wantsStream: ctx.stream }
    const wantsTail = ctx.stream && (this.#callers.postHook !== undefined || ctx.decoded().streamUsage === true)
    return openFollowed({ ...options, wantsTail, endsAt: this.#deadline.at }, this)
  }

  /** On a busy thread a translated stream runs in the pool, from the socket to the client's events. */
  #callPool(target: Target, request: UpstreamRequest): UpstreamCall | undefined {
    const { runtime, ctx, goal } = this.#options
    if (!runtime.pool || !ctx.stream || goal.format === ctx.inbound || !isText(ctx.framing) || runtime.utilisation() <= BUSY_UTILISATION)
      return undefined
    if (!runtime.pool.hasRoom) return undefined
    const stages = this.#callers.stream?.([], ctx) ?? []
    this.#stages = stages
    const lane = chooseLane({ isSameFormat: false, stages, wantsResponse: this.#callers.needs.has('response'), isBusy: true })
    if (lane !== 'pool') return undefined
    const task = poolTask({ runtime, ctx, facts: this.#facts, carry: this.#outgoing?.carry, stages })
    this.#poolCall = runtime.pool.open({ ...task, target, request }, this)
    return this.#poolCall
  }

  #headers(fixed: HeaderList, encoded: Record<string, string> | undefined): HeaderList {
    const { ctx, goal } = this.#options
    const { clientHeaders } = goal.entry
    const shared = goal.format === ctx.inbound ? goal.format : clientHeaders && { headers: clientHeaders }
    const rules = { known: goal.entry.betas, overrides: goal.settings.network.betaOverrides }
    const sent = forwardedHeaders(ctx.incoming.headers, ctx.client, shared)
    const inBody = goal.format === ctx.inbound ? undefined : goal.format.bodyHeaders
    const forwarded = passBetas(inBody ? sent.filter(([name]) => !inBody.includes(name)) : sent, goal.format.listHeaders, rules)
    const isVendors = goal.settings.network.baseUrl === undefined && goal.entry.keyUrl === undefined
    if (forwarded.length === 0 && encoded === undefined && (isVendors || ctx.depth === 0)) return isVendors ? fixed : withFirstHop(fixed)
    const hop: HeaderList = isVendors ? [] : [[HOP_HEADER, String(ctx.depth + 1)]]
    const called = passBetas(Object.entries(encoded ?? {}), goal.format.listHeaders, rules)
    return mergeHeaders([fixed, called, forwarded, hop], goal.format.listHeaders)
  }

  /** Nothing may be thrown into the upstream client: what a plugin's hook throws is this request's failure. */
  onHead(head: UpstreamHead): void {
    try {
      this.#readHead(head)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #readHead(head: UpstreamHead): void {
    this.#head = head
    const { ctx, goal } = this.#options
    const contentType = this.#header('content-type')
    if (head.status >= 300 && head.status < 400) return this.#fail(new GatewayError('GW_UPSTREAM_REDIRECT', { status: head.status }))
    if (head.status >= 400) this.#mode = 'error'
    else {
      const framing = framingOf(contentType, goal.format, ctx.stream)
      if (framing) this.#mode = ctx.stream ? 'stream' : 'events'
      else this.#mode = contentType.includes('json') ? 'whole' : 'unexpected'
      if (framing) this.#openStream(framing)
    }
  }

  onData(chunk: Buffer): void {
    if (this.#stream) {
      if (this.#mode === 'stream') this.#touch()
      return this.#stream.lane.data(chunk)
    }
    const room = this.#mode === 'whole' ? Number.POSITIVE_INFINITY : MAX_ERROR_BYTES - this.#bytes
    if (room > 0) this.#chunks.push(Buffer.from(room < chunk.length ? chunk.subarray(0, room) : chunk))
    this.#bytes += chunk.length
    if (room <= chunk.length) {
      this.#call?.abort()
      this.onEnd()
    }
  }

  onEnd(): void {
    if (this.#stream) {
      this.#stream.lane.end()
      return this.#release()
    }
    if (this.#isSettled) return
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    try {
      if (this.#mode === 'whole') this.#serveWhole(body)
      else this.#fail(this.#badAnswer(maskSecrets(this.#options.runtime, this.#options.goal.settings, utf8(body))))
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  onError(fault: UpstreamFault): void {
    const error = faultError(fault, { ms: this.#options.goal.settings.network.connectTimeoutMs })
    if (!this.#stream) return this.#fail(error)
    this.#stream.lane.fail(error)
    this.#release()
  }

  /** The answer is an error, or nothing that was asked for. */
  #badAnswer(text: string): GatewayError {
    if (this.#mode === 'unexpected') {
      return new GatewayError('GW_UPSTREAM_INVALID', { reason: unexpectedBody(this.#header('content-type'), text) })
    }
    const error = answerError(this.#options.goal.format, this.#head.status, text)
    const headers = new Map(this.#head.headers.map(([name, value]) => [name, value]))
    error.detail.retryAfterMs = retryAfterMs(headers, this.#options.runtime.wallClock()) ?? error.detail.retryAfterMs
    return error
  }

  #serveWhole(body: Buffer): void {
    const { ctx, goal } = this.#options
    const answer = openWhole(body, goal.format, { isSameFormat: this.#isSameFormat && !ctx.stream, request: ctx.scan })
    if (answer.passes) return this.#serve({ kind: 'bytes', body })
    const response: AnyResponse | undefined = goal.format.outbound?.decodeResponse(answer.body, this.#outgoing?.carry)
    if (!response) throw new GatewayError('GW_INTERNAL', { id: ctx.id })
    // What the client asked for decides how it is written, and was not read: the body had gone on as it came.
    if (this.#isSameFormat && goal.format.isWhole) ctx.decoded()
    this.#serve({ kind: 'response', response, raw: this.#facts.sendsRawResponse ? utf8(body) : undefined })
  }

  #serve(answer: { kind: 'bytes'; body: Buffer } | { kind: 'response'; response: AnyResponse; raw: string | undefined }): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#release()
    const { ctx, goal } = this.#options
    const carry = this.#outgoing?.carry ?? (goal.format.isWhole ? ctx.carry : undefined)
    this.#options.resolve({ ...answer, facts: this.#facts, headers: shownHeaders(this.#head.headers, goal.format), carry })
  }

  /** Whether the client can read the provider's own bytes. */
  get #isSameFormat(): boolean {
    return this.#options.goal.format === this.#options.ctx.inbound && this.#outgoing?.decodesAnswer !== true
  }

  #openStream(framing: Framing): void {
    const { runtime, ctx } = this.#options
    this.#stream = openStream({
      runtime,
      ctx,
      callers: this.#callers,
      facts: this.#facts,
      carry: this.#outgoing?.carry,
      framing,
      isSameFormat: this.#isSameFormat,
      isStreamed: ctx.stream,
      stages: this.#stages,
      poolCall: this.#poolCall,
      onCommit: (live) => {
        if (this.#isSettled) return
        this.#isSettled = true
        this.#options.resolve({
          kind: 'live',
          live,
          facts: this.#facts,
          headers: shownHeaders(this.#head.headers, this.#options.goal.format),
          carry: undefined,
        })
      },
      onCollected: (response) => this.#serve({ kind: 'response', response, raw: undefined }),
      onFailure: (error) => this.#fail(error),
      onDone: () => this.#onStreamDone(),
      source: { pause: () => this.#call?.pause(), resume: () => this.#call?.resume(), abort: () => this.#abort() },
    })
  }

  /** The terminator came, or the lane gave up: the provider has a moment to close its side in order. */
  #onStreamDone(): void {
    if (this.#isReleased) return
    this.#deadline.at = this.#options.runtime.deadlines.clock.now() + TERMINATOR_GRACE_MS
    this.#deadline.onReached = () => this.#abort()
  }

  /** From the first byte of a stream the limit is its idle time, moved by every byte. */
  #touch(): void {
    if (this.#stream?.isDone) return
    const { network } = this.#options.goal.settings
    this.#limit = IDLE_LIMIT
    const now = this.#options.runtime.deadlines.clock.now()
    const { maxStreamDurationMs } = this.#options.ctx.client
    const idle = now + network.streamIdleTimeoutMs
    this.#deadline.at = maxStreamDurationMs > 0 ? Math.min(idle, this.#facts.startedAt + maxStreamDurationMs) : idle
  }

  #onLate(now: number): void {
    const { ctx, goal } = this.#options
    const duration = ctx.client.maxStreamDurationMs
    const isTooLong = this.#limit === IDLE_LIMIT && duration > 0 && now >= this.#facts.startedAt + duration
    const error = isTooLong
      ? new GatewayError('GW_STREAM_TOO_LONG', { ms: duration })
      : new GatewayError(this.#limit.code, { ms: this.#limit === IDLE_LIMIT ? goal.settings.network.streamIdleTimeoutMs : this.#limit.ms })
    this.#call?.abort()
    if (this.#stream) this.#stream.lane.fail(error)
    else this.#fail(error)
    this.#release()
  }

  /** The client has left, or the request was given up. */
  #cancel(): void {
    const reason = this.#options.ctx.abortReason ?? new GatewayError('GW_CANCELLED')
    if (reason.code === 'GW_CANCELLED') this.#stream?.live.cancel('client', reason)
    // Also after that, when it writes nothing more: the lane's stages and their alarms end.
    this.#stream?.lane.fail(reason)
    this.#fail(reason)
  }

  #abort(): void {
    this.#call?.abort()
    this.#release()
  }

  #fail(error: Error): void {
    if (!this.#isReleased) this.#abort()
    if (this.#isSettled) return
    this.#isSettled = true
    this.#options.reject(explainError(error, errorFacts(this.#options.runtime, this.#options.ctx, this.#facts)))
  }

  #release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    const { runtime, goal } = this.#options
    runtime.deadlines.delete(this.#deadline)
    this.#stopListening?.()
    release(runtime, goal.settings)
  }

  #header(name: string): string {
    return this.#head.headers.find(([header]) => header === name)?.[1].toLowerCase() ?? ''
  }
}

const IDLE_LIMIT: { code: ErrorCode; ms: number } = { code: 'GW_STREAM_IDLE', ms: 0 }
