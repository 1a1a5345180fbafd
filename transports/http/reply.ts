import type { HeaderList, Reply } from '../../core/edge.ts'
import { flushAtTurnEnd } from '../../core/turn-end.ts'
import { cleanHeader, hasNoBody, statusLine } from './headers.ts'
import type { Sweep, Swept } from './sweep.ts'
import type { Timing } from './timing.ts'
import type { HttpResponse } from './uws.ts'

/** What all replies of a server share. */
export interface ReplyHost {
  /** Answers say `Connection: close`. */
  isDraining: boolean
  readonly sweep: Sweep
  readonly timing: Timing
  /** Called once per reply, when it has ended or its client has left. */
  onReplyDone(reply: HttpReply): void
}

const OPEN = 0
const STREAMING = 1
const SENDING = 2
const DONE = 3

/** Held bytes that are written without waiting for the end of the tick: what the library's buffer of 16 KB takes, less a head. */
const FLUSH_AT = 15 * 1024

/** The answer to one request. Every native call is made while the phase says that the native object is alive; it throws otherwise. */
export class HttpReply implements Reply, Swept {
  readonly #native: HttpResponse
  readonly #host: ReplyHost
  readonly #isHead: boolean
  /** Bytes of the request are unread or may be misread (chunked): the connection ends with this answer. */
  mustClose = false
  /** Bytes of the body budget that this request holds. */
  heldBudget = 0
  isAborted = false
  /** The library's callback has not returned: an answer given now goes out now, so that requests behind it on the connection are served. */
  isInCallback = true
  #phase = OPEN
  #status = 200
  #headers: HeaderList = []
  #body: string | Uint8Array = ''
  /** Lines the transport adds; they win over lines of the same name. */
  #extra: [string, string][] | undefined
  #isHeadWritten = false
  #held: (string | Uint8Array)[] = []
  #heldBytes = 0
  #isEnding = false
  #isFlowing = true
  #isStalled = false
  #stalledBytes = 0
  #stalledAt = 0
  #touchedAt = 0
  #endsOnDrain = false
  #abortListener: (() => void) | undefined
  #drainListener: (() => void) | undefined

  constructor(native: HttpResponse, host: ReplyHost, isHead: boolean) {
    this.#native = native
    this.#host = host
    this.#isHead = isHead
  }

  /** Adds a line to the head, whoever writes it. */
  addHeader(name: string, value: string): void {
    this.#extra ??= []
    this.#extra.push([name, value])
  }

  onAbort(listener: () => void): void {
    if (this.isAborted) listener()
    else this.#abortListener = listener
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener
  }

  send(status: number, headers: HeaderList, body: string | Uint8Array): void {
    if (this.#phase !== OPEN) return
    this.#phase = SENDING
    this.#status = status
    this.#headers = headers
    this.#body = body
    if (this.isInCallback) this.#sendWhole()
    else flushAtTurnEnd(this)
  }

  /** What waits for the end of the turn: a whole answer, or the chunks of a stream. The client may have left meanwhile. */
  flush(): void {
    if (this.#phase === SENDING) this.#sendWhole()
    else this.#flush()
  }

  #sendWhole(): void {
    this.#phase = DONE
    const body = this.#body
    this.#native.cork(() => {
      this.#writeHead()
      if (this.#isHead || hasNoBody(this.#status)) this.#endBodiless(body)
      else this.#native.end(asBytes(body), this.#closes)
    })
    this.#done()
  }

  start(status: number, headers: HeaderList): void {
    if (this.#phase !== OPEN) return
    if (this.#isHead || hasNoBody(status)) {
      this.send(status, headers, '')
      return
    }
    this.#phase = STREAMING
    this.#status = status
    this.#headers = headers
    this.#native.onWritable(() => {
      this.#onWritable()
      return true
    })
  }

  /**
   * Chunks of one tick go out in one system call, at its end, so a chunk's bytes must stay until then. The head goes with the first:
   * the library cannot send it alone. What its buffer does not take costs it two calls, and one more for the stream's end: a chunk of
   * less than two buffers goes in two pieces.
   */
  write(chunk: string | Uint8Array): boolean {
    const room = FLUSH_AT - this.#heldBytes
    if (chunk.length <= room || chunk.length >= room + FLUSH_AT) return this.#hold(chunk)
    const cut = cutAt(chunk, room)
    this.#hold(typeof chunk === 'string' ? chunk.slice(0, cut) : chunk.subarray(0, cut))
    if (this.#heldBytes > 0) this.#flush()
    return this.#hold(typeof chunk === 'string' ? chunk.slice(cut) : chunk.subarray(cut))
  }

  #hold(chunk: string | Uint8Array): boolean {
    if (this.#phase !== STREAMING || chunk.length === 0 || this.#endsOnDrain) return true
    if (this.#isStalled) {
      this.#stalledBytes += chunk.length
      if (this.#stalledBytes > this.#host.timing.maxStalledBytes) {
        this.#cut()
        return true
      }
    }
    if (this.#held.push(chunk) === 1) flushAtTurnEnd(this)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= FLUSH_AT) this.#flush()
    return !this.#isStalled
  }

  end(): void {
    if (this.#phase !== STREAMING) return
    // Ended with bytes still to go, the native object is out of reach and the client out of our time limit.
    if (this.#isStalled) this.#endsOnDrain = true
    else this.#flush(true)
  }

  destroy(): void {
    if (this.#phase === DONE) return
    this.#abortListener = undefined
    this.#cut()
  }

  /** The native abort handler: the client has gone, or the connection was closed from here. */
  onClientGone(): void {
    if (this.#phase === DONE) return
    this.#phase = DONE
    this.isAborted = true
    this.#held = []
    this.#done()
    const listener = this.#abortListener
    this.#abortListener = undefined
    if (listener !== undefined) callOutside(listener)
  }

  sweep(now: number): void {
    const { stallMs, touchMs } = this.#host.timing
    if (now - this.#stalledAt >= stallMs) this.#cut()
    else if (now - this.#touchedAt >= touchMs) {
      this.#touchedAt = now
      touch(this.#native)
    }
  }

  get #closes(): boolean {
    return this.mustClose || this.#host.isDraining
  }

  #writeHead(): void {
    const native = this.#native
    if (this.#status !== 200) native.writeStatus(statusLine(this.#status))
    const extra = this.#extra
    const head = new HeadText(native)
    for (const line of this.#headers) if (extra === undefined || !hasName(extra, line[0])) head.add(line[0], line[1])
    if (extra !== undefined) for (const line of extra) head.add(line[0], line[1])
    head.write()
  }

  /** The library's own way to report a length without a body leaves the answer pending, and the next request would be refused. */
  #endBodiless(body: string | Uint8Array): void {
    if (this.#closes) this.#native.writeHeader('Connection', 'close')
    if (!hasNoBody(this.#status) && body.length > 0) this.#native.writeHeader('Content-Length', String(Buffer.byteLength(body)))
    this.#native.endWithoutBody()
  }

  #flush(isEnd = false): void {
    if (this.#phase !== STREAMING || (this.#held.length === 0 && !isEnd)) return
    this.#isEnding = isEnd
    this.#isFlowing = true
    this.#native.cork(this.#writeHeld)
    if (!this.#isFlowing) this.#stall(isEnd)
    else if (isEnd) this.#done()
  }

  /** What a cork holds together; one function for all of a stream's flushes. */
  readonly #writeHeld = (): void => {
    if (!this.#isHeadWritten) this.#writeStreamHead()
    const chunks = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (let index = 0; index < chunks.length; index++) this.#isFlowing = this.#native.write(chunks[index] as string | Uint8Array)
    if (this.#isEnding && this.#isFlowing) this.#endNative()
  }

  #writeStreamHead(): void {
    this.#isHeadWritten = true
    this.#writeHead()
    if (this.#closes) this.#native.writeHeader('Connection', 'close')
  }

  /**
   * The library can close after a whole answer only: asked to after a stream, it writes a header line into the body. Unread, what
   * else comes on the connection can do no harm until the idle timer ends it.
   */
  #endNative(): void {
    this.#phase = DONE
    if (this.mustClose) this.#native.pause()
    this.#native.end()
  }

  #stall(isEnd: boolean): void {
    this.#endsOnDrain ||= isEnd
    if (this.#isStalled) return
    this.#isStalled = true
    this.#stalledBytes = 0
    this.#stalledAt = this.#host.sweep.now()
    this.#touchedAt = this.#stalledAt
    this.#host.sweep.add(this)
  }

  #onWritable(): void {
    if (this.#phase !== STREAMING) return
    this.#isStalled = false
    this.#host.sweep.delete(this)
    this.#flush(this.#endsOnDrain)
    if (!this.#isStalled && !this.#endsOnDrain && this.#drainListener !== undefined) callOutside(this.#drainListener)
  }

  /** Closes the connection; the native abort handler then does the rest. */
  #cut(): void {
    this.#native.close()
  }

  #done(): void {
    this.#host.sweep.delete(this)
    this.#host.onReplyDone(this)
  }
}

/** Longest text in bytes that the buffer of all answers takes, a few of which are written per turn. */
const SCRATCH_BYTES = 65_536
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

/** A text as bytes that hold until the next one: the library copies at once. By itself it walks a text twice and allocates for it. */
function asBytes(body: string | Uint8Array): string | Uint8Array {
  if (typeof body !== 'string' || 3 * body.length > SCRATCH_BYTES) return body
  return scratch.subarray(0, scratch.write(body, 0, 'utf8'))
}

/** An exception that left a native callback would end the process; from here it is one of the thread's uncaught ones. */
function callOutside(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}

/** Pushes the library's own timer back, which it offers by no other way. */
export function touch(native: HttpResponse): void {
  native.pause()
  native.resume()
}

/**
 * Header lines that go to the library in one call, which costs as much as the lines themselves: all behind the first one's name.
 * Each is checked by itself. Those beyond ASCII go by themselves.
 */
class HeadText {
  readonly #native: HttpResponse
  #name = ''
  #text = ''

  constructor(native: HttpResponse) {
    this.#native = native
  }

  add(name: string, value: string): void {
    const clean = cleanHeader(name, value)
    if (clean === undefined) return
    if (typeof clean !== 'string') this.#native.writeHeader(name, clean)
    else if (this.#name !== '') this.#text += `\r\n${name}: ${clean}`
    else {
      this.#name = name
      this.#text = clean
    }
  }

  write(): void {
    if (this.#name !== '') this.#native.writeHeader(this.#name, this.#text)
  }
}

/** Not between the halves of a pair of surrogates. */
function cutAt(chunk: string | Uint8Array, room: number): number {
  const isPair = typeof chunk === 'string' && (chunk.charCodeAt(room - 1) & 0xfc00) === 0xd800
  return isPair ? room - 1 : room
}

function hasName(lines: HeaderList, name: string): boolean {
  const wanted = name.toLowerCase()
  return lines.some(([other]) => other.toLowerCase() === wanted)
}
