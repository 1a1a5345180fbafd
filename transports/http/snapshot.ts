import { plainAddress } from '../../core/addresses.ts'
import type { Incoming, Route } from '../../core/edge.ts'
import { forwardedAddress, forwardedScheme, isTrusted, type TrustSettings } from './client-address.ts'
import type { HttpRequest, HttpResponse } from './uws.ts'

/** More digits than any length has; beyond 15 a number is not exact. */
const MAX_LENGTH_DIGITS = 15
/** Names that frame or address a message: two of one kind mean different things to two parsers (request smuggling). */
const SINGLE = new Set(['content-length', 'transfer-encoding', 'host'])

/** What the router knows of a request. `method` is absent where any method leads here. */
export interface Asked {
  route: Route
  method: string | undefined
}

/** What a server knows of its connections. */
export interface Listening {
  /** The connection itself is TLS. */
  isSecure: boolean
  trust(): TrustSettings
}

/** A copied request. All but the addresses and the scheme are plain fields. */
class Snapshot implements Incoming {
  readonly route: Route
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: ReadonlyMap<string, string>
  readonly contentLength: number | undefined
  readonly #listening: Listening
  #response: HttpResponse | undefined
  #remoteAddress = ''
  #peer = ''
  #isTrusted = false

  constructor(response: HttpResponse, listening: Listening, fields: Omit<Incoming, 'remoteAddress' | 'clientAddress' | 'scheme'>) {
    this.#response = response
    this.#listening = listening
    this.route = fields.route
    this.method = fields.method
    this.path = fields.path
    this.query = fields.query
    this.headers = fields.headers
    this.contentLength = fields.contentLength
  }

  get remoteAddress(): string {
    this.#readPeer()
    return this.#remoteAddress
  }

  get clientAddress(): string {
    this.#readPeer()
    return this.#isTrusted ? forwardedAddress(this.#peer, this.headers.get('x-forwarded-for'), this.#listening.trust()) : this.#peer
  }

  get scheme(): 'http' | 'https' {
    this.#readPeer()
    const own = this.#listening.isSecure ? 'https' : 'http'
    return this.#isTrusted ? (forwardedScheme(this.headers.get('x-forwarded-proto')) ?? own) : own
  }

  /** Asks the socket at first use (1.3 us, most requests never ask) and keeps the answer; nothing is known when first asked for after the answer. */
  #readPeer(): void {
    const response = this.#response
    if (response === undefined) return
    this.#response = undefined
    try {
      this.#remoteAddress = formatAddress(new Uint8Array(response.getRemoteAddress()))
      this.#peer = this.#remoteAddress
      const trust = this.#listening.trust()
      this.#isTrusted = isTrusted(this.#peer, trust)
      if (!this.#isTrusted || !trust.proxyProtocol) return
      // A PROXY header may come from anyone; here it came from a proxy. Behind it X-Forwarded-For counts if its address is believed too.
      const proxied = formatAddress(new Uint8Array(response.getProxiedRemoteAddress()))
      if (proxied === '') return
      this.#peer = proxied
      this.#isTrusted = isTrusted(proxied, trust)
    } catch {
      this.#isTrusted = false
    }
  }
}

/** Copies what later stages read; undefined where the framing can be read in two ways: then close the connection. */
export function takeSnapshot(
  response: HttpResponse,
  request: HttpRequest,
  { route, method, listening }: Asked & { listening: Listening },
): Incoming | undefined {
  const headers = new Map<string, string>()
  let isAmbiguous = false
  request.forEach((name, value) => {
    const earlier = headers.get(name)
    if (earlier === undefined) headers.set(name, value)
    else if (SINGLE.has(name)) isAmbiguous = true
    else headers.set(name, name === 'cookie' ? `${earlier}; ${value}` : `${earlier}, ${value}`)
  })
  const contentLength = bodyLength(headers.get('content-length'), headers.get('transfer-encoding'))
  if (isAmbiguous || contentLength === null) return undefined
  return new Snapshot(response, listening, {
    route,
    method: method ?? request.getMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    headers,
    contentLength,
  })
}

/** The declared length; undefined when chunked, 0 for none, null when the two headers do not say one clear thing. */
export function bodyLength(length: string | undefined, encoding: string | undefined): number | undefined | null {
  if (encoding !== undefined) return encoding === 'chunked' && length === undefined ? undefined : null
  if (length === undefined) return 0
  if (length.length === 0 || length.length > MAX_LENGTH_DIGITS) return null
  for (let at = 0; at < length.length; at++) {
    const code = length.charCodeAt(at)
    if (code < 0x30 || code > 0x39) return null
  }
  return Number(length)
}

/** Text of a binary address of 4 or 16 bytes; IPv4 in IPv6 is written as IPv4; empty for a unix socket. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return ''
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16))
  return plainAddress(groups.join(':')) ?? ''
}
