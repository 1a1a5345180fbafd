import { STATUS_CODES } from 'node:http'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const PLAIN_VALUE = /^[\t\x20-\x7e]*$/
const LATIN1_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Names that say how an answer is framed: only the transport writes them, for two of one kind desynchronise a proxy. */
const FRAMING = new Set(['connection', 'content-length', 'date', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** Names that were found fit to be written: answers repeat the same few. Bounded. */
const fitNames = new Set<string>()
const NAMES_KEPT = 512

/** Status lines by status; those of node:http and a few that vendors use. */
const STATUS_LINES: readonly (string | undefined)[] = statusLines()

/**
 * The one gate of outgoing headers (uWebSockets.js writes CR and LF as they are): the value as it may be written, or
 * undefined where name or value has CR, LF, NUL, another control character or one beyond latin1, or the name is the transport's own.
 */
export function cleanHeader(name: string, value: string): string | Uint8Array | undefined {
  if (!fitNames.has(name) && !isFit(name)) return undefined
  if (PLAIN_VALUE.test(value)) return value
  // A string would go out as UTF-8, and so the bytes that an upstream sent would change.
  return LATIN1_VALUE.test(value) ? Buffer.from(value, 'latin1') : undefined
}

function isFit(name: string): boolean {
  if (!TOKEN.test(name) || FRAMING.has(name.toLowerCase())) return false
  if (fitNames.size < NAMES_KEPT) fitNames.add(name)
  return true
}

/** `404 Not Found`. What is no final HTTP status becomes 502. */
export function statusLine(status: number): string {
  if (!Number.isInteger(status) || status < 200 || status > 599) return statusLine(502)
  return STATUS_LINES[status] ?? `${status} Unassigned`
}

/** Whether an answer of this status has no body and no length (RFC 9110, 6.4.1). */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 304
}

function statusLines(): (string | undefined)[] {
  const lines: (string | undefined)[] = []
  for (const [status, text] of Object.entries(STATUS_CODES)) lines[Number(status)] = `${status} ${text}`
  lines[499] = '499 Client Closed Request'
  lines[529] = '529 Site Overloaded'
  return lines
}
