import { checkEntry, counterOf, SWEEP_EVERY_MS } from '../../core/stores/checks.ts'
import type { KeyValueStore, StoreContext } from '../../core/stores/stores.ts'
import type { Database } from './database.ts'

const PUT =
  'INSERT INTO entries (key, value, expires_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at'

/** Small values that expire, in one SQLite file; they outlive a restart. Synchronous inside, as the configuration's store is. */
export class SqliteKeyValue implements KeyValueStore {
  readonly #db: Database
  readonly #now: () => number
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(db: Database, { now }: Pick<StoreContext, 'now'>) {
    this.#db = db
    this.#now = now
  }

  async get(key: string): Promise<string | undefined> {
    return this.#live(key)?.value
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    checkEntry(key, { value, ttlMs })
    await this.#write(() => this.#db.run(PUT, key, value, this.#now() + ttlMs))
  }

  async setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value, ttlMs })
    const now = this.#now()
    return (await this.#write(() => this.#db.run(`${PUT} WHERE entries.expires_at <= ?`, key, value, now + ttlMs, now))) > 0
  }

  async exchange(key: string, current: string, next: string | undefined, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value: next, ...(next !== undefined && { ttlMs }) })
    const now = this.#now()
    const where = 'WHERE key = ? AND value = ? AND expires_at > ?'
    const changed = await this.#write(() =>
      next === undefined
        ? this.#db.run(`DELETE FROM entries ${where}`, key, current, now)
        : this.#db.run(`UPDATE entries SET value = ?, expires_at = ? ${where}`, next, now + ttlMs, key, current, now),
    )
    return changed > 0
  }

  async add(key: string, amount: number, ttlMs: number): Promise<number> {
    checkEntry(key, { ttlMs, amount })
    return this.#write(() => {
      const value = this.#live(key)
      const sum = (value ? counterOf(value.value) : 0) + amount
      this.#db.run(PUT, key, String(sum), value?.expiresAt ?? this.#now() + ttlMs)
      return sum
    })
  }

  async delete(key: string): Promise<void> {
    await this.#write(() => this.#db.run('DELETE FROM entries WHERE key = ?', key))
  }

  async ping(): Promise<void> {
    this.#db.one('SELECT 1')
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  /** Together with what else waits to be written. */
  #write<Result>(work: () => Result): Promise<Result> {
    return this.#db.write(() => {
      this.#sweep()
      return work()
    })
  }

  #live(key: string): { value: string; expiresAt: number } | undefined {
    const row = this.#db.one('SELECT value, expires_at FROM entries WHERE key = ? AND expires_at > ?', key, this.#now())
    return row && { value: String(row.value), expiresAt: Number(row.expires_at) }
  }

  #sweep(): void {
    const now = this.#now()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    this.#db.run('DELETE FROM entries WHERE expires_at <= ?', now)
  }
}
