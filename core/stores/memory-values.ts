import { checkEntry, counterOf } from './checks.ts'
import { type KeyValueStore, StoreError } from './stores.ts'

/** Most entries, and most characters of keys and values together. */
const MOST_ENTRIES = 200_000
const MOST_CHARACTERS = 128 * 1024 * 1024

interface Value {
  text: string
  expiresAt: number
}

/** A KeyValueStore in this process's memory. When it is full it refuses new keys as `unavailable`; `now`: epoch milliseconds. */
export function memoryKeyValue(now: () => number): KeyValueStore {
  return new MemoryKeyValue(now)
}

class MemoryKeyValue implements KeyValueStore {
  readonly #now: () => number
  readonly #values = new Map<string, Value>()
  #characters = 0

  constructor(now: () => number) {
    this.#now = now
  }

  async get(key: string): Promise<string | undefined> {
    return this.#live(key)?.text
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    checkEntry(key, { value, ttlMs })
    this.#put(key, value, this.#now() + ttlMs)
  }

  async setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value, ttlMs })
    if (this.#live(key)) return false
    this.#put(key, value, this.#now() + ttlMs)
    return true
  }

  async exchange(key: string, current: string, next: string | undefined, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value: next, ...(next !== undefined && { ttlMs }) })
    if (this.#live(key)?.text !== current) return false
    if (next === undefined) this.#drop(key)
    else this.#put(key, next, this.#now() + ttlMs)
    return true
  }

  async add(key: string, amount: number, ttlMs: number): Promise<number> {
    checkEntry(key, { ttlMs, amount })
    const value = this.#live(key)
    const sum = (value ? counterOf(value.text) : 0) + amount
    this.#put(key, String(sum), value?.expiresAt ?? this.#now() + ttlMs)
    return sum
  }

  async delete(key: string): Promise<void> {
    this.#drop(key)
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    this.#values.clear()
    this.#characters = 0
  }

  #live(key: string): Value | undefined {
    const value = this.#values.get(key)
    if (!value || value.expiresAt > this.#now()) return value
    this.#drop(key)
    return undefined
  }

  #put(key: string, text: string, expiresAt: number): void {
    const before = this.#values.get(key)
    const size = key.length + text.length
    const growth = before ? text.length - before.text.length : size
    if (!this.#hasRoom(growth)) this.#sweep()
    if (!this.#hasRoom(growth))
      throw new StoreError('unavailable', 'the key-value store in memory is full; configure Redis or another store')
    this.#drop(key)
    this.#values.set(key, { text, expiresAt })
    this.#characters += size
  }

  #hasRoom(growth: number): boolean {
    return this.#values.size < MOST_ENTRIES && this.#characters + growth <= MOST_CHARACTERS
  }

  #drop(key: string): void {
    const value = this.#values.get(key)
    if (!value) return
    this.#values.delete(key)
    this.#characters -= key.length + value.text.length
  }

  #sweep(): void {
    for (const key of this.#values.keys()) this.#live(key)
  }
}
