import { setTimeout as wait } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { TlsMaterial } from '../config/edge.ts'
import type { Surface } from '../edge.ts'
import { type KeyStatus, keyStatus } from '../key-status.ts'
import type { Mint } from '../mint.ts'
import type { ProviderModels } from '../models.ts'
import type { LoadedPlugin } from '../plugin/loader.ts'
import { createShared, openShared } from '../shared.ts'
import { placeRows } from '../slots.ts'
import type { SnapshotPatch, SnapshotTables } from '../snapshot.ts'
import { Snapshot, slices } from '../snapshot-tables.ts'
import { answerCredentialRequest } from './credential-calls.ts'
import type { ThreadLog } from './guard.ts'
import { ThreadHandle, type ThreadInit } from './handle.ts'
import { watchHeartbeats } from './heartbeat.ts'
import type { ControlReply, ControlRequest } from './messages.ts'
import { type ChangePublished, publication } from './publication.ts'

/** An admin write waits this long for all threads to have it in place. */
const ACKNOWLEDGE_MS = 1000
/** One of plugins so long: they are loaded, and a client waits 10 s for an answer of the main thread. */
const LOAD_MS = 9000
/** A connection that was handed over before the thread left the acceptor's list arrives within this time. */
const HAND_OVER_MS = 200
/** A data thread says something every second; one that is silent for this long hangs. */
const SILENCE_MS = 10_000
/** How long a replaced thread waits for its clients where no configuration says otherwise. */
const DEFAULT_GRACE_MS = 30_000

/** Owns the listening sockets and hands connections over, round robin (transports/http). */
export interface Acceptor {
  add(descriptor: unknown): void
  remove(descriptor: unknown): void
  /** Closes the listening sockets; connections that were handed over live on. */
  close(): void
}

/** A handler of a route with `at: 'control'`, by the name that the route gives as its operation. */
export type ControlRoute = (request: ControlRequest) => Omit<ControlReply, 'id'> | Promise<Omit<ControlReply, 'id'>>

/** What the control thread is made from. */
export interface ControlOptions {
  /** The module that every thread runs. */
  entry: URL
  /** A data thread that was spawned ahead and waits for its start. */
  spare?: Worker | undefined
  threads: number
  tables: SnapshotTables
  log: ThreadLog
  logLevel: string
  logStyle?: 'json' | 'pretty' | undefined
  /** Data threads speak TLS with this. */
  tls?: TlsMaterial | undefined
  /** The listeners of the process. */
  surfaces?: readonly Surface[] | undefined
  /** By this word data threads know the listener of `client.http2_port`. */
  bridgeWord?: string | undefined
  routes: Readonly<Record<string, ControlRoute>>
  /** The process's mint. */
  mint: Mint
  /** The store thread, where there is one: it ends after the data threads. */
  store?: { stop(): Promise<void> } | undefined
  /** A data thread hangs or was lost: the process cannot be trusted any more. The supervisor starts the next. */
  onBroken(reason: string): void
  silenceMs?: number | undefined
  /** How long a change of plugins is waited for; 9 s unless said. */
  loadMs?: number | undefined
}

/** How the gateway's process ends: milliseconds. */
export interface StopTimes {
  /** The listener stays open for so long, while readiness says 503. */
  delayMs: number
  /** After that, running requests may take so long. */
  graceMs: number
}

/** The main thread's hold on all others. */
export interface Control {
  readonly version: number
  readonly isDraining: boolean
  /** Threads that serve now. */
  readonly threads: number
  /** From now on connections go to the data threads. */
  serve(acceptor: Acceptor): void
  /** Changes the configuration in every thread; `acknowledged` is false when not all had it in place within a second. */
  publish(change: Partial<Pick<SnapshotPatch, 'set' | 'delete'>>): Promise<ChangePublished>
  /** What requests have told of a key, by its id; undefined: there is no such key. */
  keyStatus(id: string): KeyStatus | undefined
  /** What these providers have, as a data thread learns it from them. Never rejects. */
  listModels(providers: readonly string[]): Promise<readonly ProviderModels[]>
  /** The plugins that serve, as the first data thread says. */
  plugins(): readonly LoadedPlugin[]
  /** Starts a data thread in place of the one at this position (from 0) and ends the old one without losing a request. */
  replaceThread(position: number): Promise<void>
  /** New connections are served with this certificate; those that are open stay as they are. */
  renewTls(tls: TlsMaterial): Promise<void>
  /** Drains and ends all threads. Resolves when none is left; later calls get the same promise. */
  stop(times: StopTimes): Promise<void>
}

/** Starts the data threads; resolves when all are ready. Rejects with ThreadStartError, all threads ended. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const control = new ControlThread(options)
  await control.start(options.threads)
  return control
}

class ControlThread implements Control {
  isDraining = false
  readonly #options: ControlOptions
  readonly #snapshot = new Snapshot()
  readonly #sharedMemory = createShared()
  readonly #shared = openShared(this.#sharedMemory)
  readonly #init: ThreadInit
  /** In the order of their positions; only those that serve. */
  #serving: ThreadHandle[] = []
  /** Also those that start or end: they get patches too. */
  readonly #alive = new Set<ThreadHandle>()
  #acceptor: Acceptor | undefined
  #spare: Worker | undefined
  #started = 0
  #replacing: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined
  readonly #unwatch: () => void

  constructor(options: ControlOptions) {
    this.#options = options
    this.#spare = options.spare
    for (const { patch } of slices(options.tables, 1)) this.#snapshot.apply(patch)
    this.#init = {
      ...options,
      shared: this.#sharedMemory,
      answer: (request) => this.#answer(request),
      mint: (request) => answerCredentialRequest(this.#snapshot.tables, options.mint, request),
      onLost: (thread) => options.onBroken(`data thread ${thread.index} ended unasked`),
    }
    const onSilent = (thread: ThreadHandle) => options.onBroken(`data thread ${thread.index} gives no sign of life`)
    this.#unwatch = watchHeartbeats(() => [...this.#alive].filter((thread) => thread.isReady), options.silenceMs ?? SILENCE_MS, onSilent)
  }

  get version(): number {
    return this.#snapshot.version
  }
  get threads(): number {
    return this.#serving.length
  }

  async start(count: number): Promise<void> {
    const starts = await Promise.allSettled(Array.from({ length: count }, () => this.#startThread()))
    const failure = starts.find((start) => start.status === 'rejected')
    if (failure) {
      await this.stop({ delayMs: 0, graceMs: 0 })
      throw failure.reason
    }
    this.#serving = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  }

  serve(acceptor: Acceptor): void {
    this.#acceptor = acceptor
    for (const thread of this.#serving) acceptor.add(thread.descriptor)
  }

  async publish({ set = [], delete: deleted = [] }: Partial<Pick<SnapshotPatch, 'set' | 'delete'>>): Promise<ChangePublished> {
    const placed = placeRows({ set, delete: deleted }, this.#snapshot.tables.providers, this.#shared)
    const patch: SnapshotPatch = { version: this.version + 1, set: placed, delete: deleted }
    this.#snapshot.apply(patch)
    const threads = [...this.#alive]
    for (const thread of threads) thread.patch(patch)
    const all = Promise.all(threads.map((thread) => thread.acknowledged(patch.version)))
    const isLoading = [...set, ...deleted].some(([table]) => table === 'plugins')
    return publication(patch.version, all, isLoading ? (this.#options.loadMs ?? LOAD_MS) : ACKNOWLEDGE_MS)
  }

  keyStatus(id: string): KeyStatus | undefined {
    for (const { keys } of this.#snapshot.tables.providers.values()) {
      const key = keys.find((each) => each.id === id)
      if (key) return keyStatus(this.#shared, key, Date.now())
    }
    return undefined
  }

  async listModels(providers: readonly string[]): Promise<readonly ProviderModels[]> {
    return this.#serving[0]?.listModels(providers) ?? []
  }

  plugins(): readonly LoadedPlugin[] {
    return this.#serving[0]?.plugins ?? []
  }

  replaceThread(position: number): Promise<void> {
    return this.#inTurn(() => this.#replace(position))
  }

  renewTls(tls: TlsMaterial): Promise<void> {
    return this.#inTurn(() => this.#renewTls(tls))
  }

  /** One change of the data threads after the other. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#replacing.then(change)
    this.#replacing = changed.catch(() => {})
    return changed
  }

  stop(times: StopTimes): Promise<void> {
    this.#stopping ??= this.#stop(times)
    return this.#stopping
  }

  async #startThread(): Promise<ThreadHandle> {
    const thread = new ThreadHandle(this.#started++, { ...this.#init, worker: this.#spare })
    this.#spare = undefined
    this.#alive.add(thread)
    void thread.exited.then(() => this.#alive.delete(thread))
    await thread.start(this.#snapshot.tables, this.version)
    return thread
  }

  async #replace(position: number): Promise<void> {
    const old = this.#serving[position]
    if (!old) throw new RangeError(`there is no data thread at position ${position}`)
    if (this.isDraining) return
    const next = await this.#startThread()
    if (this.isDraining) return
    this.#serving[position] = next
    this.#acceptor?.add(next.descriptor)
    this.#acceptor?.remove(old.descriptor)
    await wait(HAND_OVER_MS)
    old.send({ type: 'drain' })
    await old.stop({ deadline: Date.now() + (this.#snapshot.tables.client.get('client')?.graceMs ?? DEFAULT_GRACE_MS), closeIdle: false })
    this.#options.log.info({ thread: old.index, by: next.index }, 'a data thread was replaced')
  }

  async #renewTls(tls: TlsMaterial): Promise<void> {
    if (this.isDraining) return
    this.#init.tls = tls
    const renewed = await Promise.all(
      this.#serving.map(async (thread) => {
        const before = await thread.renewTls(tls)
        if (before === undefined) return []
        this.#acceptor?.add(thread.descriptor)
        this.#acceptor?.remove(before)
        return [thread]
      }),
    )
    await wait(HAND_OVER_MS)
    for (const thread of renewed.flat()) thread.send({ type: 'retire-tls' })
  }

  async #stop({ delayMs, graceMs }: StopTimes): Promise<void> {
    this.isDraining = true
    this.#unwatch()
    for (const thread of this.#alive) thread.send({ type: 'drain' })
    if (this.#acceptor) await this.#closeListeners(this.#acceptor, delayMs)
    const deadline = Date.now() + graceMs
    await Promise.all([...this.#alive].map((thread) => thread.stop({ deadline, closeIdle: true })))
    await this.#options.store?.stop()
  }

  async #closeListeners(acceptor: Acceptor, delayMs: number): Promise<void> {
    await wait(Math.max(0, delayMs - HAND_OVER_MS))
    acceptor.close()
    await wait(HAND_OVER_MS)
  }

  async #answer(request: ControlRequest): Promise<ControlReply> {
    const { id, route } = request
    try {
      const handle = this.#options.routes[route]
      if (!handle) throw new Error(`no control route is called ${route}`)
      return { id, ...(await handle(request)) }
    } catch (error) {
      this.#options.log.error({ err: error, route }, 'a control route failed')
      return { id, status: 500, headers: [['content-type', 'application/json']], body: INTERNAL_ERROR }
    }
  }
}

const INTERNAL_ERROR = JSON.stringify({
  is_bifrost_error: true,
  status_code: 500,
  error: { type: 'internal_error', code: 'internal_error', message: 'the gateway failed to handle this request' },
})
