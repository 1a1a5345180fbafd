import type { Frame } from '../format.ts'
import { inOnePiece } from '../text.ts'

/** The event that came of one of the provider's, and the text that it tells. */
export interface Told {
  frame: Frame
  text: string
}

/** What the translations by pattern need of the lane. */
export interface PlainTarget {
  /** Runs a translation in full; returns what came of it, if that was one event of text alone. */
  watch(translate: () => void): Told | undefined
  /** Writes more of the last text, where the dialect has its own way for it; `json` is the text as JSON writes it. */
  say?: ((json: string) => void) | undefined
  /** Writes an event whose data lacks its closing brace. */
  write(frame: Frame): void
  /** What opens the text in the client's dialect (Lens.plainText); not needed where it can `say`. */
  opening: string | undefined
}

/** The event that came of an event of text, to be written again with other texts. */
export class PlainOutput {
  readonly #target: PlainTarget
  #event: string | undefined
  #before = ''
  #after = ''
  /** The pieces are texts of their own: made so when they are first used, which in streams whose events all differ is never. */
  #isReady = false

  constructor(target: PlainTarget) {
    this.#target = target
  }

  /** Writes the event with a text as JSON writes it. */
  write(json: string): void {
    if (this.#target.say) return this.#target.say(json)
    if (!this.#isReady) this.#prepare()
    this.#target.write({ event: this.#event, data: this.#before + json + this.#after })
  }

  #prepare(): void {
    this.#before = inOnePiece(this.#before)
    this.#after = inOnePiece(this.#after)
    this.#isReady = true
  }

  /**
   * Takes an event as the pattern for others with another text than `json`. False where that is not what the event tells, or the event
   * does not hold it as it stands: with an escape it may be written otherwise.
   */
  learn(json: string, { frame: { event, data }, text }: Told): boolean {
    const { say, opening } = this.#target
    if (json !== text) return false
    if (say) return true
    if (opening === undefined) return false
    const start = data.indexOf(opening) + opening.length
    if (start < opening.length || !data.startsWith(`${json}"`, start)) return false
    this.#event = event
    this.#before = data.slice(0, start)
    this.#after = data.slice(start + json.length, -1)
    this.#isReady = false
    return true
  }
}
