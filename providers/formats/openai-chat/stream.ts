import type { Citation, ImagePart, Part, PartDelta, ReasoningPart, StreamPart, ToolCallPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { encodeErrorFrame } from '../shared/openai-error.ts'
import { encodeAnnotation } from './citations.ts'
import { encodeImage } from './media.ts'
import { detailHead, encodeDetail } from './reasoning.ts'
import { BODY_FIELDS } from './response.ts'
import { encodeStop } from './stop.ts'
import { NAME } from './types.ts'
import { encodeUsage } from './usage.ts'

/**
 * An open part. Its text goes between `open` and `close`, and again between `again` and `close` where a dialect's field
 * repeats it (reasoning). Rendered once, because a stream is thousands of these deltas.
 */
interface PartState {
  type: 'text' | 'refusal' | 'reasoning' | 'tool-call' | 'audio' | 'image' | 'silent'
  open: string
  again: string
  close: string
  /** Position among the choice's reasoning parts. */
  ordinal: number
  /** A function call that has had no arguments yet, and owes `{}`. */
  owesArguments: boolean
  /** Waits for its bytes. */
  image: ImagePart | undefined
  /** The call as far as it has come, for clients that take calls whole alone. */
  call?: { index: number; id: string; type: 'function'; function: { name: string; arguments: string } } | undefined
  /** What its entries in `reasoning_details` repeat. */
  reasoning: Pick<ReasoningPart, 'id' | 'summary' | 'signedBy' | 'extra'>
}

interface ChoiceState {
  index: number
  /** A chunk's text up to its delta. */
  open: string
  parts: (PartState | undefined)[]
  /** Calls wait until they are whole. */
  holdsCalls: boolean
  callCount: number
  reasoningCount: number
  stop: Stop | undefined
  extra: JsonObject | undefined
}

/** Plain data: may be cloned between any two parts. */
export interface EncodeState {
  options: ReplyOptions
  isStarted: boolean
  isDone: boolean
  identity: JsonObject
  /** A chunk's text up to its choices. */
  head: string
  choices: ChoiceState[]
  usage: Usage | undefined
  serviceTier: string | undefined
  /** Top-level fields of this format, sent with the last choice. */
  extras: JsonObject
}

type Out = Sink<Frame>

const CHUNK_END = ',"finish_reason":null}]}'

/**
 * Canonical parts to chunks (https://platform.openai.com/docs/api-reference/chat-streaming). The first chunk of a choice has
 * its role, a call its id, type and name before its arguments, the last of a choice its finish reason, and that of the last
 * choice the usage: it waits for the end, so that clients that read usage off it and clients that wait for the official
 * `choices: []` chunk are both served.
 */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start(options) {
    const state: EncodeState = {
      options: options as ReplyOptions,
      isStarted: false,
      isDone: false,
      identity: {},
      head: '',
      choices: [],
      usage: undefined,
      serviceTier: undefined,
      extras: {},
    }
    identify(state, {})
    return state
  },
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
    if (state.isStarted) return
    state.isStarted = true
    state.serviceTier = part.serviceTier
    addExtras(state, part.extra?.[NAME])
    identify(state, part)
  },
  'part-start'(state, { choice: choiceIndex, index, part }, out) {
    const choice = openChoice(state, choiceIndex, part, out)
    if (choice) startPart(choice, index, part, out)
  },
  'part-delta'(state, { choice: choiceIndex, index, delta }, out) {
    const choice = choiceOf(state, choiceIndex)
    const part = choice?.parts[index]
    if (!choice || !part) return
    if (!choice.stop) addDelta(choice, part, delta, out)
    else if (delta.citation) addCitation(choice, part, delta.citation, out)
  },
  'part-end'(state, { choice: choiceIndex, index }, out) {
    const choice = choiceOf(state, choiceIndex)
    if (choice && !choice.stop) endPart(choice, index, out)
  },
  logprobs(state, { choice: choiceIndex, value }, out) {
    const choice = openChoice(state, choiceIndex, undefined, out)
    if (choice) out.push({ data: `${choice.open}{},"logprobs":${JSON.stringify(value)}${CHUNK_END}` })
  },
  'choice-end'(state, { choice: choiceIndex, stop, extra }, out) {
    const choice = openChoice(state, choiceIndex, undefined, out)
    if (!choice) return
    choice.parts.forEach((_, index) => endPart(choice, index, out))
    choice.stop = stop
    choice.extra = extra?.[NAME]
  },
  usage(state, { usage, serviceTier }) {
    state.usage = usage
    state.serviceTier = serviceTier ?? state.serviceTier
  },
  opaque(state, { format, value }) {
    if (format === NAME) addExtras(state, value)
  },
  'response-end'(state, _part, out) {
    finish(state, out)
  },
}

/** Renders what all chunks begin with. Before the answer has said who it is, the gateway's own facts stand in. */
function identify(
  state: EncodeState,
  part: { id?: string; model?: string; created?: number | undefined; serviceTier?: string | undefined },
): void {
  const { options } = state
  state.identity = withoutUndefined<JsonObject>({
    id: part.id || options.id,
    object: 'chat.completion.chunk',
    created: part.created ?? options.created,
    model: part.model || options.model,
    service_tier: part.serviceTier,
    ...scalars(state.extras),
  })
  state.head = JSON.stringify(state.identity).slice(0, -1)
}

/** Small facts (`system_fingerprint`) stand on every chunk, as the vendor does it; lists and objects only on the last. */
function scalars(extras: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(extras).filter(([, value]) => typeof value !== 'object'))
}

function addExtras(state: EncodeState, fields: JsonObject | undefined): void {
  if (!fields) return
  state.extras = { ...state.extras, ...Object.fromEntries(Object.entries(fields).filter(([name]) => !BODY_FIELDS.has(name))) }
}

function choiceOf(state: EncodeState, index: number): ChoiceState | undefined {
  for (const choice of state.choices) if (choice.index === index) return choice
  return undefined
}

/** The choice, its role told; undefined when it has ended. */
function openChoice(state: EncodeState, index: number, first: Part | undefined, out: Out): ChoiceState | undefined {
  const known = choiceOf(state, index)
  if (known) return known.stop ? undefined : known
  const open = `${state.head},"choices":[{"index":${index},"delta":`
  const choice: ChoiceState = {
    index,
    open,
    parts: [],
    holdsCalls: state.options.wholeCalls === true,
    callCount: 0,
    reasoningCount: 0,
    stop: undefined,
    extra: undefined,
  }
  state.choices.push(choice)
  send(choice, first?.type === 'text' ? '{"role":"assistant","content":""}' : '{"role":"assistant","content":null}', out)
  return choice
}

function send(choice: ChoiceState, delta: string, out: Out): void {
  out.push({ data: choice.open + delta + CHUNK_END })
}

function sendObject(choice: ChoiceState, delta: JsonObject, out: Out): void {
  send(choice, JSON.stringify(delta), out)
}

/** A second start of the same part is left out. */
function startPart(choice: ChoiceState, index: number, part: Part, out: Out): void {
  if (choice.parts[index]) return
  const state = openPart(choice, part, out)
  choice.parts[index] = state
  if (part.type === 'text') for (const citation of part.citations ?? []) addDelta(choice, state, { citation }, out)
  if (part.type === 'text' || part.type === 'refusal') addDelta(choice, state, { text: part.text }, out)
  if (part.type === 'audio' && part.source.kind === 'data') addDelta(choice, state, { data: part.source.data, extra: part.extra }, out)
  if (part.type === 'reasoning') {
    const { text, signature, redacted } = part
    addDelta(choice, state, { text, signature, redacted }, out)
  }
}

function openPart(choice: ChoiceState, part: Part, out: Out): PartState {
  switch (part.type) {
    case 'text':
      return opened('text', '{"content":', '}')
    case 'refusal':
      return opened('refusal', '{"refusal":', '}')
    case 'reasoning':
      return openReasoning(choice, part)
    case 'tool-call':
      return part.kind === 'server' ? opened('silent', '', '') : openCall(choice, part, out)
    case 'audio':
      return opened('audio', '{"audio":{"data":', '}}')
    case 'image':
      return { ...opened('image', '', ''), image: part }
    default:
      return opened('silent', '', '')
  }
}

function opened(type: PartState['type'], open: string, close: string): PartState {
  return { type, open, again: '', close: close + CHUNK_END, ordinal: 0, owesArguments: false, image: undefined, reasoning: {} }
}

function openReasoning(choice: ChoiceState, part: ReasoningPart): PartState {
  const ordinal = choice.reasoningCount++
  const { id, summary, signedBy, extra } = part
  const reasoning = { id, summary, signedBy, extra }
  const entry = JSON.stringify(detailHead(reasoning, ordinal)).slice(0, -1)
  const again = `,"reasoning_details":[${entry},"${summary ? 'summary' : 'text'}":`
  return { ...opened('reasoning', '{"reasoning":', '}]}'), again, ordinal, reasoning }
}

function openCall(choice: ChoiceState, part: ToolCallPart, out: Out): PartState {
  const index = choice.callCount++
  const { id, name, arguments: said } = part
  if (part.kind === 'custom') {
    sendObject(choice, { tool_calls: [{ index, id, type: 'custom', custom: { name, input: said } }] }, out)
    return opened('tool-call', `{"tool_calls":[{"index":${index},"custom":{"input":`, '}}]}')
  }
  if (choice.holdsCalls)
    return { ...opened('tool-call', '', ''), call: { index, id, type: 'function', function: { name, arguments: said } } }
  sendObject(choice, { tool_calls: [{ index, id, type: 'function', function: { name, arguments: said } }] }, out)
  return { ...opened('tool-call', `{"tool_calls":[{"index":${index},"function":{"arguments":`, '}}]}'), owesArguments: said === '' }
}

function addDelta(choice: ChoiceState, part: PartState, delta: PartDelta, out: Out): void {
  const said = part.type === 'tool-call' ? delta.arguments : part.type === 'audio' ? delta.data : delta.text
  if (said) addText(choice, part, said, out)
  if (delta.citation) addCitation(choice, part, delta.citation, out)
  if (part.type === 'reasoning') addProof(choice, part, delta, out)
  else if (part.type === 'audio') {
    const facts = delta.extra?.[NAME]
    if (facts) sendObject(choice, { audio: facts }, out)
  } else if (part.image && delta.data) part.image = appended(part.image, delta.data)
}

/** Sources of a text; they may come behind its end. */
function addCitation(choice: ChoiceState, part: PartState, citation: Citation, out: Out): void {
  if (part.type === 'text') sendObject(choice, { annotations: [encodeAnnotation(citation)] }, out)
}

function addText(choice: ChoiceState, part: PartState, said: string, out: Out): void {
  if (part.type === 'silent' || part.type === 'image') return
  part.owesArguments = false
  if (part.call) {
    part.call.function.arguments += said
    return
  }
  const quoted = JSON.stringify(said)
  const repeated = part.again === '' ? '' : part.again + quoted
  out.push({ data: choice.open + part.open + quoted + repeated + part.close })
}

/** Signatures and sealed thoughts have no text field: they travel in the details alone. */
function addProof(choice: ChoiceState, part: PartState, delta: PartDelta, out: Out): void {
  const { signature, redacted } = delta
  if (signature === undefined && redacted === undefined) return
  sendObject(choice, { reasoning_details: [encodeDetail({ ...part.reasoning, signature, redacted }, part.ordinal)] }, out)
}

function appended(image: ImagePart, data: string): ImagePart {
  if (image.source.kind !== 'data') return image
  return { ...image, source: { ...image.source, data: image.source.data + data } }
}

/** Strict clients parse arguments, so a call without any ends as `{}`. */
function endPart(choice: ChoiceState, index: number, out: Out): void {
  const part = choice.parts[index]
  if (!part) return
  if (part.owesArguments) addText(choice, part, '{}', out)
  if (part.call) {
    part.call.function.arguments ||= '{}'
    sendObject(choice, { tool_calls: [part.call] }, out)
  }
  if (part.image) sendObject(choice, { images: encodeImage(part.image) }, out)
  if (part.type !== 'text') choice.parts[index] = opened('silent', '', '')
}

/** The held chunks: finish reasons, usage, and the terminator. Choices that an earlier stage cut short stop naturally. */
function finish(state: EncodeState, out: Out): void {
  state.isDone = true
  if (state.choices.length === 0) openChoice(state, 0, undefined, out)
  const choices = [...state.choices].sort((left, right) => left.index - right.index)
  const usage = state.usage && encodeUsage(state.usage)
  // Told once: clients that add up usage over chunks would count it twice.
  const asked = state.options.streamUsage
  for (const choice of choices) {
    choice.parts.forEach((_, index) => endPart(choice, index, out))
    const isLast = choice === choices.at(-1)
    const rest = isLast
      ? withoutUndefined<JsonObject>({ ...state.extras, service_tier: state.serviceTier, usage: asked ? undefined : usage })
      : {}
    out.push({ data: JSON.stringify({ ...state.identity, choices: [finalChoice(choice)], ...rest }) })
  }
  if (asked && usage) out.push({ data: JSON.stringify({ ...state.identity, choices: [], usage }) })
  out.push({ data: '[DONE]' })
}

function finalChoice(choice: ChoiceState): Record<string, Json | undefined> {
  const { message, ...extra } = choice.extra ?? {}
  return {
    ...extra,
    index: choice.index,
    delta: isObject(message) ? message : {},
    finish_reason: encodeStop(choice.stop ?? { reason: 'stop' }),
  }
}
