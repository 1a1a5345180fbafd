import { latin1 } from '../text.ts'
import { ChunkedDecoder } from './chunked.ts'
import { type AnswerHead, parseHead } from './head.ts'

/** Receives what the parser finds. Either call may stop the parser. */
export interface ParserSink {
  onHead(head: AnswerHead): void
  onBody(chunk: Buffer): void
}

const HEAD = 0
const SIZED = 1
const UNTIL_CLOSE = 2
const CHUNKED = 3
const DONE = 4
const STOPPED = 5

/** Bytes of one head, interim ones each for itself. */
const MAX_HEAD_BYTES = 65_536
/** Most heads fit in one window; a longer one is gathered. */
const HEAD_WINDOW = 4096
/** Interim answers (1xx) before the real one. */
const MAX_INTERIM = 10
const HEAD_END = '\r\n\r\n'
const HEAD_END_BYTES = Buffer.from(HEAD_END)
const PROTOCOL_PREFIX = 'HTTP/1.'
const BARE_LINE_FEED = /[^\r]\n/

/**
 * Reads one HTTP/1.1 answer at a time out of raw reads, however they are split. Never throws: what must be refused stands in
 * `fault`. Bodies are delivered once per read, uncopied; chunked ones are compacted in the read's own buffer.
 */
export class ResponseParser {
  /** Why the answer must be refused. */
  fault: string | undefined
  /** Whether the head allows the connection to serve another request; valid once done. */
  keepsAlive = false
  keepAliveMs = -1
  private state = STOPPED
  private sink: ParserSink | undefined
  private isHeadRequest = false
  private remaining = 0
  private interim = 0
  private readonly chunked = new ChunkedDecoder()
  /** A head that came in pieces, its length, and its last three characters. */
  private pieces: string[] = []
  private gathered = 0
  private tail = ''

  /** The answer is complete. */
  get isDone(): boolean {
    return this.state === DONE
  }

  /** Gets ready for the next answer. */
  start(sink: ParserSink, isHeadRequest: boolean): void {
    this.sink = sink
    this.isHeadRequest = isHeadRequest
    this.state = HEAD
    this.fault = undefined
    this.keepsAlive = false
    this.interim = 0
    if (this.gathered > 0) this.forgetPieces()
  }

  /** Nothing more is read or delivered. */
  stop(): void {
    this.state = STOPPED
    this.sink = undefined
  }

  /** Reads `buffer` up to `end`; gives where it stopped: before `end` when bytes follow a complete answer. May overwrite `buffer`. */
  execute(buffer: Buffer, end: number): number {
    let at = 0
    while (at < end && this.state < DONE) at = this.step(buffer, at, end)
    return at
  }

  /** The server will send no more. True: that ended a close-delimited answer. */
  finish(): boolean {
    if (this.state !== UNTIL_CLOSE) return false
    this.state = DONE
    return true
  }

  private step(buffer: Buffer, position: number, end: number): number {
    if (this.state === CHUNKED) return this.readChunked(buffer, position, end)
    if (this.state === HEAD) return this.readHead(buffer, position, end)
    const stop = this.state === SIZED ? Math.min(position + this.remaining, end) : end
    this.remaining -= stop - position
    if (this.state === SIZED && this.remaining === 0) this.state = DONE
    this.sink?.onBody(buffer.subarray(position, stop))
    return stop
  }

  private readChunked(buffer: Buffer, position: number, end: number): number {
    const decoder = this.chunked
    const at = decoder.decode(buffer, position, end)
    if (decoder.fault !== undefined) this.fail(decoder.fault)
    else if (decoder.isDone) this.state = DONE
    if (decoder.outEnd > decoder.outStart) this.sink?.onBody(buffer.subarray(decoder.outStart, decoder.outEnd))
    return at
  }

  private readHead(buffer: Buffer, position: number, end: number): number {
    const limit = Math.min(end, position + HEAD_WINDOW)
    // Looked for among the bytes first (behind `end` are those of another read): of the body behind it no text is made.
    const headEnd = buffer.indexOf(HEAD_END_BYTES, position) + HEAD_END.length
    const piece = latin1(buffer, position, headEnd > position && headEnd < limit ? headEnd : limit)
    const searched = this.gathered === 0 ? piece : this.tail + piece
    const found = searched.indexOf(HEAD_END)
    if (found < 0) {
      this.gather(piece, searched)
      return position + piece.length
    }
    const stop = found + HEAD_END.length - (searched.length - piece.length)
    this.endHead(piece, stop)
    return position + stop
  }

  private gather(piece: string, searched: string): void {
    this.pieces.push(piece)
    this.gathered += piece.length
    this.tail = searched.slice(-3)
    if (this.gathered > MAX_HEAD_BYTES) this.fail('the head is over 64 KB')
    else if (!this.looksLikeHttp()) this.fail('the status line is not one of HTTP/1.0 or HTTP/1.1')
    else if (BARE_LINE_FEED.test(searched)) this.fail('a header line does not end with CRLF')
  }

  /** Refuses garbage as soon as its first bytes are there, instead of waiting for the end of a head. */
  private looksLikeHttp(): boolean {
    let start = ''
    for (let index = 0; index < this.pieces.length && start.length < PROTOCOL_PREFIX.length; index++) start += this.pieces[index]
    return PROTOCOL_PREFIX.startsWith(start.slice(0, PROTOCOL_PREFIX.length))
  }

  private endHead(piece: string, stop: number): void {
    const length = this.gathered + stop
    if (length > MAX_HEAD_BYTES) {
      this.fail('the head is over 64 KB')
      return
    }
    const text = this.gathered === 0 ? piece : this.pieces.join('') + piece
    if (this.gathered > 0) this.forgetPieces()
    const head = parseHead(text, length - 2)
    if (typeof head === 'string') this.fail(head)
    else if (head.status < 200) this.skipInterim(head.status)
    else this.open(head)
  }

  private forgetPieces(): void {
    this.pieces = []
    this.gathered = 0
    this.tail = ''
  }

  private skipInterim(status: number): void {
    if (status === 101) this.fail('the server switches protocols unasked')
    else if (++this.interim > MAX_INTERIM) this.fail('too many interim answers')
  }

  private open(head: AnswerHead): void {
    if (head.transferEncoding !== '') {
      const reason = refuseTransferEncoding(head)
      if (reason !== undefined) {
        this.fail(reason)
        return
      }
    }
    this.keepsAlive = head.keepsAlive
    this.keepAliveMs = head.keepAliveMs
    this.state = this.bodyState(head)
    this.sink?.onHead(head)
  }

  private bodyState(head: AnswerHead): number {
    if (this.isHeadRequest || head.status === 204 || head.status === 304) {
      head.contentLength = 0
      head.contentEncoding = ''
      return DONE
    }
    if (head.transferEncoding !== '') {
      this.chunked.reset()
      return CHUNKED
    }
    if (head.contentLength < 0) {
      this.keepsAlive = false
      return UNTIL_CLOSE
    }
    this.remaining = head.contentLength
    return this.remaining === 0 ? DONE : SIZED
  }

  private fail(reason: string): void {
    this.state = STOPPED
    this.fault = reason
  }
}

function refuseTransferEncoding(head: AnswerHead): string | undefined {
  if (head.contentLength >= 0) return 'both content-length and transfer-encoding'
  if (head.minor === 0) return 'transfer-encoding in HTTP/1.0'
  return head.transferEncoding === 'chunked' ? undefined : 'a transfer-encoding other than chunked'
}
