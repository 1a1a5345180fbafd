import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { explainError } from '../attempt-facts.ts'
import { Deadlines, systemClock } from '../deadlines.ts'
import { GatewayError } from '../errors.ts'
import { ExtraFields } from '../extra-fields.ts'
import type { Format, Framing } from '../format.ts'
import type { StreamStage } from '../hooks/hooks.ts'
import { framingOf } from '../stream/framing.ts'
import type { FormatRef, PlainError, PoolOrder, PoolReport, PoolTask, TargetData } from '../stream/pool-task.ts'
import { loadStage } from '../stream/stages.ts'
import { TranslateLane } from '../stream/translate.ts'
import { copied } from '../text.ts'
import { faultError } from '../upstream/fault.ts'
import { createUpstreamClient } from '../upstream/index.ts'
import type { Target, UpstreamCall, UpstreamClient, UpstreamFault, UpstreamHead } from '../upstream/types.ts'

/**
 * Characters that a stream may be ahead of the data thread: on the port between, nothing else bounds them. With the read under way
 * it must stay well below what the edge buffers for a client it found slow (1 MB), or a client that only paused would be cut.
 */
const MAX_AHEAD = 256 * 1024

let client: UpstreamClient | undefined
const deadlines = new Deadlines(systemClock)

/** The task of a pool thread: runs one stream from the provider's socket to the client's events. Resolves at its end. */
export default async function runStream(task: PoolTask): Promise<void> {
  const { port } = task
  client ??= createUpstreamClient()
  const upstream = client
  const parts = await loadParts(task).catch((error: unknown) => refuse(port, error as Error))
  // The only order there can be so early is to give up: then the provider is not asked at all.
  const isWanted = parts !== undefined && receiveMessageOnPort(port) === undefined
  if (isWanted) await new Promise<void>((resolve) => new StreamTask(task, parts, resolve).start(upstream))
  port.close()
}

interface Parts {
  source: Format
  target: Format
  stages: readonly StreamStage[]
}

async function loadParts(task: PoolTask): Promise<Parts> {
  const [source, target, stages] = await Promise.all([load(task.source), load(task.client), Promise.all(task.stages.map(loadStage))])
  return { source, target, stages }
}

/** Something that the stream needs cannot be imported: its request fails, and no other. */
function refuse(port: MessagePort, { message }: Error): undefined {
  port.postMessage({ type: 'fault', kind: 'internal', message, isReplayable: false, phase: undefined } satisfies PoolReport)
}

async function load(ref: FormatRef): Promise<Format> {
  return ((await import(ref.module)) as { format: Format }).format
}

class StreamTask {
  readonly #task: PoolTask
  readonly #parts: Parts
  readonly #resolve: () => void
  /** On this thread's clock, which is not the data thread's. */
  readonly #startedAt = performance.now()
  #call: UpstreamCall | undefined
  #lane: TranslateLane | undefined
  /** Characters of batches that the data thread has not taken yet. */
  #ahead = 0
  #isHeld = false
  #hasSpoken = false
  #isCommitted = false
  #isDone = false

  constructor(task: PoolTask, parts: Parts, resolve: () => void) {
    this.#task = task
    this.#parts = parts
    this.#resolve = resolve
    task.port.on('message', (order: PoolOrder) => this.#obey(order))
    task.port.on('close', () => this.#abort())
  }

  start(upstream: UpstreamClient): void {
    this.#call = upstream.open(targetOf(this.#task.target), this.#task.request, {
      onHead: (head) => this.#onHead(head),
      onData: (chunk) => (this.#lane ? this.#onEvents(chunk) : this.#post({ type: 'data', bytes: copied(chunk) })),
      onEnd: () => {
        this.#lane?.end()
        this.#end({ type: 'end' })
      },
      onError: (fault) => this.#onError(fault),
    })
  }

  #onHead(head: UpstreamHead): void {
    const type = head.headers.find(([name]) => name === 'content-type')?.[1] ?? ''
    const framing = framingOf(type.toLowerCase(), this.#parts.source, true)
    this.#post({ type: 'head', head })
    if (head.status >= 300 || !framing) return
    try {
      this.#lane = this.#openLane(framing)
    } catch (error) {
      // A stage that cannot start: thrown on, it would end this thread with all its streams.
      this.#finish(explainError(error as Error, this.#task.errors), '')
      this.#abort()
    }
  }

  /** Inside a stream the lane writes it, as in the data thread: stages may hold something back. */
  #onError(fault: UpstreamFault): void {
    this.#lane?.fail(faultError(fault, {}))
    const { kind, message, isReplayable, phase } = fault
    this.#end({ type: 'fault', kind, message, isReplayable, phase })
  }

  #openLane(framing: Framing): TranslateLane {
    const { extra, errors, reply, carry, extraOnAll, sendsRaw } = this.#task
    return new TranslateLane({
      ...this.#parts,
      framing,
      live: {
        write: (text) => this.#say(text as string),
        commit: () => this.#commit(),
        now: () => performance.now(),
        deadlines,
      },
      extra: extra && new ExtraFields(extra, this.#startedAt),
      extraOnAll,
      sendsRaw,
      wantsUsage: true,
      hidesUsage: false,
      reply,
      carry,
      explain: (error) => explainError(error, errors),
      finish: (error, closing = '') => this.#finish(error, closing),
      // Asynchronous stages have no address.
      onBusy() {},
    })
  }

  /** What makes no event is told as well: any byte moves the idle limit, which runs on the data thread. */
  #onEvents(chunk: Uint8Array): void {
    this.#hasSpoken = false
    this.#lane?.data(chunk)
    if (!this.#hasSpoken) this.#say('')
  }

  /** The lane says so with every part of content; a message costs more than an event. */
  #commit(): void {
    if (this.#isCommitted) return
    this.#isCommitted = true
    this.#post({ type: 'commit' })
  }

  #say(text: string): void {
    this.#hasSpoken = true
    this.#ahead += text.length
    this.#post({ type: 'batch', text })
    if (this.#ahead > MAX_AHEAD) this.#call?.pause()
  }

  #finish(error: GatewayError | undefined, closing: string | Uint8Array): void {
    if (this.#lane?.usage) this.#post({ type: 'usage', usage: this.#lane.usage })
    this.#post({ type: 'finish', error: error && plain(error, this.#task), closing })
  }

  #obey(order: PoolOrder): void {
    if (order.type === 'abort') return this.#abort()
    if (order.type === 'taken') this.#ahead -= order.size
    else this.#isHeld = order.type === 'pause'
    if (this.#isHeld || this.#ahead > MAX_AHEAD) this.#call?.pause()
    else this.#call?.resume()
  }

  #abort(): void {
    this.#call?.abort()
    this.#settle()
    // Ends the stages and their alarms; nobody is told any more.
    this.#lane?.fail(new GatewayError('GW_CANCELLED'))
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

function targetOf(target: TargetData): Target {
  const { proxy } = target
  return { ...target, proxy: proxy && { ...proxy, url: new URL(proxy.url) } }
}

/** Facts of an error that structured clone carries: the raw body and causes may hold anything. */
function plain({ code, detail, allowFallbacks }: GatewayError, { errors }: PoolTask): PlainError {
  try {
    return { code, detail: JSON.parse(JSON.stringify(detail)) as GatewayError['detail'], allowFallbacks }
  } catch {
    // A stage put something circular into its refusal.
    return { code, detail: errors.detail, allowFallbacks }
  }
}
