import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import type { TlsMaterial } from '../config/edge.ts'
import type { Surface } from '../edge.ts'
import type { ProviderModels } from '../models.ts'
import type { LoadedPlugin } from '../plugin/loader.ts'
import type { SnapshotPatch, SnapshotTables } from '../snapshot.ts'
import { slices } from '../snapshot-tables.ts'
import type { CredentialReply, CredentialRequest } from './credential-calls.ts'
import type { ThreadLog } from './guard.ts'
import type { ControlReply, ControlRequest, DataThreadStart, Message } from './messages.ts'
import { sendStart, spawnThread } from './spawn.ts'

/** A thread that said `stopped` has closed its app, and may then be ended from outside without harm to the process. */
const EXIT_PATIENCE_MS = 2000

/** A thread could not start; `problems` are sentences for the operator. */
export class ThreadStartError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[], options?: { cause?: unknown }) {
    super(problems.join('\n'), options)
    this.name = 'ThreadStartError'
    this.problems = problems
  }
}

/** What every data thread is started with. */
export interface ThreadInit {
  /** The entry of every thread (transports/main.ts). */
  entry: URL
  threads: number
  shared: SharedArrayBuffer
  logLevel: string
  logStyle?: 'json' | 'pretty' | undefined
  /** Of now: threads that start later get what is then here. */
  tls?: TlsMaterial | undefined
  bridgeWord?: string | undefined
  surfaces?: readonly Surface[] | undefined
  log: ThreadLog
  /** Answers a request that is at home on the main thread; never rejects. */
  answer(request: ControlRequest): Promise<ControlReply>
  /** Asks the process's mint; never rejects. */
  mint(request: CredentialRequest): Promise<CredentialReply>
  /** The thread ended although nobody asked it to. */
  onLost(thread: ThreadHandle): void
}

type Handlers = { [T in Message['type']]?: (message: Extract<Message, { type: T }>) => void }

/** The main thread's end of a data thread: what it is told, what it said. */
export class ThreadHandle {
  readonly index: number
  /** Of its uWebSockets.js app, for the acceptor; set when `start` has resolved. */
  descriptor: unknown
  /** When it was last heard of, in `performance.now()` milliseconds. */
  lastHeard = performance.now()
  /** The plugins that serve in it, as it last said. */
  plugins: readonly LoadedPlugin[] = []
  /** It has said that it can take connections. */
  isReady = false
  readonly exited: Promise<void>

  readonly #init: ThreadInit
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #ready = Promise.withResolvers<void>()
  readonly #stopped = Promise.withResolvers<void>()
  #acknowledged = 0
  #waiters: { version: number; resolve: (problems: readonly string[]) => void }[] = []
  /** Patches that came while the whole was being sent; undefined afterwards. */
  #backlog: SnapshotPatch[] | undefined = []
  #isStopping = false
  #renewed: ((descriptor: unknown) => void) | undefined
  /** Who waits for a list of models; each list has a time limit of its own. */
  readonly #questions = new Map<number, (models: readonly ProviderModels[]) => void>()
  #lastQuestion = 0

  /** `worker`: one that was spawned already. */
  constructor(index: number, { worker, ...init }: ThreadInit & { worker?: Worker | undefined }) {
    this.index = index
    this.#init = init
    const { port1, port2 } = new MessageChannel()
    const start: DataThreadStart = {
      role: 'data',
      index,
      threads: init.threads,
      shared: init.shared,
      logLevel: init.logLevel,
      ...(init.logStyle && { logStyle: init.logStyle }),
      ...(init.tls && { tls: init.tls }),
      ...(init.surfaces && { surfaces: init.surfaces }),
      ...(init.bridgeWord && { bridgeWord: init.bridgeWord }),
      port: port2,
    }
    this.#port = port1
    this.#worker = worker ?? spawnThread(init.entry, 'data')
    sendStart(this.#worker, start)
    this.exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#ready.promise.catch(() => {})
    this.#worker.on('error', (error) => {
      init.log.error({ err: error, role: 'data', thread: index }, 'a thread failed')
      this.#ready.reject(new ThreadStartError([`data thread ${index} failed: ${error.message}`], { cause: error }))
    })
    this.#worker.once('exit', () => this.#onExit())
    this.#port.on('message', (message: Message) => this.#receive(message))
  }

  /** Sends the whole snapshot, in slices, and waits until the thread can take connections. Rejects with ThreadStartError. */
  async start(tables: SnapshotTables, version: number): Promise<void> {
    for (const { patch, isLast } of slices(tables, version)) {
      this.send({ type: 'patch', patch, isLast })
      if (!isLast) await nextTurn()
    }
    const backlog = this.#backlog ?? []
    this.#backlog = undefined
    for (const patch of backlog) this.patch(patch)
    await this.#ready.promise
  }

  send(message: Message): void {
    this.#port.postMessage(message)
  }

  patch(patch: SnapshotPatch): void {
    if (this.#backlog) this.#backlog.push(patch)
    else this.send({ type: 'patch', patch, isLast: true })
  }

  /** Resolves when the thread has this version in place, or has ended, with what it could not take over. */
  acknowledged(version: number): Promise<readonly string[]> {
    if (this.#acknowledged >= version) return Promise.resolve([])
    return new Promise((resolve) => this.#waiters.push({ version, resolve }))
  }

  /** Has it serve with a new certificate; resolves to the descriptor it had before, undefined where the new one could not be used. */
  async renewTls(tls: TlsMaterial): Promise<unknown> {
    const renewed = Promise.withResolvers<unknown>()
    this.#renewed = renewed.resolve
    this.send({ type: 'renew-tls', tls })
    const next = await Promise.race([renewed.promise, this.exited.then(() => undefined)])
    if (next === undefined) return undefined
    const before = this.descriptor
    this.descriptor = next
    return before
  }

  /** What providers have, as this thread learns it. Empty where the thread ends before. */
  async listModels(providers: readonly string[]): Promise<readonly ProviderModels[]> {
    const id = ++this.#lastQuestion
    const asked = Promise.withResolvers<readonly ProviderModels[]>()
    this.#questions.set(id, asked.resolve)
    this.send({ type: 'models-request', id, providers })
    const models = await Promise.race([asked.promise, this.exited.then(() => [])])
    this.#questions.delete(id)
    return models
  }

  /** Ends the thread: `closeIdle` cuts connections that carry no request, else it waits for their clients to go. */
  async stop(options: { deadline: number; closeIdle: boolean }): Promise<void> {
    this.#isStopping = true
    this.send({ type: 'stop', ...options })
    await this.#stopped.promise
    const timer = setTimeout(() => void this.#worker.terminate(), EXIT_PATIENCE_MS)
    await this.exited
    clearTimeout(timer)
  }

  #receive(message: Message): void {
    this.lastHeard = performance.now()
    const handle = this.#handlers[message.type] as ((message: Message) => void) | undefined
    handle?.(message)
  }

  readonly #handlers: Handlers = {
    ready: ({ descriptor }) => {
      this.descriptor = descriptor
      this.isReady = true
      this.#ready.resolve()
    },
    failed: ({ problems }) => this.#ready.reject(new ThreadStartError(problems)),
    ack: ({ version, problems = [], plugins = [] }) => {
      this.plugins = plugins
      this.#acknowledged = version
      const due = this.#waiters.filter((waiter) => waiter.version <= version)
      this.#waiters = this.#waiters.filter((waiter) => waiter.version > version)
      for (const waiter of due) waiter.resolve(waiter.version === version ? problems : [])
    },
    'tls-renewed': ({ descriptor }) => this.#renewed?.(descriptor),
    'models-reply': ({ id, models }) => this.#questions.get(id)?.(models),
    stopped: () => this.#stopped.resolve(),
    'control-request': ({ request }) => {
      void this.#init.answer(request).then((reply) => this.send({ type: 'control-reply', reply }))
    },
    'credential-request': ({ request }) => {
      void this.#init.mint(request).then((reply) => this.send({ type: 'credential-reply', reply }))
    },
  }

  #onExit(): void {
    this.#ready.reject(new ThreadStartError([`data thread ${this.index} ended before it was ready`]))
    this.#stopped.resolve()
    for (const waiter of this.#waiters.splice(0)) waiter.resolve([])
    this.#port.close()
    if (this.isReady && !this.#isStopping) this.#init.onLost(this)
  }
}
