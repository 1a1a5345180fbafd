import type { Target, UpstreamHandler, UpstreamRequest } from './types.ts'

/** Where a call may lead to. */
export interface Surroundings {
  target: Target
  /** Hosts besides the target's own that the key may be sent to: names, or suffixes that begin with ".". */
  hosts: readonly string[]
  /** The base URL is the operator's: every step stays below it, whatever host the provider names. */
  staysAtTarget: boolean
}

/** Where one step goes. */
export interface Place {
  target: Target
  /** With prefix and query. */
  path: string
}

/** Header lines that belong to the first request's body, or ask for how it is answered. */
const FIRST_ONLY: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'prefer', 'accept'])

/** Hears nothing. */
export const NO_HANDLER: UpstreamHandler = { onHead() {}, onData() {}, onEnd() {}, onError() {} }

/** Where a URL of the provider's leads; a text that says why it is not followed, where the credential would get into foreign hands. */
export function placeOf(written: string, { target, hosts, staysAtTarget }: Surroundings): Place | string {
  const origin = `${target.protocol}//${target.host}`
  const url = URL.parse(written, origin)
  if (!url) return 'the provider leads on to what is no URL'
  const path = url.pathname + url.search
  if (staysAtTarget) return { target, path: below(target.prefix, path) }
  if (url.origin === new URL(origin).origin) return { target, path }
  const isEncrypted = url.protocol === 'https:' || (url.protocol === 'http:' && target.protocol === 'http:')
  if (!isEncrypted || !hosts.some((host) => isNamed(host, url.hostname))) {
    return `the provider leads on to ${url.protocol}//${url.host}, which is not sent the key`
  }
  return { target: elsewhere(target, url), path }
}

/** A request of a later step: the first one's header lines without those of its body. */
export function stepRequest(first: UpstreamRequest, step: { method: string; path: string; accept: string }): UpstreamRequest {
  const { method, path, accept } = step
  const headers = first.headers.filter(([name]) => !FIRST_ONLY.has(name))
  return { method, path, headers: [...headers, ['accept', accept]], body: [], maxResponseBytes: first.maxResponseBytes }
}

function below(prefix: string, path: string): string {
  return path === prefix || path.startsWith(`${prefix}/`) ? path : prefix + path
}

function isNamed(host: string, hostname: string): boolean {
  return host.startsWith('.') ? hostname.endsWith(host) : hostname === host
}

/** The same way to another host: its proxy, its trust and its limits. */
function elsewhere(target: Target, url: URL): Target {
  const protocol = url.protocol === 'http:' ? 'http:' : 'https:'
  const port = Number(url.port) || (protocol === 'http:' ? 80 : 443)
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  return { ...target, protocol, hostname, port, host: url.host, prefix: '', socketPath: undefined }
}
