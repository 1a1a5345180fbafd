import { GatewayError } from '../errors.ts'
import type { Fold, Sink } from '../fold.ts'
import type { Frame } from '../format.ts'
import { copied, utf8 } from '../text.ts'

/** Most bytes of one element, as of one event in framing.ts. */
const MAX_ELEMENT_BYTES = 8 * 1024 * 1024

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Where the reading is, and what waits of the element under way. Plain data. */
export interface JsonArrayState {
  /** Before the array, between elements, after a comma, inside an element, after the end. */
  place: 'before' | 'first' | 'element' | 'after-element' | 'next' | 'done'
  /** A lone object in place of an array. */
  isSingle: boolean
  /** Brackets open inside the element. */
  depth: number
  isInString: boolean
  isEscaped: boolean
  pending: Uint8Array[]
  pendingBytes: number
}

/**
 * A stream that is one JSON array of objects, or a single object (an error), in any split of reads: each element is a frame.
 * Refuses with GW_UPSTREAM_INVALID what is empty, cut or no array of objects, GW_UPSTREAM_TOO_LARGE an element of more than 8 MB, and
 * GW_UPSTREAM_TRUNCATED an array that never closes.
 */
export const jsonArray: Fold<Uint8Array, Frame, JsonArrayState> = {
  start: () => ({ place: 'before', isSingle: false, depth: 0, isInString: false, isEscaped: false, pending: [], pendingBytes: 0 }),
  step(state, chunk, out) {
    let at = 0
    while (at >= 0 && at < chunk.length) at = state.depth > 0 ? readElement(state, chunk, at, out) : readBetween(state, chunk, at, out)
  },
  end(state, out, error) {
    if (error || state.place === 'done') return
    if (state.place === 'before') out.refuse(new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is empty' }))
    else if (state.isSingle) out.refuse(new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is not JSON' }))
    else out.refuse(new GatewayError('GW_UPSTREAM_TRUNCATED', { reason: 'the JSON array was not closed' }))
  },
}

/** Reads blanks, brackets and commas up to the next element; the offset from which to go on, -1 when the stream is refused. */
function readBetween(state: JsonArrayState, chunk: Uint8Array, from: number, out: Sink<Frame>): number {
  for (let at = from; at < chunk.length; at++) {
    const byte = chunk[at] as number
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue
    if (byte === OPEN_BRACE && (state.place === 'before' || state.place === 'first' || state.place === 'next')) {
      state.isSingle = state.place === 'before'
      state.place = 'element'
      // One level stands for being inside; the brace itself is read, and counted, with the element.
      state.depth = 1
      return at
    }
    const next = NEXT[state.place]?.[byte]
    if (!next) {
      out.refuse(new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the stream is no JSON array of objects' }))
      return -1
    }
    state.place = next
  }
  return chunk.length
}

/** What a byte outside elements leads to. */
const NEXT: Partial<Record<JsonArrayState['place'], Readonly<Record<number, JsonArrayState['place']>>>> = {
  before: { [OPEN_BRACKET]: 'first' },
  first: { [CLOSE_BRACKET]: 'done' },
  'after-element': { [COMMA]: 'next', [CLOSE_BRACKET]: 'done' },
}

/** Reads on in an element from its opening brace; the offset after it, or after the chunk. */
function readElement(state: JsonArrayState, chunk: Uint8Array, from: number, out: Sink<Frame>): number {
  for (let at = from; at < chunk.length; at++) {
    const byte = chunk[at] as number
    if (state.isInString) {
      if (state.isEscaped) state.isEscaped = false
      else if (byte === BACKSLASH) state.isEscaped = true
      else if (byte === QUOTE) state.isInString = false
    } else if (byte === QUOTE) state.isInString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) state.depth++
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --state.depth === 1) {
      closeElement(state, chunk.subarray(from, at + 1), out)
      return at + 1
    }
  }
  return hold(state, chunk.subarray(from), out) ? chunk.length : -1
}

function closeElement(state: JsonArrayState, last: Uint8Array, out: Sink<Frame>): void {
  const data = utf8(state.pending.length === 0 ? last : Buffer.concat([...state.pending, last]))
  state.pending = []
  state.pendingBytes = 0
  state.depth = 0
  state.place = state.isSingle ? 'done' : 'after-element'
  out.push({ data })
}

/** The reader's buffer is only lent, so what waits is copied. */
function hold(state: JsonArrayState, rest: Uint8Array, out: Sink<Frame>): boolean {
  state.pendingBytes += rest.length
  if (state.pendingBytes > MAX_ELEMENT_BYTES) {
    out.refuse(new GatewayError('GW_UPSTREAM_TOO_LARGE', { reason: `an element of more than ${MAX_ELEMENT_BYTES} bytes` }))
    return false
  }
  state.pending.push(copied(rest))
  return true
}
