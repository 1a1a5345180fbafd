import type { z } from 'zod'
import type { JsonObject } from '../canonical/json.ts'
import type { Log } from '../log.ts'
import type { LogGroup, LogQuery, LogRecord, LogSummaryQuery } from './log-records.ts'

/** A write that took its number so long ago, in milliseconds, is over: what a reader of changes still misses will not come. */
export const STORE_SETTLE_MS = 30_000

/** A document of the configuration, as a store keeps it. */
export interface Stored {
  collection: string
  /** Unique within its collection. */
  id: string
  /**
   * Counts the writes of this document, from 1: a writer names the one it read, so that no update is lost. It goes on behind a
   * removal while that is known, so that who read the old document cannot overwrite its successor.
   */
  version: number
  /**
   * Number of the change that wrote it. Numbers grow over the whole store, one a write. A number that no document has is of a write
   * that failed, was overtaken by a later one of the same document, or is still under way: `STORE_SETTLE_MS` after a reader first missed it, it is one of the first two.
   */
  change: number
  /** Undefined: the document was removed by this change. */
  body: JsonObject | undefined
}

/** How a collection is kept. */
export interface Collection {
  name: string
  /** Top-level fields of the body, texts that every document has: no two documents of the collection may agree in one. */
  unique?: readonly string[] | undefined
}

/** What `write` and `remove` are given besides. */
export interface Expected {
  /** The version that was read; 0: there must be none. */
  version: number
}

/**
 * The configuration, wherever it is kept. Every call rejects with a StoreError: `conflict` where the version is another by now or a
 * unique field is taken, `unavailable` where the store does not answer (within 2 s at the latest to find it, 10 s for a call), `corrupt` for what
 * cannot be read. What was acknowledged survives kill -9 of this process.
 */
export interface ConfigStore {
  /** Documents in the order of collection and id, at most `limit`, behind `after`. The last page is not full. */
  readPage(after: Pick<Stored, 'collection' | 'id'> | undefined, limit: number): Promise<Stored[]>
  read(collection: string, id: string): Promise<Stored | undefined>
  /** Inserts or replaces, atomically; resolves with the document as it stands. */
  write(collection: string, id: string, body: JsonObject, expected: Expected): Promise<Stored>
  /** Removes; the change stays known as one without a body for at least a day. */
  remove(collection: string, id: string, expected: Expected): Promise<Stored>
  /** Changes numbered above `change`, the oldest first, at most 1,000; of a document only the newest. */
  changesSince(change: number): Promise<Stored[]>
  /** Number of the newest change; 0: none. One cheap look-up, for polling. */
  latestChange(): Promise<number>
  /** Removals below this number may be forgotten: who does not know all changes below it reads all pages again. 1: nothing is forgotten. */
  oldestChange(): Promise<number>
  ping(): Promise<void>
  close(): Promise<void>
}

/** Why a store did not do what was asked. */
export type StoreFault = 'conflict' | 'unavailable' | 'corrupt'

/** A store's refusal. Crosses threads as plain data. */
export class StoreError extends Error {
  readonly fault: StoreFault
  /** The unique field that is taken; absent where the version is another. */
  readonly field: string | undefined

  constructor(fault: StoreFault, message: string, options?: { cause?: unknown; field?: string | undefined }) {
    super(message, { cause: options?.cause })
    this.name = 'StoreError'
    this.fault = fault
    this.field = options?.field
  }
}

/** Small values that expire: sessions, stickiness, leases, counters of login attempts. Text up to 1 MiB. Rejects as ConfigStore does. */
export interface KeyValueStore {
  get(key: string): Promise<string | undefined>
  /** `ttlMs` from now; at most 400 days. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** True where there was none. */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean>
  /** Replaces or deletes (`next` undefined) only what equals `current`; says whether it did. */
  exchange(key: string, current: string, next: string | undefined, ttlMs: number): Promise<boolean>
  /** Adds to a counter that starts at 0 and expires `ttlMs` after its first addition; resolves with the sum. */
  add(key: string, amount: number, ttlMs: number): Promise<number>
  delete(key: string): Promise<void>
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * Records of requests, for people who look back: nothing that serves a request reads it. Rejects as ConfigStore does; `unavailable` also where a
 * query takes too long (8 s), `corrupt` for a record or query that no engine takes. What was acknowledged survives kill -9 of this process.
 */
export interface LogStore {
  /**
   * Keeps at most 1,000 records, each in the place of an earlier state with its id; one that is still `processing` replaces nothing. The same records
   * again change nothing, so that a call whose end is unknown may be repeated. A record of a batch that fails may be kept or not.
   */
  append(records: readonly LogRecord[]): Promise<void>
  /** A page of records, without their bodies. */
  find(query: LogQuery): Promise<LogRecord[]>
  /** A record with its body. */
  get(id: string): Promise<LogRecord | undefined>
  /** Counts and sums, by time and by the values of columns; sorted by these. At most 50,000 groups. */
  summarize(query: LogSummaryQuery): Promise<LogGroup[]>
  /** Removes at most 1,000 records with their bodies; those that are not there are no error. */
  remove(ids: readonly string[]): Promise<void>
  /** Removes records that began before this time, epoch milliseconds, at most `most` (1,000); resolves with how many. Fewer than `most`: none are left. */
  sweep(before: number, most: number): Promise<number>
  ping(): Promise<void>
  close(): Promise<void>
}

/** Short messages between machines. A lost one is no harm: who listens also polls. */
export interface Notices {
  publish(channel: string, text: string): Promise<void>
  /** Resolves with how to stop listening. `onGap` is called when the connection was lost for a while and notices may have been missed. */
  subscribe(channel: string, onNotice: (text: string) => void, onGap: () => void): Promise<() => void>
  close(): Promise<void>
}

/** What a driver is given to open a store. */
export interface StoreContext {
  /** Folder for files; made where it is missing. Undefined: nothing may be kept on disk. */
  folder: string | undefined
  collections: readonly Collection[]
  log: Log
  /** Epoch milliseconds. */
  now(): number
}

/** A kind of store, by the `type` that the configuration names. Heavy imports happen in `open`, in the store's thread alone. */
export interface StoreDriver<Config = unknown> {
  type: string
  /** The kind that a folder has unless its configuration says another. */
  isEmbedded?: boolean
  /** Schema of the block's `config`. */
  config: z.ZodType<Config>
  openConfig?(config: Config, context: StoreContext): Promise<ConfigStore>
  /**
   * Copies what the store holds, before documents of an older schema are changed, and logs under which name; undefined: the operator's own backups are
   * all there is.
   */
  backup?(config: Config, context: StoreContext): Promise<void>
  openLogs?(config: Config, context: StoreContext): Promise<LogStore>
  openKeyValue?(config: Config, context: StoreContext): Promise<KeyValueStore>
  openNotices?(config: Config, context: StoreContext): Promise<Notices>
}

/** Declares a driver; the configuration's type follows from its schema. */
export function defineStoreDriver<Config>(driver: StoreDriver<Config>): StoreDriver {
  return driver as StoreDriver
}
