import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { JsonObject } from '../canonical/json.ts'
import { PASSPHRASE_COST, type PassphraseCost, passphraseKey } from './passphrase.ts'
import { openBytes, type Place, sealBytes } from './sealed-text.ts'
import type { DataKeys } from './sealer.ts'
import { SealingError } from './sealing-error.ts'

/** Where the keyring lies in a store. */
export const KEYRING = { collection: 'meta', id: 'keyring' } as const

const id = z.string().regex(/^[0-9a-f]{16}$/)
const base64 = z.string().regex(/^[A-Za-z0-9_-]+$/)
const count = (most: number) => z.int().min(1).max(most)

const keyringSchema = z.strictObject({
  /** How the passphrase becomes the key that seals the data keys; bounded, so that a forged document cannot hang a start. */
  kdf: z.strictObject({
    name: z.literal('argon2id'),
    memory_kib: count(1_048_576),
    passes: count(16),
    lanes: count(16),
    salt: base64,
  }),
  /** What the passphrase's key must give: tells a wrong passphrase from a damaged keyring. */
  check: base64,
  /** The key that seals from now on. */
  current: id,
  keys: z
    .array(
      z.strictObject({
        id,
        created: z.iso.datetime(),
        sealed: base64,
        /** The same key sealed by the data key before it, while gateways that know only that one may still run. */
        bridge: z.strictObject({ from: id, sealed: base64 }).optional(),
        retired: z.iso.datetime().optional(),
      }),
    )
    .min(1)
    .max(64),
})

/** The document `meta/keyring`: data keys, sealed by the key of the passphrase. */
export type Keyring = z.output<typeof keyringSchema>
type KeyringEntry = Keyring['keys'][number]

/** Reads the document. Throws SealingError where it is damaged. */
export function parseKeyring(body: JsonObject): Keyring {
  const read = keyringSchema.safeParse(body)
  if (read.success) return read.data
  throw damaged()
}

/** A keyring with one new data key, or, from an opened one, with one more, all sealed under the passphrase. The key before it bridges to it. */
export async function makeKeyring(
  passphrase: string,
  { now, previous, cost = PASSPHRASE_COST }: { now: number; previous?: { keyring: Keyring; keys: DataKeys }; cost?: PassphraseCost },
): Promise<{ keyring: Keyring; keys: DataKeys }> {
  const salt = randomBytes(16)
  const sealing = await passphraseKey(passphrase, salt, cost)
  const fresh = { id: randomBytes(8).toString('hex'), key: createSecretKey(randomBytes(32)) }
  const at = new Date(now).toISOString()
  const before = previous?.keys
  const older = (previous?.keyring.keys ?? []).map((entry) => ({
    ...entryOf(entry.id, knownKey(before, entry.id), { sealing, created: entry.created }),
    retired: entry.retired ?? at,
    // Who has slept through two rotations needs both bridges.
    ...(entry.bridge ? { bridge: entry.bridge } : {}),
  }))
  const newest: KeyringEntry = entryOf(fresh.id, fresh.key, { sealing, created: at })
  if (before) newest.bridge = { from: before.current, sealed: sealKey(fresh.key, knownKey(before, before.current), ['bridge', fresh.id]) }
  return {
    keyring: {
      kdf: { name: 'argon2id', ...cost, salt: salt.toString('base64url') },
      check: checkValue(sealing).toString('base64url'),
      current: fresh.id,
      keys: [...older, newest],
    },
    keys: { current: fresh.id, byId: new Map([...(before?.byId ?? []), [fresh.id, fresh.key]]) },
  }
}

/** Opens a keyring by its passphrase; undefined where the passphrase is another. Throws SealingError where the keyring is damaged. */
export async function openKeyring(keyring: Keyring, passphrase: string): Promise<DataKeys | undefined> {
  const { salt, memory_kib, passes, lanes } = keyring.kdf
  const sealing = await passphraseKey(passphrase, Buffer.from(salt, 'base64url'), { memory_kib, passes, lanes })
  if (!isChecked(keyring.check, sealing)) return undefined
  const byId = new Map<string, KeyObject>()
  for (const entry of keyring.keys) {
    const key = openKey(entry.sealed, sealing, ['keyring', entry.id])
    if (!key) throw damaged()
    byId.set(entry.id, key)
  }
  if (!byId.has(keyring.current)) throw damaged()
  return { current: keyring.current, byId }
}

/** The keys of a keyring that has changed under a running gateway, by the keys it knew; undefined where no bridge leads to the current one. */
export function followKeyring(keyring: Keyring, known: DataKeys): DataKeys | undefined {
  const byId = new Map(known.byId)
  for (const entry of keyring.keys) {
    const from = entry.bridge && byId.get(entry.bridge.from)
    const key = entry.bridge && from && openKey(entry.bridge.sealed, from, ['bridge', entry.id])
    if (key) byId.set(entry.id, key)
  }
  return byId.has(keyring.current) ? { current: keyring.current, byId } : undefined
}

function entryOf(keyId: string, key: KeyObject, { sealing, created }: { sealing: KeyObject; created: string }): KeyringEntry {
  return { id: keyId, created, sealed: sealKey(key, sealing, ['keyring', keyId]) }
}

function knownKey(keys: DataKeys | undefined, keyId: string): KeyObject {
  const key = keys?.byId.get(keyId)
  if (!key) throw damaged()
  return key
}

function sealKey(key: KeyObject, by: KeyObject, place: Place): string {
  return sealBytes(key.export(), by, place).toString('base64url')
}

function openKey(sealed: string, by: KeyObject, place: Place): KeyObject | undefined {
  const bytes = openBytes(Buffer.from(sealed, 'base64url'), by, place)
  return bytes?.length === 32 ? createSecretKey(bytes) : undefined
}

function isChecked(check: string, sealing: KeyObject): boolean {
  const given = Buffer.from(check, 'base64url')
  const expected = checkValue(sealing)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function checkValue(sealing: KeyObject): Buffer {
  return createHmac('sha256', sealing).update('keyring check').digest().subarray(0, 16)
}

function damaged(): SealingError {
  return new SealingError('corrupt', "the store's keyring (meta/keyring) is damaged; restore it from a backup of the store")
}
