import { isAscii } from 'node:buffer'
import { latin1, utf8 } from '../text.ts'
import { eventEnd } from './framing.ts'
import { PlainEvents } from './plain-events.ts'
import { PlainOutput, type PlainTarget } from './plain-output.ts'

const NON_ASCII = /[\x80-\xff]/

/**
 * Translates streams of text by pattern: an event that differs from one before it in its text alone becomes the event that came
 * of that one, with the other text. The text is not even unescaped: JSON's strings are the same in both dialects. Everything
 * else takes the full way. 0.25 us an event instead of 1.2.
 */
export class PlainTranslation {
  readonly #target: PlainTarget
  readonly #translate: (bytes: Uint8Array) => void
  readonly #output: PlainOutput
  readonly #opening: string
  readonly #events: PlainEvents
  /** The last byte that went the full way ended an event. */
  #isAligned = true
  /** Whether the read under way is all ASCII, once it was asked. */
  #isAscii: boolean | undefined

  /** `opening`: what opens the text in the provider's dialect (Lens.plainText). `translate` is the full way. */
  constructor(target: PlainTarget, opening: string, translate: (bytes: Uint8Array) => void) {
    this.#target = target
    this.#translate = translate
    this.#output = new PlainOutput(target)
    this.#opening = opening
    this.#events = new PlainEvents(opening)
  }

  data(chunk: Uint8Array): void {
    const text = latin1(chunk)
    this.#isAscii = undefined
    if (text.includes('\r')) return this.#rest(chunk)
    let from = this.#isAligned ? 0 : this.#align(chunk, text)
    while (from < chunk.length) {
      const end = eventEnd(text, from, false)
      if (end < 0) return this.#rest(chunk.subarray(from))
      if (this.#events.has(text, from, end)) this.#copy(chunk, text, [from, end])
      else this.#learn(chunk.subarray(from, end), text.slice(from, end))
      from = end
    }
  }

  #rest(bytes: Uint8Array): void {
    this.#isAligned = false
    this.#translate(bytes)
  }

  /** Finishes an event that a read cut. A blank line that was cut itself is found an event later, which costs only time. */
  #align(chunk: Uint8Array, text: string): number {
    const end = eventEnd(text, 0, false)
    this.#translate(end < 0 ? chunk : chunk.subarray(0, end))
    this.#isAligned = end >= 0
    return end < 0 ? chunk.length : end
  }

  #copy(chunk: Uint8Array, text: string, [from, end]: [number, number]): void {
    const [start, close] = this.#events.textOf(from, end)
    const run = text.slice(start, close)
    this.#isAscii ??= isAscii(chunk)
    this.#output.write(this.#isAscii || !NON_ASCII.test(run) ? run : utf8(chunk, start, close))
  }

  /** Whatever else comes may open another part, so that the next text is told otherwise. */
  #learn(bytes: Uint8Array, event: string): void {
    const told = this.#target.watch(() => this.#translate(bytes))
    this.#events.forget()
    if (!told) return
    const at = event.indexOf(this.#opening)
    if (at < 0) return
    const start = at + this.#opening.length
    const close = event.indexOf('"', start)
    if (close > start && this.#output.learn(utf8(bytes, start, close), told)) this.#events.learn(event)
  }
}
