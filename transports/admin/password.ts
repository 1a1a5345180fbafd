import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** By OWASP's password storage cheat sheet: 2^17 x 8 x 128 bytes are 128 MiB for about 0.3 s; a quarter of that, since every sign-in of a script pays it. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
const KEY_BYTES = 32
const SALT_BYTES = 16
const PREFIX = 'scrypt'
/** Longer texts are no password; hashing them would only take time. Characters. */
export const MAX_PASSWORD = 1024

const derive = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt)

/** A password as it is kept: `scrypt$<N>$<salt>$<hash>`. Runs beside the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, KEY_BYTES, COST)
  return [PREFIX, COST.N, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

/** Whether a text is a password as it is kept. */
export function isHashed(text: string): boolean {
  return /^scrypt\$\d+\$[\w-]{22}\$[\w-]{43}$/.test(text)
}

/** Whether a password is the one that is kept, hashed or in the open (from the environment). Takes as long whichever it is. */
export async function verifyPassword(password: string, kept: string): Promise<boolean> {
  // A variable that is not set is no password.
  if (!isHashed(kept)) return sameText(password, kept) && kept !== ''
  const [, cost, salt = '', hash = ''] = kept.split('$')
  const found = await derive(password, Buffer.from(salt, 'base64url'), KEY_BYTES, { ...COST, N: Number(cost) })
  return timingSafeEqual(found, Buffer.from(hash, 'base64url'))
}

/** Compares without telling by its time where texts differ, or how long they are. */
export function sameText(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
