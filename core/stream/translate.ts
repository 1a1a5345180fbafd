import type { StreamPart } from '../canonical/chat.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Deadline } from '../deadlines.ts'
import { GatewayError } from '../errors.ts'
import type { Fold } from '../fold.ts'
import type { Carry, Frame, Inbound, ReplyOptions } from '../format.ts'
import type { StreamStage } from '../hooks/hooks.ts'
import { type BoundStage, Chain } from './chain.ts'
import { decoderOf, type FrameWriter, isText as isTextFraming, writerOf } from './framing.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { plainFrames } from './plain-frames.ts'
import type { PlainTarget } from './plain-output.ts'
import { PlainTranslation } from './plain-translation.ts'

const OPEN_BRACE = 0x7b

/** What a translation needs besides what every lane is told. */
export interface TranslateOptions extends LaneOptions {
  stages: readonly StreamStage[]
  reply: ReplyOptions
  carry: Carry | undefined
  /** Sees every part that goes to the client: the collector of handlers that need the answer. */
  onPart?: ((part: StreamPart) => void) | undefined
  /** An asynchronous stage works (true) or is done (false). */
  onBusy(isBusy: boolean): void
}

/** Bytes -> frames -> parts -> frames -> bytes: one chain of folds, one write per read. */
export class TranslateLane implements Lane {
  usage: Usage | undefined
  readonly #options: TranslateOptions
  readonly #chain: Chain<Uint8Array | StreamPart, Frame>
  readonly #writer: FrameWriter
  #raw: string | undefined
  #isDone = false
  /** A choice has ended: what the encoder writes from now on carries the totals. */
  #isEnding = false
  #isWhole = false
  #hasFailed = false
  /** Of the bytes that are translated in full: 1 when all that came of them is one piece of text, and the data of its event. */
  #texts = 0
  #text: { index: number; choice: number } | undefined
  #said = ''
  #lastFrame: Frame | undefined
  #frames = 0
  /** By pattern, of framings that are text; of others a stage does it. */
  readonly #plain: PlainTranslation | undefined
  /** Nobody looks at the parts, and both dialects say where an event's text is. */
  readonly #isPlain: boolean
  /** The tick that a stage asked for. */
  #alarm: Deadline | undefined
  /** Of the read under way: asking the clock per event would cost more than the event. */
  #now: number

  constructor(options: TranslateOptions, startsAtParts = false) {
    this.#options = options
    this.#now = options.live.now()
    this.#isPlain = !startsAtParts && isPlain(options)
    this.#plain = this.#isPlain && isTextFraming(options.framing ?? options.source.framing) ? this.#openPlain() : undefined
    this.#writer = writerOf(options.targetFraming ?? options.target.framing)
    this.#chain = new Chain<Uint8Array | StreamPart, Frame>(startsAtParts ? this.#tail() : [...this.#head(), ...this.#tail()], {
      push: (frame) => this.#push(frame),
      end: () => this.#end(undefined),
      refuse: (error) => this.#end(error),
      wake: (at) => this.#wake(at),
      explain: (error) => {
        this.#hasFailed = true
        return options.explain(error)
      },
      onBusy: (isBusy) => {
        this.#flush()
        options.onBusy(isBusy)
      },
    })
  }

  data(chunk: Uint8Array): void {
    if (this.#isDone) return
    this.#now = this.#options.live.now()
    if (this.#plain) this.#plain.data(chunk)
    else this.#chain.push(chunk)
    // The answer is whole: the client need not wait until the provider closes its side.
    if (this.#isWhole) this.#chain.finish()
    this.#flush()
  }

  end(): void {
    this.#chain.finish()
    this.#flush()
  }

  fail(error: GatewayError): void {
    this.#chain.finish(error)
    this.#flush()
  }

  /** Serves parts that did not come from a provider: a held answer, or a whole one where a stream was asked for. */
  static serveParts(options: TranslateOptions, parts: readonly StreamPart[]): void {
    const lane = new TranslateLane(options, true)
    for (const part of parts) lane.#chain.push(part)
    lane.#chain.finish()
    lane.#flush()
  }

  #head(): BoundStage[] {
    const { source, framing, stages, sendsRaw, carry } = this.#options
    if (!source.outbound) throw new GatewayError('GW_INTERNAL', { reason: `format ${source.name} has no provider side` })
    const { plainText, padding } = source.lens
    return [
      ...pick(stages, 'bytes'),
      bind(decoderOf(framing ?? source.framing)),
      ...(this.#isPlain && !this.#plain ? [bind(plainFrames(this.#plainTarget(), { opening: plainText as string, padding }))] : []),
      ...pick(stages, 'frames'),
      ...(sendsRaw ? [bind(this.#rawWatch())] : []),
      bind(source.outbound.decodeStream, { carry }),
    ]
  }

  #tail(): BoundStage[] {
    const { target, stages, reply } = this.#options
    if (!target.inbound) throw new GatewayError('GW_INTERNAL', { reason: `format ${target.name} has no client side` })
    return [...pick(stages, 'parts'), bind(this.#watch()), bind(target.inbound.encodeStream, reply)]
  }

  #openPlain(): PlainTranslation {
    return new PlainTranslation(this.#plainTarget(), this.#options.source.lens.plainText as string, (bytes) => this.#chain.push(bytes))
  }

  #plainTarget(): PlainTarget {
    const { inbound, lens } = this.#options.target
    return {
      watch: (translate) => {
        this.#texts = 0
        this.#frames = 0
        translate()
        const isOne = this.#texts === 1 && this.#frames === 1 && this.#lastFrame
        return isOne ? { frame: isOne, text: this.#said } : undefined
      },
      write: (frame) => this.#writeOpen(frame),
      say: inbound?.encodeText && ((json) => this.#say(inbound, json)),
      opening: lens.plainText,
    }
  }

  #say({ encodeText }: Inbound, json: string): void {
    const frame = encodeText?.(this.#chain.states.at(-1), json)
    if (frame) this.#writeOpen(frame)
  }

  /** Stands before the encoder: sees what the client will, commits on content, notes usage. */
  #watch(): Fold<StreamPart, StreamPart> {
    const { live, onPart } = this.#options
    return {
      start: () => null,
      step: (_, part, out) => {
        if (this.#isPlain) this.#texts += this.#isText(part) ? 1 : 2
        if (part.type === 'usage') this.usage = part.usage
        else if (part.type === 'choice-end') this.#isEnding = true
        else if (part.type === 'response-end') this.#isWhole = true
        onPart?.(part)
        out.push(part)
        if (carriesContent(part)) live.commit()
      },
      end() {},
    }
  }

  /** A piece of the text that began last, and nothing else. Thoughts have text too, which is told in another way. */
  #isText(part: StreamPart): boolean {
    if (part.type === 'part-start' && part.part.type === 'text') this.#text = part
    if (part.type !== 'part-delta' || part.delta.text === undefined) return false
    if (part.index !== this.#text?.index || part.choice !== this.#text.choice) return false
    for (const name in part.delta) if (name !== 'text') return false
    this.#said = part.delta.text
    return true
  }

  #rawWatch(): Fold<Frame, Frame> {
    return {
      start: () => null,
      step: (_, frame, out) => {
        // A terminator is no JSON: beside the last event it would break it.
        if (frame.data.charCodeAt(0) === OPEN_BRACE) this.#raw = frame.data
        out.push(frame)
      },
      end() {},
    }
  }

  #push(frame: Frame): void {
    const { event, data } = frame
    // One event of text makes a pattern; anything beside it does not.
    this.#lastFrame = frame
    this.#frames++
    // Error events have facts of their own under the same name; terminators are no objects.
    if (!this.#options.extra || this.#hasFailed || data.charCodeAt(0) !== OPEN_BRACE) this.#writer.add(frame)
    else this.#writeOpen({ event, data: data.slice(0, -1) })
  }

  /** An event whose data lacks its closing brace, with `extra_fields` where they belong. */
  #writeOpen(frame: Frame): void {
    const { extra } = this.#options
    if (!extra) return this.#writer.add(frame, '}')
    const member = extra.chunk(this.#now, { isLast: this.#isEnding, raw: this.#raw })
    this.#raw = undefined
    this.#writer.add(frame, `${member}}`)
  }

  /** One alarm for all stages, at the earliest time asked for; those that were not due ask again. */
  #wake(at: number): void {
    if (this.#isDone) return
    if (this.#alarm) this.#alarm.at = Math.min(this.#alarm.at, at)
    else {
      this.#alarm = { at, onReached: (now) => this.#tick(now) }
      this.#options.live.deadlines.add(this.#alarm)
    }
  }

  #tick(now: number): void {
    if (this.#alarm) this.#alarm.at = Number.POSITIVE_INFINITY
    this.#now = now
    this.#chain.tick(now)
    this.#flush()
  }

  #flush(): void {
    const output = this.#writer.take()
    if (output.length > 0) this.#options.live.write(output)
  }

  #end(error: Error | undefined): void {
    if (this.#isDone) return
    this.#isDone = true
    if (this.#alarm) this.#options.live.deadlines.delete(this.#alarm)
    // The encoder has written the error event or the terminator already; before commit nothing of it is sent.
    if (!error) this.#flush()
    this.#writer.close()
    this.#options.finish(error && this.#options.explain(error), this.#writer.take())
  }
}

/** Whether texts may be translated by pattern: nobody looks at events or parts, and both dialects say where an event's text is. */
function isPlain({ source, target, stages, sendsRaw, onPart }: TranslateOptions): boolean {
  if (stages.length > 0 || sendsRaw || onPart || source.lens.plainText === undefined) return false
  return target.lens.plainText !== undefined || target.inbound?.encodeText !== undefined
}

const NO_STAGES: BoundStage[] = []

function pick(stages: readonly StreamStage[], on: StreamStage['on']): BoundStage[] {
  return stages.length === 0 ? NO_STAGES : stages.filter((stage) => stage.on === on).map(toBound)
}

function toBound(stage: StreamStage): BoundStage {
  if (stage.fold) return { fold: stage.fold as Fold<unknown, unknown>, options: stage.options }
  if (stage.async) return { async: stage.async as never, options: stage.options }
  throw new GatewayError('GW_INTERNAL', { reason: `stage ${stage.ref.name} was not loaded` })
}

function bind(fold: unknown, options?: unknown): BoundStage {
  return { fold: fold as Fold<unknown, unknown>, options }
}

/** Whether a part is something a user would see (dataplane.md, Commit). */
function carriesContent(part: StreamPart): boolean {
  if (part.type === 'part-delta') return true
  if (part.type === 'part-start') return part.part.type !== 'text' && part.part.type !== 'reasoning'
  return part.type === 'choice-end'
}
