import { explainError } from '../attempt-facts.ts'
import { Deadlines, systemClock } from '../deadlines.ts'
import { GatewayError } from '../errors.ts'
import { ExtraFields } from '../extra-fields.ts'
import type { Format } from '../format.ts'
import type { StreamStage } from '../hooks.ts'
import type { FormatRef, PoolOrder, PoolReport, PoolTask } from '../stream/pool-task.ts'
import { loadStage } from '../stream/stages.ts'
import { TranslateLane } from '../stream/translate.ts'
import { copied } from '../text.ts'
import { createUpstreamClient } from '../upstream/index.ts'
import type { UpstreamCall, UpstreamClient, UpstreamHead } from '../upstream/types.ts'

/** A stream that only pings tells the data thread so this often, in milliseconds: its idle limit runs there. */
const ALIVE_MS = 1_000

let client: UpstreamClient | undefined
const deadlines = new Deadlines(systemClock)

/** The task of a pool thread: runs one stream from the provider's socket to the client's events. Resolves at its end. */
export default async function runStream(task: PoolTask): Promise<void> {
  client ??= createUpstreamClient()
  const [source, target, stages] = await Promise.all([load(task.source), load(task.client), Promise.all(task.stages.map(loadStage))])
  await new Promise<void>((resolve) => new StreamTask(task, { source, target, stages }, resolve).start(client as UpstreamClient))
  task.port.close()
}

interface Parts {
  source: Format
  target: Format
  stages: readonly StreamStage[]
}

async function load(ref: FormatRef): Promise<Format> {
  return ((await import(ref.module)) as { format: Format }).format
}

class StreamTask {
  readonly #task: PoolTask
  readonly #parts: Parts
  readonly #resolve: () => void
  #call: UpstreamCall | undefined
  #lane: TranslateLane | undefined
  #saidAt = 0
  #isDone = false

  constructor(task: PoolTask, parts: Parts, resolve: () => void) {
    this.#task = task
    this.#parts = parts
    this.#resolve = resolve
    task.port.on('message', (order: PoolOrder) => this.#obey(order))
    task.port.on('close', () => this.#abort())
  }

  start(upstream: UpstreamClient): void {
    this.#call = upstream.open(this.#task.target, this.#task.request, {
      onHead: (head) => this.#onHead(head),
      onData: (chunk) => (this.#lane ? this.#onEvents(chunk) : this.#post({ type: 'data', bytes: copied(chunk) })),
      onEnd: () => {
        this.#lane?.end()
        this.#end({ type: 'end' })
      },
      onError: (fault) =>
        this.#end({ type: 'fault', kind: fault.kind, message: fault.message, isReplayable: fault.isReplayable, phase: fault.phase }),
    })
  }

  #onHead(head: UpstreamHead): void {
    const type = head.headers.find(([name]) => name === 'content-type')?.[1] ?? ''
    const isStream = head.status < 300 && type.toLowerCase().includes('event-stream')
    if (isStream) this.#lane = this.#openLane()
    this.#post({ type: 'head', head, isStream })
  }

  #openLane(): TranslateLane {
    const { extra, errors, reply, carry, extraOnAll, sendsRaw } = this.#task
    return new TranslateLane({
      ...this.#parts,
      live: {
        write: (text) => this.#say(text as string),
        commit: () => this.#post({ type: 'commit' }),
        now: () => performance.now(),
        deadlines,
      },
      extra: extra && new ExtraFields(extra, performance.now()),
      extraOnAll,
      sendsRaw,
      wantsUsage: true,
      hidesUsage: false,
      reply,
      carry,
      explain: (error) => explainError(error, errors),
      finish: (error, closing = '') => this.#finish(error, closing),
      onBusy: (isBusy) => (isBusy ? this.#call?.pause() : this.#call?.resume()),
    })
  }

  #onEvents(chunk: Uint8Array): void {
    this.#lane?.data(chunk)
    if (performance.now() - this.#saidAt > ALIVE_MS) this.#say('')
  }

  #say(text: string): void {
    this.#saidAt = performance.now()
    this.#post({ type: 'batch', text })
  }

  #finish(error: GatewayError | undefined, closing: string): void {
    if (this.#lane?.usage) this.#post({ type: 'usage', usage: this.#lane.usage })
    this.#post({ type: 'finish', error: error && { code: error.code, detail: plain(error) }, closing })
  }

  #obey(order: PoolOrder): void {
    if (order.type === 'pause') this.#call?.pause()
    else if (order.type === 'resume') this.#call?.resume()
    else if (order.type === 'abort') this.#abort()
    else this.#lane?.fail(new GatewayError(order.code, order.detail))
  }

  #abort(): void {
    this.#call?.abort()
    this.#settle()
  }

  #end(report: PoolReport): void {
    this.#post(report)
    this.#settle()
  }

  #settle(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#resolve()
  }

  #post(report: PoolReport): void {
    if (!this.#isDone) this.#task.port.postMessage(report)
  }
}

/** Facts of an error that structured clone carries: the raw body and causes may hold anything. */
function plain(error: GatewayError): GatewayError['detail'] {
  return JSON.parse(JSON.stringify(error.detail)) as GatewayError['detail']
}
