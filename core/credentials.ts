import type { Clock } from './deadlines.ts'
import type { HeaderList } from './edge.ts'
import { createLiveTokens, type LiveTokens } from './live-tokens.ts'
import { type Mint, type Minted, REFUSABLE_AFTER_MS, type SignIn, signInError } from './mint.ts'
import type { Authenticator, AuthKind, Credential, SignableRequest } from './provider.ts'
import type { Redactor } from './redact.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'

/** Signs requests in. One per thread; what is minted comes from the process's one mint. */
export interface Credentials {
  /**
   * Header lines for one request, beside those the key always carries. Undefined where the key's authenticator neither mints nor
   * signs, which is known without a promise; a value at once where the credential is at hand and signing is synchronous.
   * Rejects with GW_SIGN_IN_FAILED when no credential can be had: the fault of this key alone.
   */
  authorize(signIn: SignIn, request: SignableRequest): HeaderList | Promise<HeaderList> | undefined
  /**
   * The provider refused a request that began at `startedAt` (milliseconds since 1970). True where the next one goes out with
   * another credential: a newer one is at hand, or it will be waited for. False for keys that mint none, and where it was too
   * fresh to be at fault.
   */
  renew(signIn: SignIn, startedAt: number): boolean
  /** The secrets that a provider was sent in minted credentials and could quote; a few per key, the newest last. */
  secretsOf(settings: ProviderSettings): string[]
}

/** What the credentials of a thread are made from. */
export interface CredentialsOptions {
  authenticators: Readonly<Record<AuthKind, Authenticator>>
  mint: Mint
  clock: Clock
  /** Milliseconds since 1970. */
  wallClock(): number
  /** Of the thread's log: is told what is minted. */
  redactor?: Pick<Redactor, 'add' | 'forget'> | undefined
}

/** How often a thread looks whether a credential nears its end, in milliseconds. */
const LOOK_MS = 1_000

/** The credentials of one thread: what was minted is used until its end, and asked for anew ahead of it, while requests go on. */
export function createCredentials(options: CredentialsOptions): Credentials {
  const { authenticators } = options
  const tokens = createLiveTokens(options.redactor)
  // By key object: a changed key is another object, and its old credential goes with it.
  const held = new Map<AuthKind, WeakMap<KeySettings, HeldCredential>>()

  /** Undefined for a key that mints none. */
  function heldFor(signIn: SignIn): HeldCredential | undefined {
    const { entry, settings, key } = signIn
    const { mint } = authenticators[entry.auth]
    const known = held.get(entry.auth)?.get(key)
    if (known || mint?.(key, settings) === undefined) return known
    const keys = held.get(entry.auth) ?? new WeakMap<KeySettings, HeldCredential>()
    const fresh = new HeldCredential({ ...options, tokens }, signIn)
    held.set(entry.auth, keys.set(key, fresh))
    return fresh
  }

  return {
    authorize(signIn, request) {
      const { sign } = authenticators[signIn.entry.auth]
      if (!sign) return undefined
      const { key, settings } = signIn
      const credential = heldFor(signIn)?.current()
      const lines =
        credential instanceof Promise
          ? credential.then((ready) => sign(request, { key, settings, credential: ready }) ?? [])
          : sign(request, { key, settings, credential })
      if (!(lines instanceof Promise)) return lines
      return lines.catch((error: unknown) => {
        throw signInError(signIn, error)
      })
    },
    renew: (signIn, startedAt) => heldFor(signIn)?.renew(startedAt) ?? false,
    secretsOf: (settings) => tokens.of(settings),
  }
}

/** What a thread holds of one key's credential. */
class HeldCredential {
  readonly #options: CredentialsOptions & { tokens: LiveTokens }
  readonly #signIn: SignIn
  #minted: Minted | undefined
  #asked: Promise<Minted> | undefined
  #stopLooking: (() => void) | undefined
  /** Whether a request went out with it since it came: a key that nobody uses is not kept signed in. */
  #isUsed = false
  /** Whether it took the place of one that requests went out with until then. */
  #isSuccessor = false
  /** `mintedAt` of the credential that the provider did not take. */
  #refused: number | undefined

  constructor(options: CredentialsOptions & { tokens: LiveTokens }, signIn: SignIn) {
    this.#options = options
    this.#signIn = signIn
  }

  /** At once where there is one that holds; a promise where it has to be waited for. */
  current(): Credential | Promise<Credential> {
    this.#isUsed = true
    const minted = this.#minted
    if (this.#isValid(minted) && this.#refused === undefined) return minted.credential
    return this.#ask().then(({ credential }) => credential)
  }

  renew(startedAt: number): boolean {
    const minted = this.#minted
    if (!minted) return false
    if (minted.mintedAt > startedAt) return this.#isSuccessor
    if (this.#options.wallClock() < minted.mintedAt + REFUSABLE_AFTER_MS) return false
    this.#refused = minted.mintedAt
    return true
  }

  #isValid(minted: Minted | undefined): minted is Minted {
    return minted !== undefined && this.#options.wallClock() < minted.credential.expiresAt
  }

  #ask(): Promise<Minted> {
    this.#asked ??= this.#options
      .mint(this.#signIn, this.#refused)
      .then((minted) => this.#take(minted))
      .finally(() => {
        this.#asked = undefined
        this.#refused = undefined
      })
    return this.#asked
  }

  #take(minted: Minted): Minted {
    const isFirst = !this.#isValid(this.#minted)
    if (minted.mintedAt !== this.#minted?.mintedAt) {
      this.#isSuccessor = !isFirst
      this.#isUsed = isFirst
      this.#options.tokens.add(this.#signIn.key, minted)
    }
    this.#minted = minted
    if (Number.isFinite(minted.refreshAt)) this.#stopLooking ??= this.#options.clock.every(LOOK_MS, () => this.#look())
    return minted
  }

  /** Asks ahead of the end. Nobody waits for it, and while it fails the one at hand still serves. */
  #look(): void {
    const minted = this.#minted
    if (minted && this.#options.wallClock() < minted.refreshAt) return
    if (this.#isUsed && this.#isValid(minted)) return void this.#ask().catch(() => {})
    this.#stopLooking?.()
    this.#stopLooking = undefined
  }
}
