import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import { isWhitelisted } from '../../core/virtual-key.ts'
import { isAllowedOrigin } from '../http/cors.ts'
import { refuseStrangeHost } from './hosts.ts'
import type { AdminRequest, Gatekeeper } from './router.ts'
import { type Caller, createSignIn, digest, type Pair, type SignIn, type SignInOptions, sessionOf } from './sign-in.ts'

/** How long a session lives: 30 days (api.md 4.2). */
export const SESSION_MS = 30 * 24 * 3_600_000
/** How long a ticket for a WebSocket can be used. */
const TICKET_MS = 60_000
const TOKEN_BYTES = 32

/** Who may use the management API. */
export interface AdminAuth extends Pick<SignIn, 'remember'> {
  admits: Gatekeeper
  /** Resolves with a session's token. Rejects with GW_UNAUTHORIZED or GW_TOO_MANY_ATTEMPTS. */
  logIn(username: string, password: string, from: Caller): Promise<string>
  logOut(headers: AdminRequest['headers']): Promise<void>
  /** A text that opens one WebSocket within a minute. */
  ticket(): Promise<string>
  useTicket(ticket: string): Promise<boolean>
  hasSession(headers: AdminRequest['headers']): Promise<boolean>
}

/** Basic authentication, session tokens (as bearer or in the cookie `token`), and the bearer of old: base64 of user and password (api.md 4.1). */
export function createAdminAuth(options: SignInOptions & { allowedHosts(): readonly string[] }): AdminAuth {
  const { settings, sessions, allowedHosts } = options
  const { checkPair, remember } = createSignIn(options)

  async function hasSession(headers: AdminRequest['headers']): Promise<boolean> {
    const token = tokenOf(headers)
    return token !== undefined && (await sessions.get(sessionKey(token))) === sessionOf(settings())
  }

  return {
    async admits({ access }, { method, path, headers, address }) {
      const { isEnabled, whitelistedRoutes, allowedOrigins } = settings()
      if (!SAFE_METHODS.has(method)) refuseForeign(headers, allowedOrigins)
      if (!isEnabled && access !== 'virtual-key') refuseStrangeHost(headers.get('host'), allowedHosts())
      if (!isEnabled || access === 'open' || access === 'virtual-key' || isWhitelisted(path, whitelistedRoutes)) return false
      if (await hasSession(headers)) return true
      const pair = pairOf(headers)
      if (!pair) throw new GatewayError('GW_UNAUTHORIZED', { reason: 'sign in with basic authentication or a session token' })
      await checkPair(pair, { address, headers })
      return true
    },
    async logIn(username, password, from) {
      await checkPair({ username, password }, from)
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      await sessions.set(sessionKey(token), sessionOf(settings()), SESSION_MS)
      return token
    },
    remember,
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

function ticketKey(ticket: string): string {
  return `ws-ticket:${digest(ticket)}`
}

function tokenOf(headers: AdminRequest['headers']): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  return bearer ?? /(?:^|;\s*)token=([\w-]+)/.exec(headers.get('cookie') ?? '')?.[1]
}

function pairOf(headers: AdminRequest['headers']): Pair | undefined {
  const encoded = /^(?:Basic|Bearer)\s+([\w+/=-]+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  // A session's token is random bytes: one in eight of them would read as a pair, and an old session as somebody who guesses.
  const text = isUtf8(bytes) ? bytes.toString('utf8') : ''
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
