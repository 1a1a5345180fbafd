import type { Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Carry, Frame } from '../../../core/format.ts'
import { type AnswerState, answerSink, startAnswer } from '../shared/answer-tool.ts'
import { decodeBlock, decodeCitation } from './blocks.ts'
import { isFailure, upstreamError } from './error.ts'
import { decodeServiceTier, decodeStop, responseExtra } from './response.ts'
import { type Block, type Memory, NAME, readCarry } from './types.ts'
import { decodeUsage } from './usage.ts'

/** A block under way; `whole` is one that is told at its end. */
interface OpenBlock {
  kind: 'text' | 'reasoning' | 'call' | 'whole'
  /** Index of its part; -1 where it has none (yet). */
  part: number
  /** A call has had no input yet. */
  isEmpty?: boolean
  block?: Block
}

/** Where a stream stands. Plain data. */
export interface DecoderState {
  phase: 'waiting' | 'open' | 'stopped' | 'closed'
  memory: Memory
  /** Open blocks by the provider's index. */
  blocks: Map<number, OpenBlock>
  /** Index of the next part. */
  parts: number
  /** Where a tool stands for the answer's schema. */
  answer: AnswerState | undefined
  hasMetadata: boolean
}

type Out = Sink<StreamPart>
type Step = (state: DecoderState, event: JsonObject, out: Out) => void

/**
 * ConverseStream's events -> parts: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.
 * Text and reasoning blocks have no start of their own: the first delta begins the part. `messageStop` ends the answer, and
 * `metadata` the stream; a stream without the first was cut, one without the second is whole but for the usage. Events that
 * are not known are passed over, exceptions refuse.
 */
export const decodeStream: Fold<Frame, StreamPart, DecoderState> = {
  start(options) {
    const memory = readCarry((options as { carry?: Carry } | undefined)?.carry)
    const answer = memory.answer === undefined ? undefined : startAnswer(memory.answer)
    return { phase: 'waiting', memory, blocks: new Map(), parts: 0, answer, hasMetadata: false }
  },
  step(state, frame, sink) {
    const out = state.answer ? answerSink(state.answer, sink) : sink
    if (state.phase === 'closed' || addPlainText(state, frame, out)) return
    const event = parseObject(frame.data)
    const step = STEPS.get(frame.event)
    if (!step) return isFailure(frame.event, event) ? fail(state, frame, out) : undefined
    if (!event) return refuse(state, out, 'an event is not JSON')
    if (state.phase === 'stopped' && frame.event !== 'metadata') {
      // Content after the choice's end would be nobody's: left out, the answer would only look whole.
      return frame.event === 'contentBlockDelta' ? refuse(state, out, 'content came after messageStop') : undefined
    }
    if (state.phase === 'waiting') open(state, out)
    step(state, event, out)
  },
  end(state, out, error) {
    if (error || state.phase === 'closed') return
    const isWhole = state.phase === 'stopped'
    state.phase = 'closed'
    if (isWhole) out.push({ type: 'response-end' })
    else out.refuse(new GatewayError('GW_UPSTREAM_TRUNCATED'))
  },
}

const STEPS = new Map<string | undefined, Step>([
  ['contentBlockDelta', addDelta],
  ['contentBlockStart', startBlock],
  ['contentBlockStop', (state, event, out) => endBlock(state, indexOf(event), out)],
  ['messageStart', () => {}],
  ['messageStop', stop],
  ['metadata', addMetadata],
])

const PLAIN_HEAD = '{"contentBlockIndex":'
const PLAIN_MIDDLE = ',"delta":{"text":"'
/** The provider fills events up with a field `p`, so that nobody can guess words by their length. */
const PLAIN_TAIL = /"\}(?:,"p":"[a-zA-Z0-9]*")?\}$/y

/**
 * Text without escapes, as Bedrock writes it: nine of ten frames. Read by position, because JSON.parse and the table cost
 * five times as much. False, having done nothing, for every other frame.
 */
function addPlainText(state: DecoderState, { event, data }: Frame, out: Out): boolean {
  if (event !== 'contentBlockDelta' || !data.startsWith(PLAIN_HEAD)) return false
  const comma = data.indexOf(',', PLAIN_HEAD.length)
  if (!data.startsWith(PLAIN_MIDDLE, comma)) return false
  const start = comma + PLAIN_MIDDLE.length
  const end = data.indexOf('"', start)
  if (end <= start || data.includes('\\', start)) return false
  PLAIN_TAIL.lastIndex = end
  if (!PLAIN_TAIL.test(data)) return false
  const block = state.blocks.get(Number(data.slice(PLAIN_HEAD.length, comma)))
  if (block?.kind !== 'text') return false
  pushDelta(block.part, { text: data.slice(start, end) }, out)
  return true
}

/** Also before a stream whose `messageStart` was lost: it says nothing but the role. */
function open(state: DecoderState, out: Out): void {
  state.phase = 'open'
  out.push({ type: 'response-start', id: '', model: '' })
}

function startBlock(state: DecoderState, event: JsonObject, out: Out): void {
  const index = indexOf(event)
  const { start } = event
  if (!isObject(start) || Object.keys(start).length === 0) return
  endBlock(state, index, out)
  if (isObject(start.toolUse)) startCall(state, index, start.toolUse, out)
  else state.blocks.set(index, { kind: 'whole', part: -1, block: start })
}

function startCall(state: DecoderState, index: number, call: JsonObject, out: Out): void {
  const part = decodeBlock({ toolUse: call }, state.memory)
  openPart(state, index, 'call', { ...part, arguments: '' } as Part, out)
}

function openPart(state: DecoderState, index: number, kind: OpenBlock['kind'], part: Part, out: Out): OpenBlock {
  const block: OpenBlock = { kind, part: state.parts++ }
  if (kind === 'call') block.isEmpty = true
  state.blocks.set(index, block)
  out.push({ type: 'part-start', choice: 0, index: block.part, part })
  return block
}

function addDelta(state: DecoderState, event: JsonObject, out: Out): void {
  const { delta } = event
  if (!isObject(delta)) return
  const index = indexOf(event)
  const block = state.blocks.get(index)
  if (block?.kind === 'whole') block.block = extendWhole(block.block as Block, delta)
  else if (isText(delta.text)) addText(state, index, { text: delta.text }, out)
  else if (isObject(delta.citation)) addText(state, index, { citation: decodeCitation(delta.citation) }, out)
  else if (isObject(delta.reasoningContent)) addReasoning(state, index, delta.reasoningContent, out)
  else if (isObject(delta.toolUse)) addInput(state, block, delta.toolUse, out)
}

function addText(state: DecoderState, index: number, delta: PartDelta, out: Out): void {
  pushDelta(openFor(state, index, 'text', out).part, delta, out)
}

/** The open block that takes text or reasoning: another kind at the same index is over. */
function openFor(state: DecoderState, index: number, kind: 'text' | 'reasoning', out: Out): OpenBlock {
  const known = state.blocks.get(index)
  if (known?.kind === kind) return known
  endBlock(state, index, out)
  if (kind === 'reasoning') {
    const { signedBy } = state.memory
    return openPart(state, index, kind, { type: 'reasoning', text: '', ...(signedBy !== undefined && { signedBy }) }, out)
  }
  return openPart(state, index, kind, { type: 'text', text: '' }, out)
}

function addReasoning(state: DecoderState, index: number, delta: JsonObject, out: Out): void {
  const change: PartDelta = {}
  if (isText(delta.text)) change.text = delta.text
  if (isText(delta.signature)) change.signature = delta.signature
  if (isText(delta.redactedContent)) change.redacted = delta.redactedContent
  if (Object.keys(change).length > 0) pushDelta(openFor(state, index, 'reasoning', out).part, change, out)
}

function addInput(state: DecoderState, block: OpenBlock | undefined, delta: JsonObject, out: Out): void {
  if (!block || block.kind === 'text' || block.kind === 'reasoning') return refuse(state, out, 'the input of a call that did not begin')
  if (!isText(delta.input)) return
  block.isEmpty = false
  pushDelta(block.part, { arguments: delta.input }, out)
}

/** Lists of a result's content grow, everything else is replaced. */
function extendWhole(block: Block, delta: JsonObject): Block {
  const extended: Block = { ...block }
  for (const [field, value] of Object.entries(delta)) {
    const earlier = isObject(extended[field]) ? extended[field] : {}
    if (Array.isArray(value))
      extended[field] = { ...earlier, content: [...(Array.isArray(earlier.content) ? earlier.content : []), ...value] }
    else extended[field] = isObject(value) ? { ...earlier, ...value } : value
  }
  return extended
}

/** Also called for blocks that the provider never stopped. A stop that nothing was started for is passed over. */
function endBlock(state: DecoderState, index: number, out: Out): void {
  const block = state.blocks.get(index)
  if (!block) return
  state.blocks.delete(index)
  if (block.kind === 'whole') {
    const whole = openPart(state, index, 'whole', decodeBlock(block.block as Block, state.memory), out)
    state.blocks.delete(index)
    block.part = whole.part
  }
  if (block.isEmpty) pushDelta(block.part, { arguments: '{}' }, out)
  out.push({ type: 'part-end', choice: 0, index: block.part })
}

function stop(state: DecoderState, event: JsonObject, out: Out): void {
  for (const index of state.blocks.keys()) endBlock(state, index, out)
  const fields = event.additionalModelResponseFields
  out.push({
    type: 'choice-end',
    choice: 0,
    stop: decodeStop(event.stopReason, fields),
    ...(isObject(fields) && { extra: { [NAME]: { additionalModelResponseFields: fields } } }),
  })
  state.phase = 'stopped'
  if (state.hasMetadata) finish(state, out)
}

/** After `messageStop` as a rule; some stand-ins send it before. */
function addMetadata(state: DecoderState, event: JsonObject, out: Out): void {
  const usage = decodeUsage(event.usage)
  const serviceTier = decodeServiceTier(event.serviceTier)
  const extra = responseExtra(event)
  if (usage) out.push({ type: 'usage', usage, ...(serviceTier !== undefined && { serviceTier }) })
  if (extra) out.push({ type: 'opaque', format: NAME, value: extra })
  state.hasMetadata = true
  if (state.phase === 'stopped') finish(state, out)
}

function finish(state: DecoderState, out: Out): void {
  state.phase = 'closed'
  out.push({ type: 'response-end' })
}

function fail(state: DecoderState, { event, data }: Frame, out: Out): void {
  state.phase = 'closed'
  out.refuse(upstreamError(parseObject(data) ?? data, event))
}

function pushDelta(index: number, delta: PartDelta, out: Out): void {
  out.push({ type: 'part-delta', choice: 0, index, delta })
}

function refuse(state: DecoderState, out: Out, reason: string): void {
  state.phase = 'closed'
  out.refuse(new GatewayError('GW_UPSTREAM_INVALID', { reason }))
}

function indexOf(event: JsonObject): number {
  return typeof event.contentBlockIndex === 'number' ? event.contentBlockIndex : 0
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
