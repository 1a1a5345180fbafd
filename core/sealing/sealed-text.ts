import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/** `sealed:v1:<keyId>:<base64url of nonce, ciphertext and tag>`. */
const FORM = /^sealed:v1:([0-9a-f]{16}):([A-Za-z0-9_-]+)$/

/** What a sealed text is bound to: it opens nowhere else. */
export type Place = readonly string[]

/** The id of the key that a text was sealed by; undefined for a text that is not sealed. */
export function sealedBy(text: string): string | undefined {
  return FORM.exec(text)?.[1]
}

/** Seals a text for one place, under a nonce of its own. */
export function sealText(text: string, key: { id: string; key: KeyObject }, place: Place): string {
  return `sealed:v1:${key.id}:${sealBytes(Buffer.from(text, 'utf8'), key.key, place).toString('base64url')}`
}

/** Opens a sealed text at its place; undefined where text, key or place is another. */
export function openText(sealed: string, key: KeyObject, place: Place): string | undefined {
  const packed = FORM.exec(sealed)?.[2]
  if (packed === undefined) return undefined
  const bytes = Buffer.from(packed, 'base64url')
  // The last character may hold bits that no byte has: what does not write itself again is not what was sealed.
  if (bytes.toString('base64url') !== packed) return undefined
  return openBytes(bytes, key, place)?.toString('utf8')
}

/** Nonce, ciphertext and tag of AES-256-GCM, with the place as associated data. */
export function sealBytes(bytes: Uint8Array, key: KeyObject, place: Place): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(placeBytes(place))
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

/** The bytes that `sealBytes` sealed for the place; undefined where anything differs. */
export function openBytes(sealed: Buffer, key: KeyObject, place: Place): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(placeBytes(place))
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
  } catch {
    return undefined
  }
}

/** As JSON, because steps of a place may hold any character: ["a","b.c"] is not ["a.b","c"]. */
function placeBytes(place: Place): Buffer {
  return Buffer.from(JSON.stringify(place), 'utf8')
}
