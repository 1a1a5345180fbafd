import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import type { KeyValueStore } from '../../core/stores/stores.ts'
import { MAX_PASSWORD, sameText, verifyPassword } from './password.ts'
import type { AdminRequest } from './router.ts'
import { Checks, networkOf, Throttle } from './throttle.ts'

/** How long a browser that has signed in is known by its cookie: 180 days. */
export const DEVICE_MS = 180 * 24 * 3_600_000
/** A pair that was right is believed again for so long, so that a script's every call does not pay for the hash. */
const TRUST_MS = 60_000
const MOST_TRUSTED = 100
const TOKEN_BYTES = 32

/** `governance.auth_config` and what belongs to it, as they stand now. */
export interface AuthSettings {
  isEnabled: boolean
  username: string
  /** Hashed, or in the open. */
  password: string
  /** Paths that ask for nothing; a trailing `*` stands for all that begins so. */
  whitelistedRoutes: readonly string[]
  /** Whose pages may change things (client.allowed_origins, D8), besides the gateway's own. */
  allowedOrigins: readonly string[]
}

/** Who asks. */
export type Caller = Pick<AdminRequest, 'address' | 'headers'>

/** A user name and a password, as sent. */
export interface Pair {
  username: string
  password: string
}

/** What a sign-in works with. */
export interface SignInOptions {
  settings(): AuthSettings
  sessions: KeyValueStore
  /** Milliseconds since 1970. */
  now(): number
}

/** The sign-in by a name and a password. */
export interface SignIn {
  /** Rejects with GW_UNAUTHORIZED or GW_TOO_MANY_ATTEMPTS. */
  checkPair(pair: Pair, from: Caller): Promise<void>
  /** After a sign-in: the text of a cookie by which the browser is known from now on; undefined where it is known already. */
  remember(headers: AdminRequest['headers']): Promise<string | undefined>
}

/** Checks pairs, and slows down who guesses them. */
export function createSignIn({ settings, sessions, now }: SignInOptions): SignIn {
  const throttle = new Throttle(now)
  const checks = new Checks()
  /** The check that ends last, by who asks. */
  const turns = new Map<string, Promise<unknown>>()
  const trusted = new Map<string, number>()

  async function isRight({ username, password }: Pair, isKnown: boolean): Promise<boolean> {
    const kept = settings()
    const pair = digest(`${kept.username}\0${kept.password}\0${username}\0${password}`)
    if ((trusted.get(pair) ?? 0) > now()) return true
    if (password.length > MAX_PASSWORD || kept.username === '' || kept.password === '') return false
    const isPassword = await checks.run(() => verifyPassword(password, kept.password), isKnown)
    if (!sameText(username, kept.username) || !isPassword) return false
    if (trusted.size >= MOST_TRUSTED) trusted.clear()
    trusted.set(pair, now() + TRUST_MS)
    return true
  }

  /** A browser that has signed in before is slowed down by its own failures alone, not by what others guess from its address. */
  async function isDevice(headers: AdminRequest['headers']): Promise<boolean> {
    const device = deviceOf(headers)
    return device !== undefined && (await sessions.get(deviceKey(device))) === sessionOf(settings())
  }

  /** One after the other for each caller: guesses that come at once are counted like others. */
  async function checkPair(pair: Pair, { address, headers }: Caller): Promise<void> {
    const isKnown = await isDevice(headers)
    const name = isKnown ? deviceKey(deviceOf(headers) ?? '') : networkOf(address)
    const checked = (turns.get(name) ?? Promise.resolve()).then(() => checkNext(pair, name, isKnown))
    const over: Promise<unknown> = checked.catch(() => {}).then(() => turns.get(name) === over && turns.delete(name))
    turns.set(name, over)
    return checked
  }

  async function checkNext(pair: Pair, name: string, isKnown: boolean): Promise<void> {
    throttle.check(name)
    if (await isRight(pair, isKnown)) return
    throttle.failed(name)
    throw new GatewayError('GW_UNAUTHORIZED', { reason: 'wrong user name or password' })
  }

  return {
    checkPair,
    async remember(headers) {
      if (await isDevice(headers)) return undefined
      const device = randomBytes(TOKEN_BYTES).toString('base64url')
      await sessions.set(deviceKey(device), sessionOf(settings()), DEVICE_MS)
      return device
    },
  }
}

/** Whose session it is: who signs in by another name or password ends those of before. */
export function sessionOf({ username, password }: AuthSettings): string {
  return digest(`${username}\0${password}`)
}

function deviceKey(device: string): string {
  return `device:${digest(device)}`
}

function deviceOf(headers: AdminRequest['headers']): string | undefined {
  return /(?:^|;\s*)device=([\w-]+)/.exec(headers.get('cookie') ?? '')?.[1]
}

/** SHA-256 in hex: what the store keeps in place of a secret. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
