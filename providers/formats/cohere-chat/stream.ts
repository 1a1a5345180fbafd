import type { PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame } from '../../../core/format.ts'
import { citationsIn, decodeCitation } from './citations.ts'
import { finishError } from './error.ts'
import { argumentsOf, decodeCall, planPart } from './response.ts'
import { decodeStop, FAILURES } from './stop.ts'
import { text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** A part under way. `held` is the beginning of a call's arguments that may yet turn out to be `null`. */
interface OpenPart {
  part: number
  held?: string | undefined
}

/** Where a stream stands. Plain data. */
export interface DecoderState {
  phase: 'waiting' | 'open' | 'closed'
  /** Index of the next part. */
  parts: number
  plan: OpenPart | undefined
  /** Content and calls that are open, by kind and the provider's index: `content 0`. */
  open: Map<string, OpenPart>
  /** Parts of texts by the provider's content index: citations come after them. */
  texts: Map<number, number>
}

type Out = Sink<StreamPart>
type Step = (state: DecoderState, event: JsonObject, out: Out) => void

/**
 * Events of a streamed chat -> parts: https://docs.cohere.com/reference/chat-stream. `message-end` ends answer and stream, with
 * the usage; a stream without it was cut. Citations come when their text is over.
 */
export const decodeStream: Fold<Frame, StreamPart, DecoderState> = {
  start: () => ({ phase: 'waiting', parts: 0, plan: undefined, open: new Map(), texts: new Map() }),
  step(state, { data }, out) {
    if (state.phase === 'closed' || data === '[DONE]') return
    const event = parseObject(data)
    if (!event) return refuse(state, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an event is not JSON' }), out)
    const step = STEPS.get(event.type)
    if (!step) return isFailure(event) ? refuse(state, finishError('ERROR', event.message), out) : undefined
    if (state.phase === 'waiting') begin(state, event, out)
    step(state, event, out)
  },
  end(state, out, error) {
    if (error || state.phase === 'closed') return
    state.phase = 'closed'
    out.refuse(new GatewayError('GW_UPSTREAM_TRUNCATED'))
  },
}

const STEPS = new Map<unknown, Step>([
  ['message-start', () => {}],
  ['content-start', startContent],
  ['content-delta', addContent],
  ['content-end', (state, event, out) => endPart(state, `content ${indexOf(event)}`, out)],
  ['tool-plan-delta', addPlan],
  ['tool-call-start', startCall],
  ['tool-call-delta', addArguments],
  ['tool-call-end', (state, event, out) => endPart(state, `call ${indexOf(event)}`, out)],
  ['citation-start', addCitations],
  ['citation-end', () => {}],
  ['message-end', finish],
])

/** Errors without a type of their own: proxies write them into streams. */
function isFailure(event: JsonObject): boolean {
  return event.type === undefined && typeof event.message === 'string'
}

/** Also before a stream whose `message-start` was lost: it says nothing but the id. */
function begin(state: DecoderState, event: JsonObject, out: Out): void {
  state.phase = 'open'
  out.push({ type: 'response-start', id: text(event.id) ?? '', model: '' })
}

function startContent(state: DecoderState, event: JsonObject, out: Out): void {
  const content = contentIn(event)
  const index = indexOf(event)
  if (content.type === 'thinking') openContent(state, index, 'reasoning', out)
  else if (content.type === 'text') openContent(state, index, 'text', out)
  addContent(state, event, out)
}

function openContent(state: DecoderState, index: number, type: 'text' | 'reasoning', out: Out): OpenPart {
  endPlan(state, out)
  const opened = { part: state.parts++ }
  state.open.set(`content ${index}`, opened)
  if (type === 'text') state.texts.set(index, opened.part)
  out.push({ type: 'part-start', choice: 0, index: opened.part, part: { type, text: '' } })
  return opened
}

function addContent(state: DecoderState, event: JsonObject, out: Out): void {
  const { text: said, thinking } = contentIn(event)
  const delta = text(said) ?? text(thinking)
  if (delta !== undefined && delta !== '') {
    const index = indexOf(event)
    const known = state.open.get(`content ${index}`) ?? openContent(state, index, said === undefined ? 'reasoning' : 'text', out)
    push(known.part, { text: delta }, out)
  }
  const { logprobs } = event
  if (logprobs !== undefined) out.push({ type: 'logprobs', choice: 0, value: logprobs })
}

function addPlan(state: DecoderState, event: JsonObject, out: Out): void {
  const said = text(messageIn(event).tool_plan)
  if (said === undefined || said === '') return
  if (!state.plan) {
    state.plan = { part: state.parts++ }
    out.push({ type: 'part-start', choice: 0, index: state.plan.part, part: planPart('') })
  }
  push(state.plan.part, { text: said }, out)
}

function endPlan(state: DecoderState, out: Out): void {
  if (!state.plan) return
  out.push({ type: 'part-end', choice: 0, index: state.plan.part })
  state.plan = undefined
}

function startCall(state: DecoderState, event: JsonObject, out: Out): void {
  const call = callIn(event)
  if (!call) return
  endPlan(state, out)
  const opened: OpenPart = { part: state.parts++, held: '' }
  state.open.set(`call ${indexOf(event)}`, opened)
  const part = decodeCall(call)
  out.push({ type: 'part-start', choice: 0, index: opened.part, part: { ...part, arguments: '' } as typeof part })
  addText(opened, isObject(call.function) ? text(call.function.arguments) : undefined, out)
}

function addArguments(state: DecoderState, event: JsonObject, out: Out): void {
  const call = callIn(event)
  const opened = state.open.get(`call ${indexOf(event)}`)
  if (!opened) return refuse(state, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'arguments of a call that did not begin' }), out)
  addText(opened, isObject(call?.function) ? text(call.function.arguments) : undefined, out)
}

/** What may be the beginning of `null` waits for its end. */
function addText(call: OpenPart, written: string | undefined, out: Out): void {
  if (written === undefined || written === '') return
  const all = (call.held ?? '') + written
  const mayBeNull = call.held !== undefined && 'null'.startsWith(all)
  call.held = mayBeNull ? all : undefined
  if (!mayBeNull) push(call.part, { arguments: all }, out)
}

function endPart(state: DecoderState, name: string, out: Out): void {
  const known = state.open.get(name)
  if (!known) return
  state.open.delete(name)
  if (known.held !== undefined) push(known.part, { arguments: argumentsOf(known.held) }, out)
  out.push({ type: 'part-end', choice: 0, index: known.part })
}

function addCitations(state: DecoderState, event: JsonObject, out: Out): void {
  for (const entry of citationsIn(messageIn(event).citations)) {
    const index = typeof entry.content_index === 'number' ? state.texts.get(entry.content_index) : undefined
    const part = index ?? state.texts.values().next().value
    if (part !== undefined) for (const citation of decodeCitation(entry)) push(part, { citation }, out)
  }
}

function finish(state: DecoderState, event: JsonObject, out: Out): void {
  const delta = isObject(event.delta) ? event.delta : {}
  const reason = delta.finish_reason
  if (FAILURES.has(reason)) return refuse(state, finishError(String(reason), delta.error), out)
  endPlan(state, out)
  for (const name of [...state.open.keys()]) endPart(state, name, out)
  const usage = decodeUsage(delta.usage)
  out.push({ type: 'choice-end', choice: 0, stop: decodeStop(reason) })
  if (usage) out.push({ type: 'usage', usage })
  state.phase = 'closed'
  out.push({ type: 'response-end' })
}

function push(index: number, delta: PartDelta, out: Out): void {
  out.push({ type: 'part-delta', choice: 0, index, delta })
}

function refuse(state: DecoderState, error: GatewayError, out: Out): void {
  state.phase = 'closed'
  out.refuse(error)
}

function indexOf(event: JsonObject): number {
  return typeof event.index === 'number' ? event.index : 0
}

function messageIn({ delta }: JsonObject): JsonObject {
  return isObject(delta) && isObject(delta.message) ? delta.message : {}
}

function contentIn(event: JsonObject): JsonObject {
  const { content } = messageIn(event)
  return isObject(content) ? content : {}
}

/** One call an event, in a list or alone. */
function callIn(event: JsonObject): JsonObject | undefined {
  const calls = messageIn(event).tool_calls
  const [first] = Array.isArray(calls) ? calls : [calls]
  return isObject(first) ? first : undefined
}
