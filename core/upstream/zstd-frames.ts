const MAGIC = 0
const DESCRIPTOR = 1
const BLOCK = 2
const SKIPPED_SIZE = 3

/** 0x184D2A50 to 0x184D2A5F: frames of foreign data. */
const SKIPPABLE_MAGIC = 0x184d2a50
const RLE_BLOCK = 1
const DICTIONARY_BYTES = [0, 1, 2, 4] as const
const SIZE_BYTES = [0, 2, 4, 8] as const

/** Bytes of the field that each state reads. */
const FIELD_BYTES: Readonly<Record<number, number>> = { [MAGIC]: 4, [DESCRIPTOR]: 1, [BLOCK]: 3, [SKIPPED_SIZE]: 4 }

/**
 * Walks over compressed Zstandard frames (RFC 8878, section 3) to know whether the last one is whole: node:zlib, as of Node 22,
 * takes a truncated zstd stream for a complete one. Does not judge the content, which the decoder does.
 */
export class ZstdFrames {
  private state = MAGIC
  private field = 0
  private fieldBytes = 0
  private skip = 0
  private hasChecksum = false

  /** Whether all input so far is whole frames. */
  get isWhole(): boolean {
    return this.state === MAGIC && this.fieldBytes === 0 && this.skip === 0
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.skip > 0) {
        const take = Math.min(this.skip, chunk.length - at)
        this.skip -= take
        at += take
      } else this.take(chunk[at++] as number)
    }
  }

  /** One byte of a little-endian field. */
  private take(byte: number): void {
    this.field += byte * 2 ** (8 * this.fieldBytes++)
    if (this.fieldBytes < (FIELD_BYTES[this.state] as number)) return
    const value = this.field
    this.field = 0
    this.fieldBytes = 0
    // An unknown magic number is for the decoder to refuse.
    if (this.state === MAGIC) this.state = value - (value % 16) === SKIPPABLE_MAGIC ? SKIPPED_SIZE : DESCRIPTOR
    else if (this.state === DESCRIPTOR) this.readDescriptor(value)
    else if (this.state === BLOCK) this.readBlock(value)
    else {
      this.skip = value
      this.state = MAGIC
    }
  }

  private readDescriptor(flags: number): void {
    const isSingleSegment = (flags & 0x20) !== 0
    const sizeFlag = flags >> 6
    const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (SIZE_BYTES[sizeFlag] as number)
    this.hasChecksum = (flags & 4) !== 0
    this.skip = (isSingleSegment ? 0 : 1) + (DICTIONARY_BYTES[flags & 3] as number) + sizeBytes
    this.state = BLOCK
  }

  private readBlock(header: number): void {
    const isLast = (header & 1) === 1
    this.skip = ((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3
    if (!isLast) return
    this.skip += this.hasChecksum ? 4 : 0
    this.state = MAGIC
  }
}
