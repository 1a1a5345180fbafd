import type { Extra, Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { inOnePiece } from '../../../core/text.ts'
import { encodeErrorFrame } from '../shared/aws-exceptions.ts'
import { newOneByOne, type OneByOne, tellOneByOne, tellRest } from '../shared/one-by-one.ts'
import { encodeBlock, encodeCallHead, encodeCitation } from './encode-blocks.ts'
import { encodeFacts, encodeStop, mintedId } from './encode-response.ts'
import { sealSignature, sealThought } from './proof.ts'
import { type Block, NAME } from './types.ts'

/** The block that is open. `whole` is told at its end, `silent` never. */
interface OpenBlock {
  kind: 'text' | 'reasoning' | 'call' | 'custom' | 'whole' | 'silent'
  /** A delta's text before and after what it says. */
  head: string
  tail: string
  /** Something of it was written: a block without anything is left out. */
  isWritten: boolean
  /** A call had input. */
  hasInput: boolean
  /** Of a thought: whose proof it is. Of a whole block: the part so far. */
  part: Part
}

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  phase: 'waiting' | 'open' | 'stopped' | 'done'
  order: OneByOne
  /** Index of the next block. */
  blocks: number
  open: OpenBlock | undefined
  hasCalls: boolean
  usage: Usage | undefined
  serviceTier: string | undefined
  extra: JsonObject
}

/** Why an answer ended; nothing where nobody said. */
interface Ending {
  reason?: Stop | undefined
  extra?: Extra | undefined
}

type Out = Sink<Frame>
type Step = Extract<StreamPart, { index: number }>

/**
 * Parts -> events of ConverseStream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.
 * One block is open at a time, and their indices rise by one; those of text and thoughts have no start. `metadata` with the usage
 * is the last event of every answer.
 */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start: (options) => ({
    options: options as ReplyOptions,
    phase: 'waiting',
    order: newOneByOne(),
    blocks: 0,
    open: undefined,
    hasCalls: false,
    usage: undefined,
    serviceTier: undefined,
    extra: {},
  }),
  step(state, part, out) {
    if (state.phase !== 'done') (STEPS[part.type] as (state: EncodeState, part: StreamPart, out: Out) => void)(state, part, out)
  },
  end(state, out, error) {
    if (state.phase === 'done') return
    if (!error) return finish(state, out)
    state.phase = 'done'
    out.push(encodeErrorFrame(error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id: state.options.id })))
  },
}

const STEPS: { [Type in StreamPart['type']]: (state: EncodeState, part: Extract<StreamPart, { type: Type }>, out: Out) => void } = {
  'response-start'(state, { serviceTier, extra }, out) {
    state.serviceTier = serviceTier
    Object.assign(state.extra, extra?.[NAME])
    begin(state, out)
  },
  'part-start': tell,
  'part-delta': tell,
  'part-end': tell,
  logprobs() {},
  'choice-end'(state, { choice, stop: reason, extra }, out) {
    if (choice === 0) stop(state, { reason, extra }, out)
  },
  usage(state, { usage, serviceTier }) {
    state.usage = usage
    state.serviceTier = serviceTier ?? state.serviceTier
  },
  opaque(state, { format, value }) {
    if (format === NAME) Object.assign(state.extra, value)
  },
  'response-end': (state, _part, out) => finish(state, out),
}

/** The API has one answer, and nothing of it after its stop. */
function tell(state: EncodeState, step: Step, out: Out): void {
  if (step.choice !== 0 || state.phase === 'stopped') return
  if (state.phase === 'waiting') begin(state, out)
  // Nothing waits for a delta of the open part.
  if (step.type === 'part-delta' && step.index === state.order.open) return addDelta(state, step.delta, out)
  tellOneByOne(state.order, step, (each) => write(state, each, out))
}

function begin(state: EncodeState, out: Out): void {
  if (state.phase !== 'waiting') return
  state.phase = 'open'
  out.push({ event: 'messageStart', data: '{"role":"assistant"}' })
}

function write(state: EncodeState, step: Step, out: Out): void {
  if (step.type === 'part-delta') return addDelta(state, step.delta, out)
  if (step.type === 'part-end') return endBlock(state, out)
  startBlock(state, step, out)
}

function startBlock(state: EncodeState, { part, index }: Extract<Step, { type: 'part-start' }>, out: Out): void {
  state.open = opened(state, part)
  if (part.type === 'tool-call') {
    const call = encodeCallHead(part, mintedId(state.options, index))
    if (!call) state.open.kind = 'silent'
    else pushStart(state, { toolUse: call }, out)
    state.hasCalls ||= call !== undefined && part.kind !== 'server'
  }
  if (part.type === 'text') for (const citation of part.citations ?? []) addDelta(state, { citation }, out)
  addDelta(state, saidAtStart(part), out)
}

function opened(state: EncodeState, part: Part): OpenBlock {
  const base = { isWritten: false, hasInput: false, part }
  const head = `{"contentBlockIndex":${state.blocks},"delta":`
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { ...base, kind: 'text', head: inOnePiece(`${head}{"text":`), tail: '}}' }
    case 'reasoning':
      return { ...base, kind: 'reasoning', head: `${head}{"reasoningContent":{"text":`, tail: '}}}' }
    case 'tool-call':
      return { ...base, kind: part.kind === 'custom' ? 'custom' : 'call', head: `${head}{"toolUse":{"input":`, tail: '}}}' }
    default:
      return { ...base, kind: 'whole', head, tail: '}' }
  }
}

/** What a part that begins says already. */
function saidAtStart(part: Part): PartDelta {
  if (part.type === 'tool-call') return { arguments: part.arguments }
  if (part.type === 'reasoning') return { text: part.text, signature: part.signature, redacted: part.redacted }
  return part.type === 'text' || part.type === 'refusal' ? { text: part.text } : {}
}

function addDelta(state: EncodeState, delta: PartDelta, out: Out): void {
  const { open: block } = state
  if (!block || block.kind === 'silent') return
  if (block.kind === 'whole') return extend(block, delta)
  const said = block.kind === 'call' || block.kind === 'custom' ? delta.arguments : delta.text
  if (said) pushSaid(block, said, out)
  if (delta.citation && block.kind === 'text') pushDelta(state, { citation: encodeCitation(delta.citation) }, out)
  if (block.part.type !== 'reasoning') return
  const { signedBy } = block.part
  if (delta.signature !== undefined) pushDelta(state, { reasoningContent: { signature: sealSignature(delta.signature, signedBy) } }, out)
  if (delta.redacted !== undefined) pushDelta(state, { reasoningContent: { redactedContent: sealThought(delta.redacted, signedBy) } }, out)
}

/** More of the text that was told last, without the closing brace. */
export function encodeText(state: unknown, json: string): Frame {
  const { open } = state as EncodeState
  if (open?.kind !== 'text') throw new GatewayError('GW_INTERNAL', { reason: 'no text was told' })
  return { event: 'contentBlockDelta', data: `${open.head}"${json}"}` }
}

/** Free text of a custom call is the text of one field: clients want an object. */
function pushSaid(block: OpenBlock, said: string, out: Out): void {
  const isFirst = !block.hasInput
  block.isWritten = true
  block.hasInput = true
  const piece = block.kind === 'custom' ? `${isFirst ? '{"input":"' : ''}${JSON.stringify(said).slice(1, -1)}` : said
  out.push({ event: 'contentBlockDelta', data: block.head + JSON.stringify(piece) + block.tail })
}

function extend(block: OpenBlock, delta: PartDelta): void {
  const { part } = block
  if (delta.text !== undefined && part.type === 'audio') block.part = { ...part, text: (part.text ?? '') + delta.text }
  if (delta.data !== undefined && part.type === 'image' && part.source.kind === 'data')
    block.part = { ...part, source: { ...part.source, data: part.source.data + delta.data } }
}

/** Clients parse the input of a call, so one without any ends as `{}`. */
function endBlock(state: EncodeState, out: Out): void {
  const { open: block } = state
  state.open = undefined
  if (!block) return
  if (block.kind === 'call' && !block.hasInput) pushSaid(block, '{}', out)
  if (block.kind === 'custom') pushDelta(state, { toolUse: { input: block.hasInput ? '"}' : '{"input":""}' } }, out)
  const isWritten = block.isWritten || (block.kind === 'whole' && pushWhole(state, encodeBlock(block.part, ''), out))
  if (!isWritten) return
  push(out, 'contentBlockStop', { contentBlockIndex: state.blocks++ })
}

/** A block that came whole: what it is in its start, what it holds in a delta. False where the API has none for it. */
function pushWhole(state: EncodeState, block: Block | undefined, out: Out): boolean {
  if (!block) return false
  if (typeof block.text === 'string') pushDelta(state, { text: block.text }, out)
  else if (block.image) {
    const { source, ...image } = block.image as JsonObject
    pushStart(state, { image }, out)
    pushDelta(state, { image: { source } }, out)
  } else if (block.toolResult) {
    const { content, ...toolResult } = block.toolResult as JsonObject
    pushStart(state, { toolResult }, out)
    pushDelta(state, { toolResult: content }, out)
  } else pushStart(state, block, out)
  return true
}

function stop(state: EncodeState, { reason, extra }: Ending, out: Out): void {
  if (state.phase === 'stopped') return
  begin(state, out)
  tellRest(state.order, 0, (step) => write(state, step, out))
  push(out, 'messageStop', encodeStop(reason, { hasCalls: state.hasCalls, extra }))
  state.phase = 'stopped'
}

/** Also where an earlier stage cut the answer short: then it stops naturally. */
function finish(state: EncodeState, out: Out): void {
  stop(state, {}, out)
  const { usage, serviceTier, extra } = state
  push(out, 'metadata', encodeFacts({ usage, serviceTier, extra: { [NAME]: extra } }))
  state.phase = 'done'
}

function pushStart(state: EncodeState, start: Block, out: Out): void {
  if (state.open) state.open.isWritten = true
  push(out, 'contentBlockStart', { contentBlockIndex: state.blocks, start })
}

function pushDelta(state: EncodeState, delta: JsonObject, out: Out): void {
  if (state.open) state.open.isWritten = true
  push(out, 'contentBlockDelta', { contentBlockIndex: state.blocks, delta })
}

function push(out: Out, event: string, data: JsonObject): void {
  out.push({ event, data: JSON.stringify(data) })
}
