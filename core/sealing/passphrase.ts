import { createSecretKey, type KeyObject } from 'node:crypto'
import { argon2idAsync } from '@noble/hashes/argon2.js'

/** How a passphrase becomes a key. Kept beside what it seals, so that later versions may ask for more. */
export interface PassphraseCost {
  memory_kib: number
  passes: number
  lanes: number
}

/** Above OWASP's least for Argon2id (46 MiB and one pass, or 19 MiB and two); one second of one core, once a start. */
export const PASSPHRASE_COST: PassphraseCost = { memory_kib: 65_536, passes: 3, lanes: 1 }

/** Longest the thread is held at a time, in milliseconds. */
const TICK_MS = 10

/** The 32-byte key of a passphrase by Argon2id. The thread serves other work meanwhile. */
export async function passphraseKey(passphrase: string, salt: Uint8Array, cost: PassphraseCost): Promise<KeyObject> {
  const bytes = await argon2idAsync(Buffer.from(passphrase, 'utf8'), salt, {
    m: cost.memory_kib,
    t: cost.passes,
    p: cost.lanes,
    dkLen: 32,
    asyncTick: TICK_MS,
  })
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
