const SIZE = 0
const SIZE_LF = 1
const EXTENSION = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER_START = 6
const TRAILER = 7
const TRAILER_LF = 8
const END_LF = 9
const DONE = 10
const FAILED = 11

const CR = 13
const LF = 10
const SEMICOLON = 59
const SPACE = 32
const TAB = 9

/** 13 hexadecimal digits stay below 2^53: a size can neither overflow nor be padded without end. */
const MAX_DIGITS = 13
const MAX_EXTENSION_BYTES = 4096
const MAX_TRAILER_BYTES = 16_384

/** Value of each byte as a hexadecimal digit, -1 where it is none. */
const HEX = new Int8Array(256).fill(-1)
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16)
  HEX[text.charCodeAt(0)] = digit
  HEX[text.toUpperCase().charCodeAt(0)] = digit
}

/**
 * Decodes `Transfer-Encoding: chunked` in place. Whatever lies in one read comes out as one piece: events that a provider
 * sends as fifty small chunks at once would otherwise cost fifty calls through every layer above.
 */
export class ChunkedDecoder {
  /** Why the body must be refused. */
  fault: string | undefined
  /** After `decode`: the payload lies in the same buffer between these two. */
  outStart = 0
  outEnd = 0
  private state = SIZE
  private remaining = 0
  private digits = 0
  /** Bytes of the extension or of the trailers so far. */
  private skipped = 0

  /** The last chunk and the trailers have been read. */
  get isDone(): boolean {
    return this.state === DONE
  }

  reset(): void {
    this.fault = undefined
    this.state = SIZE
    this.remaining = 0
    this.digits = 0
    this.skipped = 0
  }

  /** Decodes `buffer` from `position` to `end`, overwriting it; gives where the body ended, else `end`. */
  decode(buffer: Buffer, position: number, end: number): number {
    this.outStart = position
    this.outEnd = position
    let at = position
    while (at < end && this.state < DONE) {
      if (this.state === DATA) at = this.takeData(buffer, at, end)
      else if (this.state === SIZE) at = this.takeSize(buffer, at, end)
      else this.takeFraming(buffer[at++] as number)
    }
    return at
  }

  private takeSize(buffer: Buffer, position: number, end: number): number {
    let at = position
    while (at < end) {
      const byte = buffer[at++] as number
      const digit = HEX[byte] as number
      if (digit < 0) {
        this.endSize(byte)
        // The usual case at once, without a step per byte.
        if (this.state !== SIZE_LF || at === end) return at
        this.startData(buffer[at] as number)
        return at + 1
      }
      if (++this.digits > MAX_DIGITS) {
        this.fail('a chunk size is too long')
        return at
      }
      this.remaining = this.remaining * 16 + digit
    }
    return at
  }

  private endSize(byte: number): void {
    if (this.digits === 0) this.fail('a chunk has no size')
    else if (byte === CR) this.state = SIZE_LF
    else if (byte === SEMICOLON || byte === SPACE || byte === TAB) this.state = EXTENSION
    else this.fail('a chunk size is not hexadecimal')
  }

  private takeData(buffer: Buffer, position: number, end: number): number {
    const stop = Math.min(position + this.remaining, end)
    if (this.outStart === this.outEnd) {
      this.outStart = position
      this.outEnd = stop
    } else {
      buffer.copyWithin(this.outEnd, position, stop)
      this.outEnd += stop - position
    }
    this.remaining -= stop - position
    if (this.remaining > 0) return stop
    const isClosed = stop + 1 < end && buffer[stop] === CR && buffer[stop + 1] === LF
    this.state = isClosed ? SIZE : DATA_CR
    return isClosed ? stop + 2 : stop
  }

  private takeFraming(byte: number): void {
    const step = FRAMING[this.state] as (decoder: ChunkedDecoder, byte: number) => void
    step(this, byte)
  }

  /** Moves on when `byte` is `wanted`. */
  expect(byte: number, wanted: number, next: number): void {
    if (byte === wanted) this.state = next
    else this.fail('a chunk does not end with CRLF')
  }

  startData(byte: number): void {
    this.expect(byte, LF, this.remaining === 0 ? TRAILER_START : DATA)
    this.digits = 0
    this.skipped = 0
  }

  /** A byte of an extension or a trailer line, up to its CR. */
  skip(byte: number, limit: number, next: number): void {
    if (byte === CR) this.state = next
    else if (byte === LF || byte === 0) this.fail('a line of a chunked body is malformed')
    else if (++this.skipped > limit) this.fail('chunk extensions or trailers are too long')
  }

  skipTrailerStart(byte: number): void {
    if (byte === CR) this.state = END_LF
    else {
      this.state = TRAILER
      this.skip(byte, MAX_TRAILER_BYTES, TRAILER_LF)
    }
  }

  private fail(reason: string): void {
    this.state = FAILED
    this.fault = reason
  }
}

/** What each framing byte does; SIZE and DATA have loops of their own. */
const FRAMING: Readonly<Record<number, (decoder: ChunkedDecoder, byte: number) => void>> = {
  [SIZE_LF]: (decoder, byte) => decoder.startData(byte),
  [EXTENSION]: (decoder, byte) => decoder.skip(byte, MAX_EXTENSION_BYTES, SIZE_LF),
  [DATA_CR]: (decoder, byte) => decoder.expect(byte, CR, DATA_LF),
  [DATA_LF]: (decoder, byte) => decoder.expect(byte, LF, SIZE),
  [TRAILER_START]: (decoder, byte) => decoder.skipTrailerStart(byte),
  [TRAILER]: (decoder, byte) => decoder.skip(byte, MAX_TRAILER_BYTES, TRAILER_LF),
  [TRAILER_LF]: (decoder, byte) => decoder.expect(byte, LF, TRAILER_START),
  [END_LF]: (decoder, byte) => decoder.expect(byte, LF, DONE),
}
