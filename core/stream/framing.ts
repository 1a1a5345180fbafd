import { GatewayError } from '../errors.ts'
import type { Fold, Sink } from '../fold.ts'
import type { Format, Frame, Framing } from '../format.ts'
import { copied, inOnePiece, utf8 } from '../text.ts'
import { AwsWriter, awsEventStream } from './framing-aws.ts'
import { jsonArray } from './framing-json.ts'

/** Most bytes of one event; more is an attack or a fault (faults.md 21, 27). */
const MAX_EVENT_BYTES = 8 * 1024 * 1024

/** The framings of text, read and written. `sse-typed` differs from `sse` only in that its encoders name events. */
export const FRAMINGS: Record<'sse' | 'sse-typed', { decode: Fold<Uint8Array, Frame, SseState>; encode(frame: Frame): string }> = {
  sse: { decode: decodeSse(), encode: encodeSse },
  'sse-typed': { decode: decodeSse(), encode: encodeSse },
}

/** How frames are cut from the bytes of each framing. */
const DECODERS: Record<Framing, Fold<Uint8Array, Frame>> = {
  sse: FRAMINGS.sse.decode,
  'sse-typed': FRAMINGS['sse-typed'].decode,
  'aws-event-stream': awsEventStream,
  'json-array': jsonArray,
}

/** Cuts a stream's bytes into frames. */
export function decoderOf(framing: Framing): Fold<Uint8Array, Frame> {
  return DECODERS[framing]
}

/** How an answer is cut into frames, by its content type (lower case); undefined: it is no stream. */
export function framingOf(contentType: string, format: Format, wantsStream: boolean): Framing | undefined {
  if (contentType.includes('text/event-stream')) return isText(format.framing) ? format.framing : 'sse'
  if (contentType.includes('application/vnd.amazon.eventstream')) return 'aws-event-stream'
  if (!wantsStream || !format.otherFramings) return undefined
  return Object.entries(format.otherFramings).find(([type]) => contentType.startsWith(type))?.[1]
}

/** Whether a framing's bytes are server-sent events, which can be forwarded as they are. */
export function isText(framing: Framing): framing is 'sse' | 'sse-typed' {
  return framing === 'sse' || framing === 'sse-typed'
}

/** Writes the frames of one stream, and gathers them until they are taken: what comes of one read goes out in one write. */
export interface FrameWriter {
  /** `closing` is what the frame's data lacks at its end. */
  add(frame: Frame, closing?: string): void
  /** Adds what ends the stream, whole or not, once its last frame is added. */
  close(): void
  /** What was added since it was last taken: text, of binary framings bytes. Empty where that is nothing. */
  take(): string | Uint8Array
}

/** A writer for one stream. */
export function writerOf(framing: Framing): FrameWriter {
  if (framing === 'aws-event-stream') return new AwsWriter()
  return framing === 'json-array' ? new ArrayWriter() : new SseWriter()
}

class SseWriter implements FrameWriter {
  #text = ''
  /** The event named last, and what stands before its data once it is named again: most events of a stream have one name. */
  #event: string | undefined
  #head: string | undefined

  add({ event, data }: Frame, closing = ''): void {
    this.#text += `${this.#headOf(event)}${data}${closing}\n\n`
  }

  #headOf(event: string | undefined): string {
    if (event === undefined) return 'data: '
    if (event === this.#event) {
      this.#head ??= inOnePiece(`event: ${event}\ndata: `)
      return this.#head
    }
    this.#event = event
    this.#head = undefined
    return `event: ${event}\ndata: `
  }

  close(): void {}

  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }
}

class ArrayWriter implements FrameWriter {
  #text = ''
  #isOpen = false

  add({ data }: Frame, closing = ''): void {
    this.#text += `${this.#isOpen ? ',\r\n' : '['}${data}${closing}`
    this.#isOpen = true
  }

  close(): void {
    this.#text += this.#isOpen ? ']' : '[]'
  }

  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }
}

/** Bytes to come that complete a line, and the fields of the event under way. */
export interface SseState {
  pending: Uint8Array[]
  pendingBytes: number
  isFirst: boolean
  event: string | undefined
  data: string | undefined
}

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) from any split of reads: CR, LF and
 * CRLF, comments, a BOM, several data lines. `id` and `retry` are ignored. An event that the end of the stream cuts
 * before its blank line is delivered all the same. State is plain data.
 */
function decodeSse(): Fold<Uint8Array, Frame, SseState> {
  return {
    start: () => ({ pending: [], pendingBytes: 0, isFirst: true, event: undefined, data: undefined }),
    step(state, chunk, out) {
      const cut = lastLineEnd(chunk)
      if (cut === 0) return hold(state, chunk, out)
      const complete = cut === chunk.length ? chunk : chunk.subarray(0, cut)
      readLines(state, takeText(state, complete), out)
      if (cut < chunk.length) hold(state, chunk.subarray(cut), out)
    },
    end(state, out, error) {
      if (error) return
      const rest = takeText(state, new Uint8Array(0))
      if (rest !== '') readLines(state, `${rest}\n`, out)
      dispatch(state, out)
    },
  }
}

/** Where the last line ends. A CR that closes the chunk may be half of a CRLF, so it waits for the next byte. */
function lastLineEnd(chunk: Uint8Array): number {
  const last = chunk.length - 1
  if (chunk[last] === 0x0a) return chunk.length
  const feed = chunk.lastIndexOf(0x0a)
  const carriageReturn = last > 0 ? chunk.lastIndexOf(0x0d, last - 1) : -1
  return Math.max(feed, carriageReturn) + 1
}

function hold(state: SseState, chunk: Uint8Array, out: Sink<Frame>): void {
  state.pendingBytes += chunk.length
  if (state.pendingBytes > MAX_EVENT_BYTES) {
    out.refuse(new GatewayError('GW_UPSTREAM_TOO_LARGE', { reason: `an event of more than ${MAX_EVENT_BYTES} bytes` }))
    return
  }
  // The reader's buffer is only lent, so what waits is copied.
  state.pending.push(copied(chunk))
}

function takeText(state: SseState, complete: Uint8Array): string {
  let bytes = complete
  if (state.pending.length > 0) {
    bytes = Buffer.concat([...state.pending, complete])
    state.pending = []
    state.pendingBytes = 0
  }
  const text = utf8(bytes)
  if (!state.isFirst || text === '') return text
  state.isFirst = false
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function readLines(state: SseState, raw: string, out: Sink<Frame>): void {
  // JSON never holds a raw CR, so looking for one is all that well-behaved streams pay.
  const text = raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw
  let from = 0
  while (from < text.length) {
    const end = text.indexOf('\n', from)
    if (end === from) dispatch(state, out)
    else readLine(state, text, from, end, out)
    from = end + 1
  }
}

function readLine(state: SseState, text: string, from: number, end: number, out: Sink<Frame>): void {
  if (text.startsWith('data:', from)) {
    const value = text.slice(valueStart(text, from + 5), end)
    if (state.data === undefined) state.data = value
    else if (state.data.length + value.length > MAX_EVENT_BYTES) {
      out.refuse(new GatewayError('GW_UPSTREAM_TOO_LARGE', { reason: `an event of more than ${MAX_EVENT_BYTES} bytes` }))
    } else state.data = `${state.data}\n${value}`
  } else if (text.startsWith('event:', from)) {
    state.event = text.slice(valueStart(text, from + 6), end)
  }
}

function valueStart(text: string, at: number): number {
  return text.charCodeAt(at) === 0x20 ? at + 1 : at
}

function dispatch(state: SseState, out: Sink<Frame>): void {
  if (state.data !== undefined) out.push({ event: state.event, data: state.data })
  state.data = undefined
  state.event = undefined
}

/** `data` is one line, as JSON is. */
function encodeSse({ event, data }: Frame): string {
  return event === undefined ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`
}

const BLANK_LINE = /\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n/g

/** Offset after the blank line that ends the event at `from`; -1 when it has not come yet. */
export function eventEnd(text: string, from: number, hasReturns: boolean): number {
  if (!hasReturns) {
    const at = text.indexOf('\n\n', from)
    return at < 0 ? -1 : at + 2
  }
  BLANK_LINE.lastIndex = from
  return BLANK_LINE.test(text) ? BLANK_LINE.lastIndex : -1
}
