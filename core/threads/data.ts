import { parentPort } from 'node:worker_threads'
import type { TlsMaterial } from '../config/edge.ts'
import type { Edge } from '../edge.ts'
import type { Mint } from '../mint.ts'
import type { ProviderModels } from '../models.ts'
import type { LoadedPlugin } from '../plugin/loader.ts'
import { openShared, type Shared } from '../shared.ts'
import type { SnapshotPatch } from '../snapshot.ts'
import { Snapshot } from '../snapshot-tables.ts'
import { createControlCalls, withControlRoutes } from './control-calls.ts'
import { createCredentialCalls } from './credential-calls.ts'
import { containErrors, refuseExit, type ThreadLog } from './guard.ts'
import type { DataThreadStart, Message } from './messages.ts'

const HEARTBEAT_MS = 1000
/** How often a thread that is ending looks whether it is idle. */
const IDLE_CHECK_MS = 10
/** After the deadline: time for streams to write their error event before the connections are cut. */
const LAST_WORDS_MS = 500

/** The pipeline of one data thread (core/gateway.ts). */
export interface ThreadGateway {
  edge: Edge
  /** The snapshot holds the patch already; what was derived from it is brought up to date. Rejects with an error, whose `problems` are listed where it has any. */
  apply(patch: SnapshotPatch): void | Promise<void>
  /** The thread is going to end; requests still come. */
  /** What these providers have, by each of their keys. Never rejects. */
  listModels?(providers: readonly string[]): Promise<ProviderModels[]>
  /** The plugins that serve now. */
  loadedPlugins?(): readonly LoadedPlugin[]
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
  /** Serves with a new certificate; gives the descriptor that takes the place of the one before. Throws where it cannot be used. */
  renew?(tls: TlsMaterial): unknown
  /** No connection comes under an older certificate any more: those that live end with their clients. */
  retire?(): void
}

/** What transports/main.ts gives a data thread, besides what crossed from the main thread. */
export interface DataThreadOptions {
  start: DataThreadStart
  log: ThreadLog
  /** Rejects with an error, whose `problems` are listed where it has any. */
  createGateway(init: { snapshot: Snapshot; shared: Shared; mint: Mint; thread: number }): Promise<ThreadGateway>
  createServer(init: { edge: Edge; snapshot: Snapshot; shared: Shared }): ThreadServer
}

type Handlers = { [T in Message['type']]?: (message: Extract<Message, { type: T }>) => void }

/** Runs a data thread: takes the snapshot, builds the gateway, serves, and ends in order when told to. */
export function runDataThread(options: DataThreadOptions): void {
  const thread = new DataThread(options)
  options.start.port.on('message', (message: Message) => thread.receive(message))
}

class DataThread {
  readonly #options: DataThreadOptions
  readonly #snapshot = new Snapshot()
  readonly #calls = createControlCalls((request) => this.#post({ type: 'control-request', request }))
  readonly #credentials = createCredentialCalls((request) => this.#post({ type: 'credential-request', request }))
  readonly #heartbeat = setInterval(() => this.#post({ type: 'heartbeat', at: Date.now() }), HEARTBEAT_MS).unref()
  #gateway: ThreadGateway | undefined
  #server: ThreadServer | undefined
  #booted: Promise<readonly string[]> | undefined
  #stop: { deadline: number; closeIdle: boolean } | undefined

  constructor(options: DataThreadOptions) {
    this.#options = options
    refuseExit()
    containErrors(options.log, (error) => this.#gateway?.endEscaped?.(error) ?? false)
  }

  receive(message: Message): void {
    const handle = this.#handlers[message.type] as ((message: Message) => void) | undefined
    handle?.(message)
  }

  readonly #handlers: Handlers = {
    patch: ({ patch, isLast }) => {
      this.#snapshot.apply(patch)
      if (!isLast) return
      // A patch that comes while plugins are being set up waits for them: what they derive must see it too.
      this.#booted = this.#booted ? this.#booted.then(() => this.#apply(patch)) : this.#boot()
      void this.#booted.then((problems) => this.#acknowledge(patch.version, problems))
    },
    drain: () => {
      this.#gateway?.drain()
      this.#server?.drain()
    },
    stop: ({ deadline, closeIdle }) => {
      const isFirst = this.#stop === undefined
      this.#stop = { deadline, closeIdle }
      if (isFirst) void this.#end()
    },
    'renew-tls': ({ tls }) => this.#post({ type: 'tls-renewed', descriptor: this.#renew(tls) }),
    'retire-tls': () => this.#server?.retire?.(),
    'models-request': ({ id, providers }) => {
      const listed = this.#gateway?.listModels?.(providers) ?? Promise.resolve([])
      void listed.then((models) => this.#post({ type: 'models-reply', id, models }))
    },
    'control-reply': ({ reply }) => this.#calls.settle(reply),
    'credential-reply': ({ reply }) => this.#credentials.settle(reply),
  }

  #acknowledge(version: number, problems: readonly string[]): void {
    this.#post({ type: 'ack', version, problems, plugins: this.#gateway?.loadedPlugins?.() })
  }

  async #boot(): Promise<readonly string[]> {
    const { start, createGateway, createServer } = this.#options
    try {
      const { mint } = this.#credentials
      const snapshot = this.#snapshot
      const shared = openShared(start.shared)
      this.#gateway = await createGateway({ snapshot, shared, mint, thread: start.index })
      this.#server = createServer({ edge: withControlRoutes(this.#gateway.edge, this.#calls.ask), snapshot, shared })
      this.#post({ type: 'ready', descriptor: this.#server.descriptor })
    } catch (error) {
      this.#post({ type: 'failed', problems: problemsOf(error, `data thread ${start.index} could not start`) })
      await this.#closeGateway()
      this.#leave()
    }
    return []
  }

  async #apply(patch: SnapshotPatch): Promise<readonly string[]> {
    try {
      await this.#gateway?.apply(patch)
      return []
    } catch (error) {
      this.#options.log.error({ err: error, version: patch.version }, 'a change of the configuration was not taken over in full')
      return problemsOf(error, `the change ${patch.version} was not taken over`)
    }
  }

  #renew(tls: TlsMaterial): unknown {
    try {
      return this.#server?.renew?.(tls)
    } catch (error) {
      this.#options.log.error({ err: error }, 'the new certificate cannot be used; the old one stays')
      return undefined
    }
  }

  async #end(): Promise<void> {
    await this.#booted
    await until(() => this.#isIdle() || Date.now() >= (this.#stop?.deadline ?? 0))
    await this.#closeGateway()
    const lastWords = Date.now() + LAST_WORDS_MS
    await until(() => !this.#server || this.#server.running === 0 || Date.now() >= lastWords)
    this.#server?.close()
    this.#post({ type: 'stopped' })
    this.#leave()
  }

  #isIdle(): boolean {
    return !this.#server || (this.#stop?.closeIdle ? this.#server.running : this.#server.connections) === 0
  }

  /** A plugin that fails to close must not keep the thread. */
  async #closeGateway(): Promise<void> {
    try {
      await this.#gateway?.close()
    } catch (error) {
      this.#options.log.error({ err: error }, 'the pipeline did not close in order')
    }
  }

  #post(message: Message): void {
    this.#options.start.port.postMessage(message)
  }

  #leave(): void {
    clearInterval(this.#heartbeat)
    this.#calls.close()
    this.#credentials.close()
    this.#options.start.port.close()
    parentPort?.close()
  }
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

function problemsOf(error: unknown, what: string): readonly string[] {
  const listed = (error as { problems?: unknown } | null)?.problems
  if (Array.isArray(listed) && listed.length > 0) return listed.map(String)
  return [`${what}: ${error instanceof Error ? error.message : String(error)}`]
}
