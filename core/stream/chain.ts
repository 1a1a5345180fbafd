import { GatewayError } from '../errors.ts'
import type { AsyncFold, Fold, Sink } from '../fold.ts'

/** A stage with its options, ready to run. */
export type BoundStage =
  | { fold: Fold<unknown, unknown>; options?: unknown; async?: undefined }
  | { async: AsyncFold<unknown, unknown>; options?: unknown; fold?: undefined }

/** The end of a chain. `onBusy` asks to pause (true) and resume (false) the source while an asynchronous stage works. */
export interface ChainEnd<Out> extends Sink<Out> {
  onBusy?(isBusy: boolean): void
  /** Adds what the source knows (provider, key, attempt) to an error, before the last stage writes it out. */
  explain(error: Error): Error
}

/** Longest that an asynchronous stage may hold one value, in milliseconds: time without bytes is time the client waits. */
const MAX_HOLD_MS = 30_000

/**
 * Drives folds one into the next. When a stage ends or refuses, the stages before it hear no more, the ones after it end in
 * order, and the sink is told last. A stage that throws has refused. States are held here, so a test may clone them.
 */
export class Chain<In, Out> {
  states: unknown[]
  readonly #stages: readonly BoundStage[]
  readonly #sinks: Sink<unknown>[]
  readonly #end: ChainEnd<Out>
  /** Stages below this index are closed. */
  #closed = 0
  #isFinishing = false
  #waiting: WaitingStage[] | undefined

  constructor(stages: readonly BoundStage[], end: ChainEnd<Out>) {
    this.#stages = stages
    this.#end = end
    this.states = stages.map((stage) => (stage.fold ?? stage.async).start(stage.options))
    this.#sinks = stages.map((_, index) => ({
      push: (value) => this.#feed(index + 1, value),
      end: (reason) => this.#close(index, undefined, reason),
      refuse: (error) => this.#close(index, error),
      wake: (at) => this.#end.wake(at),
    }))
    if (stages.some((stage) => stage.async)) this.#waiting = stages.map(() => ({ queue: [], isRunning: false, isEnding: false }))
  }

  get isClosed(): boolean {
    return this.#closed > this.#stages.length
  }

  push(value: In): void {
    this.#feed(0, value)
  }

  /** The source has ended: cleanly, or with an error that the last stage writes out. */
  finish(error?: Error): void {
    if (this.#closed > 0 || this.#isFinishing) return
    this.#isFinishing = true
    this.#endFrom(0, error && this.#end.explain(error), undefined)
  }

  tick(now: number): void {
    for (let index = this.#closed; index < this.#stages.length; index++) {
      const { fold } = this.#stages[index] as BoundStage
      if (fold?.tick) this.#guarded(index, () => fold.tick?.(this.states[index], now, this.#sinks[index] as Sink<unknown>))
    }
  }

  #feed(index: number, value: unknown): void {
    if (index < this.#closed) return
    if (index === this.#stages.length) return this.#end.push(value as Out)
    const stage = this.#stages[index] as BoundStage
    if (stage.async) return this.#enqueue(index, value)
    try {
      stage.fold.step(this.states[index], value, this.#sinks[index] as Sink<unknown>)
    } catch (error) {
      this.#close(index, asError(error))
    }
  }

  /** Closes stage `index` and those before it, ends those after it in order, then tells the sink. */
  #close(index: number, error?: Error, reason?: string): void {
    if (index < this.#closed - 1 || this.isClosed) return
    this.#closed = Math.max(this.#closed, index + 1)
    for (const waiting of this.#waiting?.slice(0, index + 1) ?? []) dismiss(waiting)
    this.#endFrom(index + 1, error && this.#end.explain(error), reason)
  }

  #endFrom(index: number, error: Error | undefined, reason: string | undefined): void {
    let failure = error
    for (let next = index; next < this.#stages.length; next++) {
      if (next < this.#closed) continue
      const waiting = this.#waiting?.[next]
      if (waiting && this.#stages[next]?.async) {
        waiting.isEnding = true
        waiting.onDrained = () => this.#endFrom(next + 1, waiting.error ?? failure, reason)
        waiting.error = failure
        return this.#pump(next)
      }
      failure = this.#endStage(next, failure)
      this.#closed = Math.max(this.#closed, next + 1)
    }
    if (this.isClosed) return
    this.#closed = this.#stages.length + 1
    if (failure) this.#end.refuse(failure)
    else this.#end.end(reason)
  }

  /** Ends one stage; what it refuses or throws while ending replaces a clean end. */
  #endStage(index: number, error: Error | undefined): Error | undefined {
    const stage = this.#stages[index] as BoundStage
    let refused: Error | undefined
    const sink: Sink<unknown> = {
      ...(this.#sinks[index] as Sink<unknown>),
      end() {},
      refuse: (cause) => {
        refused ??= cause
      },
    }
    try {
      stage.fold?.end(this.states[index], sink, error)
    } catch (cause) {
      refused ??= asError(cause)
    }
    return error ?? (refused && this.#end.explain(refused))
  }

  #guarded(index: number, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#close(index, asError(error))
    }
  }

  #enqueue(index: number, value: unknown): void {
    const waiting = this.#waiting?.[index] as WaitingStage
    waiting.queue.push(value)
    this.#pump(index)
  }

  /** Runs an asynchronous stage over its queue, one value at a time; the source is paused while it waits. */
  #pump(index: number): void {
    const waiting = this.#waiting?.[index] as WaitingStage
    if (waiting.isRunning) return
    waiting.isRunning = true
    this.#end.onBusy?.(true)
    void this.#drain(index, waiting)
      .catch((error: unknown) => {
        waiting.error ??= this.#end.explain(asError(error))
        waiting.isEnding = true
        waiting.queue.length = 0
      })
      .finally(() => {
        waiting.isRunning = false
        this.#end.onBusy?.(false)
        if (!waiting.isEnding) return
        this.#closed = Math.max(this.#closed, index + 1)
        const next = waiting.onDrained ?? (() => this.#endFrom(index + 1, waiting.error, undefined))
        next()
      })
  }

  async #drain(index: number, waiting: WaitingStage): Promise<void> {
    const stage = this.#stages[index]?.async as AsyncFold<unknown, unknown>
    const sink = this.#sinks[index] as Sink<unknown>
    while (waiting.queue.length > 0) {
      const result = stage.step(this.states[index], waiting.queue.shift(), sink)
      if (result) await bounded(result)
    }
    if (!waiting.isEnding) return
    const ended = stage.end(this.states[index], sink, waiting.error)
    if (ended) await bounded(ended)
  }
}

interface WaitingStage {
  queue: unknown[]
  isRunning: boolean
  isEnding: boolean
  error?: Error | undefined
  onDrained?: () => void
}

/** A stage that is closed hears neither what waits for it nor an end. */
function dismiss(waiting: WaitingStage): void {
  waiting.queue.length = 0
  waiting.isEnding = false
}

async function bounded(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a stream stage held one value for more than ${MAX_HOLD_MS} ms`)), MAX_HOLD_MS)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new GatewayError('GW_INTERNAL', { reason: String(error) })
}
