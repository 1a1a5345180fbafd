import type { Citation, Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame } from '../../../core/format.ts'
import { decodeError, failureOf, isErrorBody } from '../shared/openai-error.ts'
import { text } from '../shared/openai-text.ts'
import { decodeAnnotations } from './citations.ts'
import { decodeImages, UNSAID } from './media.ts'
import { BARE, type ReasoningPiece, readReasoning } from './reasoning.ts'
import { BODY_FIELDS, CHOICE_FIELDS, choiceExtra, contentPieces, createdOf, MESSAGE_FIELDS, mintedId } from './response.ts'
import { decodeStop } from './stop.ts'
import { extraOf, NAME, objects, readToolCall, type WireToolCall } from './types.ts'
import { decodeUsage, usageOf } from './usage.ts'

/** A call under way. `part` is -1 until its name is known; arguments that came before wait in `held`. */
interface CallState {
  wireIndex: number | undefined
  wireId: string | undefined
  id: string
  isCustom: boolean
  part: number
  held: string
}

/** One answer under way. At most one text-like part is open (`openPart`, of kind `openKind`); calls stay open to the end. */
interface ChoiceState {
  index: number
  nextPart: number
  openPart: number
  openKind: string
  calls: CallState[]
  isFinished: boolean
  /** The finish reason of a choice that had said nothing by then. */
  heldFinish: string | undefined
  audio: JsonObject | undefined
  extra: JsonObject | undefined
  messageExtra: JsonObject | undefined
}

/** Plain data: may be cloned between any two frames. */
export interface DecodeState {
  isStarted: boolean
  isDone: boolean
  choices: ChoiceState[]
  /** Unknown top-level fields as last heard, and as they stood in `response-start`. */
  extras: JsonObject
  toldExtras: JsonObject
  serviceTier: string | undefined
  usageTotal: number
}

type Out = Sink<StreamPart>

/**
 * Events of any OpenAI-compatible server to canonical parts. The terminator is `[DONE]`, or the end of the stream once all
 * choices have a finish reason: many servers send no `[DONE]`. A second finish and what follows it are left out, except that
 * a choice which had said nothing before its finish reason takes what comes late: an empty answer would look like a good one.
 */
export const decodeStream: Fold<Frame, StreamPart, DecodeState> = {
  start: () => ({
    isStarted: false,
    isDone: false,
    choices: [],
    extras: {},
    toldExtras: {},
    serviceTier: undefined,
    usageTotal: 0,
  }),
  step(state, frame, out) {
    if (state.isDone || frame.data === '') return
    if (frame.data === '[DONE]') return terminate(state, out)
    const chunk = parseObject(frame.data)
    if (frame.event === 'error') return refuse(state, out, chunk ? failureOf(chunk) : unreadable(frame.data))
    if (!chunk) return refuse(state, out, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an event that is no JSON object' }))
    if (isErrorBody(chunk)) return refuse(state, out, failureOf(chunk))
    readChunk(state, chunk, out)
  },
  end(state, out, error) {
    if (state.isDone || error) return
    const isWhole = state.choices.length > 0 && state.choices.every((choice) => choice.isFinished || choice.heldFinish !== undefined)
    if (isWhole) terminate(state, out)
    else refuse(state, out, new GatewayError('GW_UPSTREAM_TRUNCATED'))
  },
}

function unreadable(data: string): GatewayError {
  return new GatewayError('GW_UPSTREAM_ERROR', { upstream: decodeError(data) })
}

function refuse(state: DecodeState, out: Out, error: GatewayError): void {
  state.isDone = true
  out.refuse(error)
}

function readChunk(state: DecodeState, chunk: JsonObject, out: Out): void {
  for (const name in chunk) if (!BODY_FIELDS.has(name) && name !== '__proto__') state.extras[name] = chunk[name]
  if (typeof chunk.service_tier === 'string') state.serviceTier = chunk.service_tier
  const { choices } = chunk
  const usage = usageOf(chunk)
  const isEmpty = !Array.isArray(choices) || choices.length === 0
  // Azure opens with an event about the prompt that has neither id nor model: the answer starts with the next one.
  if (isEmpty && !usage) return
  if (!state.isStarted) startResponse(state, chunk, out)
  if (!isEmpty) for (const choice of choices) if (isObject(choice)) readChoice(state, choice, out)
  if (usage) readUsage(state, usage, out)
}

function startResponse(state: DecodeState, chunk: JsonObject, out: Out): void {
  state.isStarted = true
  state.toldExtras = { ...state.extras }
  const hasExtras = Object.keys(state.extras).length > 0
  out.push({
    type: 'response-start',
    id: text(chunk.id) ?? '',
    model: text(chunk.model) ?? '',
    created: createdOf(chunk),
    serviceTier: state.serviceTier,
    extra: hasExtras ? { [NAME]: { ...state.extras } } : undefined,
  })
}

/** Some servers count up with each event, some end with a report of zeros: the report with the most counts. */
function readUsage(state: DecodeState, value: JsonObject, out: Out): void {
  const usage = decodeUsage(value)
  const total = usage.inputTokens + usage.outputTokens
  if (total < state.usageTotal) return
  state.usageTotal = total
  out.push({ type: 'usage', usage, serviceTier: state.serviceTier })
}

function readChoice(state: DecodeState, wire: JsonObject, out: Out): void {
  const choice = choiceOf(state, wire.index)
  if (choice.isFinished) return
  const delta = wire.delta ?? wire.message
  if (isObject(delta)) readDelta(choice, delta, out)
  if (wire.logprobs !== undefined && wire.logprobs !== null) out.push({ type: 'logprobs', choice: choice.index, value: wire.logprobs })
  for (const name in wire) if (!CHOICE_FIELDS.has(name)) choice.extra = keep(choice.extra, name, wire[name])
  if (typeof wire.finish_reason === 'string' && wire.finish_reason !== '') readFinish(choice, wire.finish_reason, out)
}

function choiceOf(state: DecodeState, wireIndex: Json | undefined): ChoiceState {
  const index = typeof wireIndex === 'number' && Number.isSafeInteger(wireIndex) && wireIndex >= 0 ? wireIndex : 0
  for (const choice of state.choices) if (choice.index === index) return choice
  const choice: ChoiceState = {
    index,
    nextPart: 0,
    openPart: -1,
    openKind: '',
    calls: [],
    isFinished: false,
    heldFinish: undefined,
    audio: undefined,
    extra: undefined,
    messageExtra: undefined,
  }
  state.choices.push(choice)
  return choice
}

function keep(extra: JsonObject | undefined, name: string, value: Json | undefined): JsonObject | undefined {
  if (name === '__proto__') return extra
  const kept = extra ?? {}
  kept[name] = value
  return kept
}

function readDelta(choice: ChoiceState, delta: JsonObject, out: Out): void {
  if (delta.reasoning_details) for (const piece of readReasoning(delta)) readPiece(choice, piece, out)
  else if (delta.reasoning_content || delta.reasoning)
    readBareReasoning(choice, text(delta.reasoning) ?? text(delta.reasoning_content), out)
  if (delta.content) readContent(choice, delta.content, out)
  if (delta.refusal && typeof delta.refusal === 'string') {
    say(choice, openPart(choice, { kind: 'refusal', part: { type: 'refusal', text: '' } }, out), { text: delta.refusal }, out)
  }
  if (isObject(delta.audio)) readAudio(choice, delta.audio, out)
  if (delta.images) for (const part of decodeImages(delta.images)) pushWhole(choice, part, out)
  if (delta.tool_calls) for (const call of objects(delta.tool_calls)) readCall(choice, readToolCall(call), out)
  if (isObject(delta.function_call)) readCall(choice, readToolCall({ function: delta.function_call }), out)
  if (delta.annotations) for (const citation of decodeAnnotations(delta.annotations)) cite(choice, citation, out)
  for (const name in delta) if (!MESSAGE_FIELDS.has(name)) choice.messageExtra = keep(choice.messageExtra, name, delta[name])
}

function readContent(choice: ChoiceState, content: Json, out: Out): void {
  if (typeof content === 'string') return say(choice, openText(choice, out), { text: content }, out)
  for (const piece of contentPieces(content)) {
    if (piece.type === 'text') say(choice, openText(choice, out), { text: piece.text }, out)
    else readPiece(choice, { key: 'content', text: piece.text }, out)
  }
}

/** The common case, without the list that details need: this runs once per event of a reasoning model. */
function readBareReasoning(choice: ChoiceState, thought: string | undefined, out: Out): void {
  if (thought === undefined) return
  const isOpen = choice.openKind === BARE
  say(
    choice,
    isOpen ? choice.openPart : openPart(choice, { kind: BARE, part: { type: 'reasoning', text: '' } }, out),
    { text: thought },
    out,
  )
}

function readPiece(choice: ChoiceState, piece: ReasoningPiece, out: Out): void {
  const { key, text: thought, signature, ...rest } = piece
  const part = withoutUndefined<Part>({ type: 'reasoning', text: '', ...rest })
  const index = openPart(choice, { kind: key, part }, out)
  if (thought === '' && signature === undefined) return
  say(choice, index, withoutUndefined<PartDelta>({ text: thought || undefined, signature }), out)
}

/** The sound comes in pieces, and its id, transcript and expiry with them: these are told when the part ends. */
function readAudio(choice: ChoiceState, audio: JsonObject, out: Out): void {
  const { data, transcript, ...rest } = audio
  const source = { kind: 'data' as const, mediaType: UNSAID, data: '' }
  const index = openPart(choice, { kind: 'audio', part: { type: 'audio', source } }, out)
  if (typeof data === 'string' && data !== '') say(choice, index, { data }, out)
  const before = text(choice.audio?.transcript) ?? ''
  choice.audio = { ...choice.audio, ...rest }
  if (typeof transcript === 'string') choice.audio.transcript = before + transcript
}

function cite(choice: ChoiceState, citation: Citation, out: Out): void {
  say(choice, openText(choice, out), { citation }, out)
}

function openText(choice: ChoiceState, out: Out): number {
  return choice.openKind === 'text' ? choice.openPart : openPart(choice, { kind: 'text', part: { type: 'text', text: '' } }, out)
}

/** The index of the open part, if it is of this kind; else the open one is closed and `part` opened. */
function openPart(choice: ChoiceState, wanted: { kind: string; part: Part }, out: Out): number {
  if (choice.openKind === wanted.kind) return choice.openPart
  closePart(choice, out)
  choice.openKind = wanted.kind
  choice.openPart = choice.nextPart++
  out.push({ type: 'part-start', choice: choice.index, index: choice.openPart, part: wanted.part })
  return choice.openPart
}

function closePart(choice: ChoiceState, out: Out): void {
  if (choice.openPart < 0) return
  if (choice.openKind === 'audio') say(choice, choice.openPart, { extra: { [NAME]: choice.audio ?? {} } }, out)
  out.push({ type: 'part-end', choice: choice.index, index: choice.openPart })
  choice.openPart = -1
  choice.openKind = ''
}

function say(choice: ChoiceState, index: number, delta: PartDelta, out: Out): void {
  out.push({ type: 'part-delta', choice: choice.index, index, delta })
}

function pushWhole(choice: ChoiceState, part: Part, out: Out): void {
  closePart(choice, out)
  const index = choice.nextPart++
  out.push({ type: 'part-start', choice: choice.index, index, part })
  out.push({ type: 'part-end', choice: choice.index, index })
}

function readCall(choice: ChoiceState, wire: WireToolCall, out: Out): void {
  const call = findCall(choice.calls, wire) ?? addCall(choice, wire)
  if (call.part < 0) {
    call.held += wire.arguments
    if (wire.id !== undefined) call.id = wire.id
    if (wire.name !== '') startCall(choice, call, wire.name, out)
  } else if (wire.arguments !== '') say(choice, call.part, { arguments: wire.arguments }, out)
}

/** The call that a delta continues. Some servers number all calls 0, some number none: a new id with a name is a new call. */
function findCall(calls: readonly CallState[], wire: WireToolCall): CallState | undefined {
  if (wire.index === undefined) {
    const named = wire.id === undefined ? undefined : calls.findLast((call) => call.wireId === wire.id)
    return named ?? (wire.id === undefined && wire.name === '' ? calls.at(-1) : undefined)
  }
  const known = calls.findLast((call) => call.wireIndex === wire.index)
  const isAnother = known?.wireId !== undefined && wire.id !== undefined && wire.id !== known.wireId && wire.name !== ''
  return isAnother ? undefined : known
}

function addCall(choice: ChoiceState, wire: WireToolCall): CallState {
  const id = wire.id ?? mintedId(choice.index, choice.calls.length)
  const call: CallState = { wireIndex: wire.index, wireId: wire.id, id, isCustom: wire.isCustom, part: -1, held: '' }
  choice.calls.push(call)
  return call
}

function startCall(choice: ChoiceState, call: CallState, name: string, out: Out): void {
  closePart(choice, out)
  call.part = choice.nextPart++
  const kind = call.isCustom ? ('custom' as const) : undefined
  const part = withoutUndefined<Part>({ type: 'tool-call', id: call.id, name, arguments: call.held, kind })
  out.push({ type: 'part-start', choice: choice.index, index: call.part, part })
  call.held = ''
}

function readFinish(choice: ChoiceState, reason: string, out: Out): void {
  const isSilent = choice.nextPart === 0 && choice.calls.length === 0
  if (isSilent) choice.heldFinish = reason
  else endChoice(choice, reason, out)
}

function endChoice(choice: ChoiceState, reason: string | undefined, out: Out): void {
  closePart(choice, out)
  for (const call of choice.calls) {
    if (call.part < 0) startCall(choice, call, '', out)
    out.push({ type: 'part-end', choice: choice.index, index: call.part })
  }
  choice.isFinished = true
  const extra = choiceExtra(choice.extra, choice.messageExtra)
  out.push({ type: 'choice-end', choice: choice.index, stop: decodeStop(reason), extra })
}

function terminate(state: DecodeState, out: Out): void {
  if (state.choices.length === 0)
    return refuse(state, out, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'a stream without an answer' }))
  for (const choice of state.choices) if (!choice.isFinished) endChoice(choice, choice.heldFinish, out)
  const late = extraOf(lateExtras(state))
  if (late) out.push({ type: 'opaque', format: NAME, value: late[NAME] })
  state.isDone = true
  out.push({ type: 'response-end' })
}

function lateExtras(state: DecodeState): JsonObject | undefined {
  const changed = Object.entries(state.extras).filter(
    ([name, value]) => state.toldExtras[name] !== value && JSON.stringify(state.toldExtras[name]) !== JSON.stringify(value),
  )
  return changed.length === 0 ? undefined : Object.fromEntries(changed)
}
