import { isUtf8 } from 'node:buffer'
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import type { KeyValueStore } from '../../core/stores.ts'
import { isWhitelisted } from '../../core/virtual-key.ts'
import { isAllowedOrigin } from '../http/cors.ts'
import { MAX_PASSWORD, sameText, verifyPassword } from './password.ts'
import type { AdminRequest, Gatekeeper } from './router.ts'
import { Throttle } from './throttle.ts'

/** How long a session lives: 30 days (api.md 4.2). */
export const SESSION_MS = 30 * 24 * 3_600_000
/** How long a ticket for a WebSocket can be used. */
const TICKET_MS = 60_000
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

/** Who may use the management API. */
export interface AdminAuth {
  admits: Gatekeeper
  /** Resolves with a session's token. Rejects with GW_UNAUTHORIZED or GW_TOO_MANY_ATTEMPTS. */
  logIn(username: string, password: string, address: string): Promise<string>
  logOut(headers: AdminRequest['headers']): Promise<void>
  /** A text that opens one WebSocket within a minute. */
  ticket(): Promise<string>
  useTicket(ticket: string): Promise<boolean>
  hasSession(headers: AdminRequest['headers']): Promise<boolean>
}

interface AuthOptions {
  settings(): AuthSettings
  sessions: KeyValueStore
  /** Milliseconds since 1970. */
  now(): number
}

/** Basic authentication, session tokens (as bearer or in the cookie `token`), and the bearer of old: base64 of user and password (api.md 4.1). */
export function createAdminAuth({ settings, sessions, now }: AuthOptions): AdminAuth {
  const throttle = new Throttle(now)
  /** The check that ends last, by the address that asks. */
  const turns = new Map<string, Promise<unknown>>()
  const trusted = new Map<string, number>()

  async function isRight(username: string, password: string): Promise<boolean> {
    const kept = settings()
    const pair = digest(`${kept.username}\0${kept.password}\0${username}\0${password}`)
    if ((trusted.get(pair) ?? 0) > now()) return true
    if (password.length > MAX_PASSWORD || kept.username === '' || kept.password === '') return false
    const isPassword = await verifyPassword(password, kept.password)
    if (!sameText(username, kept.username) || !isPassword) return false
    if (trusted.size >= MOST_TRUSTED) trusted.clear()
    trusted.set(pair, now() + TRUST_MS)
    return true
  }

  /** One after the other for each address: guesses that come at once are counted like others. */
  function checkPair(username: string, password: string, address: string): Promise<void> {
    const checked = (turns.get(address) ?? Promise.resolve()).then(() => checkNext(username, password, address))
    const over: Promise<unknown> = checked.catch(() => {}).then(() => turns.get(address) === over && turns.delete(address))
    turns.set(address, over)
    return checked
  }

  async function checkNext(username: string, password: string, address: string): Promise<void> {
    throttle.check(address)
    if (await isRight(username, password)) return throttle.worked(address)
    throttle.failed(address)
    throw new GatewayError('GW_UNAUTHORIZED', { reason: 'wrong user name or password' })
  }

  async function hasSession(headers: AdminRequest['headers']): Promise<boolean> {
    const token = tokenOf(headers)
    return token !== undefined && (await sessions.get(sessionKey(token))) === sessionOf(settings())
  }

  return {
    async admits({ access }, { method, path, headers, address }) {
      const { isEnabled, whitelistedRoutes, allowedOrigins } = settings()
      if (!SAFE_METHODS.has(method)) refuseForeign(headers, allowedOrigins)
      if (!isEnabled || access === 'open' || access === 'virtual-key' || isWhitelisted(path, whitelistedRoutes)) return false
      if (await hasSession(headers)) return true
      const pair = pairOf(headers)
      if (!pair) throw new GatewayError('GW_UNAUTHORIZED', { reason: 'sign in with basic authentication or a session token' })
      await checkPair(pair.username, pair.password, address)
      return true
    },
    async logIn(username, password, address) {
      await checkPair(username, password, address)
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      await sessions.set(sessionKey(token), sessionOf(settings()), SESSION_MS)
      return token
    },
    async logOut(headers) {
      const token = tokenOf(headers)
      if (token !== undefined) await sessions.delete(sessionKey(token))
    },
    async ticket() {
      const ticket = randomBytes(TOKEN_BYTES).toString('base64url')
      await sessions.set(ticketKey(ticket), '1', TICKET_MS)
      return ticket
    },
    useTicket: (ticket) => sessions.exchange(ticketKey(ticket), '1', undefined, 0),
    hasSession,
  }
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A page of another site changes nothing, with its visitor's cookie or from its visitor's network. Who sends no Origin is no browser. */
function refuseForeign(headers: AdminRequest['headers'], allowed: readonly string[]): void {
  const origin = headers.get('origin')
  if (origin === undefined || URL.parse(origin)?.host === headers.get('host') || isAllowedOrigin(origin, allowed)) return
  throw new GatewayError('GW_REQUEST_BLOCKED', {
    reason: 'the page that asks is of an origin that is not allowed (client.allowed_origins)',
  })
}

/** Only hashes of tokens are kept: who reads the store cannot use them. */
function sessionKey(token: string): string {
  return `session:${digest(token)}`
}

/** Whose session it is: who signs in by another name or password ends those of before. */
function sessionOf({ username, password }: AuthSettings): string {
  return digest(`${username}\0${password}`)
}

function ticketKey(ticket: string): string {
  return `ws-ticket:${digest(ticket)}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function tokenOf(headers: AdminRequest['headers']): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  return bearer ?? /(?:^|;\s*)token=([\w-]+)/.exec(headers.get('cookie') ?? '')?.[1]
}

function pairOf(headers: AdminRequest['headers']): { username: string; password: string } | undefined {
  const encoded = /^(?:Basic|Bearer)\s+([\w+/=-]+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  // A session's token is random bytes: one in eight of them would read as a pair, and an old session as somebody who guesses.
  const text = isUtf8(bytes) ? bytes.toString('utf8') : ''
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
