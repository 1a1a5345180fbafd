import { type AttemptFacts, errorFacts, explainError } from '../attempt-facts.ts'
import type { ChatResponse } from '../canonical/chat.ts'
import { collector } from '../canonical/collect.ts'
import type { Context } from '../context.ts'
import type { GatewayError } from '../errors.ts'
import { type ExtraFacts, ExtraFields } from '../extra-fields.ts'
import type { Carry, Framing, ReplyOptions } from '../format.ts'
import type { HookCallers, Outcome, StreamStage } from '../hooks/hooks.ts'
import { requestTypeOf } from '../routing.ts'
import type { Runtime } from '../runtime.ts'
import { FramesLane } from './frames.ts'
import { isText as isTextFraming } from './framing.ts'
import { chooseLane, type Lane, type LaneOptions } from './lane.ts'
import { LiveStream, type StreamEnd, type StreamSource } from './live.ts'
import { PassthroughLane } from './passthrough.ts'
import { PendingLane } from './pending.ts'
import { type PoolCall, PoolLane, type StreamTask } from './pool.ts'
import { resolveStages } from './stages.ts'
import { TranslateLane } from './translate.ts'

/** The stream of one attempt: where its bytes go in, and what the client will be attached to. */
export interface StreamHandle {
  lane: Lane
  live: LiveStream
  /** The lane wants no more bytes. */
  readonly isDone: boolean
}

/** What a stream is set up from, and whom it tells what. */
export interface OpenStreamOptions {
  runtime: Runtime
  ctx: Context
  callers: HookCallers
  facts: AttemptFacts
  carry: Carry | undefined
  /** How the provider's bytes are cut into events. */
  framing: Framing
  /** The client can read the provider's events as they are. */
  isSameFormat: boolean
  /** False: the client wants a whole answer, which is collected from the events. */
  isStreamed: boolean
  source: StreamSource
  /** What the stream hook returned, where it was asked already. */
  stages: readonly StreamStage[] | undefined
  /** The stream runs in the pool: its events come ready. */
  poolCall: PoolCall | undefined
  onCommit(live: LiveStream): void
  onCollected(response: ChatResponse): void
  /** Before commit: the attempt failed. */
  onFailure(error: GatewayError): void
  onDone(): void
}

/** Sets up the lane of a stream that has begun to arrive. */
export function openStream(options: OpenStreamOptions): StreamHandle {
  return new OpenStream(options)
}

class OpenStream implements StreamHandle {
  readonly live: LiveStream
  readonly lane: Lane
  isDone = false
  readonly #options: OpenStreamOptions
  readonly #collected = collector.start()

  constructor(options: OpenStreamOptions) {
    this.#options = options
    const { runtime, ctx, callers } = options
    // Before anything runs that would have to be stopped: a hook may throw.
    const stages = options.isStreamed && !options.poolCall ? (options.stages ?? callers.stream?.([], ctx) ?? []) : []
    this.live = new LiveStream({
      deadlines: runtime.deadlines,
      commitAfterMs: options.isStreamed ? ctx.client.streamCommitAfterMs : 0,
      keepAlive: ctx.named?.framing === undefined ? ctx.inbound.inbound?.keepAlive : undefined,
      onCommit: () => options.isStreamed && options.onCommit(this.live),
      onFailure: options.onFailure,
      onEnd: (end) => this.#onEnd(end),
    })
    this.live.source = options.source
    this.lane = options.isStreamed ? this.#chooseLane(stages) : this.#collectingLane()
  }

  #chooseLane(stages: readonly StreamStage[]): Lane {
    const { ctx, callers, framing, isSameFormat, poolCall } = this.#options
    const options = this.#laneOptions()
    if (poolCall) return new PoolLane(options, poolCall)
    const lane = chooseLane({ isSameFormat, stages, wantsResponse: callers.needs.has('response'), isBusy: false })
    if (lane !== 'passthrough') return this.#inline(options, stages)
    const isText = framing === ctx.framing && isTextFraming(framing)
    return isText ? new PassthroughLane(options, () => this.#inline(options, [])) : new FramesLane(options)
  }

  /** Stages given by address are imported first; what comes meanwhile waits, and the source is paused. */
  #inline(options: LaneOptions, stages: readonly StreamStage[]): Lane {
    const resolved = resolveStages(stages)
    if (!(resolved instanceof Promise)) return this.#translate(options, resolved)
    this.#options.source.pause()
    const lane = new PendingLane(options, (ready) => this.#translate(options, ready))
    resolved
      .then((ready) => lane.open(ready))
      .catch((error: unknown) => lane.break(error as Error))
      .finally(() => this.#options.source.resume())
    return lane
  }

  /** A whole answer was asked for and events came. */
  #collectingLane(): Lane {
    return this.#translate(
      {
        ...this.#laneOptions(),
        extra: undefined,
        live: { write() {}, commit() {}, now: () => 0, deadlines: this.#options.runtime.deadlines },
      },
      [],
    )
  }

  #translate(options: LaneOptions, stages: readonly StreamStage[]): Lane {
    const { ctx, carry, callers, isStreamed, source } = this.#options
    const wantsResponse = !isStreamed || callers.needs.has('response')
    return new TranslateLane({
      ...options,
      stages,
      reply: replyOptions(this.#options.runtime, ctx, carry),
      carry,
      onPart: wantsResponse ? (part) => collector.step(this.#collected, part) : undefined,
      onBusy: (isBusy) => (isBusy ? source.pause() : source.resume()),
    })
  }

  #laneOptions(): LaneOptions {
    const { runtime, ctx, callers, facts, framing } = this.#options
    const wantsUsage = callers.postHook !== undefined
    const lens = ctx.inbound.lens
    return {
      source: facts.goal.format,
      framing,
      target: ctx.inbound,
      targetFraming: ctx.framing,
      live: {
        write: (chunk) => this.live.write(chunk),
        commit: () => this.live.commit(),
        now: () => runtime.deadlines.clock.now(),
        deadlines: runtime.deadlines,
      },
      extra: extraFieldsOf(ctx, facts),
      extraOnAll: ctx.header('x-bf-extra-fields') === 'all',
      wholeCalls: wantsWholeCalls(ctx),
      sendsRaw: facts.sendsRawResponse,
      wantsUsage,
      hidesUsage: wantsUsage && ctx.scan !== undefined && lens.withStreamUsage(ctx.scan).length > 0,
      explain: (error) => explainError(error, errorFacts(runtime, ctx, facts)),
      finish: (error, closing) => this.#finish(error, closing),
    }
  }

  #finish(error: GatewayError | undefined, closing: string | Uint8Array | undefined): void {
    this.isDone = true
    if (!this.#options.isStreamed) {
      if (error) this.#options.onFailure(error)
      else this.#options.onCollected(collector.result(this.#collected))
    } else this.live.finish({ error, terminator: error ? 'gateway' : 'upstream' }, closing)
    this.#options.onDone()
  }

  #onEnd(end: StreamEnd): void {
    this.isDone = true
    const { ctx, callers, facts, runtime } = this.#options
    const needsAnswer = callers.needs.has('response')
    const outcome: Outcome = end.error
      ? { ok: false, error: end.error }
      : {
          ...outcomeOf(runtime, facts, true),
          usage: this.lane.usage,
          response: needsAnswer ? collector.result(this.#collected) : undefined,
        }
    runtime.finished(ctx, outcome)
  }
}

/** Plain data from which a pool thread runs the stream of an attempt. */
export function poolTask(
  options: Pick<OpenStreamOptions, 'runtime' | 'ctx' | 'facts' | 'carry'> & { stages: readonly StreamStage[] },
): StreamTask {
  const { runtime, ctx, facts, carry, stages } = options
  return {
    source: { module: facts.goal.format.module },
    client: { module: ctx.inbound.module },
    stages: stages.flatMap((stage) => (stage.ref ? [{ on: stage.on, ...stage.ref }] : [])),
    reply: replyOptions(runtime, ctx, carry),
    carry,
    extra: extraFactsOf(ctx, facts),
    errors: errorFacts(runtime, ctx, facts),
    extraOnAll: ctx.header('x-bf-extra-fields') === 'all',
    sendsRaw: facts.sendsRawResponse,
  }
}

/** The part of an outcome that is the same for whole and streamed answers. */
export function outcomeOf(runtime: Runtime, facts: AttemptFacts, isStream: boolean): Extract<Outcome, { ok: true }> {
  return {
    ok: true,
    isStream,
    provider: facts.goal.settings.name,
    model: facts.candidate.model,
    key: facts.candidate.key?.name,
    latencyMs: runtime.deadlines.clock.now() - facts.startedAt,
    usage: undefined,
  }
}

/** `extra_fields` of an answer; undefined on routes that carry the facts in headers (D23). */
export function extraFieldsOf(ctx: Context, facts: AttemptFacts): ExtraFields | undefined {
  const extra = extraFactsOf(ctx, facts)
  return extra && new ExtraFields(extra, facts.startedAt)
}

function extraFactsOf(ctx: Context, facts: AttemptFacts): ExtraFacts | undefined {
  if (!ctx.incoming.route.isNative) return undefined
  const { goal, candidate, dropped, rawRequest } = facts
  const provider = goal.settings.name
  return { requestType: requestTypeOf(ctx), provider, originalModel: ctx.model, resolvedModel: candidate.model, dropped, rawRequest }
}

/** What the client's encoder must be told. */
export function replyOptions(runtime: Runtime, ctx: Context, carry: Carry | undefined): ReplyOptions {
  return {
    id: ctx.id,
    created: Math.floor(runtime.wallClock() / 1000),
    model: ctx.model,
    streamUsage: ctx.stream ? ctx.decoded().streamUsage : undefined,
    carry,
    wholeCalls: ctx.stream && wantsWholeCalls(ctx),
  }
}

function wantsWholeCalls({ inbound, incoming }: Context): boolean {
  const userAgent = incoming.headers.get('user-agent')
  return userAgent !== undefined && inbound.inbound?.wantsWholeCalls?.(userAgent) === true
}
