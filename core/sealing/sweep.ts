import { inBatches } from '../batches.ts'
import type { JsonObject } from '../canonical/json.ts'
import { type ConfigStore, type Stored, StoreError } from '../stores/stores.ts'
import { KEYRING, type Keyring, parseKeyring } from './keyring.ts'
import { writeKeyring } from './open-sealing.ts'
import type { Sealer } from './sealer.ts'

const PAGE = 200
/** Writes at once: few, because others may want the store meanwhile. */
const AT_ONCE = 16
/** How long after a rotation older keys and the bridge stay: what runs under the old passphrase has learnt the new key by then. */
export const ROTATION_OVERLAP_MS = 60_000
/** A document that others keep writing is left to the next sweep after so many tries. */
const TRIES = 5

/** What a sweep did. */
export interface Swept {
  /** Documents whose secrets were plain or under an older key, and are sealed by the current one now. */
  sealed: number
  /** Documents that are still not, because others wrote them meanwhile. */
  left: number
  /** Milliseconds after which to sweep once more, so that older keys can go; undefined: nothing is left to do. */
  againInMs: number | undefined
}

/**
 * Seals every secret that is plain or under an older key, by versioned writes, and takes older keys out of the keyring once nothing lies
 * under them. May be killed at any write and run again, and run beside other writers. `store` is the raw one. Without a key it does nothing.
 */
export async function sweepSecrets(store: ConfigStore, sealer: Sealer, now: number): Promise<Swept> {
  const swept: Swept = { sealed: 0, left: 0, againInMs: undefined }
  if (!sealer.keys) return swept
  let after: Stored | undefined
  for (;;) {
    const page = await store.readPage(after, PAGE)
    for (const outcome of await inBatches(page, AT_ONCE, (stored) => sealOne(store, sealer, stored))) {
      if (outcome !== 'same') swept[outcome] += 1
    }
    after = page.at(-1)
    if (page.length < PAGE) break
  }
  swept.againInMs = swept.left > 0 ? ROTATION_OVERLAP_MS : await dropOlderKeys(store, sealer, now)
  return swept
}

async function sealOne(store: ConfigStore, sealer: Sealer, stored: Stored): Promise<'same' | 'sealed' | 'left'> {
  const { collection, id } = stored
  let current: Stored | undefined = stored
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (!current?.body || !sealer.isStale(collection, id, current.body)) return 'same'
    const body: JsonObject = sealer.sealBody(collection, id, sealer.openBody(collection, id, current.body))
    try {
      await store.write(collection, id, body, { version: current.version })
      return 'sealed'
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== 'conflict') throw error
      current = await store.read(collection, id)
    }
  }
  return 'left'
}

/** Resolves with the time until they may go, in milliseconds; undefined where there are none left. */
async function dropOlderKeys(store: ConfigStore, sealer: Sealer, now: number): Promise<number | undefined> {
  const stored = await store.read(KEYRING.collection, KEYRING.id)
  const keyring = stored?.body && parseKeyring(stored.body)
  if (!stored || !keyring || keyring.current !== sealer.keys?.current) return undefined
  const newest = keyring.keys.find(({ id }) => id === keyring.current)
  if (!newest || (keyring.keys.length === 1 && !newest.bridge)) return undefined
  const waitMs = Date.parse(newest.created) + ROTATION_OVERLAP_MS - now
  if (waitMs > 0) return waitMs
  const { bridge: _, ...alone } = newest
  const next: Keyring = { ...keyring, keys: [alone] }
  // Another writer was first: its keyring is not ours to judge.
  return (await writeKeyring(store, next, stored.version)) ? undefined : ROTATION_OVERLAP_MS
}
