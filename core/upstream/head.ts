import type { UpstreamHead } from './types.ts'

/** Head of an answer, with what the parser and the call must know of it. */
export interface AnswerHead extends UpstreamHead {
  headers: [string, string][]
  /** The 0 or 1 of HTTP/1.0 and HTTP/1.1. */
  minor: number
  /** Bytes; -1 when not declared. */
  contentLength: number
  /** Lower-case; empty when there is none. */
  transferEncoding: string
  /** Lower-case; empty when there is none or it is `identity`. */
  contentEncoding: string
  /** Lower-case, with its parameters. */
  contentType: string
  /** Whether the server says that the connection serves another request. */
  keepsAlive: boolean
  /** Milliseconds of the server's own idle limit; -1 when it does not say. */
  keepAliveMs: number
}

/** What one header line means to us: gives the reason when the answer must be refused. */
type Note = (head: AnswerHead, value: string) => string | undefined

interface Name {
  text: string
  note: Note | undefined
}

const NOTES: Readonly<Record<string, Note>> = {
  connection: noteConnection,
  'content-encoding': noteContentEncoding,
  'content-length': noteContentLength,
  'content-type': (head, value) => {
    head.contentType = value.toLowerCase()
    return undefined
  },
  'keep-alive': noteKeepAlive,
  'transfer-encoding': (head, value) => {
    head.transferEncoding += (head.transferEncoding === '' ? '' : ', ') + value.toLowerCase()
    return undefined
  },
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9][0-9](?: |$)/
const LENGTH = /^[0-9]{1,15}$/
const KEEP_ALIVE_TIMEOUT = /(?:^|[\s,])timeout\s*=\s*([0-9]{1,6})/i
const NAMES_KEPT = 512
const SPACE = 32
const TAB = 9

/** Names as servers write them, checked and lowered once: servers repeat the same few. Bounded. */
const names = new Map<string, Name>()

/**
 * Reads the head that ends before `limit` (just after the line break of its last line). Gives the reason, as a string,
 * when the head must be refused: strict about line breaks, folded lines, NUL and lengths, because a server that is wrong
 * there makes one answer look like two.
 */
export function parseHead(text: string, limit: number): AnswerHead | string {
  let lineEnd = endOfLine(text, 0)
  if (lineEnd < 12 || !STATUS_LINE.test(text.slice(0, lineEnd))) return 'the status line is not one of HTTP/1.0 or HTTP/1.1'
  const head = newHead(text.charCodeAt(7) - 48, Number(text.slice(9, 12)))
  for (let start = lineEnd + 2; start < limit; start = lineEnd + 2) {
    lineEnd = endOfLine(text, start)
    if (lineEnd < 0) return 'a header line does not end with CRLF'
    const reason = readLine(head, text, start, lineEnd)
    if (reason !== undefined) return reason
  }
  const zero = text.indexOf('\0')
  return zero >= 0 && zero < limit ? 'the head contains NUL' : head
}

function newHead(minor: number, status: number): AnswerHead {
  return {
    status,
    headers: [],
    minor,
    contentLength: -1,
    transferEncoding: '',
    contentEncoding: '',
    contentType: '',
    keepsAlive: minor === 1,
    keepAliveMs: -1,
  }
}

/** Index of the CR that ends the line; -1 when a CR or LF stands alone before it. */
function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\r', start)
  return text.indexOf('\n', start) === end + 1 ? end : -1
}

function readLine(head: AnswerHead, text: string, start: number, end: number): string | undefined {
  const colon = text.indexOf(':', start)
  if (colon < 0 || colon >= end) return 'a header line has no colon'
  const raw = text.slice(start, colon)
  const name = names.get(raw) ?? learnName(raw)
  if (name === undefined) return 'a header name is not a token'
  let from = colon + 1
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  const value = text.slice(from, to)
  head.headers.push([name.text, value])
  return name.note?.(head, value)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

function learnName(raw: string): Name | undefined {
  if (!TOKEN.test(raw)) return undefined
  const text = raw.toLowerCase()
  const name = { text, note: Object.hasOwn(NOTES, text) ? NOTES[text] : undefined }
  if (names.size < NAMES_KEPT) names.set(raw, name)
  return name
}

function noteConnection(head: AnswerHead, value: string): undefined {
  const lower = value.toLowerCase()
  if (lower === 'keep-alive') head.keepsAlive = true
  else if (lower.includes('close')) head.keepsAlive = false
  else if (lower.includes('keep-alive')) head.keepsAlive = true
}

function noteContentEncoding(head: AnswerHead, value: string): undefined {
  const lower = value.toLowerCase()
  if (lower !== 'identity' && lower !== '') head.contentEncoding += (head.contentEncoding === '' ? '' : ', ') + lower
}

function noteContentLength(head: AnswerHead, value: string): string | undefined {
  for (const part of value.includes(',') ? value.split(',') : [value]) {
    const digits = part.trim()
    if (!LENGTH.test(digits)) return 'content-length is not a number'
    const length = Number(digits)
    if (head.contentLength !== -1 && head.contentLength !== length) return 'two different content-lengths'
    head.contentLength = length
  }
  return undefined
}

function noteKeepAlive(head: AnswerHead, value: string): undefined {
  const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1]
  if (seconds !== undefined) head.keepAliveMs = Number(seconds) * 1000
}
