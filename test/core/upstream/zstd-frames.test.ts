import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ZstdFrames } from '../../../core/upstream/zstd-frames.ts'

const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
const compress = (body: Uint8Array, level: number, checksum: number) =>
  zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: checksum } })

describe('zstd frames', () => {
  it('are whole at their end and nowhere inside, however they are split', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(400_000).map((length) => new Uint8Array(length)),
    )
    fc.assert(
      fc.property(
        body,
        fc.constantFrom(1, 3, 9),
        fc.constantFrom(0, 1),
        fc.boolean(),
        fc.nat(1e6),
        (bytes, level, checksum, hasSkippable, cut) => {
          const frame = compress(bytes, level, checksum)
          const all = hasSkippable ? Buffer.concat([skippable, frame]) : frame
          const frames = new ZstdFrames()
          const at = cut % all.length
          frames.push(all.subarray(0, at))
          expect(frames.isWhole).toBe(at === 0 || (hasSkippable && at === skippable.length))
          frames.push(all.subarray(at))
          expect(frames.isWhole).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })
})
