import type { Usage } from '../canonical/usage.ts'
import { GatewayError } from '../errors.ts'
import type { Format, Frame, FrameMark } from '../format.ts'
import { copied, latin1, utf8 } from '../text.ts'
import { providerFault } from '../upstream/fault.ts'
import { eventEnd, writerOf } from './framing.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { PlainEvents } from './plain-events.ts'

/** Most bytes of one event (as in framing.ts). */
const MAX_EVENT_BYTES = 8 * 1024 * 1024
/** An event of which this much waits is gathered before it is looked at again. */
const LONG_EVENT_BYTES = 64 * 1024

/**
 * Forwards the provider's bytes event by event and reads only what the gateway must know: whether content has come, the
 * error, the finish, the usage and the terminator. Only whole events are sent, so that an error event can follow any of them.
 * From the first event on that a strict client could not read, the rest goes through the translating lane.
 */
export class PassthroughLane implements Lane {
  readonly #options: LaneOptions
  readonly #translate: (() => Lane) | undefined
  #usage: Usage | undefined
  #successor: Lane | undefined
  /** The role has been named. */
  #isOpen = false
  readonly #format: Format
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Not where every event is changed or read. */
  readonly #plain: PlainEvents
  /** The clock at the read under way. */
  #now = 0
  #hasFinish = false
  #isDone = false
  #isFirst = true
  /** Of the read under way: what goes out, and up to which byte it was taken. */
  #pieces: Uint8Array[] = []
  #taken = 0

  /** `translate` makes the lane for a provider that strict clients could not read; without it everything is forwarded. */
  constructor(options: LaneOptions, translate?: () => Lane) {
    this.#options = options
    this.#format = options.source
    this.#translate = translate
    this.#plain = new PlainEvents(options.extraOnAll || options.sendsRaw ? undefined : this.#format.lens.plainText)
  }

  get usage(): Usage | undefined {
    return this.#successor?.usage ?? this.#usage
  }

  data(chunk: Uint8Array): void {
    if (this.#successor) return this.#successor.data(chunk)
    if (this.#isDone) return
    if (this.#pendingBytes > LONG_EVENT_BYTES && !this.#endsEvent(chunk)) return this.#keep(chunk)
    const bytes = this.#join(chunk)
    const text = latin1(bytes)
    const hasReturns = text.includes('\r')
    this.#now = this.#options.live.now()
    let from = 0
    this.#taken = 0
    while (true) {
      const end = eventEnd(text, from, hasReturns)
      if (end < 0) break
      if (this.#plain.has(text, from, end)) this.#options.extra?.skip(this.#now)
      else this.#event(bytes, text.slice(from, end), from)
      if (this.#successor || this.#isDone) return
      from = end
    }
    this.#flush(bytes, from)
    if (from < bytes.length) this.#keep(bytes.subarray(from))
  }

  end(): void {
    if (!this.#successor && !this.#isDone && this.#pendingBytes > 0) this.data(Buffer.from('\n\n'))
    if (this.#successor) return this.#successor.end()
    if (this.#isDone) return
    if (!this.#hasFinish) return this.fail(new GatewayError('GW_UPSTREAM_TRUNCATED'))
    this.#finish(this.#format.terminator)
  }

  fail(error: GatewayError): void {
    if (this.#successor) return this.#successor.fail(error)
    if (this.#isDone) return
    this.#isDone = true
    const explained = this.#options.explain(error)
    this.#options.finish(explained, errorEvent(this.#options.target, explained))
  }

  /** Joining a long event again with each read would cost its square. A blank line may be cut by the read. */
  #endsEvent(chunk: Uint8Array): boolean {
    const last = this.#pending.at(-1) as Uint8Array
    const text = latin1(last, Math.max(0, last.length - 3)) + latin1(chunk)
    return eventEnd(text, 0, text.includes('\r')) >= 0
  }

  #join(chunk: Uint8Array): Uint8Array {
    if (this.#pendingBytes === 0) return chunk
    const bytes = Buffer.concat([...this.#pending, chunk])
    this.#pending = []
    this.#pendingBytes = 0
    return bytes
  }

  #keep(rest: Uint8Array): void {
    this.#pending.push(copied(rest))
    this.#pendingBytes += rest.length
    if (this.#pendingBytes > MAX_EVENT_BYTES) {
      this.fail(new GatewayError('GW_UPSTREAM_TOO_LARGE', { reason: `an event of more than ${MAX_EVENT_BYTES} bytes` }))
    }
  }

  #event(bytes: Uint8Array, text: string, from: number): void {
    const frame = readEvent(text)
    if (!frame) return
    const mark = this.#format.lens.mark(frame)
    if (mark === 'error') return this.#error(bytes, from, text.length)
    if (isCut(frame.data)) {
      this.#flush(bytes, from)
      return this.fail(new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an event is not JSON' }))
    }
    if (this.#translate && mark !== 'terminal' && this.#breaks(frame, mark)) return this.#handOver(bytes, from, this.#translate)
    if (mark === 'finish') this.#hasFinish = true
    if (this.#options.wantsUsage) this.#readUsage(frame)
    if (mark === 'usage' && this.#options.hidesUsage) return this.#omit(bytes, from, text.length)
    if (mark === 'terminal') {
      this.#flush(bytes, from + text.length)
      return this.#finish(undefined)
    }
    this.#splice(bytes, text, from, mark)
    if (mark === 'content') this.#plain.learn(text)
    if (mark === 'content' || mark === 'finish') this.#options.live.commit()
  }

  #breaks(frame: Frame, mark: FrameMark): boolean {
    const strictness = this.#format.lens.strictness?.(frame, mark, { isOpen: this.#isOpen, wholeCalls: this.#options.wholeCalls })
    if (strictness === 'opens') this.#isOpen = true
    return strictness === 'breaks'
  }

  /** The event at `from` and all after it are translated; what went out before stays. */
  #handOver(bytes: Uint8Array, from: number, translate: () => Lane): void {
    this.#flush(bytes, from)
    this.#successor = translate()
    this.#successor.data(bytes.subarray(from))
  }

  #readUsage(frame: Frame): void {
    const usage = this.#format.lens.usage(frame.data)
    if (!usage) return
    // A later event may tell the output alone; the input told before still holds.
    this.#usage = usage.inputTokens === 0 && this.#usage ? { ...usage, inputTokens: this.#usage.inputTokens } : usage
  }

  #omit(bytes: Uint8Array, from: number, length: number): void {
    this.#take(bytes, from)
    this.#taken = from + length
  }

  /** Adds `extra_fields` to the first event and to those with the finish reason or the usage, or to all where asked. */
  #splice(bytes: Uint8Array, text: string, from: number, mark: FrameMark): void {
    const { extra } = this.#options
    if (!extra) return
    const isLast = mark === 'finish' || mark === 'usage'
    const now = this.#now
    if (!this.#isFirst && !isLast && !this.#options.extraOnAll) return extra.skip(now)
    const close = text.lastIndexOf('}')
    if (close < 0) return
    this.#isFirst = false
    this.#take(bytes, from + close)
    const raw = this.#options.sendsRaw ? readEvent(utf8(bytes, from, from + text.length))?.data : undefined
    this.#pieces.push(Buffer.from(extra.chunk(now, { isLast, raw })))
  }

  #error(bytes: Uint8Array, from: number, length: number): void {
    this.#flush(bytes, from)
    const frame = readEvent(utf8(bytes, from, from + length))
    this.fail(providerFault(this.#format, frame?.data ?? ''))
  }

  #take(bytes: Uint8Array, upTo: number): void {
    if (upTo > this.#taken) this.#pieces.push(bytes.subarray(this.#taken, upTo))
    this.#taken = upTo
  }

  /** One write for a whole read, of bytes that are ours: the reader's are lent, and what is written waits for the end of the turn. */
  #flush(bytes: Uint8Array, upTo: number): void {
    this.#take(bytes, upTo)
    const pieces = this.#pieces
    if (pieces.length === 0) return
    this.#pieces = []
    this.#options.live.write(pieces.length === 1 ? copied(pieces[0] as Uint8Array) : Buffer.concat(pieces))
  }

  #finish(closing: string | undefined): void {
    this.#isDone = true
    this.#options.finish(undefined, closing)
  }
}

/** An object that does not end: events are not parsed, but half of one must not be passed on. */
function isCut(data: string): boolean {
  return data.charCodeAt(0) === 0x7b && data.charCodeAt(data.length - 1) !== 0x7d && !data.trimEnd().endsWith('}')
}

/** The event that tells the client, in its dialect, that the answer is lost. */
export function errorEvent(target: Format, error: GatewayError): string | Uint8Array {
  const writer = writerOf(target.framing)
  if (target.inbound) writer.add(target.inbound.encodeErrorFrame(error))
  return writer.take()
}

/** An event of a name and one line of data, as nearly all are that have names. */
function readNamedEvent(text: string): Frame | undefined {
  if (!text.startsWith('event: ')) return undefined
  const nameEnd = text.indexOf('\n')
  const start = nameEnd + 1 + 'data: '.length
  if (!text.startsWith('data: ', nameEnd + 1) || text.indexOf('\n', start) !== text.length - 2) return undefined
  return { event: text.slice('event: '.length, nameEnd), data: text.slice(start, -2) }
}

/** The event as a frame; undefined for comments and other events without data. */
function readEvent(text: string): Frame | undefined {
  if (text.startsWith('data: ') && text.indexOf('\n') === text.length - 2) return { data: text.slice(6, -2) }
  const named = readNamedEvent(text)
  if (named) return named
  let event: string | undefined
  let data: string | undefined
  for (const line of text.split(/\r\n|\r|\n/)) {
    const value = line.slice(line.indexOf(':') + 1).replace(/^ /, '')
    if (/^\u00ef\u00bb\u00bfdata:|^data:/.test(line)) data = data === undefined ? value : `${data}\n${value}`
    else if (line.startsWith('event:')) event = value
  }
  return data === undefined ? undefined : { event, data }
}
