import { GatewayError } from '../../core/errors.ts'
import { type BodyDecoder, createDecoder } from '../../core/upstream/decompress.ts'
import type { BodySink } from './body.ts'
import type { BodyBudget } from './budget.ts'
import type { HttpReply } from './reply.ts'

/** Codings of request bodies that are undone, as Accept-Encoding of a 415 says it. */
export const ACCEPTED = 'gzip, zstd'

const CODINGS: Readonly<Record<string, string | undefined>> = { gzip: 'gzip', 'x-gzip': 'gzip', zstd: 'zstd' }
/** Bodies of one thread that are decoded at once: each holds a window of up to 8 MiB, and the pool has few threads to do it. */
const MAX_RUNNING = 8
/** Fed to a decoder at a time. */
const PIECE_BYTES = 64 * 1024

/** Lets so many decoders of a server run at once; the bodies that wait are bounded by the budget that holds them. */
export class DecodeQueue {
  #running = 0
  #isPumping = false
  readonly #waiting: ((done: () => void) => void)[] = []

  /** Calls `task` when it is its turn, which ends when the task calls `done`. */
  run(task: (done: () => void) => void): void {
    this.#waiting.push(task)
    this.#pump()
  }

  /** A loop and no recursion: where many clients have left, their turns end at once. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#running < MAX_RUNNING && this.#waiting.length > 0) {
      this.#running++
      this.#waiting.shift()?.(() => {
        this.#running--
        this.#pump()
      })
    }
    this.#isPumping = false
  }
}

/** The coding to undo; undefined where there is none. Throws GW_UNSUPPORTED_ENCODING. */
export function codingOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const name = header.trim().toLowerCase()
  if (name === '' || name === 'identity') return undefined
  const coding = Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined
  if (coding === undefined) throw new GatewayError('GW_UNSUPPORTED_ENCODING', { encoding: header.slice(0, 100), accepted: ACCEPTED })
  return coding
}

/** What decoding goes by. */
export interface DecodeRules {
  coding: string
  /** Of the decoded body. */
  maxBytes: number
  budget: BodyBudget
  queue: DecodeQueue
  reply: HttpReply
}

/**
 * Undoes the coding of a body that has arrived, off this thread, and hands it on. Stops where the limit or the budget ends, so that a
 * small body which would become a large one costs no more than a large one.
 */
export class DecodingSink implements BodySink {
  readonly #sink: BodySink
  readonly #rules: DecodeRules
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(sink: BodySink, rules: DecodeRules) {
    this.#sink = sink
    this.#rules = rules
  }

  onRefusal(error: unknown): void {
    this.#sink.onRefusal(error)
  }

  onBody(body: Buffer): void {
    this.#rules.queue.run((done) => {
      if (this.#rules.reply.isAborted) done()
      else this.#decode(body, done)
    })
  }

  #decode(body: Buffer, done: () => void): void {
    let at = 0
    const finish = (run: () => void): void => {
      decoder.destroy()
      done()
      if (!this.#rules.reply.isAborted) run()
    }
    const feed = (): void => {
      while (at < body.length) {
        const piece = body.subarray(at, at + PIECE_BYTES)
        at += piece.length
        if (!decoder.write(piece)) return
      }
      decoder.end()
    }
    const decoder = createDecoder(this.#rules.coding, {
      onData: (chunk) => {
        const refusal = this.#keep(chunk)
        if (refusal !== undefined) finish(() => this.#sink.onRefusal(refusal))
      },
      onEnd: () => finish(() => this.#sink.onBody(Buffer.concat(this.#chunks, this.#size))),
      onError: () => finish(() => this.#sink.onRefusal(this.#malformed())),
      onDrain: feed,
    }) as BodyDecoder
    feed()
  }

  /** Why the body is not taken; undefined where it is. */
  #keep(chunk: Buffer): GatewayError | undefined {
    const { reply, budget, maxBytes } = this.#rules
    // The reply has given back what it held: nothing may be added to that any more.
    if (reply.isAborted) return new GatewayError('GW_CANCELLED')
    this.#size += chunk.length
    if (this.#size > maxBytes) return new GatewayError('GW_BODY_TOO_LARGE', { limit: maxBytes })
    if (!budget.tryTake(chunk.length)) {
      reply.addHeader('Retry-After', '1')
      return new GatewayError('GW_OVERLOADED', { retryAfterMs: 1000 })
    }
    reply.heldBudget += chunk.length
    this.#chunks.push(chunk)
    return undefined
  }

  #malformed(): GatewayError {
    return new GatewayError('GW_INVALID_REQUEST', { param: 'content-encoding', reason: `the body is not valid ${this.#rules.coding}` })
  }
}
