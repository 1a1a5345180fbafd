import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import type { ThreadLog } from './guard.ts'
import { watchHeartbeats } from './heartbeat.ts'
import type { Message } from './messages.ts'
import { sendStart, spawnThread } from './spawn.ts'
import { createStoreCalls, type StoreCalls } from './store-calls.ts'
import type { OpenStores, StoreSetup } from './store-messages.ts'

/** Pauses before a lost thread is started again, in milliseconds, by the number of losses in a row. */
const PAUSES_MS: readonly number[] = [0, 100, 500, 2000, 5000]
/** A thread that ran for so long has a clean slate, in milliseconds. */
const SOUND_MS = 60_000
/** It says something every second; one that is silent for so long hangs, and is ended. */
const SILENCE_MS = 10_000
/** How long a thread may take to close its stores before it is ended, in milliseconds. */
const STOP_PATIENCE_MS = 5000

/** What the main thread's hold on the store thread is made from. */
export interface StoreThreadOptions {
  /** The module that every thread runs. */
  entry: URL
  setup: StoreSetup
  log: ThreadLog
  logLevel: string
  logStyle?: 'json' | 'pretty' | undefined
  silenceMs?: number | undefined
}

/** The main thread's hold on the store thread. Its stores reject as `unavailable` while the thread is being started again. */
export interface StoreThread extends OpenStores {
  /** Closes the stores and ends the thread; for good. */
  stop(): Promise<void>
}

/** Starts the store thread; to be called only where a store is configured. A thread that is lost is started again, whatever the reason. */
export function startStoreThread(options: StoreThreadOptions): StoreThread {
  return new Keeper(options)
}

class Keeper implements StoreThread {
  readonly #options: StoreThreadOptions
  readonly #calls: StoreCalls
  readonly #unwatch: () => void
  #running: Running | undefined
  #index = 0
  #losses = 0
  #restart: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  constructor(options: StoreThreadOptions) {
    this.#options = options
    this.#calls = createStoreCalls({
      post: (request) => {
        this.#running?.send({ type: 'store-request', request })
        return this.#running !== undefined
      },
    })
    this.#spawn()
    const onSilent = (running: Running) => {
      options.log.error({ thread: running.index }, 'the store thread gives no sign of life; it is ended')
      void running.worker.terminate()
    }
    const all = () => (this.#running?.isReady ? [this.#running] : [])
    this.#unwatch = watchHeartbeats(all, options.silenceMs ?? SILENCE_MS, onSilent)
  }

  get config() {
    return this.#calls.config
  }
  get logs() {
    return this.#calls.logs
  }
  get keyValue() {
    return this.#calls.keyValue
  }
  get notices() {
    return this.#calls.notices
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart)
    this.#unwatch()
    const running = this.#running
    if (!running) return
    running.send({ type: 'stop', deadline: 0, closeIdle: true })
    const timer = setTimeout(() => void running.worker.terminate(), STOP_PATIENCE_MS)
    await running.exited
    clearTimeout(timer)
  }

  #spawn(): void {
    const { entry, setup, log, logLevel, logStyle } = this.#options
    const running = new Running(spawnThread(entry, 'store'), this.#index++)
    running.port.on('message', (message: Message) => this.#receive(running, message))
    running.worker.on('error', (error) => log.error({ err: error, thread: running.index }, 'the store thread failed'))
    void running.exited.then(() => this.#onExit(running))
    const common = { index: running.index, logLevel, ...(logStyle && { logStyle }), port: running.farPort }
    sendStart(running.worker, { role: 'store', store: setup, ...common })
    this.#running = running
    if (running.index > 0) this.#calls.renew()
  }

  #receive(running: Running, message: Message): void {
    running.lastHeard = performance.now()
    if (message.type === 'ready') running.isReady = true
    else if (message.type === 'store-reply') this.#calls.settle(message.reply)
    else if (message.type === 'store-notice') this.#calls.notice(message.notice)
  }

  #onExit(running: Running): void {
    running.port.close()
    this.#running = undefined
    this.#calls.lost()
    if (this.#stopping) return
    this.#losses = performance.now() - running.startedAt > SOUND_MS ? 1 : this.#losses + 1
    const pauseMs = PAUSES_MS[Math.min(this.#losses, PAUSES_MS.length) - 1] ?? 0
    this.#options.log.error({ thread: running.index, pauseMs }, 'the store thread has ended unasked; it is started again')
    this.#restart = setTimeout(() => this.#spawn(), pauseMs)
  }
}

/** One worker with its port. */
class Running {
  readonly worker: Worker
  readonly index: number
  readonly port: MessagePort
  readonly farPort: MessagePort
  readonly startedAt = performance.now()
  readonly exited: Promise<void>
  lastHeard = performance.now()
  isReady = false

  constructor(worker: Worker, index: number) {
    this.worker = worker
    this.index = index
    const { port1, port2 } = new MessageChannel()
    this.port = port1
    this.farPort = port2
    this.exited = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  send(message: Message): void {
    this.port.postMessage(message)
  }
}
