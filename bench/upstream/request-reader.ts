/** The head of a request as it came. */
export interface RequestHead {
  method: string
  /** Path without the query. */
  path: string
  /** The whole head in latin1, request line included: kept unparsed, because a benchmark never looks at it. */
  text: string
}

/** What a reader tells. */
export interface RequestListener {
  onHead(head: RequestHead): void
  onRequest(head: RequestHead, body: Buffer): void
  onBad(reason: string): void
}

const HEAD_END = Buffer.from('\r\n\r\n')
const MAX_HEAD_BYTES = 128 * 1024
const REQUEST_LINE = /^([A-Z]+) ([^ ?]*)[^ ]* HTTP\/1\.1\r\n/
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i
const CHUNKED = /\r\ntransfer-encoding: *chunked/i

/** Reads HTTP/1.1 requests from the bytes of one connection: just enough for clients that are well-behaved. */
export class RequestReader {
  readonly #listener: RequestListener
  #pieces: Buffer[] = []
  #size = 0
  #head: RequestHead | undefined
  /** Bytes of body that are due; -1 says chunked. */
  #due = 0

  constructor(listener: RequestListener) {
    this.#listener = listener
  }

  push(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.#size += bytes.length
    while (this.#size > 0 || this.#head !== undefined) {
      const moved = this.#head === undefined ? this.#readHead() : this.#readBody(this.#head)
      if (!moved) return
    }
  }

  #readHead(): boolean {
    const all = this.#joined()
    const end = all.indexOf(HEAD_END)
    if (end < 0) {
      if (all.length > MAX_HEAD_BYTES) this.#listener.onBad('the head is too long')
      return false
    }
    const text = all.toString('latin1', 0, end + 2)
    const line = REQUEST_LINE.exec(text)
    if (line === null) {
      this.#listener.onBad('not an HTTP/1.1 request')
      return false
    }
    this.#keepFrom(all, end + HEAD_END.length)
    const head = { method: line[1] ?? '', path: line[2] ?? '', text }
    this.#due = CHUNKED.test(text) ? -1 : Number(CONTENT_LENGTH.exec(text)?.[1] ?? 0)
    this.#head = head
    this.#listener.onHead(head)
    return true
  }

  #readBody(head: RequestHead): boolean {
    if (this.#due >= 0 && this.#size < this.#due) return false
    const all = this.#joined()
    const found = this.#due < 0 ? readChunked(all) : { body: all.subarray(0, this.#due), end: this.#due }
    if (found === undefined) return false
    this.#head = undefined
    this.#keepFrom(all, found.end)
    this.#listener.onRequest(head, found.body)
    return true
  }

  #joined(): Buffer {
    const [first] = this.#pieces
    if (this.#pieces.length === 1 && first !== undefined) return first
    const all = Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all
  }

  #keepFrom(all: Buffer, start: number): void {
    this.#size = all.length - start
    this.#pieces = this.#size === 0 ? [] : [all.subarray(start)]
  }
}

/** A chunked body that has wholly arrived, or undefined where more is due. Trailers are not expected. */
function readChunked(bytes: Buffer): { body: Buffer; end: number } | undefined {
  const pieces: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (end > bytes.length) return undefined
    if (size === 0) return { body: Buffer.concat(pieces), end }
    pieces.push(bytes.subarray(lineEnd + 2, end - 2))
    at = end
  }
}

/** Headers of a head by lower-case name; a name that came twice holds both values joined by `, `. */
export function parseHeaders(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}
