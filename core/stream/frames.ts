import type { Usage } from '../canonical/usage.ts'
import { GatewayError } from '../errors.ts'
import type { Fold } from '../fold.ts'
import type { Frame } from '../format.ts'
import { copied } from '../text.ts'
import { providerFault } from '../upstream/fault.ts'
import { decoderOf, type FrameWriter, writerOf } from './framing.ts'
import { awsMessageLength } from './framing-aws.ts'
import type { Lane, LaneOptions } from './lane.ts'

/**
 * Forwards events of the client's own dialect where they cannot pass as text: binary messages go on as the bytes they came in,
 * checked; events that the client wants cut in another way keep their data. What is read of them is what PassthroughLane reads.
 */
export class FramesLane implements Lane {
  usage: Usage | undefined
  readonly #options: LaneOptions
  readonly #decoder: Fold<Uint8Array, Frame>
  readonly #writer: FrameWriter
  readonly #isBinary: boolean
  #state: unknown
  /** Of binary messages: what waits for its rest. */
  #pending: Uint8Array = Buffer.alloc(0)
  #frames: Frame[] = []
  #fault: Error | undefined
  #hasFinish = false
  #isDone = false

  constructor(options: LaneOptions) {
    const framing = options.framing ?? options.source.framing
    this.#options = options
    this.#decoder = decoderOf(framing)
    this.#writer = writerOf(options.targetFraming ?? options.target.framing)
    this.#isBinary = framing === 'aws-event-stream'
    this.#state = this.#decoder.start()
  }

  data(chunk: Uint8Array): void {
    if (this.#isDone) return
    if (this.#isBinary) this.#messages(this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]))
    else for (const frame of this.#decode(chunk)) this.#forward(frame, this.#writer.encode(frame))
    if (this.#fault) this.fail(asInvalid(this.#fault))
  }

  end(): void {
    if (this.#isDone) return
    this.#decoder.end(this.#state, this.#sink)
    const rest = this.#frames.splice(0)
    for (const frame of rest) this.#forward(frame, this.#writer.encode(frame))
    if (this.#isDone) return
    if (this.#fault) return this.fail(asInvalid(this.#fault))
    if (!this.#hasFinish || this.#pending.length > 0) return this.fail(new GatewayError('GW_UPSTREAM_TRUNCATED'))
    this.#isDone = true
    this.#options.finish(undefined, this.#writer.close())
  }

  fail(error: GatewayError): void {
    if (this.#isDone) return
    this.#isDone = true
    const explained = this.#options.explain(error)
    const frame = this.#options.target.inbound?.encodeErrorFrame(explained)
    this.#options.finish(explained, (frame ? this.#writer.encode(frame) : '') + this.#writer.close())
  }

  /** Message after message: each is decoded, which checks it, and then goes on as it is. */
  #messages(bytes: Uint8Array): void {
    let from = 0
    while (!this.#isDone && !this.#fault) {
      const length = awsMessageLength(bytes, from)
      if (length === undefined || from + length > bytes.length) break
      const message = bytes.subarray(from, from + length)
      for (const frame of this.#decode(message)) this.#forward(frame, copied(message))
      from += length
    }
    const wasKnown = from === 0 && awsMessageLength(this.#pending, 0) !== undefined
    // The reader's buffer is only lent.
    this.#pending = from === bytes.length ? Buffer.alloc(0) : copied(bytes.subarray(from))
    // What is wrong with the beginning of a message is said at once: nobody waits for 4 GB.
    if (!wasKnown && !this.#isDone && !this.#fault) this.#decoder.step(this.#decoder.start(), this.#pending, this.#sink)
  }

  #decode(bytes: Uint8Array): Frame[] {
    this.#decoder.step(this.#state, bytes, this.#sink)
    return this.#frames.splice(0)
  }

  readonly #sink = {
    push: (frame: Frame): void => void this.#frames.push(frame),
    end(): void {},
    refuse: (error: Error): void => {
      this.#fault ??= error
    },
    wake(): void {},
  }

  #forward(frame: Frame, bytes: string | Uint8Array): void {
    if (this.#isDone) return
    const { lens } = this.#options.source
    const mark = lens.mark(frame)
    if (mark === 'error') return this.fail(providerFault(this.#options.source, frame.data))
    if (mark === 'finish') this.#hasFinish = true
    if (this.#options.wantsUsage) this.usage = lens.usage(frame.data) ?? this.usage
    this.#options.live.write(bytes)
    if (mark === 'content' || mark === 'finish') this.#options.live.commit()
    if (mark !== 'terminal') return
    this.#isDone = true
    this.#options.finish(undefined, this.#writer.close())
  }
}

function asInvalid(error: Error): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', {}, { cause: error })
}
