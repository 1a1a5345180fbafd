import type { ThreadLog } from '../threads/guard.ts'
import { MAX_LOG_BODY } from './log-checks.ts'
import type { LogRecord } from './log-records.ts'
import { type LogStore, StoreError } from './stores.ts'

/** Records of one batch, at most. */
const BATCH = 200
/** UTF-16 units of one batch's texts, at most, unless one record alone has more. */
const BATCH_TEXT = MAX_LOG_BODY
/** How long a record may wait for others to share its batch, in milliseconds. */
const LINGER_MS = 100
/** Records that wait at most. */
const MOST_WAITING = 10_000
/** UTF-16 units of the texts that wait, at most. */
const MOST_TEXT = 32 * 1024 * 1024
/** Pauses before a batch is tried again, in milliseconds; the last one stays. */
const PAUSES_MS: readonly number[] = [250, 500, 1000, 2000, 5000]
/** Losses are said so often at most, in milliseconds. */
const SAY_MS = 60_000

/** What a queue of records is made from. */
export interface LogQueueOptions {
  append: LogStore['append']
  log: ThreadLog
  /** Milliseconds from any start. */
  now(): number
  /** Resolves after so many milliseconds, or rejects when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>
  mostWaiting?: number | undefined
  mostText?: number | undefined
}

interface Waiting {
  record: LogRecord
  text: number
}

/**
 * Records on their way to a store, in their order and in batches. Whoever adds one never waits and never fails: where the store is slow or
 * gone, records wait, and when too many do the oldest are dropped and counted.
 */
export class LogQueue {
  readonly #options: LogQueueOptions
  readonly #mostWaiting: number
  readonly #mostText: number
  readonly #waiting: Waiting[] = []
  /** Of them, from the first: those that are being written now. */
  #sending = 0
  #text = 0
  #dropped = 0
  #said = { count: 0, at: Number.NEGATIVE_INFINITY }
  /** Records to be sent one by one, because one of them is refused. */
  #apart = 0
  #running: Promise<void> | undefined
  readonly #hurry = new AbortController()

  constructor(options: LogQueueOptions) {
    this.#options = options
    this.#mostWaiting = options.mostWaiting ?? MOST_WAITING
    this.#mostText = options.mostText ?? MOST_TEXT
  }

  /** Records that were lost since the start. */
  get dropped(): number {
    return this.#dropped
  }

  add(record: LogRecord): void {
    const text = (record.body?.length ?? 0) + (record.content_summary?.length ?? 0)
    this.#waiting.push({ record, text })
    this.#text += text
    while (this.#waiting.length > this.#mostWaiting || this.#text > this.#mostText) {
      // What is being written may arrive: of what waits behind it a tenth is dropped, so that not every new record moves all of them.
      if (this.#waiting.length === this.#sending) break
      this.#drop(this.#sending, Math.min(BATCH, Math.ceil((this.#waiting.length - this.#sending) / 10)))
    }
    this.#running ??= this.#run()
  }

  /** Writes what waits, without another try where that fails, and drops the rest. */
  async close(): Promise<void> {
    this.#hurry.abort()
    await this.#running
    this.#drop(0, this.#waiting.length)
  }

  async #run(): Promise<void> {
    for (let failures = 0; this.#waiting.length > 0; ) {
      if (failures === 0 && this.#waiting.length < BATCH) await this.#pause(LINGER_MS)
      if (await this.#send()) failures = 0
      else if (this.#hurry.signal.aborted) break
      else await this.#pause(PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)] as number)
    }
    this.#running = undefined
  }

  /** Sends the oldest records; false: the store did not answer, and they stay. */
  async #send(): Promise<boolean> {
    const batch = this.#batch()
    this.#sending = batch.length
    try {
      await this.#options.append(batch.map(({ record }) => record))
      this.#take(0, batch.length)
      this.#apart = Math.max(0, this.#apart - batch.length)
      return true
    } catch (error) {
      if (!(error instanceof StoreError && error.fault === 'corrupt')) return false
      if (batch.length > 1) this.#apart = batch.length
      else {
        this.#drop(0, 1, error)
        this.#apart = Math.max(0, this.#apart - 1)
      }
      return true
    } finally {
      this.#sending = 0
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.#options.pause(ms, this.#hurry.signal).catch(() => {})
  }

  #batch(): readonly Waiting[] {
    if (this.#apart > 0) return this.#waiting.slice(0, 1)
    let text = 0
    const end = this.#waiting.findIndex((each, index) => {
      text += each.text
      return index === BATCH || (index > 0 && text > BATCH_TEXT)
    })
    return this.#waiting.slice(0, end < 0 ? undefined : end)
  }

  #take(from: number, count: number): void {
    for (const { text } of this.#waiting.splice(from, count)) this.#text -= text
  }

  /** Why is said as well as how many, once a minute at most. */
  #drop(from: number, count: number, refusal?: StoreError): void {
    if (count === 0) return
    this.#take(from, count)
    this.#dropped += count
    const { log, now } = this.#options
    if (now() - this.#said.at < SAY_MS) return
    const facts = { dropped: this.#dropped - this.#said.count, total: this.#dropped, ...(refusal && { err: refusal }) }
    log.error(facts, `records of the log were dropped: its store ${refusal ? 'refuses them' : 'is slow or does not answer'}`)
    this.#said = { count: this.#dropped, at: now() }
  }
}
