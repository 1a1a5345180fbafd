import type { Citation, Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Carry, Frame } from '../../../core/format.ts'
import { decodeBlock, decodeCitation } from './blocks.ts'
import { isFailure, upstreamError } from './error.ts'
import { decodeServiceTier, decodeStop, responseExtra } from './response.ts'
import { type Block, type Memory, NAME, readCarry } from './types.ts'
import { decodeUsage } from './usage.ts'

/**
 * A block under way. `answer` is the call that stands for the answer's schema, `aside` text beside it that waits until it is
 * known whether that call comes, `muted` what follows it, `whole` a block that is told at its end.
 */
interface OpenBlock {
  kind: 'text' | 'reasoning' | 'call' | 'answer' | 'aside' | 'muted' | 'whole'
  /** Index of its part; -1 where it has none (yet). */
  part: number
  /** A call has had no input yet. */
  isEmpty?: boolean
  block?: Block
}

/** Text beside an answer by schema. */
interface Aside {
  text: string
  citations: Citation[]
}

/** Where a stream stands. Plain data. */
export interface DecoderState {
  phase: 'waiting' | 'open' | 'stopped' | 'closed'
  memory: Memory
  /** Open blocks by the provider's index. */
  blocks: Map<number, OpenBlock>
  /** Index of the next part. */
  parts: number
  asides: Aside[]
  hasAnswer: boolean
  hasCalls: boolean
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
  start: (options) => ({
    phase: 'waiting',
    memory: readCarry((options as { carry?: Carry } | undefined)?.carry),
    blocks: new Map(),
    parts: 0,
    asides: [],
    hasAnswer: false,
    hasCalls: false,
    hasMetadata: false,
  }),
  step(state, frame, out) {
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
  if (state.memory.answer !== undefined && call.name === state.memory.answer) return startAnswer(state, index, out)
  tellAsides(state, out)
  state.hasCalls = true
  const part = decodeBlock({ toolUse: call }, state.memory)
  openPart(state, index, 'call', { ...part, arguments: '' } as Part, out)
}

/** Text beside it is given up. A second answer says nothing that could be added to the first. */
function startAnswer(state: DecoderState, index: number, out: Out): void {
  state.asides = []
  for (const block of state.blocks.values()) if (block.kind === 'aside') block.kind = 'muted'
  if (state.hasAnswer) state.blocks.set(index, { kind: 'muted', part: -1 })
  else openPart(state, index, 'answer', { type: 'text', text: '' }, out)
  state.hasAnswer = true
}

function openPart(state: DecoderState, index: number, kind: OpenBlock['kind'], part: Part, out: Out): OpenBlock {
  const block: OpenBlock = { kind, part: state.parts++ }
  if (kind === 'call' || kind === 'answer') block.isEmpty = true
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
  const block = openFor(state, index, state.memory.answer === undefined ? 'text' : 'aside', out)
  if (block.kind === 'text') return pushDelta(block.part, delta, out)
  const aside = state.asides.at(-1)
  if (block.kind === 'muted' || !aside) return
  if (delta.text !== undefined) aside.text += delta.text
  if (delta.citation) aside.citations.push(delta.citation)
}

/** The open block that takes text or reasoning: another kind at the same index is over. */
function openFor(state: DecoderState, index: number, kind: 'text' | 'reasoning' | 'aside', out: Out): OpenBlock {
  const known = state.blocks.get(index)
  if (known?.kind === kind || known?.kind === 'muted') return known
  endBlock(state, index, out)
  if (kind === 'reasoning') {
    const { signedBy } = state.memory
    return openPart(state, index, kind, { type: 'reasoning', text: '', ...(signedBy !== undefined && { signedBy }) }, out)
  }
  if (kind === 'text') return openPart(state, index, kind, { type: 'text', text: '' }, out)
  const block: OpenBlock = { kind: state.hasAnswer ? 'muted' : 'aside', part: -1 }
  if (!state.hasAnswer) state.asides.push({ text: '', citations: [] })
  state.blocks.set(index, block)
  return block
}

function addReasoning(state: DecoderState, index: number, delta: JsonObject, out: Out): void {
  const change: PartDelta = {}
  if (isText(delta.text)) change.text = delta.text
  if (isText(delta.signature)) change.signature = delta.signature
  if (isText(delta.redactedContent)) change.redacted = delta.redactedContent
  if (Object.keys(change).length > 0) pushDelta(openFor(state, index, 'reasoning', out).part, change, out)
}

function addInput(state: DecoderState, block: OpenBlock | undefined, delta: JsonObject, out: Out): void {
  if (!block || block.kind === 'text' || block.kind === 'reasoning' || block.kind === 'aside')
    return refuse(state, out, 'the input of a call that did not begin')
  if (block.kind === 'muted' || !isText(delta.input)) return
  block.isEmpty = false
  pushDelta(block.part, block.kind === 'answer' ? { text: delta.input } : { arguments: delta.input }, out)
}

/** Text beside an answer that may not come after all: it is told before a call of the client's own tools, and at the end. */
function tellAsides(state: DecoderState, out: Out): void {
  for (const { text: said, citations } of state.asides) {
    const index = state.parts++
    out.push({ type: 'part-start', choice: 0, index, part: { type: 'text', text: '' } })
    if (said !== '') pushDelta(index, { text: said }, out)
    for (const citation of citations) pushDelta(index, { citation }, out)
    out.push({ type: 'part-end', choice: 0, index })
  }
  state.asides = []
  for (const [index, block] of state.blocks) if (block.kind === 'aside') state.blocks.delete(index)
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
  if (block.kind === 'aside' || block.kind === 'muted') return
  if (block.kind === 'whole') {
    const whole = openPart(state, index, 'whole', decodeBlock(block.block as Block, state.memory), out)
    state.blocks.delete(index)
    block.part = whole.part
  }
  if (block.isEmpty) pushDelta(block.part, block.kind === 'answer' ? { text: '{}' } : { arguments: '{}' }, out)
  out.push({ type: 'part-end', choice: 0, index: block.part })
}

function stop(state: DecoderState, event: JsonObject, out: Out): void {
  for (const index of state.blocks.keys()) endBlock(state, index, out)
  tellAsides(state, out)
  const fields = event.additionalModelResponseFields
  out.push({
    type: 'choice-end',
    choice: 0,
    stop: decodeStop(event.stopReason, fields, state.hasAnswer && !state.hasCalls),
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
