import type { Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { ZstdFrames } from './zstd-frames.ts'

/** What a decoder tells its owner; nothing after `destroy`. */
export interface DecoderEvents {
  onData(chunk: Buffer): void
  onEnd(): void
  onError(error: Error): void
  /** Room again after `write` gave false. */
  onDrain(): void
}

/** Undoes one content coding. Input and output are bounded by node:zlib's own buffers: `write` false means wait for `onDrain`. */
export interface BodyDecoder {
  /** Copies `chunk`. */
  write(chunk: Buffer): boolean
  /** No more input: a truncated body is an error. */
  end(): void
  pause(): void
  resume(): void
  destroy(): void
}

type MakeTransform = (first: number) => Transform

/** 8 MiB, the most that the coding may use: https://www.rfc-editor.org/rfc/rfc9659#section-3. The library's own bound is 128 MiB for each stream. */
const ZSTD_WINDOW_LOG = 23

/** Codings that can be undone, by name: of answers, which never need one, and of requests; the maker sees the body's first byte. */
const TRANSFORMS: Readonly<Record<string, MakeTransform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  br: () => createBrotliDecompress(),
  // "deflate" means zlib's wrapping by the standard and none by habit: the first byte tells.
  deflate: (first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } }),
}

/** A decoder for one known coding; undefined for an unknown one and for a stack of several (`gzip, gzip`). */
export function createDecoder(coding: string, events: DecoderEvents): BodyDecoder | undefined {
  const make = Object.hasOwn(TRANSFORMS, coding) ? TRANSFORMS[coding] : undefined
  return make && new ZlibDecoder(make, events, coding === 'zstd' ? new ZstdFrames() : undefined)
}

class ZlibDecoder implements BodyDecoder {
  private readonly make: MakeTransform
  private readonly events: DecoderEvents
  private readonly frames: ZstdFrames | undefined
  private transform: Transform | undefined
  private isPaused = false
  private isOver = false

  constructor(make: MakeTransform, events: DecoderEvents, frames: ZstdFrames | undefined) {
    this.make = make
    this.events = events
    this.frames = frames
  }

  write(chunk: Buffer): boolean {
    if (this.isOver) return true
    this.frames?.push(chunk)
    this.transform ??= this.open(chunk[0] ?? 0)
    return this.transform.write(Buffer.from(chunk))
  }

  end(): void {
    if (this.isOver) return
    if (this.transform === undefined) this.finish()
    else if (this.frames?.isWhole === false) this.fail(new Error('unexpected end of file'))
    else this.transform.end()
  }

  pause(): void {
    this.isPaused = true
    this.transform?.pause()
  }

  resume(): void {
    this.isPaused = false
    this.transform?.resume()
  }

  destroy(): void {
    this.isOver = true
    this.transform?.destroy()
  }

  private open(first: number): Transform {
    const transform = this.make(first)
    transform.on('data', (chunk: Buffer) => {
      if (!this.isOver) this.events.onData(chunk)
    })
    transform.on('drain', () => {
      if (!this.isOver) this.events.onDrain()
    })
    transform.on('end', () => this.finish())
    transform.on('error', (error) => this.fail(error))
    if (this.isPaused) transform.pause()
    return transform
  }

  private finish(): void {
    if (this.isOver) return
    this.isOver = true
    this.events.onEnd()
  }

  private fail(error: Error): void {
    if (this.isOver) return
    this.isOver = true
    this.events.onError(error)
  }
}
