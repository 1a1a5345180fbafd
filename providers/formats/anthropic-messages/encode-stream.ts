import type {
  AudioPart,
  Part,
  PartDelta,
  ReasoningPart,
  RefusalPart,
  StreamPart,
  TextPart,
  ToolCallPart,
} from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { newOneByOne, type OneByOne, tellOneByOne, tellRest } from '../shared/one-by-one.ts'
import { encodeBlock, encodeCallHead } from './encode-blocks.ts'
import { messageHead, mintedId } from './encode-response.ts'
import { encodeErrorFrame } from './error.ts'
import { encodeCitation, encodeProof } from './foreign.ts'
import { encodeStop, type Said } from './stop.ts'
import { type Block, NAME } from './types.ts'
import { encodeUsage } from './usage.ts'

/** The part under way. A delta's text goes between `open` and `close`: rendered once, because a stream is thousands of them. */
interface OpenPart {
  part: Part
  /** Which field of a delta the block says; `nothing` for parts that were told whole, or that have no block here. */
  says: 'text' | 'arguments' | 'nothing'
  open: string
  close: string
  /** The block, until something is said in it: one that stays empty is left out. */
  start: Block | undefined
  hasSpoken: boolean
}

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  head: JsonObject | undefined
  isStarted: boolean
  isDone: boolean
  order: OneByOne
  /** Blocks so far; the open one is the last. */
  blocks: number
  parts: number
  open: OpenPart | undefined
  said: Said
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
    parts: 0,
    open: undefined,
    said: { refusal: false, call: false },
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
  'part-delta'(state, step, out) {
    const { open } = state
    const said = open?.hasSpoken && step.choice === 0 && step.index === state.order.open ? plainText(open, step.delta) : undefined
    if (said === undefined) tell(state, step, out)
    else say(open as OpenPart, said, out)
  },
  'part-end': tell,
  logprobs() {},
  'choice-end'(state, { choice, stop, extra }, out) {
    if (choice !== 0 || state.stop) return
    start(state, out)
    tellRest(state.order, choice, (step) => write(state, step, out))
    state.stop = stop
    state.extra = extra?.[NAME]
  },
  usage(state, { usage, serviceTier }) {
    state.usage = usage
    state.serviceTier = serviceTier ?? state.serviceTier
  },
  opaque() {},
  'response-end': (state, _part, out) => finish(state, out),
}

/** The text of a delta that says nothing else: the common one. */
function plainText({ says }: OpenPart, { text, citation, signature, redacted }: PartDelta): string | undefined {
  return says === 'text' && citation === undefined && signature === undefined && redacted === undefined ? text : undefined
}

/** Answers beyond the first, and what comes behind the end of the first, have no place here. */
function tell(state: EncodeState, step: Step, out: Out): void {
  if (step.choice !== 0 || state.stop) return
  start(state, out)
  tellOneByOne(state.order, step, (each) => write(state, each, out))
}

/** Usage that came before the first part is told with the start, as Anthropic does. */
function start(state: EncodeState, out: Out): void {
  if (state.isStarted) return
  state.isStarted = true
  const head = state.head ?? messageHead({ id: '', model: '' }, state.options)
  const usage = encodeUsage(state.usage, state.serviceTier)
  const message = { ...head, content: [], stop_reason: null, stop_sequence: null, usage }
  push(out, 'message_start', { type: 'message_start', message })
}

function write(state: EncodeState, step: Step, out: Out): void {
  if (step.type === 'part-start') state.open = openPart(state, step.part, out)
  else if (state.open && step.type === 'part-delta') addDelta(state, state.open, { delta: step.delta, out })
  else if (state.open) endPart(state, state.open, out)
}

/** What a part opens with is told as its first delta; parts that come whole as a whole block. */
function openPart(state: EncodeState, part: Part, out: Out): OpenPart {
  const id = mintedId(state.options, state.parts++)
  switch (part.type) {
    case 'text':
    case 'refusal':
    case 'audio':
      return openText(state, part, out)
    case 'tool-call':
      return openCall(state, { part, id }, out)
    case 'reasoning':
      if (part.redacted === undefined) return openThought(state, part, out)
      break
    case 'image':
      return newPart(part, 'nothing', '')
  }
  writeWhole(state, encodeBlock(part, id), out)
  return newPart(part, 'nothing', '')
}

function openText(state: EncodeState, part: TextPart | RefusalPart | AudioPart, out: Out): OpenPart {
  const own = part.type === 'text' ? part : undefined
  if (part.type === 'refusal') state.said.refusal = true
  const open = newPart(part, 'text', '{"type":"text_delta","text":')
  open.start = { type: 'text', text: '', ...own?.extra?.[NAME] }
  addDelta(state, open, { delta: { text: part.text }, out })
  for (const citation of own?.citations ?? []) addDelta(state, open, { delta: { citation }, out })
  return open
}

function openThought(state: EncodeState, part: ReasoningPart, out: Out): OpenPart {
  const open = newPart(part, 'text', '{"type":"thinking_delta","thinking":')
  open.start = { type: 'thinking', thinking: '', signature: '', ...part.extra?.[NAME] }
  addDelta(state, open, { delta: { text: part.text }, out })
  return open
}

function newPart(part: Part, says: OpenPart['says'], delta: string): OpenPart {
  return { part: { ...part }, says, open: delta, close: '}}', start: undefined, hasSpoken: false }
}

/** A call is told at once: clients show its name while its arguments come. Those that are free text become an object's one field. */
function openCall(state: EncodeState, { part, id }: { part: ToolCallPart; id: string }, out: Out): OpenPart {
  const start = encodeCallHead(part, id)
  if (!start) return newPart(part, 'nothing', '')
  if (part.kind !== 'server') state.said.call = true
  const open = newPart(part, 'arguments', '{"type":"input_json_delta","partial_json":')
  open.start = start
  startBlock(state, open, out)
  if (part.kind === 'custom') say(open, '{"input":"', out)
  addDelta(state, open, { delta: { arguments: part.arguments }, out })
  return open
}

function startBlock(state: EncodeState, open: OpenPart, out: Out): void {
  if (!open.start) return
  const index = state.blocks++
  push(out, 'content_block_start', { type: 'content_block_start', index, content_block: open.start })
  open.start = undefined
  open.open = `{"type":"content_block_delta","index":${index},"delta":${open.open}`
}

function writeWhole(state: EncodeState, block: Block | undefined, out: Out): void {
  if (!block) return
  const index = state.blocks++
  // Clients take a block's text from its deltas alone.
  const isText = block.type === 'text'
  push(out, 'content_block_start', { type: 'content_block_start', index, content_block: isText ? { ...block, text: '' } : block })
  if (isText) pushDelta(state, { type: 'text_delta', text: block.text }, out)
  push(out, 'content_block_stop', { type: 'content_block_stop', index })
}

interface Change {
  delta: PartDelta
  out: Out
}

function addDelta(state: EncodeState, open: OpenPart, { delta, out }: Change): void {
  const { part } = open
  const said = open.says === 'text' ? delta.text : open.says === 'arguments' ? argumentsOf(open, delta.arguments) : undefined
  if (said) {
    startBlock(state, open, out)
    open.hasSpoken = true
    say(open, said, out)
  }
  if (delta.citation && open.says === 'text' && part.type !== 'reasoning') {
    startBlock(state, open, out)
    pushDelta(state, { type: 'citations_delta', citation: encodeCitation(delta.citation) }, out)
  }
  if (part.type === 'reasoning') addProof(part, delta)
  else if (part.type === 'image' && delta.data !== undefined && part.source.kind === 'data')
    part.source = { ...part.source, data: part.source.data + delta.data }
}

/** Some vendors write `null` for no arguments, where clients of this API expect an object or nothing. */
function argumentsOf({ part, hasSpoken }: OpenPart, written: string | undefined): string | undefined {
  if (part.type === 'tool-call' && part.kind === 'custom') return written && JSON.stringify(written).slice(1, -1)
  return written === 'null' && !hasSpoken ? undefined : written
}

/** Told at the thought's end, as Anthropic does. */
function addProof(part: ReasoningPart, { signature, redacted }: PartDelta): void {
  if (signature !== undefined) part.signature = signature
  if (redacted !== undefined) part.redacted = redacted
}

function say({ open, close }: OpenPart, text: string, out: Out): void {
  out.push({ event: 'content_block_delta', data: open + JSON.stringify(text) + close })
}

function endPart(state: EncodeState, open: OpenPart, out: Out): void {
  const { part } = open
  state.open = undefined
  if (part.type === 'image') writeWhole(state, encodeBlock(part, ''), out)
  if (open.says === 'nothing') return
  if (part.type === 'tool-call' && part.kind === 'custom') say(open, '"}', out)
  const seal = part.type === 'reasoning' ? part.redacted : undefined
  if (part.type === 'reasoning' && seal === undefined) endThought(state, open, { part, out })
  if (!open.start) push(out, 'content_block_stop', { type: 'content_block_stop', index: state.blocks - 1 })
  if (seal !== undefined) writeWhole(state, encodeBlock(part, ''), out)
}

function endThought(state: EncodeState, open: OpenPart, { part, out }: { part: ReasoningPart; out: Out }): void {
  const signature = encodeProof(part)
  if (signature === '') return
  startBlock(state, open, out)
  pushDelta(state, { type: 'signature_delta', signature }, out)
}

/** What belongs into the delta of `message_delta`; every other field of a message stands beside it. */
const DELTA_FIELDS = ['container', 'stop_details']

function finish(state: EncodeState, out: Out): void {
  start(state, out)
  tellRest(state.order, 0, (step) => write(state, step, out))
  state.isDone = true
  const delta: JsonObject = encodeStop(state.stop, state.said)
  const beside: JsonObject = { ...state.extra }
  for (const field of DELTA_FIELDS) {
    if (beside[field] !== undefined) delta[field] = beside[field]
    beside[field] = undefined
  }
  push(out, 'message_delta', { ...beside, type: 'message_delta', delta, usage: encodeUsage(state.usage, state.serviceTier) })
  push(out, 'message_stop', { type: 'message_stop' })
}

function pushDelta(state: EncodeState, delta: JsonObject, out: Out): void {
  push(out, 'content_block_delta', { type: 'content_block_delta', index: state.blocks - 1, delta })
}

function push(out: Out, event: string, data: JsonObject): void {
  out.push({ event, data: JSON.stringify(data) })
}
