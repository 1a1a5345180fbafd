import type { Usage } from '../canonical/usage.ts'
import { GatewayError } from '../errors.ts'
import type { Fold } from '../fold.ts'
import type { Frame, FrameMark } from '../format.ts'
import { copied } from '../text.ts'
import { providerFault } from '../upstream/fault.ts'
import { decoderOf, type FrameWriter, writerOf } from './framing.ts'
import { awsMessageLength } from './framing-aws.ts'
import type { Lane, LaneOptions } from './lane.ts'

const NOTHING = Buffer.alloc(0)
/** A prelude and a checksum. */
const MIN_MESSAGE_BYTES = 16

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
  #pending: Uint8Array = NOTHING
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
    else for (const frame of this.#decode(chunk)) this.#forward(frame)
    if (this.#fault) this.fail(asInvalid(this.#fault))
  }

  end(): void {
    if (this.#isDone) return
    this.#decoder.end(this.#state, this.#sink)
    const rest = this.#frames.splice(0)
    for (const frame of rest) this.#forward(frame)
    if (this.#isDone) return
    if (this.#fault) return this.fail(asInvalid(this.#fault))
    if (!this.#hasFinish || this.#pending.length > 0) return this.fail(new GatewayError('GW_UPSTREAM_TRUNCATED'))
    this.#isDone = true
    this.#close(undefined)
  }

  fail(error: GatewayError): void {
    if (this.#isDone) return
    this.#isDone = true
    const explained = this.#options.explain(error)
    const frame = this.#options.target.inbound?.encodeErrorFrame(explained)
    if (frame) this.#writer.add(frame)
    this.#close(explained)
  }

  #close(error: GatewayError | undefined): void {
    this.#writer.close()
    this.#options.finish(error, this.#writer.take())
  }

  /** Whole messages are decoded, which checks them, and go on as they are, all of a read in one write. */
  #messages(bytes: Uint8Array): void {
    const ends: number[] = []
    let end = 0
    for (
      let length = awsMessageLength(bytes, 0);
      length !== undefined && end + length <= bytes.length;
      length = awsMessageLength(bytes, end)
    ) {
      end += length
      ends.push(end)
      // Too short to be one: the decoder says so.
      if (length < MIN_MESSAGE_BYTES) break
    }
    const frames = end === 0 ? [] : this.#decode(bytes.subarray(0, end))
    const marks = frames.map((frame) => this.#options.source.lens.mark(frame))
    const faulty = marks.indexOf('error')
    const whole = ends[(faulty < 0 ? frames.length : faulty) - 1] ?? 0
    if (whole > 0) this.#options.live.write(copied(bytes.subarray(0, whole)))
    for (let index = 0; index < frames.length; index++) this.#note(frames[index] as Frame, marks[index] as FrameMark)
    const wasKnown = end === 0 && awsMessageLength(this.#pending, 0) !== undefined
    // The reader's buffer is only lent.
    this.#pending = end === bytes.length ? NOTHING : copied(bytes.subarray(end))
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

  /** Errors are not forwarded: the gateway's own event says what happened, once. */
  #forward(frame: Frame): void {
    if (this.#isDone) return
    const mark = this.#options.source.lens.mark(frame)
    if (mark !== 'error') {
      this.#writer.add(frame)
      this.#options.live.write(this.#writer.take())
    }
    this.#note(frame, mark)
  }

  /** What an event means to the stream. */
  #note(frame: Frame, mark: FrameMark): void {
    if (this.#isDone) return
    const { lens } = this.#options.source
    if (mark === 'error') return this.fail(providerFault(this.#options.source, frame.data))
    if (mark === 'finish') this.#hasFinish = true
    if (this.#options.wantsUsage) this.usage = lens.usage(frame.data) ?? this.usage
    if (mark === 'content' || mark === 'finish') this.#options.live.commit()
    if (mark !== 'terminal') return
    this.#isDone = true
    this.#close(undefined)
  }
}

function asInvalid(error: Error): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', {}, { cause: error })
}
