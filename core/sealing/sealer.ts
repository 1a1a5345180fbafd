import { createHash, type KeyObject } from 'node:crypto'
import type { Json, JsonObject } from '../canonical/json.ts'
import { openText, sealedBy, sealText } from './sealed-text.ts'
import { SealingError } from './sealing-error.ts'
import { mapSecrets } from './secret-fields.ts'

/** The keys that seal and open. The current one seals; older ones open until nothing lies under them. */
export interface DataKeys {
  current: string
  byId: ReadonlyMap<string, KeyObject>
}

/** Seals and opens the secrets of documents. Bodies go in and come out whole; only secret fields differ. */
export interface Sealer {
  /** Undefined: no key is set, and bodies are kept as they are. */
  readonly keys: DataKeys | undefined
  /** Throws SealingError where a value is taken for a sealed one and no key is set. */
  sealBody(collection: string, id: string, body: JsonObject): JsonObject
  /** Plain secrets stay as they are, so that rows of both kinds can stand side by side. Throws SealingError. */
  openBody(collection: string, id: string, body: JsonObject): JsonObject
  /** Whether a secret of a stored body is plain, or sealed by another key than the current one. */
  isStale(collection: string, id: string, body: JsonObject): boolean
  /** Takes other keys from now on, as a rotation makes them. */
  replaceKeys(keys: DataKeys): void
}

/** Seals by these keys; without any it keeps bodies as they are, and refuses what it cannot open. */
export function createSealer(initial: DataKeys | undefined): Sealer {
  let keys = initial
  return {
    get keys() {
      return keys
    },
    sealBody: (collection, id, body) => mapSecrets(collection, id, body, (value, path) => seal(value, [collection, id, ...path], keys)),
    openBody: (collection, id, body) => mapSecrets(collection, id, body, (value, path) => open(value, [collection, id, ...path], keys)),
    isStale(collection, id, body) {
      let isStale = false
      mapSecrets(collection, id, body, (value) => {
        isStale ||= keys !== undefined && (typeof value !== 'string' || sealedBy(value) !== keys.current)
        return value
      })
      return isStale
    },
    replaceKeys(next) {
      keys = next
    },
  }
}

/**
 * What a virtual key is looked up by: SHA-256 of its value in hex. Not keyed (decision 0011), so that data threads need no key and a hash
 * stays the same when a key appears or is rotated.
 */
export function virtualKeyHash(value: string): string {
  return createHash('sha256').update(value, 'utf8').digest('hex')
}

function seal(value: Json, place: readonly string[], keys: DataKeys | undefined): Json {
  const key = keys?.byId.get(keys.current)
  if (keys && key) return sealText(JSON.stringify(value), { id: keys.current, key }, place)
  if (typeof value === 'string' && sealedBy(value) !== undefined) {
    throw new SealingError('no-key', `${placeText(place)} looks like a sealed text; set it to the secret itself`)
  }
  return value
}

function open(value: Json, place: readonly string[], keys: DataKeys | undefined): Json {
  const keyId = typeof value === 'string' ? sealedBy(value) : undefined
  if (keyId === undefined) return value
  if (!keys)
    throw new SealingError('no-key', `${placeText(place)} is sealed, but no key is set: set encryption_key or BIFROST_ENCRYPTION_KEY`)
  const key = keys.byId.get(keyId)
  if (!key) throw new SealingError('unknown-key', `${placeText(place)} was sealed by key ${keyId}, which is not in the store's keyring`)
  const text = openText(value as string, key, place)
  if (text === undefined)
    throw new SealingError('corrupt', `${placeText(place)} cannot be opened: it was changed, or moved from another place`)
  return JSON.parse(text) as Json
}

function placeText([collection, id, ...path]: readonly string[]): string {
  return `${collection} ${JSON.stringify(id)}, field ${path.join('.')}`
}
