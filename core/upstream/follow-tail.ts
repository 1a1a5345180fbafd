import { parseObject } from '../canonical/json.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'
import { latin1, utf8 } from '../text.ts'
import type { UpstreamCall, UpstreamFault, UpstreamHandler } from './types.ts'

/** How long the end of a stream may wait for what is asked for before it, in milliseconds. */
const TAIL_MS = 1_000
/** A larger answer is none. */
const MAX_BYTES = 1024 * 1024

/** What is asked for when a stream of events comes to its end, and told as one more event before it. */
export interface Tail {
  url: string
  /** The name of the event that ends the stream. */
  before: string
  /** The name of the event that holds the answer. */
  as: string
}

/** How a tail is asked for. */
export interface TailOptions {
  tail: Tail
  deadlines: Deadlines
  /** Asks, once; may throw. */
  ask(handler: UpstreamHandler): UpstreamCall
}

/**
 * Passes a stream of events on, and holds its last event back until what is asked for then has come, a second at most. What fails there
 * costs nothing: the last event goes on as it is.
 */
export class TailedStream {
  readonly #options: TailOptions
  readonly #handler: Omit<UpstreamHandler, 'onHead'>
  readonly #line: string
  /** Of an event's line, what may be the beginning of the last one's. */
  #begun: Buffer = Buffer.alloc(0)
  #isAtLineStart = true
  #state: 'passing' | 'asking' | 'done' = 'passing'
  #held: Buffer[] = []
  #heldBytes = 0
  #call: UpstreamCall | undefined
  #limit: Deadline | undefined
  /** How the stream ended meanwhile. */
  #end: (() => void) | undefined

  constructor(options: TailOptions, handler: Omit<UpstreamHandler, 'onHead'>) {
    this.#options = options
    this.#handler = handler
    this.#line = `event: ${options.tail.before}`
  }

  onData(chunk: Buffer): void {
    if (this.#state === 'done') return this.#handler.onData(chunk)
    if (this.#state === 'asking') return this.#hold(chunk)
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk])
    const text = latin1(bytes)
    const at = this.#lastEventIn(text)
    const end = at ?? text.length - this.#possibleStart(text)
    this.#begun = Buffer.from(bytes.subarray(at === undefined ? end : text.length))
    this.#isAtLineStart = end === 0 ? this.#isAtLineStart : isBreak(text[end - 1])
    if (end > 0) this.#handler.onData(bytes.subarray(0, end))
    if (at === undefined || this.#state !== 'passing') return
    this.#hold(bytes.subarray(at))
    this.#ask()
  }

  #hold(bytes: Buffer): void {
    this.#held.push(Buffer.from(bytes))
    this.#heldBytes += bytes.length
    if (this.#heldBytes > MAX_BYTES) this.#tell(undefined)
  }

  onEnd(): void {
    this.#finish(() => this.#handler.onEnd())
  }

  onError(fault: UpstreamFault): void {
    this.#finish(() => this.#handler.onError(fault))
  }

  /** Nobody waits any more. */
  abort(): void {
    this.#state = 'done'
    this.#stop()
  }

  #finish(end: () => void): void {
    if (this.#state === 'asking') this.#end = end
    else {
      if (this.#begun.length > 0) this.#handler.onData(this.#begun)
      end()
    }
  }

  #lastEventIn(text: string): number | undefined {
    for (let at = text.indexOf(this.#line); at >= 0; at = text.indexOf(this.#line, at + 1)) {
      const isStart = at === 0 ? this.#isAtLineStart : isBreak(text[at - 1])
      if (isStart && isBreak(text[at + this.#line.length])) return at
    }
    return undefined
  }

  /** How many characters at the end may belong to the line that is looked for. */
  #possibleStart(text: string): number {
    const lineStart = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1
    if (lineStart === 0 && !this.#isAtLineStart) return 0
    const line = text.slice(lineStart)
    return this.#line.startsWith(line) ? line.length : 0
  }

  #ask(): void {
    this.#state = 'asking'
    const { deadlines } = this.#options
    this.#limit = { at: deadlines.clock.now() + TAIL_MS, onReached: () => this.#tell(undefined) }
    deadlines.add(this.#limit)
    const chunks: Buffer[] = []
    let size = 0
    let isGood = false
    const handler: UpstreamHandler = {
      onHead: ({ status }) => {
        isGood = status === 200
      },
      onData: (chunk) => {
        size += chunk.length
        if (size <= MAX_BYTES) chunks.push(Buffer.from(chunk))
      },
      onEnd: () => this.#tell(isGood && size <= MAX_BYTES ? utf8(Buffer.concat(chunks)) : undefined),
      onError: () => this.#tell(undefined),
    }
    try {
      this.#call = this.#options.ask(handler)
    } catch {
      this.#tell(undefined)
    }
  }

  #tell(answer: string | undefined): void {
    if (this.#state !== 'asking') return
    this.#state = 'done'
    this.#stop()
    const body = answer === undefined ? undefined : parseObject(answer)
    if (body) this.#handler.onData(Buffer.from(`event: ${this.#options.tail.as}\ndata: ${JSON.stringify(body)}\n\n`))
    for (const chunk of this.#held.splice(0)) this.#handler.onData(chunk)
    this.#end?.()
  }

  #stop(): void {
    if (this.#limit) this.#options.deadlines.delete(this.#limit)
    this.#limit = undefined
    this.#call?.abort()
  }
}

function isBreak(character: string | undefined): boolean {
  return character === '\n' || character === '\r'
}
