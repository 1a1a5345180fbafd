import type { Collection } from 'mongodb'
import { checkEntry, counterOf, SWEEP_EVERY_MS } from '../../core/stores/checks.ts'
import { type KeyValueStore, type StoreContext, StoreError } from '../../core/stores/stores.ts'
import { type Connection, isDuplicate, type Kept } from './connection.ts'

/** Index of what expires; everything else is found by `_id`. */
export const ENTRY_INDEXES = [{ name: 'expires_at', key: { expires_at: 1 } as const }]
const NAME = 'bifrost__entries'
/** Attempts of `add` against others that make or drop the counter at the same time. */
const ATTEMPTS = 20

interface Entry extends Kept {
  /** Null: a counter. */
  value: string | null
  count: number | null
  /** Epoch milliseconds. */
  expires_at: number
}

/** Small values that expire, in MongoDB or a relative. What has expired is not there, and is swept later. */
export class MongoKeyValue implements KeyValueStore {
  readonly #connection: Connection
  readonly #now: () => number
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(connection: Connection, { now }: Pick<StoreContext, 'now'>) {
    this.#connection = connection
    this.#now = now
  }

  async get(key: string): Promise<string | undefined> {
    const entries = await this.#entries()
    const entry = await this.#connection.attempt(() => entries.findOne({ _id: String(key), expires_at: { $gt: this.#now() } }))
    return entry ? (entry.value ?? String(entry.count)) : undefined
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    checkEntry(key, { value, ttlMs })
    const entries = await this.#entries()
    const fields = { value, count: null, expires_at: this.#now() + ttlMs }
    await this.#connection.upsert(() => entries.updateOne({ _id: key }, { $set: fields }, { upsert: true }))
    await this.#sweep(entries)
  }

  async setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value, ttlMs })
    const entries = await this.#entries()
    const isMade = await this.#make(entries, { _id: key, value, count: null, expires_at: this.#now() + ttlMs })
    await this.#sweep(entries)
    return isMade
  }

  async exchange(key: string, current: string, next: string | undefined, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value: next, ...(next !== undefined && { ttlMs }) })
    const entries = await this.#entries()
    const now = this.#now()
    const live = { _id: key, expires_at: { $gt: now } }
    const same = [{ ...live, value: String(current) }, ...(isWhole(current) ? [{ ...live, value: null, count: Number(current) }] : [])]
    for (const filter of same) {
      const change = { $set: { value: next ?? null, count: null, expires_at: now + ttlMs } }
      if (next === undefined) {
        if ((await this.#connection.attempt(() => entries.deleteOne(filter))).deletedCount > 0) return true
      } else if ((await this.#connection.attempt(() => entries.updateOne(filter, change))).matchedCount > 0) return true
    }
    return false
  }

  async add(key: string, amount: number, ttlMs: number): Promise<number> {
    checkEntry(key, { ttlMs, amount })
    const entries = await this.#entries()
    for (let tried = 0; tried < ATTEMPTS; tried++) {
      const now = this.#now()
      const live = { _id: key, expires_at: { $gt: now } }
      const counter = await this.#connection.attempt(() =>
        entries.findOneAndUpdate({ ...live, value: null }, { $inc: { count: amount } }, { returnDocument: 'before' }),
      )
      if (counter) return Number(counter.count) + amount
      if (await this.#make(entries, { _id: key, value: null, count: amount, expires_at: now + ttlMs })) return amount
      // A text stands there, or another made the counter just now.
      const entry = await this.#connection.attempt(() => entries.findOne(live))
      if (typeof entry?.value !== 'string') continue
      const count = counterOf(entry.value)
      await this.#connection.attempt(() => entries.updateOne({ ...live, value: entry.value }, { $set: { value: null, count } }))
    }
    throw new StoreError('unavailable', 'MongoDB: too many change this key at once')
  }

  async delete(key: string): Promise<void> {
    const entries = await this.#entries()
    await this.#connection.attempt(() => entries.deleteOne({ _id: String(key) }))
  }

  ping(): Promise<void> {
    return this.#connection.ping()
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** Takes the place of nothing, or of what has expired; false where something is there. */
  async #make(entries: Collection<Entry>, { _id, ...fields }: Entry): Promise<boolean> {
    try {
      await this.#connection.attempt(() =>
        entries.updateOne({ _id, expires_at: { $lte: this.#now() } }, { $set: fields }, { upsert: true }),
      )
      return true
    } catch (error) {
      if (isDuplicate(error)) return false
      throw error
    }
  }

  #entries(): Promise<Collection<Entry>> {
    return this.#connection.collection<Entry>(NAME, ENTRY_INDEXES)
  }

  async #sweep(entries: Collection<Entry>): Promise<void> {
    const now = this.#now()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    await this.#connection.attempt(() => entries.deleteMany({ expires_at: { $lte: now } }))
  }
}

function isWhole(text: string): boolean {
  return /^-?\d{1,16}$/.test(text) && String(Number(text)) === text
}
