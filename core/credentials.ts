import type { HeaderList } from './edge.ts'
import { GatewayError } from './errors.ts'
import type { Authenticator, AuthKind, Credential, Provider, SignableRequest } from './provider.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'

/** A key of a provider, with the entry that says how it signs in. */
export interface SignIn {
  entry: Pick<Provider, 'auth'>
  settings: ProviderSettings
  key: KeySettings
}

/** A minted credential and when to ask for the next one, in milliseconds since 1970. */
export interface Minted {
  credential: Credential
  refreshAt: number
}

/** Gets a minted credential. Rejects with GW_SIGN_IN_FAILED. */
export type Mint = (signIn: SignIn) => Promise<Minted>

/** Signs requests in. One per thread; what is minted comes from the process's one mint. */
export interface Credentials {
  /**
   * Header lines for one request, beside those the key always carries. Undefined where the key's authenticator neither mints nor
   * signs, which is known without a promise; a value at once where the credential is at hand and signing is synchronous.
   * Rejects with GW_SIGN_IN_FAILED when no credential can be had: the fault of this key alone.
   */
  authorize(signIn: SignIn, request: SignableRequest): HeaderList | Promise<HeaderList> | undefined
  /** The provider refused the key's credential: the next request asks for a new one. */
  forget(signIn: SignIn): void
}

/** What the credentials of a thread are made from. */
export interface CredentialsOptions {
  authenticators: Readonly<Record<AuthKind, Authenticator>>
  mint: Mint
  /** Milliseconds since 1970. */
  wallClock(): number
}

/** What a thread knows of one key's credential. */
interface Held {
  isMinted: boolean
  minted: Minted | undefined
  asked: Promise<Minted> | undefined
}

/** The credentials of one thread: what was minted is used until its end, and asked for anew ahead of it, while requests go on. */
export function createCredentials({ authenticators, mint, wallClock }: CredentialsOptions): Credentials {
  // By key object: a changed key is another object, and its old credential goes with it.
  const held = new Map<AuthKind, WeakMap<KeySettings, Held>>()

  function heldFor({ entry, settings, key }: SignIn): Held {
    const keys = held.get(entry.auth) ?? new WeakMap<KeySettings, Held>()
    held.set(entry.auth, keys)
    let found = keys.get(key)
    if (!found) {
      found = { isMinted: authenticators[entry.auth].mint?.(key, settings) !== undefined, minted: undefined, asked: undefined }
      keys.set(key, found)
    }
    return found
  }

  function ask(signIn: SignIn, state: Held): Promise<Minted> {
    state.asked ??= mint(signIn).then(
      (minted) => {
        state.asked = undefined
        state.minted = minted
        return minted
      },
      (error: unknown) => {
        state.asked = undefined
        throw error
      },
    )
    return state.asked
  }

  /** At once where there is one that holds; a promise where it has to be waited for. */
  function current(signIn: SignIn, state: Held): Credential | Promise<Credential> {
    const now = wallClock()
    const { minted } = state
    if (!minted || now >= minted.credential.expiresAt) return ask(signIn, state).then(({ credential }) => credential)
    // Nobody waits for it, and while it fails the one at hand still serves.
    if (now >= minted.refreshAt) ask(signIn, state).catch(() => {})
    return minted.credential
  }

  return {
    authorize(signIn, request) {
      const { sign } = authenticators[signIn.entry.auth]
      if (!sign) return undefined
      const { key, settings } = signIn
      const state = heldFor(signIn)
      const credential = state.isMinted ? current(signIn, state) : undefined
      if (credential instanceof Promise) return credential.then((ready) => sign(request, { key, settings, credential: ready }) ?? [])
      return sign(request, { key, settings, credential })
    },
    forget(signIn) {
      const state = held.get(signIn.entry.auth)?.get(signIn.key)
      if (state) state.minted = undefined
    },
  }
}

/** Longest a token server may take, in milliseconds. */
const MINT_MS = 10_000
/** Pause after a failure, doubled with each in a row up to the second figure, in milliseconds. */
const PAUSE_MS = [1_000, 30_000] as const
/** A credential is replaced when a fifth of its life is left, or five minutes where that is more and it lives longer than ten. */
const MARGIN_MS = 5 * 60_000

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
  wallClock(): number
  /** 0 <= x < 1. */
  random(): number
  /** Longest a token server may take, in milliseconds; 10 s unless said. */
  patienceMs?: number | undefined
}

/**
 * The mint of the process: one call to a token server at a time per key, shared by all threads, and none for a while after one
 * that failed. A server that fails or hangs costs the requests of its key alone.
 */
export function createMint({ authenticators, wallClock, random, patienceMs = MINT_MS }: MintOptions): Mint {
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
      const credential = await within(make(), patienceMs)
      minting.minted = { credential, refreshAt: refreshAt(credential, wallClock(), random) }
      minting.failures = 0
      return minting.minted
    } catch (error) {
      minting.failure = failureOf(signIn, error as Error)
      minting.retryAt = wallClock() + Math.min(PAUSE_MS[0] * 2 ** minting.failures++, PAUSE_MS[1])
      throw minting.failure
    } finally {
      minting.running = undefined
    }
  }

  return (signIn) => {
    const minting = mintingOf(signIn)
    const now = wallClock()
    if (minting.minted && now < minting.minted.refreshAt) return Promise.resolve(minting.minted)
    if (now < minting.retryAt && minting.failure) return Promise.reject(minting.failure)
    minting.running ??= run(signIn, minting)
    return minting.running
  }
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

function failureOf({ settings, key }: SignIn, cause: Error): GatewayError {
  return new GatewayError('GW_SIGN_IN_FAILED', { provider: settings.name, key: key.name, reason: cause.message.split('\n')[0] }, { cause })
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms).unref()
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
