import type { Part, PartDelta, ReasoningPart, StreamPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { newOneByOne, type OneByOne, tellOneByOne, tellRest } from '../shared/one-by-one.ts'
import { encodeBlock, encodeCall, encodeCitation, encodeSignature } from './encode-blocks.ts'
import { encodeStop, encodeUsage, messageHead } from './encode-response.ts'
import { encodeErrorFrame } from './error.ts'
import { NAME } from './types.ts'

/** The block that is open. */
interface OpenBlock {
  part: Part
  /** A thought's, told at its end. */
  proof: Proof | undefined
  /** Free text that is put into an object began. */
  hasInput: boolean
}

type Proof = Pick<ReasoningPart, 'signature' | 'signedBy'>

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  head: JsonObject | undefined
  isStarted: boolean
  isDone: boolean
  order: OneByOne
  /** Index of the next block. */
  blocks: number
  open: OpenBlock | undefined
  /** Kinds of the parts so far. */
  kinds: Pick<Part, 'type'>[]
  stop: Stop | undefined
  usage: Usage | undefined
  serviceTier: string | undefined
  extra: JsonObject | undefined
}

type Out = Sink<Frame>
type Step = Extract<StreamPart, { index: number }>

/**
 * Parts -> events of a message: https://docs.claude.com/en/docs/build-with-claude/streaming. One block is open at a time, and their
 * indices rise by one. The reason to stop waits for the end, because other vendors tell usage last, and `message_delta` has both.
 */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start: (options) => ({
    options: options as ReplyOptions,
    head: undefined,
    isStarted: false,
    isDone: false,
    order: newOneByOne(),
    blocks: 0,
    open: undefined,
    kinds: [],
    stop: undefined,
    usage: undefined,
    serviceTier: undefined,
    extra: undefined,
  }),
  step(state, part, out) {
    if (!state.isDone) (STEPS[part.type] as (state: EncodeState, part: StreamPart, out: Out) => void)(state, part, out)
  },
  end(state, out, error) {
    if (state.isDone) return
    if (!error) return finish(state, out)
    state.isDone = true
    out.push(encodeErrorFrame(error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id: state.options.id })))
  },
}

const STEPS: { [Type in StreamPart['type']]: (state: EncodeState, part: Extract<StreamPart, { type: Type }>, out: Out) => void } = {
  'response-start'(state, part) {
    state.head ??= messageHead(part, state.options)
    state.serviceTier = part.serviceTier
  },
  'part-start': tell,
  'part-delta': tell,
  'part-end': tell,
  logprobs() {},
  'choice-end'(state, { choice, stop, extra }, out) {
    if (choice !== 0) return
    open(state, out)
    tellRest(state.order, choice, (step) => write(state, step, out))
    state.stop = stop
    state.extra = extra?.[NAME]
  },
  usage(state, { usage, serviceTier }) {
    state.usage = usage
    state.serviceTier = serviceTier ?? state.serviceTier
  },
  opaque(state, { format, value }, out) {
    if (format !== NAME || typeof value.type !== 'string') return
    open(state, out)
    push(out, value.type, value)
  },
  'response-end': (state, _part, out) => finish(state, out),
}

function tell(state: EncodeState, step: Step, out: Out): void {
  if (step.choice !== 0) return
  if (!state.isStarted) open(state, out)
  tellOneByOne(state.order, step, (each) => write(state, each, out))
}

/** Usage that came before the first block is told with the start, as Anthropic does. */
function open(state: EncodeState, out: Out): void {
  if (state.isStarted) return
  state.isStarted = true
  const head = state.head ?? messageHead({ id: '', model: '' }, state.options)
  const usage = encodeUsage(state.usage, state.serviceTier)
  push(out, 'message_start', {
    type: 'message_start',
    message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage },
  })
}

function write(state: EncodeState, step: Step, out: Out): void {
  if (step.type === 'part-start') return startBlock(state, step.part, out)
  const { open: block } = state
  if (!block) return
  if (step.type === 'part-delta') return addDelta(state, block, { delta: step.delta, out })
  endBlock(state, block, out)
}

/** Blocks of parts that come whole, those of calls and texts empty: their content follows. */
function startBlock(state: EncodeState, part: Part, out: Out): void {
  state.kinds.push({ type: part.type })
  const start = startOf(part)
  if (!start) return
  const said = saidAtStart(part)
  const proof = part.type === 'reasoning' && part.signature !== undefined ? part : undefined
  const block: OpenBlock = { part, proof, hasInput: false }
  state.open = block
  push(out, 'content_block_start', { type: 'content_block_start', index: state.blocks, content_block: start })
  if (said) addDelta(state, block, { delta: said, out })
}

function startOf(part: Part): JsonObject | undefined {
  if (part.type === 'text' || part.type === 'refusal') {
    const own = part.type === 'text' ? part.extra?.[NAME] : undefined
    return { type: 'text', text: '', ...(part.type === 'text' && part.citations && { citations: [] }), ...own }
  }
  if (part.type === 'reasoning' && part.redacted === undefined)
    return { type: 'thinking', thinking: '', signature: '', ...part.extra?.[NAME] }
  return part.type === 'tool-call' ? { ...encodeCall(part), input: {} } : encodeBlock(part)
}

/** What a part that begins says already. */
function saidAtStart(part: Part): PartDelta | undefined {
  if (part.type === 'tool-call') return part.arguments === '' ? undefined : { arguments: part.arguments }
  if (part.type !== 'text' && part.type !== 'refusal' && part.type !== 'reasoning') return undefined
  return part.text === '' ? undefined : { text: part.text }
}

interface Change {
  delta: PartDelta
  out: Out
}

function addDelta(state: EncodeState, block: OpenBlock, { delta, out }: Change): void {
  const { part } = block
  if (delta.text !== undefined && delta.text !== '') {
    const isThought = part.type === 'reasoning'
    pushDelta(state, isThought ? { type: 'thinking_delta', thinking: delta.text } : { type: 'text_delta', text: delta.text }, out)
  }
  if (delta.arguments) pushDelta(state, { type: 'input_json_delta', partial_json: inputPiece(block, delta.arguments) }, out)
  if (delta.citation) pushDelta(state, { type: 'citations_delta', citation: encodeCitation(delta.citation) }, out)
  if (delta.signature !== undefined && part.type === 'reasoning') block.proof = { signature: delta.signature, signedBy: part.signedBy }
}

/** A piece of a call's input. Custom calls take free text, and Anthropic's clients an object: it is the text of one field. */
function inputPiece(block: OpenBlock, piece: string): string {
  if (block.part.type !== 'tool-call' || block.part.kind !== 'custom') return piece
  const opening = block.hasInput ? '' : '{"input":"'
  block.hasInput = true
  return `${opening}${JSON.stringify(piece).slice(1, -1)}`
}

function endBlock(state: EncodeState, block: OpenBlock, out: Out): void {
  if (block.hasInput) pushDelta(state, { type: 'input_json_delta', partial_json: '"}' }, out)
  if (block.proof) pushDelta(state, { type: 'signature_delta', signature: encodeSignature(block.proof) }, out)
  push(out, 'content_block_stop', { type: 'content_block_stop', index: state.blocks })
  state.open = undefined
  state.blocks++
}

function finish(state: EncodeState, out: Out): void {
  state.isDone = true
  open(state, out)
  tellRest(state.order, 0, (step) => write(state, step, out))
  const delta = { ...encodeStop(state.stop, state.kinds), ...state.extra }
  push(out, 'message_delta', { type: 'message_delta', delta, usage: encodeUsage(state.usage, state.serviceTier) })
  push(out, 'message_stop', { type: 'message_stop' })
}

function pushDelta(state: EncodeState, delta: JsonObject, out: Out): void {
  push(out, 'content_block_delta', { type: 'content_block_delta', index: state.blocks, delta })
}

function push(out: Out, event: string, data: JsonObject): void {
  out.push({ event, data: JSON.stringify(data) })
}
