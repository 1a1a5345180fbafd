import type { Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Sink } from '../../../core/fold.ts'
import { unifyStop } from '../shared/stop-reason.ts'
import { decodeServiceTier } from './drops.ts'
import { isFailure, upstreamError } from './error.ts'
import { decodeGrounding, type SaidText } from './grounding.ts'
import { decodeLogprobs } from './logprobs.ts'
import { addPartialArgs } from './partial-args.ts'
import { decodeCall, decodePart, type PartReader } from './parts.ts'
import { learnPlain, type PlainPattern, readPlain } from './plain-text.ts'
import { mintId, NAME, type Renamed, text, type WirePart } from './types.ts'
import { decodeUsage } from './usage.ts'

/** https://ai.google.dev/api/generate-content#FinishReason. What is not here is `other`: malformed calls, images that did not come. */
const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  LANGUAGE: 'content-filter',
  BLOCKLIST: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
  SPII: 'content-filter',
  MODEL_ARMOR: 'content-filter',
  IMAGE_SAFETY: 'content-filter',
  IMAGE_PROHIBITED_CONTENT: 'content-filter',
  IMAGE_RECITATION: 'content-filter',
}

/** A text under way. `isSealed`: its signature came, so that further text is another part. */
interface OpenText {
  part: number
  isThought: boolean
  isSealed: boolean
}

/** A call whose arguments come in pieces. */
interface OpenCall {
  part: number
  args: JsonObject
}

/** Where one candidate stands. */
interface CandidateState {
  /** Index of the next part. */
  parts: number
  minted: number
  text: OpenText | undefined
  call: OpenCall | undefined
  texts: SaidText[]
  hasCalls: boolean
  lastCode: string | undefined
  stop: string | undefined
  /** Fields that only this format knows; later values win. */
  extra: JsonObject
}

/** Where an answer stands, whole or streamed. Plain data. */
export interface AnswerState {
  phase: 'waiting' | 'open' | 'closed'
  tools: Renamed
  id: string
  candidates: Map<number, CandidateState>
  /** The last that was told: read, or still as JSON. */
  usage: JsonObject | string | undefined
  feedback: JsonObject | undefined
  /** Where the text goes that comes in events like the last one; undefined: it came with something else. */
  plain: (PlainPattern & { choice: number }) | undefined
  /** When an answer that has ended is over, in milliseconds of the driver's clock. */
  graceUntil?: number
}

type Out = Sink<StreamPart>

/** An answer of which nothing came yet. */
export function newAnswer(tools: Renamed): AnswerState {
  return { phase: 'waiting', tools, id: '', candidates: new Map(), usage: undefined, feedback: undefined, plain: undefined }
}

/**
 * Adds a body, or an event of a stream, which has the same shape: https://ai.google.dev/api/generate-content#generatecontentresponse.
 * Refuses with GW_UPSTREAM_ERROR where it is an error.
 */
export function addAnswer(state: AnswerState, body: JsonObject, out: Out): void {
  if (isFailure(body)) return fail(state, upstreamError(body), out)
  if (state.phase === 'waiting') open(state, body, out)
  if (isObject(body.usageMetadata)) state.usage = body.usageMetadata
  if (isObject(body.promptFeedback)) state.feedback = body.promptFeedback
  if (!Array.isArray(body.candidates)) return
  for (const candidate of body.candidates) if (isObject(candidate)) addCandidate(state, candidate, out)
}

/** Adds an event that differs from the one before in its text and usage alone: nine of ten. False, having done nothing, for every other one. */
export function addPlainText(state: AnswerState, data: string, out: Out): boolean {
  const { plain } = state
  const event = plain && readPlain(data, plain)
  if (!event) return false
  const candidate = state.candidates.get(plain.choice)
  const open = candidate?.text
  if (!open || open.isSealed || candidate.call || candidate.stop !== undefined) return false
  if (event.usage !== undefined) state.usage = event.usage
  addToText(candidate, open, event.text)
  pushDelta(open.part, { text: event.text }, { choice: plain.choice, out })
  return true
}

/** Remembers what an event looks like that was just added. */
export function learnText(state: AnswerState, data: string, body: JsonObject): void {
  const pattern = learnPlain(data, body)
  const [candidate] = body.candidates as JsonObject[]
  state.plain = pattern && { ...pattern, choice: typeof candidate?.index === 'number' ? candidate.index : 0 }
}

function addToText(candidate: CandidateState, { isThought }: OpenText, said: string): void {
  const heard = isThought ? undefined : candidate.texts.at(-1)
  if (heard) heard.text += said
}

/** Whether nothing more is owed: every candidate that began has its finish reason, or the prompt was not let through. */
export function isEnded({ candidates, feedback }: AnswerState): boolean {
  if (candidates.size === 0) return feedback?.blockReason !== undefined
  for (const { stop } of candidates.values()) if (stop === undefined) return false
  return true
}

/** Ends the answer. Refuses with GW_UPSTREAM_TRUNCATED when a candidate has no finish reason, or nothing came at all. */
export function endAnswer(state: AnswerState, out: Out): void {
  if (!isEnded(state)) return fail(state, new GatewayError('GW_UPSTREAM_TRUNCATED'), out)
  state.phase = 'closed'
  for (const [choice, candidate] of state.candidates) endCandidate(candidate, { choice, out })
  if (state.candidates.size === 0) out.push(blocked(state.feedback as JsonObject))
  const told = typeof state.usage === 'string' ? parseObject(state.usage) : state.usage
  const usage = decodeUsage(told)
  const serviceTier = decodeServiceTier(told)
  if (usage) out.push({ type: 'usage', usage, ...(serviceTier !== undefined && { serviceTier }) })
  out.push({ type: 'response-end' })
}

/** Gives up: nothing that comes later counts. */
export function fail(state: AnswerState, error: GatewayError, out: Out): void {
  state.phase = 'closed'
  out.refuse(error)
}

function open(state: AnswerState, body: JsonObject, out: Out): void {
  state.phase = 'open'
  state.id = text(body.responseId) ?? ''
  const created = Math.floor(Date.parse(String(body.createTime)) / 1000)
  out.push({
    type: 'response-start',
    id: state.id,
    model: text(body.modelVersion) ?? '',
    ...(Number.isFinite(created) && { created }),
  })
}

/** What steps of one candidate write to. */
interface Target {
  choice: number
  out: Out
}

function addCandidate(state: AnswerState, candidate: JsonObject, out: Out): void {
  const { content, finishReason, index, logprobsResult, ...rest } = candidate
  const choice = typeof index === 'number' ? index : 0
  const target: Target = { choice, out }
  const open = candidateOf(state, choice)
  const parts = isObject(content) && Array.isArray(content.parts) ? content.parts : []
  // What comes after its end belongs to nobody.
  if (open.stop === undefined) for (const wire of parts) if (isObject(wire)) addPart(state, open, { wire, target })
  const logprobs: Json | undefined = logprobsResult === undefined ? undefined : decodeLogprobs(logprobsResult)
  if (logprobs !== undefined) out.push({ type: 'logprobs', choice, value: logprobs })
  for (const field in rest) open.extra[field] = rest[field]
  if (typeof finishReason === 'string') open.stop ??= finishReason
}

function candidateOf(state: AnswerState, choice: number): CandidateState {
  let candidate = state.candidates.get(choice)
  if (!candidate) {
    candidate = {
      parts: 0,
      minted: 0,
      text: undefined,
      call: undefined,
      texts: [],
      hasCalls: false,
      lastCode: undefined,
      stop: undefined,
      extra: {},
    }
    state.candidates.set(choice, candidate)
  }
  return candidate
}

function addPart(state: AnswerState, candidate: CandidateState, { wire, target }: { wire: WirePart; target: Target }): void {
  if (typeof wire.text === 'string') return addText(candidate, wire, target)
  if (isObject(wire.functionCall)) return addCall(state, candidate, { wire, call: wire.functionCall, target })
  endOpen(candidate, target)
  const reader = readerOf(state, candidate, target.choice)
  startPart(candidate, decodePart(wire, reader), target)
  candidate.lastCode = reader.lastCode
  pushEnd(candidate.parts - 1, target)
}

function readerOf({ id, tools }: AnswerState, candidate: CandidateState, choice: number): PartReader {
  return {
    nameOf: (wire) => (Object.hasOwn(tools, wire) ? (tools[wire] as string) : wire),
    mint: () => mintId(id, choice, candidate.minted++),
    lastCode: candidate.lastCode,
  }
}

/** Text of one kind goes on until its signature has come or something else does. Empty text is nothing but its signature. */
function addText(candidate: CandidateState, wire: WirePart, target: Target): void {
  const said = wire.text as string
  const signature = text(wire.thoughtSignature)
  if (said === '' && signature === undefined) return
  const isThought = wire.thought === true
  const { text: open } = candidate
  if (candidate.call || open?.isThought !== isThought || (open.isSealed && said !== '')) {
    endOpen(candidate, target)
    const part: Part = isThought ? { type: 'reasoning', text: '', signedBy: 'google' } : { type: 'text', text: '' }
    startPart(candidate, part, target)
    candidate.text = { part: candidate.parts - 1, isThought, isSealed: false }
    if (!isThought) candidate.texts.push({ part: candidate.parts - 1, text: '' })
  }
  const current = candidate.text as OpenText
  addToText(candidate, current, said)
  const delta: PartDelta = {}
  if (said !== '') delta.text = said
  if (signature !== undefined) {
    current.isSealed = true
    if (isThought) delta.signature = signature
    else delta.extra = { [NAME]: { thoughtSignature: signature } }
  }
  pushDelta(current.part, delta, target)
}

interface CallStep {
  wire: WirePart
  call: JsonObject
  target: Target
}

/** A call comes whole, or its name first and then its arguments piece by piece, until one says no more of `willContinue`. */
function addCall(state: AnswerState, candidate: CandidateState, { wire, call, target }: CallStep): void {
  const goesOn = call.willContinue === true
  if (typeof call.name !== 'string') {
    if (!candidate.call) return
    addPartialArgs(candidate.call.args, call.partialArgs)
    if (!goesOn) endOpen(candidate, target)
    return
  }
  endOpen(candidate, target)
  const part = decodeCall(call, wire, readerOf(state, candidate, target.choice))
  startPart(candidate, { ...part, arguments: '' }, target)
  candidate.hasCalls = true
  const index = candidate.parts - 1
  if (goesOn || Array.isArray(call.partialArgs)) {
    candidate.call = { part: index, args: {} }
    addPartialArgs(candidate.call.args, call.partialArgs)
    if (!goesOn) endOpen(candidate, target)
    return
  }
  pushDelta(index, { arguments: part.arguments }, target)
  pushEnd(index, target)
}

function startPart(candidate: CandidateState, part: Part, { choice, out }: Target): void {
  out.push({ type: 'part-start', choice, index: candidate.parts++, part })
}

function endOpen(candidate: CandidateState, target: Target): void {
  const { text: open, call } = candidate
  if (open) pushEnd(open.part, target)
  if (call) {
    pushDelta(call.part, { arguments: JSON.stringify(call.args) }, target)
    pushEnd(call.part, target)
  }
  candidate.text = undefined
  candidate.call = undefined
}

function endCandidate(candidate: CandidateState, target: Target): void {
  endOpen(candidate, target)
  for (const { part, citation } of decodeGrounding(candidate.extra.groundingMetadata, candidate.texts))
    pushDelta(part, { citation }, target)
  const hasExtra = Object.keys(candidate.extra).length > 0
  const stop = decodeStop(candidate)
  target.out.push({ type: 'choice-end', choice: target.choice, stop, ...(hasExtra && { extra: { [NAME]: candidate.extra } }) })
}

function decodeStop({ stop: raw, hasCalls }: CandidateState): Stop {
  const stop = unifyStop(raw, STOP_REASONS)
  if (hasCalls && stop.reason === 'stop') stop.reason = 'tool-calls'
  return stop
}

/** A prompt that was not let through has an answer without candidates. */
function blocked(feedback: JsonObject): StreamPart {
  const stop: Stop = { reason: 'content-filter', raw: String(feedback.blockReason) }
  return { type: 'choice-end', choice: 0, stop, extra: { [NAME]: { promptFeedback: feedback } } }
}

function pushDelta(index: number, delta: PartDelta, { choice, out }: Target): void {
  out.push({ type: 'part-delta', choice, index, delta })
}

function pushEnd(index: number, { choice, out }: Target): void {
  out.push({ type: 'part-end', choice, index })
}
