import { parentPort } from 'node:worker_threads'
import type { Edge } from '../edge.ts'
import { openShared, type Shared } from '../shared.ts'
import type { SnapshotPatch } from '../snapshot.ts'
import { Snapshot } from '../snapshot-tables.ts'
import { createControlCalls, withControlRoutes } from './control-calls.ts'
import { containErrors, refuseExit, type ThreadLog } from './guard.ts'
import type { Message, ThreadStart } from './messages.ts'

const HEARTBEAT_MS = 1000
/** How often a thread that is ending looks whether it is idle. */
const IDLE_CHECK_MS = 10
/** After the deadline: time for streams to write their error event before the connections are cut. */
const LAST_WORDS_MS = 500

/** The pipeline of one data thread (core/gateway.ts). */
export interface ThreadGateway {
  edge: Edge
  /** The snapshot holds the patch already; what was derived from them is brought up to date. */
  apply(patch: SnapshotPatch): void
  /** The thread is going to end; requests still come. */
  drain(): void
  /** Ends what still runs with the error of a gateway that shuts down; closes plugins and connections. */
  close(): void | Promise<void>
  /** Ends the request in whose context an error escaped; false when there is none. */
  endEscaped?(error: unknown): boolean
}

/** The transport of one data thread (transports/http). */
export interface ThreadServer {
  readonly descriptor: unknown
  /** Open connections. */
  readonly connections: number
  /** Requests whose answer has not ended. */
  readonly running: number
  /** Answers with `Connection: close` from now on. */
  drain(): void
  /** Closes all connections at once. */
  close(): void
}

/** What transports/main.ts gives a data thread, besides what crossed from the main thread. */
export interface DataThreadOptions {
  start: ThreadStart
  log: ThreadLog
  /** Rejects with an error, whose `problems` are listed where it has any. */
  createGateway(init: { snapshot: Snapshot; shared: Shared; thread: number }): Promise<ThreadGateway>
  createServer(init: { edge: Edge; snapshot: Snapshot }): ThreadServer
}

type Handlers = { [T in Message['type']]?: (message: Extract<Message, { type: T }>) => void }

/** Runs a data thread: takes the snapshot, builds the gateway, serves, and ends in order when told to. */
export function runDataThread(options: DataThreadOptions): void {
  const { start, log } = options
  const { port } = start
  const snapshot = new Snapshot()
  const calls = createControlCalls((request) => post({ type: 'control-request', request }))
  let gateway: ThreadGateway | undefined
  let server: ThreadServer | undefined

  refuseExit()
  containErrors(log, (error) => gateway?.endEscaped?.(error) ?? false)
  const heartbeat = setInterval(() => post({ type: 'heartbeat', at: Date.now() }), HEARTBEAT_MS).unref()

  function post(message: Message): void {
    port.postMessage(message)
  }

  async function boot(): Promise<void> {
    gateway = await options.createGateway({ snapshot, shared: openShared(start.shared), thread: start.index })
    server = options.createServer({ edge: withControlRoutes(gateway.edge, calls.ask), snapshot })
    post({ type: 'ready', descriptor: server.descriptor })
  }

  function leave(): void {
    clearInterval(heartbeat)
    calls.close()
    port.close()
    parentPort?.close()
  }

  function onPatchFailed(error: unknown): void {
    log.error({ err: error }, 'a change of the configuration was not taken over in full')
  }

  function onBootFailed(error: unknown): void {
    post({ type: 'failed', problems: problemsOf(error, start.index) })
    server?.close()
    leave()
  }

  let booted: Promise<void> | undefined
  let stop: { deadline: number; closeIdle: boolean } | undefined

  async function end(): Promise<void> {
    await booted
    const isIdle = () => !server || (stop?.closeIdle ? server.running : server.connections) === 0
    await until(() => isIdle() || Date.now() >= (stop?.deadline ?? 0))
    await gateway?.close()
    const lastWords = Date.now() + LAST_WORDS_MS
    await until(() => !server || server.running === 0 || Date.now() >= lastWords)
    server?.close()
    post({ type: 'stopped' })
    leave()
  }

  const handlers: Handlers = {
    patch({ patch, isLast }) {
      snapshot.apply(patch)
      if (!isLast) return
      // A patch that comes while plugins are being set up waits for them: what they derive must see it too.
      booted = booted ? booted.then(() => gateway?.apply(patch)).catch(onPatchFailed) : boot().catch(onBootFailed)
      void booted.then(() => post({ type: 'ack', version: snapshot.version }))
    },
    drain() {
      gateway?.drain()
      server?.drain()
    },
    stop({ deadline, closeIdle }) {
      const isFirst = stop === undefined
      stop = { deadline, closeIdle }
      if (isFirst) void end()
    },
    'control-reply': ({ reply }) => calls.settle(reply),
  }
  port.on('message', (message: Message) => (handlers[message.type] as ((message: Message) => void) | undefined)?.(message))
}

function until(isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (isTrue()) return resolve()
    const timer = setInterval(() => {
      if (!isTrue()) return
      clearInterval(timer)
      resolve()
    }, IDLE_CHECK_MS)
  })
}

function problemsOf(error: unknown, index: number): readonly string[] {
  const listed = (error as { problems?: unknown } | null)?.problems
  if (Array.isArray(listed) && listed.length > 0) return listed.map(String)
  return [`data thread ${index} could not start: ${error instanceof Error ? error.message : String(error)}`]
}
