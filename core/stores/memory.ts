import { z } from 'zod'
import type { JsonObject } from '../canonical/json.ts'
import { collectionNamed, fieldConflict, isId, KEEP_REMOVED_MS, MOST_CHANGES, packDocument, unpackBody, versionConflict } from './checks.ts'
import { memoryKeyValue } from './memory-values.ts'
import {
  type Collection,
  type ConfigStore,
  defineStoreDriver,
  type Expected,
  type Notices,
  type StoreContext,
  type Stored,
  StoreError,
} from './stores.ts'

/** Listeners of one Notices at once. */
const MOST_LISTENERS = 10_000

/** Stores that end with the process: for tests, and the reference for all others. */
export const memoryDriver = defineStoreDriver({
  type: 'memory',
  config: z.strictObject({}),
  openConfig: async (_, context) => memoryConfigStore(context),
  openLogs: async () => (await import('./memory-logs.ts')).memoryLogStore(),
  openKeyValue: async (_, { now }) => memoryKeyValue(now),
  openNotices: async () => memoryNotices(),
})

interface Entry {
  collection: string
  id: string
  version: number
  change: number
  /** JSON; undefined: removed. */
  text: string | undefined
  unique: readonly (readonly [string, string])[]
  at: number
}

/** A ConfigStore in this process's memory. */
export function memoryConfigStore({ collections, now }: Pick<StoreContext, 'collections' | 'now'>): ConfigStore {
  return new MemoryConfigStore(collections, now)
}

class MemoryConfigStore implements ConfigStore {
  readonly #collections: readonly Collection[]
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()
  /** Who has a value of a unique field. */
  readonly #taken = new Map<string, Entry>()
  /** Documents by their newest change, the oldest first. */
  readonly #changes = new Map<number, Entry>()
  /** Those of them that are removals, the oldest first. */
  readonly #removed = new Map<number, Entry>()
  #change = 0
  #oldest = 1

  constructor(collections: readonly Collection[], now: () => number) {
    this.#collections = collections
    this.#now = now
  }

  async readPage(after: Pick<Stored, 'collection' | 'id'> | undefined, limit: number): Promise<Stored[]> {
    const live = [...this.#entries.values()].filter((entry) => entry.text !== undefined && (!after || compare(entry, after) > 0))
    return live.sort(compare).slice(0, limit).map(storedOf)
  }

  async read(collection: string, id: string): Promise<Stored | undefined> {
    collectionNamed(this.#collections, collection)
    const entry = isId(id) ? this.#entries.get(keyOf(collection, id)) : undefined
    return entry?.text === undefined ? undefined : storedOf(entry)
  }

  async write(name: string, id: string, body: JsonObject, { version }: Expected): Promise<Stored> {
    const collection = collectionNamed(this.#collections, name)
    const { text, unique } = packDocument(collection, id, body)
    const before = this.#expect({ collection: name, id }, version)
    for (const [field, value] of unique) {
      const owner = this.#taken.get(takenKey(name, field, value))
      if (owner && owner !== before) throw fieldConflict(name, field)
    }
    return this.#put(before, { collection: name, id, text, unique })
  }

  async remove(name: string, id: string, { version }: Expected): Promise<Stored> {
    collectionNamed(this.#collections, name)
    if (version === 0 || !isId(id)) throw versionConflict({ collection: name, id: String(id) }, version || 1, 0)
    const before = this.#expect({ collection: name, id }, version)
    return this.#put(before, { collection: name, id, text: undefined, unique: [] })
  }

  async changesSince(change: number): Promise<Stored[]> {
    this.#sweep()
    const changes: Stored[] = []
    for (const entry of this.#changes.values()) {
      if (changes.length === MOST_CHANGES) break
      if (entry.change > change) changes.push(storedOf(entry))
    }
    return changes
  }

  async latestChange(): Promise<number> {
    return this.#change
  }

  async oldestChange(): Promise<number> {
    this.#sweep()
    return this.#oldest
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  /** The entry that stands there, also one that says it was removed, if its version is the expected one. */
  #expect(place: { collection: string; id: string }, expected: number): Entry | undefined {
    const entry = this.#entries.get(keyOf(place.collection, place.id))
    const actual = entry?.text === undefined ? 0 : entry.version
    if (actual !== expected) throw versionConflict(place, expected, actual)
    return entry
  }

  /** Versions go on behind a removal, so that who read the document before it cannot overwrite the one that came after. */
  #put(before: Entry | undefined, after: Pick<Entry, 'collection' | 'id' | 'text' | 'unique'>): Stored {
    const entry: Entry = { ...after, version: (before?.version ?? 0) + 1, change: ++this.#change, at: this.#now() }
    if (before) {
      this.#changes.delete(before.change)
      this.#removed.delete(before.change)
    }
    for (const [field, value] of before?.unique ?? []) this.#taken.delete(takenKey(entry.collection, field, value))
    for (const [field, value] of entry.unique) this.#taken.set(takenKey(entry.collection, field, value), entry)
    this.#entries.set(keyOf(entry.collection, entry.id), entry)
    this.#changes.set(entry.change, entry)
    if (entry.text === undefined) this.#removed.set(entry.change, entry)
    this.#sweep()
    return storedOf(entry)
  }

  /** Forgets removals whose time is over. */
  #sweep(): void {
    const before = this.#now() - KEEP_REMOVED_MS
    for (const [change, entry] of this.#removed) {
      if (entry.at >= before) break
      this.#removed.delete(change)
      this.#changes.delete(change)
      this.#entries.delete(keyOf(entry.collection, entry.id))
      this.#oldest = change + 1
    }
  }
}

function keyOf(collection: string, id: string): string {
  return `${collection}\0${id}`
}

function takenKey(collection: string, field: string, value: string): string {
  return `${collection}\0${field}\0${value}`
}

function compare(a: Pick<Stored, 'collection' | 'id'>, b: Pick<Stored, 'collection' | 'id'>): number {
  if (a.collection !== b.collection) return a.collection < b.collection ? -1 : 1
  if (a.id === b.id) return 0
  return a.id < b.id ? -1 : 1
}

function storedOf({ collection, id, version, change, text }: Entry): Stored {
  return { collection, id, version, change, body: text === undefined ? undefined : unpackBody(text, collection, id) }
}

/** Notices within this process. */
export function memoryNotices(): Notices {
  const listeners = new Map<string, Set<(text: string) => void>>()
  let count = 0
  return {
    async publish(channel, text) {
      for (const listener of listeners.get(channel) ?? []) queueMicrotask(() => listener(text))
    },
    async subscribe(channel, onNotice) {
      if (count >= MOST_LISTENERS) throw new StoreError('unavailable', 'too many listen already')
      const listener = (text: string) => onNotice(text)
      const all = listeners.get(channel) ?? new Set()
      listeners.set(channel, all.add(listener))
      count++
      return () => {
        if (!all.delete(listener)) return
        count--
        if (all.size === 0) listeners.delete(channel)
      }
    },
    async close() {
      listeners.clear()
    },
  }
}
