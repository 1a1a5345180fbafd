import type { Connection } from './connection.ts'
import { type BodyDecoder, createDecoder } from './decompress.ts'
import type { AnswerHead } from './head.ts'
import type { ParserSink } from './parser.ts'
import { type UpstreamCall, UpstreamFault, type UpstreamHandler, type UpstreamRequest } from './types.ts'

/** Answers that may go on for ever: bounded by time and by the reader, not by size. */
const STREAM_TYPES = ['text/event-stream', 'application/vnd.amazon.eventstream'] as const
const DECODED_HEADERS: ReadonlySet<string> = new Set(['content-encoding', 'content-length'])

/** One request and its answer: between the parser, which reads it, and the handler, which wants it. */
export class Call implements UpstreamCall, ParserSink {
  readonly request: UpstreamRequest
  /** Serves the call now; absent while it waits and when the answer has been read. */
  connection: Connection | undefined
  /** A replay happens once. */
  isReplayed = false
  isPaused = false
  /** No callback follows. */
  isEnded = false
  private readonly handler: UpstreamHandler
  private readonly forget: (call: Call) => void
  private limit: number
  private received = 0
  private decoder: BodyDecoder | undefined

  /** `forget` takes the call out of the line when it is aborted there. */
  constructor(request: UpstreamRequest, handler: UpstreamHandler, forget: (call: Call) => void) {
    this.request = request
    this.handler = handler
    this.forget = forget
    this.limit = request.maxResponseBytes
  }

  abort(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.decoder?.destroy()
    if (this.connection) this.connection.close()
    else this.forget(this)
  }

  pause(): void {
    if (this.isPaused || this.isEnded) return
    this.isPaused = true
    this.decoder?.pause()
    this.connection?.pause()
  }

  resume(): void {
    if (!this.isPaused || this.isEnded) return
    this.isPaused = false
    this.decoder?.resume()
    this.connection?.resume()
  }

  onHead(head: AnswerHead): void {
    if (isStream(head.contentType)) this.limit = Number.POSITIVE_INFINITY
    if (head.contentLength > this.limit) {
      this.fail(new UpstreamFault('too-large', `content-length is ${head.contentLength}, the limit ${this.limit} bytes`, false))
      return
    }
    if (head.contentEncoding !== '' && head.contentLength !== 0 && !this.decode(head)) return
    this.handler.onHead(head)
  }

  onBody(chunk: Buffer): void {
    if (this.decoder === undefined) this.deliver(chunk)
    else if (!this.decoder.write(chunk)) this.connection?.pause()
  }

  /** The whole answer has been read from the socket. */
  complete(): void {
    if (this.decoder) this.decoder.end()
    else this.end()
  }

  fail(fault: UpstreamFault): void {
    if (this.isEnded) return
    this.isEnded = true
    this.decoder?.destroy()
    this.connection?.close()
    this.handler.onError(fault)
  }

  private deliver(chunk: Buffer): void {
    this.received += chunk.length
    if (this.received > this.limit) this.fail(new UpstreamFault('too-large', `the answer is over the limit of ${this.limit} bytes`, false))
    else this.handler.onData(chunk)
  }

  private end(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.handler.onEnd()
  }

  /** Sets up decoding; what the head said about the encoded body no longer holds. False: it cannot be decoded. */
  private decode(head: AnswerHead): boolean {
    this.decoder = createDecoder(head.contentEncoding, {
      onData: (chunk) => this.deliver(chunk),
      onEnd: () => this.end(),
      onError: (error) =>
        this.fail(new UpstreamFault('encoding', `the answer's ${head.contentEncoding} is broken: ${error.message}`, false, error)),
      onDrain: () => {
        if (!this.isPaused) this.connection?.resume()
      },
    })
    if (this.decoder === undefined) {
      this.fail(
        new UpstreamFault(
          'encoding',
          `the content-encoding "${head.contentEncoding.slice(0, 80)}" was not asked for and is not known`,
          false,
        ),
      )
      return false
    }
    if (this.isPaused) this.decoder.pause()
    head.headers = head.headers.filter(([name]) => !DECODED_HEADERS.has(name))
    return true
  }
}

function isStream(contentType: string): boolean {
  return STREAM_TYPES.some((type) => contentType.startsWith(type))
}
