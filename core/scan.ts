import { isUtf8 } from 'node:buffer'
import { type JsonObject, parseExact } from './canonical/json.ts'
import { GatewayError } from './errors.ts'
import { latin1, utf8 } from './text.ts'

/** Spans of a body's top-level values, found in one pass. */
export interface Scan {
  readonly bytes: Buffer
  /** Name of a top-level field (unescaped) -> [start, end) of its value in bytes, and where its key starts. */
  readonly spans: ReadonlyMap<string, Span>
  /** Offset of the last `}`. */
  readonly close: number
  /** The value of a top-level field as JSON; undefined where it is absent. */
  value(name: string): unknown
  /** The whole body as an object; parsed once. Below the top, numbers that a double cannot hold keep their source text. */
  parse(): JsonObject
}

/** Byte offsets of one top-level field: its key's opening quote, and its value [start, end). */
export interface Span {
  keyStart: number
  start: number
  end: number
}

/** Deepest nesting accepted: JSON.stringify and structuredClone overflow the stack near 5,000, long after any real request. */
export const MAX_DEPTH = 256

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

/** What may come next: a value, a key, `:` or what follows a finished value. The first two also allow a closing bracket. */
const EXPECT = { firstValue: 0, value: 1, firstKey: 2, key: 3, colon: 4, after: 5 } as const
type Expected = (typeof EXPECT)[keyof typeof EXPECT]

/** This many bytes are read one by one before indexOf is asked: most strings are short, and escaped quotes come in swarms. */
const CAREFUL_BYTES = 48

/**
 * Checks a request body in one pass and finds the spans of its top-level fields; strings are skipped by `indexOf`.
 * Checks: UTF-8, grammar outside strings, nesting of at most MAX_DEPTH, no field twice at the top (compared unescaped).
 * Throws GatewayError GW_INVALID_JSON with the byte offset. 1.5 us for 1 KB, as long as JSON.parse for 100 KB.
 */
export function scan(bytes: Buffer): Scan {
  if (!isUtf8(bytes)) throw invalid('the body is not valid UTF-8')
  const scanner = new Scanner(bytes)
  scanner.run()
  return scanner
}

const stack = new Uint8Array(MAX_DEPTH + 1)

class Scanner implements Scan {
  readonly bytes: Buffer
  readonly spans = new Map<string, Span>()
  close = 0
  /** Shared by all scans: a scan is synchronous, and 256 bytes per request would be the largest thing it allocates. */
  #stack = stack
  #depth = 0
  #hasWideNumbers = false
  #keyStart = 0
  #key = ''
  #valueStart = 0
  #parsed: JsonObject | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  value(name: string): unknown {
    const span = this.spans.get(name)
    return span && JSON.parse(utf8(this.bytes, span.start, span.end))
  }

  parse(): JsonObject {
    this.#parsed ??= parseBody(utf8(this.bytes), this.#hasWideNumbers)
    return this.#parsed
  }

  run(): void {
    const { bytes } = this
    let at = skipSpace(bytes, 0)
    if (bytes[at] !== OPEN_OBJECT) throw invalid('the body is not a JSON object')
    this.#stack[++this.#depth] = OPEN_OBJECT
    let expected: Expected = EXPECT.firstKey
    at++
    while (this.#depth > 0) {
      at = skipSpace(bytes, at)
      const byte = bytes[at]
      if (byte === undefined) throw invalid('the body ends early')
      if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#closeContainer(byte, expected, at)
        at++
        expected = EXPECT.after
      } else if (expected === EXPECT.after) {
        if (byte !== COMMA) throw unexpected(at)
        expected = this.#stack[this.#depth] === OPEN_OBJECT ? EXPECT.key : EXPECT.value
        at++
      } else if (expected === EXPECT.colon) {
        if (byte !== COLON) throw unexpected(at)
        expected = EXPECT.value
        at++
      } else if (expected === EXPECT.firstKey || expected === EXPECT.key) {
        at = this.#readKey(at)
        expected = EXPECT.colon
      } else {
        if (this.#depth === 1) this.#valueStart = at
        if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
          this.#openContainer(byte, at)
          expected = byte === OPEN_OBJECT ? EXPECT.firstKey : EXPECT.firstValue
          at++
        } else {
          at = this.#readScalar(byte, at)
          if (this.#depth === 1) this.#record(at)
          expected = EXPECT.after
        }
      }
    }
    this.close = at - 1
    if (skipSpace(bytes, at) !== bytes.length) throw invalid('text after the end of the object', at)
  }

  #openContainer(byte: number, at: number): void {
    if (this.#depth === MAX_DEPTH) throw invalid(`nested deeper than ${MAX_DEPTH} levels`, at)
    this.#stack[++this.#depth] = byte
  }

  #closeContainer(byte: number, expected: Expected, at: number): void {
    const isObject = byte === CLOSE_OBJECT
    const isAllowed = expected === EXPECT.after || expected === (isObject ? EXPECT.firstKey : EXPECT.firstValue)
    if (!isAllowed || this.#stack[this.#depth] !== (isObject ? OPEN_OBJECT : OPEN_ARRAY)) throw unexpected(at)
    this.#depth--
    if (this.#depth === 1) this.#record(at + 1)
  }

  #readKey(at: number): number {
    if (this.bytes[at] !== QUOTE) throw unexpected(at)
    const end = stringEnd(this.bytes, at)
    if (this.#depth > 1) return end
    const text = utf8(this.bytes, at + 1, end - 1)
    this.#key = text.includes('\\') ? unescaped(utf8(this.bytes, at, end), at) : text
    if (this.spans.has(this.#key)) throw invalid(`duplicate field "${this.#key.slice(0, 80)}"`, at)
    this.#keyStart = at
    return end
  }

  #readScalar(byte: number, at: number): number {
    if (byte === QUOTE) return stringEnd(this.bytes, at)
    const end = scalarEnd(this.bytes, at)
    const text = latin1(this.bytes, at, end)
    if (text === 'true' || text === 'false' || text === 'null') return end
    if (!NUMBER.test(text)) throw unexpected(at)
    if (text.length > 15 || text.includes('e') || text.includes('E')) this.#hasWideNumbers = true
    return end
  }

  #record(end: number): void {
    this.spans.set(this.#key, { keyStart: this.#keyStart, start: this.#valueStart, end })
  }
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

function skipSpace(bytes: Buffer, at: number): number {
  let byte = bytes[at]
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++at]
  return at
}

/** Offset after the closing quote of the string that opens at `at`. */
function stringEnd(bytes: Buffer, at: number): number {
  let from = at + 1
  while (true) {
    const limit = Math.min(from + CAREFUL_BYTES, bytes.length)
    while (from < limit) {
      const byte = bytes[from]
      if (byte === QUOTE) return from + 1
      from += byte === BACKSLASH ? 2 : 1
    }
    const quote = bytes.indexOf(QUOTE, from)
    if (quote < 0) throw invalid('a string does not end', at)
    if (!isEscaped(bytes, quote, from)) return quote + 1
    from = quote + 1
  }
}

/** Whether the quote at `at` is escaped; bytes before `from` are known not to end in a lone backslash. */
function isEscaped(bytes: Buffer, at: number, from: number): boolean {
  let slashes = 0
  while (at - 1 - slashes >= from && bytes[at - 1 - slashes] === BACKSLASH) slashes++
  return slashes % 2 === 1
}

function scalarEnd(bytes: Buffer, at: number): number {
  let end = at
  while (end < bytes.length) {
    const byte = bytes[end] as number
    if (byte <= 0x20 || byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte === COLON || byte === QUOTE) break
    end++
    // No literal or number a client means is longer; without the bound a body of digits would become one long string.
    if (end - at > 400) throw invalid('a number is too long', at)
  }
  return end
}

function unescaped(quoted: string, at: number): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    throw invalid('a field name is not a valid string', at)
  }
}

function parseBody(text: string, hasWideNumbers: boolean): JsonObject {
  try {
    if (!hasWideNumbers) return JSON.parse(text) as JsonObject
    const body = parseExact(text) as JsonObject
    for (const [name, value] of Object.entries(body)) if (isRawJson(value)) body[name] = Number(JSON.stringify(value))
    return body
  } catch (error) {
    throw invalid((error as Error).message)
  }
}

const { isRawJSON: isRawJson } = JSON as unknown as { isRawJSON(value: unknown): boolean }

function unexpected(at: number): GatewayError {
  return invalid('unexpected character', at)
}

function invalid(reason: string, at?: number): GatewayError {
  return new GatewayError('GW_INVALID_JSON', { reason: at === undefined ? reason : `${reason} at byte ${at}` })
}
