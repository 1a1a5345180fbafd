import type { JsonObject } from '../../core/canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../../core/config/collections.ts'
import { type ConfigStore, type Stored, StoreError } from '../../core/stores.ts'

/** A ConfigStore in memory by the letter of its contract, with the raw documents open to tests and a place to make writes fail. */
export interface MemoryConfigStore extends ConfigStore {
  documents: Map<string, Stored>
  /** Called before each write with its number from 1; what it throws is the store's answer. */
  onWrite: (count: number) => void
  /** Writes so far. */
  writes: number
}

/** An empty store. */
export function memoryConfigStore(): MemoryConfigStore {
  const documents = new Map<string, Stored>()
  const keyOf = (collection: string, id: string) => `${collection}\u0000${id}`
  const inOrder = () => [...documents.values()].sort((a, b) => compare(keyOf(a.collection, a.id), keyOf(b.collection, b.id)))
  const live = () => inOrder().filter(({ body }) => body !== undefined)
  let change = 0
  const put = (collection: string, id: string, body: JsonObject | undefined, version: number): Stored => {
    store.writes += 1
    store.onWrite(store.writes)
    const before = documents.get(keyOf(collection, id))
    if ((before?.body === undefined ? 0 : before.version) !== version)
      throw new StoreError('conflict', `${collection} "${id}" has another version`)
    const unique = CONFIG_COLLECTIONS.find(({ name }) => name === collection)?.unique ?? []
    for (const field of body ? unique : []) {
      const taken = live().some((other) => other.collection === collection && other.id !== id && other.body?.[field] === body?.[field])
      if (taken) throw new StoreError('conflict', `${field} is taken`, { field })
    }
    change += 1
    const stored = { collection, id, version: (before?.version ?? 0) + 1, change, body: body && (structuredClone(body) as JsonObject) }
    documents.set(keyOf(collection, id), stored)
    return structuredClone(stored)
  }
  const store: MemoryConfigStore = {
    documents,
    onWrite() {},
    writes: 0,
    async readPage(after, limit) {
      const start = after === undefined ? '' : keyOf(after.collection, after.id)
      return structuredClone(
        live()
          .filter((each) => keyOf(each.collection, each.id) > start)
          .slice(0, limit),
      )
    },
    async read(collection, id) {
      const stored = documents.get(keyOf(collection, id))
      return stored?.body === undefined ? undefined : structuredClone(stored)
    },
    write: async (collection, id, body, { version }) => put(collection, id, body, version),
    remove: async (collection, id, { version }) => put(collection, id, undefined, version),
    changesSince: async (since) =>
      structuredClone(
        inOrder()
          .filter((each) => each.change > since)
          .sort((a, b) => a.change - b.change),
      ),
    latestChange: async () => change,
    oldestChange: async () => 0,
    async ping() {},
    async close() {},
  }
  return store
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
