import { CONFIG_COLLECTIONS } from '../../core/config/collections.ts'
import { memoryConfigStore } from '../../core/stores/memory.ts'
import type { ConfigStore, Stored } from '../../core/stores/stores.ts'

/** The store in memory, with a place before each write where a test may fail it or act as another writer. */
export interface WatchedStore extends ConfigStore {
  /** The same documents past the watch. */
  inner: ConfigStore
  /** Writes so far. */
  writes: number
  /** Called before each write with its number from 1. What it rejects with is the store's answer. */
  onWrite(count: number): void | Promise<void>
  /** Everything in it, as it lies there. */
  all(): Promise<Stored[]>
}

/** An empty store, or a watch on another one. */
export function watchedStore(inner: ConfigStore = memoryConfigStore({ collections: CONFIG_COLLECTIONS, now: () => 0 })): WatchedStore {
  const store: WatchedStore = {
    inner,
    writes: 0,
    onWrite() {},
    all: () => inner.readPage(undefined, 100_000),
    readPage: (after, limit) => inner.readPage(after, limit),
    read: (collection, id) => inner.read(collection, id),
    async write(collection, id, body, expected) {
      store.writes += 1
      await store.onWrite(store.writes)
      return inner.write(collection, id, body, expected)
    },
    async remove(collection, id, expected) {
      store.writes += 1
      await store.onWrite(store.writes)
      return inner.remove(collection, id, expected)
    },
    changesSince: (change) => inner.changesSince(change),
    latestChange: () => inner.latestChange(),
    oldestChange: () => inner.oldestChange(),
    ping: () => inner.ping(),
    close: () => inner.close(),
  }
  return store
}
