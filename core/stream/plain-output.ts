import type { Frame } from '../format.ts'
import { inOnePiece } from '../text.ts'

/** What the translations by pattern need of the lane. */
export interface PlainTarget {
  /** Runs a translation in full; returns the event that came of it, if it was one event of text alone. */
  watch(translate: () => void): Frame | undefined
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

  constructor(target: PlainTarget) {
    this.#target = target
  }

  /** Writes the event with a text as JSON writes it. */
  write(json: string): void {
    if (this.#target.say) this.#target.say(json)
    else this.#target.write({ event: this.#event, data: this.#before + json + this.#after })
  }

  /** Takes an event as the pattern. False where it does not hold the text once, as it stands: with an escape it may be written otherwise. */
  learn(json: string, { event, data }: Frame): boolean {
    const { say, opening } = this.#target
    if (say) return true
    if (opening === undefined || json.includes('\\')) return false
    const start = data.indexOf(opening) + opening.length
    if (start < opening.length || !data.startsWith(`${json}"`, start)) return false
    this.#event = event
    this.#before = inOnePiece(data.slice(0, start))
    this.#after = inOnePiece(data.slice(start + json.length, -1))
    return true
  }
}
