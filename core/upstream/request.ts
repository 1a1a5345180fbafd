import { latin1 } from '../text.ts'
import type { UpstreamRequest } from './types.ts'

/** The client writes these itself, exactly once, whatever the caller brings. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const BODY_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
const UNSAFE_PATH = /[^\x21-\x7e]/

/** Up to here head and body go out as one buffer and one write. */
const JOINED_BYTES = 16_384
const SLAB_BYTES = 131_072
/** A slice of a big body: the next one is made when the socket has taken this one. */
const SLICE_BYTES = 262_144

let slab = Buffer.alloc(0)
let slabUsed = 0

/** Whether the path can stand in a request line: a space or a line break in it would be another request. */
export function isSafePath(path: string): boolean {
  return path.charCodeAt(0) === 47 && !UNSAFE_PATH.test(path)
}

/** Bytes of the body. */
export function bodyLength(body: readonly Uint8Array[]): number {
  let length = 0
  for (let index = 0; index < body.length; index++) length += (body[index] as Uint8Array).byteLength
  return length
}

/** Request line and headers, with the empty line. `hostLine` is `host: name\r\naccept-encoding: identity\r\n`. */
export function requestHead(request: UpstreamRequest, hostLine: string, length: number): string {
  const head = `${request.method} ${request.path} HTTP/1.1\r\n${hostLine}${linesOf(request.headers)}`
  return length > 0 || BODY_METHODS.has(request.method) ? `${head}content-length: ${length}\r\n\r\n` : `${head}\r\n`
}

/** Lines of lists that come with every request to a target, written once. */
const written = new WeakMap<UpstreamRequest['headers'], string>()

function linesOf(headers: UpstreamRequest['headers']): string {
  if (!Object.isFrozen(headers)) return writeLines(headers)
  let lines = written.get(headers)
  if (lines === undefined) {
    // Flat, as what a buffer wrote is: a text that was added up would be walked with every request.
    lines = latin1(Buffer.from(writeLines(headers), 'latin1'))
    written.set(headers, lines)
  }
  return lines
}

function writeLines(headers: UpstreamRequest['headers']): string {
  let lines = ''
  for (const [name, value] of headers) if (!OWN_HEADERS.has(name)) lines += `${name}: ${value}\r\n`
  return lines
}

/** Head and body in one buffer when they are small; undefined when they are not. */
export function joinSmall(head: string, body: readonly Uint8Array[], length: number): Buffer | undefined {
  const total = head.length + length
  if (total > JOINED_BYTES) return undefined
  if (slabUsed + total > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    slabUsed = 0
  }
  const start = slabUsed
  let at = start + slab.write(head, start, 'latin1')
  for (let index = 0; index < body.length; index++) {
    const piece = body[index] as Uint8Array
    slab.set(piece, at)
    at += piece.byteLength
  }
  slabUsed = at
  return slab.subarray(start, at)
}

/** Walks over a big body in slices that a socket can take one at a time. */
export class BodyCursor {
  private readonly body: readonly Uint8Array[]
  private index = 0
  private offset = 0

  constructor(body: readonly Uint8Array[]) {
    this.body = body
  }

  /** The next slice, uncopied; undefined at the end. */
  next(): Uint8Array | undefined {
    const piece = this.body[this.index]
    if (piece === undefined) return undefined
    const slice = piece.subarray(this.offset, this.offset + SLICE_BYTES)
    this.offset += slice.byteLength
    if (this.offset >= piece.byteLength) {
      this.index++
      this.offset = 0
    }
    return slice
  }
}
