import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Usage } from '../canonical/usage.ts'
import { GatewayError } from '../errors.ts'
import { type UpstreamCall, UpstreamFault, type UpstreamHandler } from '../upstream/types.ts'
import type { Lane, LaneOptions } from './lane.ts'
import type { PoolOrder, PoolReport, PoolTask } from './pool-task.ts'

/** A task without what the pool adds itself. */
export type StreamTask = Omit<PoolTask, 'port' | 'target' | 'request'>

/** Streams per pool thread: they wait for the network nearly all the time, and the default of 1 would queue them. */
const STREAMS_PER_THREAD = 256
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
  #piscina: Piscina | undefined

  constructor(threads: number) {
    this.#threads = threads
  }

  /** Runs one stream. Answers that are no stream come to the handler as from any upstream. */
  open(task: StreamTask & Pick<PoolTask, 'target' | 'request'>, handler: UpstreamHandler): PoolCall {
    const { port1, port2 } = new MessageChannel()
    const call = new PoolCall(port1, handler)
    this.#piscina ??= startPiscina(this.#threads)
    this.#piscina
      .run({ ...task, port: port2 } satisfies PoolTask, { transferList: [port2] })
      .catch((error: unknown) => call.lost(error as Error))
    return call
  }

  async close(): Promise<void> {
    await this.#piscina?.destroy()
  }
}

function startPiscina(threads: number): Piscina {
  return new Piscina({
    filename: POOL_ENTRY.href,
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
  #lane: PoolLane | undefined
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
    this.#handler.onError(new UpstreamFault('reset', `the pool thread was lost: ${error.message}`, false, error))
  }

  #onReport(report: PoolReport): void {
    if (this.#isDone) return
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
      default:
        return this.#lane?.onReport(report, this.#handler)
    }
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
  readonly #call: PoolCall
  #isDone = false

  constructor(options: LaneOptions, call: PoolCall) {
    this.#options = options
    this.#call = call
    call.attach(this)
  }

  data(): void {}

  end(): void {
    if (!this.#isDone) this.#finish(this.#options.explain(new GatewayError('GW_UPSTREAM_TRUNCATED')), '')
  }

  /** The worker writes the error event, because it knows what of the stream went out. */
  fail(error: GatewayError): void {
    if (this.#isDone) return
    this.#call.order({ type: 'fail', code: error.code, detail: error.detail })
  }

  onReport(report: Exclude<PoolReport, { type: 'head' | 'data' | 'end' | 'fault' }>, handler: UpstreamHandler): void {
    if (this.#isDone) return
    if (report.type === 'batch') {
      // Moves the idle limit, as bytes from a socket would.
      handler.onData(NOTHING)
      this.#options.live.write(report.text)
    } else if (report.type === 'commit') this.#options.live.commit()
    else if (report.type === 'usage') this.usage = report.usage
    else this.#finish(report.error && new GatewayError(report.error.code, report.error.detail), report.closing)
  }

  #finish(error: GatewayError | undefined, closing: string): void {
    this.#isDone = true
    this.#options.finish(error, closing)
  }
}
