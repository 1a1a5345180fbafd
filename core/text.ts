import { isAscii } from 'node:buffer'

interface Slices {
  utf8Slice(this: Uint8Array, start: number, end: number): string
  latin1Slice(this: Uint8Array, start: number, end: number): string
}
// Buffer's own slicing without the argument juggling of toString(): half its cost on short texts.
const { utf8Slice, latin1Slice } = Buffer.prototype as unknown as Slices

/** From here on the look pays: half the cost at 1 KB, a third at 100 KB. */
const ASCII_PAYS = 256

/** Bytes [start, end) as UTF-8 text. Whole texts are mostly ASCII, which is copied and not decoded. */
export function utf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const isWhole = end - start >= ASCII_PAYS && end - start === bytes.length
  return isWhole && isAscii(bytes) ? latin1Slice.call(bytes, start, end) : utf8Slice.call(bytes, start, end)
}

/** A copy with memory of its own. `slice()` will not do: on a Buffer it is a view, and what a socket reads into is used again. */
export function copied(bytes: Uint8Array): Uint8Array {
  // Small copies share a slab: a third of the cost of memory of their own.
  return Buffer.from(bytes)
}

/**
 * The same text in memory of its own, in one piece. For what is put into many texts: one that was put together is gone through piece by
 * piece each time, and one that was cut from another keeps that alive. Not for texts with half of a pair of surrogates.
 */
export function inOnePiece(text: string): string {
  return utf8(Buffer.from(text))
}

/** Bytes [start, end) as text of one character a byte: offsets in it are byte offsets. For looking, not for showing. */
export function latin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  return latin1Slice.call(bytes, start, end)
}
