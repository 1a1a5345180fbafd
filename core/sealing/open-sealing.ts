import type { JsonObject } from '../canonical/json.ts'
import { type ConfigStore, type Stored, StoreError } from '../stores/stores.ts'
import { KEYRING, type Keyring, makeKeyring, openKeyring, parseKeyring } from './keyring.ts'
import type { PassphraseCost } from './passphrase.ts'
import { createSealer, type DataKeys, type Sealer } from './sealer.ts'
import { SealingError } from './sealing-error.ts'

/** Longest passphrase, in characters: Argon2id takes any, a start should not. */
export const MAX_PASSPHRASE = 4096

/** With what a store's sealing is opened. */
export interface SealingOptions {
  /** `encryption_key` or BIFROST_ENCRYPTION_KEY; undefined or empty: none is set. */
  passphrase: string | undefined
  /** Epoch milliseconds. */
  now: number
  /** Only for tests: what a passphrase costs in a new keyring. */
  cost?: PassphraseCost | undefined
}

/** An opened keyring, as it lies in the store. */
export interface OpenedKeyring {
  keyring: Keyring
  keys: DataKeys
  version: number
}

/**
 * The sealer of a store; makes the keyring where a key appears for the first time. Throws SealingError: `wrong-key` where the store was
 * sealed under another key, `no-key` where it is sealed and none is set.
 */
export async function openSealing(store: ConfigStore, options: SealingOptions): Promise<Sealer> {
  const opened = await openOrMake(store, options)
  return createSealer(opened?.keys)
}

async function openOrMake(store: ConfigStore, { passphrase, now, cost }: SealingOptions): Promise<OpenedKeyring | undefined> {
  const stored = await store.read(KEYRING.collection, KEYRING.id)
  if (passphrase === undefined || passphrase === '') {
    if (stored?.body)
      throw new SealingError('no-key', "the store's secrets are sealed, but no key is set: set encryption_key or BIFROST_ENCRYPTION_KEY")
    return undefined
  }
  if (passphrase.length > MAX_PASSPHRASE) throw new SealingError('wrong-key', `encryption_key is longer than ${MAX_PASSPHRASE} characters`)
  if (stored?.body) return openStored(stored, passphrase)
  const made = await makeKeyring(passphrase, { now, ...(cost ? { cost } : {}) })
  const written = await writeKeyring(store, made.keyring, 0)
  // Another process made one at the same time: that one counts.
  return written ? { ...made, version: written.version } : openOrMake(store, { passphrase, now, cost })
}

/** Opens a keyring as it was read. Throws SealingError. */
export async function openStored(stored: Stored, passphrase: string): Promise<OpenedKeyring> {
  const keyring = parseKeyring(stored.body ?? {})
  const keys = await openKeyring(keyring, passphrase)
  if (keys) return { keyring, keys, version: stored.version }
  throw new SealingError(
    'wrong-key',
    'the store was sealed under another encryption_key; set the one it was made with, or change it by "bifrost keys rotate"',
  )
}

/** Writes the keyring over the version that was read; undefined where another writer was first. */
export async function writeKeyring(store: ConfigStore, keyring: Keyring, version: number): Promise<Stored | undefined> {
  try {
    return await store.write(KEYRING.collection, KEYRING.id, keyring as unknown as JsonObject, { version })
  } catch (error) {
    if (error instanceof StoreError && error.fault === 'conflict') return undefined
    throw error
  }
}
