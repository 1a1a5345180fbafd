import type { ConfigStore, Stored } from '../stores/stores.ts'
import { followKeyring, KEYRING, parseKeyring } from './keyring.ts'
import type { Sealer } from './sealer.ts'
import { SealingError } from './sealing-error.ts'

/** Before a write the keyring is looked at, at most once in this time: a key that others have dropped must not seal. Far below ROTATION_OVERLAP_MS. */
const CHECK_EVERY_MS = 1000
const CUT_OFF = 'the key of the store was changed while this gateway was cut off from it; start it again with the new key'
const NO_KEY = 'the store is sealed by now, but this gateway has no key: set encryption_key or BIFROST_ENCRYPTION_KEY and start it again'

/**
 * The store as everything above it sees it: bodies are plain on this side and sealed on the other. Rejects with SealingError besides StoreError. A
 * rotation by another process is followed: what an unknown key sealed is opened after a look at the keyring.
 */
export function sealStore(store: ConfigStore, sealer: Sealer): ConfigStore {
  let checkedAt = Number.NEGATIVE_INFINITY
  const follow = async (): Promise<boolean> => {
    const stored = await store.read(KEYRING.collection, KEYRING.id)
    if (!stored?.body) return sealer.keys === undefined
    const next = sealer.keys && followKeyring(parseKeyring(stored.body), sealer.keys)
    if (next) sealer.replaceKeys(next)
    return next !== undefined
  }
  const beforeWrite = async (): Promise<void> => {
    if (performance.now() - checkedAt < CHECK_EVERY_MS) return
    if (!(await follow())) throw new SealingError(sealer.keys ? 'unknown-key' : 'no-key', sealer.keys ? CUT_OFF : NO_KEY)
    checkedAt = performance.now()
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
    async write(collection, id, body, expected) {
      await beforeWrite()
      return opened(await store.write(collection, id, sealer.sealBody(collection, id, body), expected))
    },
    remove: async (collection, id, expected) => opened(await store.remove(collection, id, expected)),
    changesSince: async (change) => openAll(await store.changesSince(change)),
    latestChange: () => store.latestChange(),
    oldestChange: () => store.oldestChange(),
    ping: () => store.ping(),
    close: () => store.close(),
  }
}
