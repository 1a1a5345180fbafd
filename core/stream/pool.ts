import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Usage } from '../canonical/usage.ts'
import { GatewayError } from '../errors.ts'
import { type Target, type UpstreamCall, UpstreamFault, type UpstreamHandler } from '../upstream/types.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { errorEvent } from './passthrough.ts'
import type { PlainError, PoolOrder, PoolReport, PoolTask, TargetData } from './pool-task.ts'

/** A task without what the pool adds itself. */
export type StreamTask = Omit<PoolTask, 'port' | 'target' | 'request'>

/** Streams per pool thread: they wait for the network nearly all the time, and the default of 1 would queue them. */
const STREAMS_PER_THREAD = 256
/** Characters of batches between two words to the worker that they were taken; a fraction of what it may be ahead. */
const TAKEN_SIZE = 64 * 1024
const POOL_ENTRY = new URL(import.meta.url.endsWith('.ts') ? '../threads/pool.ts' : '../threads/pool.js', import.meta.url)

/**
 * Pool threads for each data thread: what the cores leave after main and data threads, at most one each. On a machine without a
 * spare core a second thread only takes the first one's time (decisions/0003-lanes.md).
 */
export function poolThreadsFor(dataThreads: number, cores: number): number {
  return cores > dataThreads + 1 ? 1 : 0
}

/** The pool of one data thread: its workers run streams from the provider's socket to the client's events. Starts on first use. */
export class StreamPool {
  readonly #threads: number
  readonly #entry: URL
  readonly #calls = new Set<PoolCall>()
  #piscina: Piscina | undefined

  /** `entry`: the module of the worker, for tests. */
  constructor(threads: number, entry: URL = POOL_ENTRY) {
    this.#threads = threads
    this.#entry = entry
  }

  /** Whether one more stream would run at once. In the queue it would wait until another stream ends, which may be minutes. */
  get hasRoom(): boolean {
    return this.#calls.size < this.#threads * STREAMS_PER_THREAD
  }

  /** Runs one stream. Answers that are no stream come to the handler as from any upstream. */
  open({ target, ...task }: OpenTask, handler: UpstreamHandler): PoolCall {
    const { port1, port2 } = new MessageChannel()
    const call = new PoolCall(port1, handler)
    this.#calls.add(call)
    this.#piscina ??= this.#start()
    this.#piscina
      .run({ ...task, target: targetData(target), port: port2 } satisfies PoolTask, { transferList: [port2] })
      .catch((error: unknown) => call.lost(error as Error))
      .finally(() => this.#calls.delete(call))
    return call
  }

  #start(): Piscina {
    const piscina = startPiscina(this.#threads, this.#entry)
    // A thread that had no task died: an idle one, or one that could not start. Unheard, the event would end the process,
    // and what waits for that thread would wait for ever.
    piscina.on('error', (error: Error) => {
      for (const call of [...this.#calls]) {
        if (call.hasBegun) continue
        this.#calls.delete(call)
        call.lost(error)
      }
    })
    return piscina
  }

  async close(): Promise<void> {
    await this.#piscina?.destroy()
  }
}

/** What `open` is given: a target as the pipeline has it. */
type OpenTask = StreamTask & Pick<PoolTask, 'request'> & { target: Target }

function targetData(target: Target): TargetData {
  const { proxy } = target
  return { ...target, proxy: proxy && { ...proxy, url: proxy.url.href } }
}

function startPiscina(threads: number, entry: URL): Piscina {
  return new Piscina({
    filename: entry.href,
    minThreads: 1,
    maxThreads: threads,
    concurrentTasksPerWorker: STREAMS_PER_THREAD,
    // The default blocks an idle worker in Atomics.wait, which then misses the FINs of its idle sockets.
    atomics: 'disabled',
    maxQueue: 65_536,
  })
}

/** A call that runs in the pool. */
export class PoolCall implements UpstreamCall {
  readonly #port: MessagePort
  readonly #handler: UpstreamHandler
  /** The worker has said something. */
  hasBegun = false
  #lane: PoolLane | undefined
  #taken = 0
  #isDone = false

  constructor(port: MessagePort, handler: UpstreamHandler) {
    this.#port = port
    this.#handler = handler
    port.on('message', (report: PoolReport) => this.#onReport(report))
  }

  /** From the head of a stream on, its events go to the lane. */
  attach(lane: PoolLane): void {
    this.#lane = lane
  }

  abort(): void {
    if (this.#isDone) return
    this.order({ type: 'abort' })
    this.#close()
  }
  pause(): void {
    this.order({ type: 'pause' })
  }
  resume(): void {
    this.order({ type: 'resume' })
  }
  order(order: PoolOrder): void {
    if (!this.#isDone) this.#port.postMessage(order)
  }

  /** The worker died or could not start: the stream is lost. */
  lost(error: Error): void {
    if (this.#isDone) return
    this.#close()
    // What cannot be cloned never left this thread: asking again would not help.
    const kind = error.name === 'DataCloneError' ? 'internal' : 'reset'
    this.#handler.onError(new UpstreamFault(kind, `the pool thread was lost: ${error.message}`, false, error))
  }

  #onReport(report: PoolReport): void {
    if (this.#isDone) return
    this.hasBegun = true
    switch (report.type) {
      case 'head':
        return this.#handler.onHead(report.head)
      case 'data':
        return this.#handler.onData(Buffer.from(report.bytes.buffer, report.bytes.byteOffset, report.bytes.byteLength))
      case 'end':
        this.#close()
        return this.#handler.onEnd()
      case 'fault':
        this.#close()
        return this.#handler.onError(
          Object.assign(new UpstreamFault(report.kind, report.message, report.isReplayable), { phase: report.phase }),
        )
      case 'batch':
        this.#take(report.text.length)
        return this.#lane?.onReport(report, this.#handler)
      default:
        return this.#lane?.onReport(report, this.#handler)
    }
  }

  #take(size: number): void {
    this.#taken += size
    if (this.#taken < TAKEN_SIZE) return
    this.order({ type: 'taken', size: this.#taken })
    this.#taken = 0
  }

  #close(): void {
    this.#isDone = true
    this.#port.close()
  }
}

const NOTHING = Buffer.alloc(0)

/** The lane of a stream that runs in the pool: what arrives is the client's already. */
export class PoolLane implements Lane {
  usage: Usage | undefined
  readonly #options: LaneOptions
  #isDone = false

  constructor(options: LaneOptions, call: PoolCall) {
    this.#options = options
    call.attach(this)
  }

  data(): void {}

  end(): void {
    this.fail(new GatewayError('GW_UPSTREAM_TRUNCATED'))
  }

  /** A time limit, or a worker that is gone. It is written here: whoever cannot be waited for cannot write it. */
  fail(error: GatewayError): void {
    if (this.#isDone) return
    const explained = this.#options.explain(error)
    this.#finish(explained, errorEvent(this.#options.target, explained))
  }

  onReport(report: Exclude<PoolReport, { type: 'head' | 'data' | 'end' | 'fault' }>, handler: UpstreamHandler): void {
    if (this.#isDone) return
    if (report.type === 'batch') {
      // Moves the idle limit, as bytes from a socket would.
      handler.onData(NOTHING)
      this.#options.live.write(report.text)
    } else if (report.type === 'commit') this.#options.live.commit()
    else if (report.type === 'usage') this.usage = report.usage
    else this.#finish(report.error && revived(report.error), report.closing)
  }

  #finish(error: GatewayError | undefined, closing: string | Uint8Array): void {
    this.#isDone = true
    this.#options.finish(error, closing)
  }
}

function revived({ code, detail, allowFallbacks }: PlainError): GatewayError {
  const error = new GatewayError(code, detail)
  error.allowFallbacks = allowFallbacks
  return error
}
