import type { ConfigStore, Stored } from '../stores.ts'
import { followKeyring, KEYRING, parseKeyring } from './keyring.ts'
import type { Sealer } from './sealer.ts'
import { SealingError } from './sealing-error.ts'

/**
 * The store as everything above it sees it: bodies are plain on this side and sealed on the other. Rejects with SealingError besides StoreError. A
 * rotation by another process is followed: what an unknown key sealed is opened after a look at the keyring.
 */
export function sealStore(store: ConfigStore, sealer: Sealer): ConfigStore {
  const follow = async (): Promise<boolean> => {
    const stored = sealer.keys && (await store.read(KEYRING.collection, KEYRING.id))
    const next = sealer.keys && stored?.body && followKeyring(parseKeyring(stored.body), sealer.keys)
    if (!next) return false
    sealer.replaceKeys(next)
    return true
  }
  const openOne = (stored: Stored): Stored =>
    stored.body === undefined ? stored : { ...stored, body: sealer.openBody(stored.collection, stored.id, stored.body) }
  const openAll = async (documents: readonly Stored[]): Promise<Stored[]> => {
    if (documents.some(({ collection, id }) => collection === KEYRING.collection && id === KEYRING.id)) await follow()
    try {
      return documents.map(openOne)
    } catch (error) {
      if (!(error instanceof SealingError) || error.fault !== 'unknown-key' || !(await follow())) throw error
      return documents.map(openOne)
    }
  }
  const opened = async (stored: Stored): Promise<Stored> => (await openAll([stored]))[0] ?? stored
  return {
    readPage: async (after, limit) => openAll(await store.readPage(after, limit)),
    async read(collection, id) {
      const stored = await store.read(collection, id)
      return stored && opened(stored)
    },
    write: async (collection, id, body, expected) =>
      opened(await store.write(collection, id, sealer.sealBody(collection, id, body), expected)),
    remove: async (collection, id, expected) => opened(await store.remove(collection, id, expected)),
    changesSince: async (change) => openAll(await store.changesSince(change)),
    latestChange: () => store.latestChange(),
    oldestChange: () => store.oldestChange(),
    ping: () => store.ping(),
    close: () => store.close(),
  }
}
