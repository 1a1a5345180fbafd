import type { ConfigStore } from '../stores/stores.ts'
import { KEYRING, makeKeyring } from './keyring.ts'
import { openStored, writeKeyring } from './open-sealing.ts'
import type { PassphraseCost } from './passphrase.ts'
import { createSealer } from './sealer.ts'
import { SealingError } from './sealing-error.ts'
import { type Swept, sweepSecrets } from './sweep.ts'

/** From which passphrase to which. */
export interface Rotation {
  from: string
  to: string
  /** Epoch milliseconds. */
  now: number
  /** Only for tests: what the new passphrase costs. */
  cost?: PassphraseCost | undefined
}

/**
 * Changes the key of a store: a new data key, the keyring under the new passphrase, every secret sealed anew. One write of the keyring is the
 * turning point: killed before it nothing has changed, killed behind it the same command, or any start under the new passphrase, goes on.
 * Gateways that still run under the old passphrase follow by the keyring's bridge. Rejects with SealingError and StoreError.
 */
export async function rotateKey(store: ConfigStore, rotation: Rotation): Promise<Swept> {
  const { from, to, now, cost } = rotation
  if (to === '') throw new SealingError('no-key', 'the new key is empty')
  if (to === from) throw new SealingError('wrong-key', 'the new key is the old one')
  const stored = await store.read(KEYRING.collection, KEYRING.id)
  if (!stored?.body)
    throw new SealingError('no-key', 'nothing in the store is sealed yet; start the gateway with encryption_key set, and it will be')
  const turned = await openStored(stored, to).catch(unlessWrongKey)
  if (turned) return sweepSecrets(store, createSealer(turned.keys), now)
  const previous = await openStored(stored, from)
  const made = await makeKeyring(to, { now, previous, ...(cost ? { cost } : {}) })
  if (!(await writeKeyring(store, made.keyring, stored.version))) {
    throw new SealingError('wrong-key', 'the keyring was changed meanwhile by another process; run the command again')
  }
  return sweepSecrets(store, createSealer(made.keys), now)
}

function unlessWrongKey(error: unknown): undefined {
  if (error instanceof SealingError && error.fault === 'wrong-key') return undefined
  throw error
}
