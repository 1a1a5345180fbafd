import type { Citation, ImagePart, Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { newOneByOne, type OneByOne, tellOneByOne, tellRest } from '../shared/one-by-one.ts'
import { type Cited, encodeCitation } from './citations.ts'
import { encodeCall, encodeLogprobs, isCall, mintedId, planOf, shownText } from './encode-response.ts'
import { encodeErrorFrame } from './error.ts'
import { encodeStop } from './stop.ts'
import { encodeUsage } from './usage.ts'

/** The part that is open. `whole` is told at its end, `silent` never. */
interface OpenPart {
  kind: 'text' | 'thinking' | 'plan' | 'call' | 'custom' | 'whole' | 'silent'
  /** Index of the part, and of its content or call. */
  part: number
  index: number
  /** An event's text before and after what it says. */
  head: string
  tail: string
  /** Something was said: content without anything is left out, a call owes an object. */
  hasSaid: boolean
  /** Waits for its bytes. */
  image: ImagePart | undefined
}

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  phase: 'waiting' | 'open' | 'done'
  order: OneByOne
  open: OpenPart | undefined
  /** How many of each were told. */
  contents: number
  calls: number
  citations: number
  /** Contents by their part: citations may come behind a text. */
  texts: Map<number, number>
  cited: Cited | undefined
  stop: Stop | undefined
  usage: Usage | undefined
}

type Out = Sink<Frame>
type Step = Extract<StreamPart, { index: number }>

/**
 * Parts -> events of a streamed chat: https://docs.cohere.com/reference/chat-stream. Contents and calls come one after another,
 * because SDKs keep one call at a time; `message-end` has the finish reason and the usage, and waits for the end.
 */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start: (options) => ({
    options: options as ReplyOptions,
    phase: 'waiting',
    order: newOneByOne(),
    open: undefined,
    contents: 0,
    calls: 0,
    citations: 0,
    texts: new Map(),
    cited: undefined,
    stop: undefined,
    usage: undefined,
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
  'response-start': (state, { id }, out) => begin(state, id, out),
  'part-start': tell,
  'part-delta': tell,
  'part-end': tell,
  logprobs(state, { choice, value }, out) {
    if (choice !== 0) return
    begin(state, '', out)
    for (const logprobs of encodeLogprobs(value) ?? [])
      push(out, 'content-delta', { index: Math.max(0, state.contents - 1), delta: { message: { content: { text: '' } } }, logprobs })
  },
  'choice-end'(state, { choice, stop }, out) {
    if (choice !== 0) return
    begin(state, '', out)
    tellRest(state.order, 0, (step) => write(state, step, out))
    state.stop = stop
  },
  usage(state, { usage }) {
    state.usage = usage
  },
  opaque() {},
  'response-end': (state, _part, out) => finish(state, out),
}

const EMPTY = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] }

function begin(state: EncodeState, id: string, out: Out): void {
  if (state.phase !== 'waiting') return
  state.phase = 'open'
  push(out, 'message-start', { id: id || state.options.id, delta: { message: EMPTY } })
}

/** The API has one answer. */
function tell(state: EncodeState, step: Step, out: Out): void {
  if (step.choice !== 0) return
  if (state.phase === 'waiting') begin(state, '', out)
  if (step.type === 'part-delta') {
    // Nothing waits for a delta of the open part, nor for a source of one that is over.
    if (step.index === state.order.open) return addDelta(state, step.delta, out)
    const known = state.order.held.has(step.index) ? undefined : state.texts.get(step.index)
    if (known !== undefined) return step.delta.citation && addCitation(state, step.delta.citation, { index: known, out })
  }
  tellOneByOne(state.order, step, (each) => write(state, each, out))
}

function write(state: EncodeState, step: Step, out: Out): void {
  if (step.type === 'part-start') startPart(state, step, out)
  else if (step.type === 'part-delta') addDelta(state, step.delta, out)
  else endPart(state, out)
}

function startPart(state: EncodeState, { part, index }: Extract<Step, { type: 'part-start' }>, out: Out): void {
  state.open = opened(state, part, index)
  if (isCall(part)) {
    const call = encodeCall({ ...part, arguments: '' }, mintedId(state.options, index))
    const tool_calls = { ...call, function: { name: part.name, arguments: '' } }
    push(out, 'tool-call-start', { index: state.open.index, delta: { message: { tool_calls } } })
    return addDelta(state, { arguments: part.arguments }, out)
  }
  if (part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning' || part.type === 'audio')
    addDelta(state, { text: part.text }, out)
  if (part.type === 'text') for (const citation of part.citations ?? []) addDelta(state, { citation }, out)
}

function opened(state: EncodeState, part: Part, position: number): OpenPart {
  const base = { part: position, index: state.contents, head: '', tail: '', hasSaid: false, image: undefined }
  if (planOf(part) !== undefined)
    return { ...base, kind: 'plan', head: '{"type":"tool-plan-delta","delta":{"message":{"tool_plan":', tail: '}}}' }
  if (isCall(part)) {
    const index = state.calls++
    const head = `{"type":"tool-call-delta","index":${index},"delta":{"message":{"tool_calls":{"function":{"arguments":`
    return { ...base, index, kind: part.kind === 'custom' ? 'custom' : 'call', head, tail: '}}}}}' }
  }
  const head = `{"type":"content-delta","index":${base.index},"delta":{"message":{"content":`
  if (part.type === 'reasoning') return { ...base, kind: 'thinking', head: `${head}{"thinking":`, tail: '}}}}' }
  if (part.type === 'image') return { ...base, kind: 'whole', head: `${head}{"text":`, tail: '}}}}', image: part }
  const isText = part.type === 'text' || part.type === 'refusal' || part.type === 'audio'
  return isText ? { ...base, kind: 'text', head: `${head}{"text":`, tail: '}}}}' } : { ...base, kind: 'silent' }
}

function addDelta(state: EncodeState, delta: PartDelta, out: Out): void {
  const { open } = state
  if (!open || open.kind === 'silent') return
  if (open.image) {
    if (delta.data !== undefined && open.image.source.kind === 'data')
      open.image = { ...open.image, source: { ...open.image.source, data: open.image.source.data + delta.data } }
    return
  }
  const isCalling = open.kind === 'call' || open.kind === 'custom'
  const said = isCalling ? delta.arguments : delta.text
  if (said) say(state, open, { said, out })
  if (!delta.citation || open.kind !== 'text') return
  startContent(state, open, out)
  addCitation(state, delta.citation, { index: open.index, out })
}

/** Free text of a custom call is the text of one field: clients want an object. */
function say(state: EncodeState, open: OpenPart, { said, out }: { said: string; out: Out }): void {
  const isFirst = !open.hasSaid
  startContent(state, open, out)
  const piece = open.kind === 'custom' ? `${isFirst ? '{"input":"' : ''}${JSON.stringify(said).slice(1, -1)}` : said
  out.push({ event: EVENTS[open.kind], data: open.head + JSON.stringify(piece) + open.tail })
}

const EVENTS: Readonly<Record<OpenPart['kind'], string>> = {
  text: 'content-delta',
  thinking: 'content-delta',
  whole: 'content-delta',
  silent: 'content-delta',
  plan: 'tool-plan-delta',
  call: 'tool-call-delta',
  custom: 'tool-call-delta',
}

/** With its first words, or what they cite. */
function startContent(state: EncodeState, open: OpenPart, out: Out): void {
  if (open.hasSaid) return
  open.hasSaid = true
  if (open.kind !== 'text' && open.kind !== 'thinking' && open.kind !== 'whole') return
  state.contents++
  if (open.kind !== 'thinking') state.texts.set(open.part, open.index)
  const content = open.kind === 'thinking' ? { type: 'thinking', thinking: '' } : { type: 'text', text: '' }
  push(out, 'content-start', { index: open.index, delta: { message: { content } } })
}

/** Clients parse arguments, so a call without any ends as `{}`. */
function endPart(state: EncodeState, out: Out): void {
  const { open } = state
  state.open = undefined
  if (!open) return
  const { kind, index } = open
  const shown = open.image && shownText(open.image)
  if (shown) say(state, open, { said: shown, out })
  if (kind === 'call' || kind === 'custom') {
    const rest = kind === 'call' ? (open.hasSaid ? '' : '{}') : open.hasSaid ? '"}' : '{"input":""}'
    if (rest !== '') out.push({ event: 'tool-call-delta', data: open.head + JSON.stringify(rest) + open.tail })
    push(out, 'tool-call-end', { index })
  } else if (open.hasSaid && kind !== 'plan') push(out, 'content-end', { index })
}

/** One event a source, or one for all where the API itself gave them. */
function addCitation(state: EncodeState, citation: Citation, { index, out }: { index: number; out: Out }): void {
  const cited = encodeCitation(citation, index, state.cited)
  state.cited = cited
  if (!cited.entry) return
  push(out, 'citation-start', { index: state.citations, delta: { message: { citations: cited.entry } } })
  push(out, 'citation-end', { index: state.citations++ })
}

/** Also where an earlier stage cut the answer short: then it stops naturally. */
function finish(state: EncodeState, out: Out): void {
  begin(state, '', out)
  tellRest(state.order, 0, (step) => write(state, step, out))
  state.phase = 'done'
  const finish_reason = encodeStop(state.stop, state.calls > 0)
  push(out, 'message-end', { delta: { finish_reason, usage: encodeUsage(state.usage) } })
}

function push(out: Out, type: string, event: JsonObject): void {
  out.push({ event: type, data: JSON.stringify({ type, ...event }) })
}
