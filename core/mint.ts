import { isObject, type Json } from './canonical/json.ts'
import { secretsIn } from './config/secrets.ts'
import type { Deadlines } from './deadlines.ts'
import { GatewayError } from './errors.ts'
import type { Log } from './log.ts'
import type { Authenticator, AuthKind, Credential, Provider } from './provider.ts'
import { createRedactor } from './redact.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'

/** A key of a provider, with the entry that says how it signs in. */
export interface SignIn {
  entry: Pick<Provider, 'auth'>
  settings: ProviderSettings
  key: KeySettings
}

/** A minted credential, when it was minted, and when to ask for the next one; in milliseconds since 1970. */
export interface Minted {
  credential: Credential
  mintedAt: number
  refreshAt: number
}

/**
 * Gets a minted credential. `refused` is the `mintedAt` of one that the provider did not take: another one is made then.
 * Rejects with GW_SIGN_IN_FAILED.
 */
export type Mint = (signIn: SignIn, refused?: number) => Promise<Minted>

/** Longest a token server may take, in milliseconds. */
const PATIENCE_MS = 10_000
/** Pause after a failure, doubled with each in a row up to the second figure, in milliseconds. */
const PAUSE_MS = [1_000, 30_000] as const
/** A credential is replaced when a fifth of its life is left, or five minutes where that is more and it lives longer than ten. */
const MARGIN_MS = 5 * 60_000
/** A credential refused when younger than this is not at fault, its account is: making another would only burden the token server. */
export const REFUSABLE_AFTER_MS = 30_000
/** Most characters of a token server's words that an error repeats. */
const MAX_REASON = 300

interface Minting {
  key: KeySettings
  minted: Minted | undefined
  running: Promise<Minted> | undefined
  failure: GatewayError | undefined
  failures: number
  retryAt: number
}

/** What the process's mint is made from. */
export interface MintOptions {
  authenticators: Readonly<Record<AuthKind, Authenticator>>
  deadlines: Deadlines
  log: Pick<Log, 'warn'>
  /** Milliseconds since 1970. */
  wallClock(): number
  /** 0 <= x < 1. */
  random(): number
}

/**
 * The mint of the process: one call to a token server at a time per key, shared by all threads, and none for a while after one
 * that failed. A server that fails or hangs costs the requests of its key alone.
 */
export function createMint({ authenticators, deadlines, log, wallClock, random }: MintOptions): Mint {
  const mintings = new Map<string, Minting>()

  function mintingOf({ entry, settings, key }: SignIn): Minting {
    const name = [entry.auth, settings.name, key.id].join('\0')
    const known = mintings.get(name)
    if (known && isSame(known.key, key)) return known
    const fresh = { key, minted: undefined, running: undefined, failure: undefined, failures: 0, retryAt: 0 }
    mintings.set(name, fresh)
    return fresh
  }

  async function run(signIn: SignIn, minting: Minting): Promise<Minted> {
    try {
      const make = authenticators[signIn.entry.auth].mint?.(signIn.key, signIn.settings)
      if (!make) throw new Error('the key needs no credential')
      const credential = await within(deadlines, make(), PATIENCE_MS)
      const now = wallClock()
      // Without this every request would ask for another one.
      if (!(credential.expiresAt > now)) throw new Error('the credential that came had ended already')
      minting.minted = { credential, mintedAt: now, refreshAt: refreshAt(credential, now, random) }
      minting.failures = 0
      minting.failure = undefined
      return minting.minted
    } catch (error) {
      const failure = signInError(signIn, error)
      minting.failure = failure
      minting.retryAt = wallClock() + Math.min(PAUSE_MS[0] * 2 ** minting.failures++, PAUSE_MS[1])
      log.warn({ provider: signIn.settings.name, key: signIn.key.name, reason: failure.detail.reason }, 'a key could not sign in')
      return lastOf(minting, failure)
    } finally {
      minting.running = undefined
    }
  }

  /** Until its end the last credential serves, whatever keeps the next one from coming. */
  function lastOf({ minted }: Minting, failure: GatewayError): Minted {
    if (minted && wallClock() < minted.credential.expiresAt) return minted
    throw failure
  }

  return async (signIn, refused) => {
    const minting = mintingOf(signIn)
    const now = wallClock()
    const { minted, failure } = minting
    if (minted && now < minted.refreshAt && !isRefused(minted, refused, now)) return minted
    if (failure && now < minting.retryAt) return lastOf(minting, failure)
    minting.running ??= run(signIn, minting)
    return minting.running
  }
}

/**
 * Why a key could not sign in. What a token server writes is cut and cleaned of the key's secrets; the library's own error is not
 * kept as the cause, for it holds the request with them.
 */
export function signInError({ settings, key }: SignIn, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  const said = error instanceof Error ? error.message : String(error)
  const reason = createRedactor(secretsOfKey(key)).mask(said).replace(/\s+/g, ' ').trim().slice(0, MAX_REASON)
  return new GatewayError('GW_SIGN_IN_FAILED', {
    provider: settings.name,
    key: key.name,
    reason: reason === '' ? 'no reason was given' : reason,
  })
}

/** Its value, and what is secret by its name in its own block and in the credential file that this may hold as text. */
function secretsOfKey({ value, config }: KeySettings): string[] {
  const inner = Object.values(config).flatMap((text) => (typeof text === 'string' && text.startsWith('{') ? secretsIn(parsed(text)) : []))
  const { external_id: external } = config
  return [value, ...secretsIn(config), ...inner, ...(typeof external === 'string' ? [external] : [])]
}

function parsed(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? (value as Json) : null
  } catch {
    return null
  }
}

function isRefused({ mintedAt }: Minted, refused: number | undefined, now: number): boolean {
  return mintedAt === refused && now >= mintedAt + REFUSABLE_AFTER_MS
}

/** Keys come by message too: then they are equal, not the same. */
function isSame(one: KeySettings, other: KeySettings): boolean {
  return one === other || (one.value === other.value && JSON.stringify(one.config) === JSON.stringify(other.config))
}

function refreshAt({ expiresAt }: Credential, now: number, random: () => number): number {
  const life = expiresAt - now
  if (!Number.isFinite(life)) return Number.POSITIVE_INFINITY
  const margin = life > 2 * MARGIN_MS ? Math.max(MARGIN_MS, life / 5) : life / 5
  // Many machines with one account started together: they should not ask together.
  return expiresAt - margin * (1 + random() / 10)
}

/** A library that hangs on its token server is left alone. */
function within<T>(deadlines: Deadlines, work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = {
      at: deadlines.clock.now() + ms,
      onReached() {
        deadlines.delete(deadline)
        reject(new Error(`no answer within ${ms} ms`))
      },
    }
    deadlines.add(deadline)
    work.finally(() => deadlines.delete(deadline)).then(resolve, reject)
  })
}
