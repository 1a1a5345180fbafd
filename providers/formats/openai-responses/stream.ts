import type { Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame } from '../../../core/format.ts'
import { decodeAnnotation } from './decode-content.ts'
import { responseFailure } from './error.ts'
import { decodeCall, decodeOutputItem, decodeStop, isClientCall } from './response.ts'
import { text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** A part under way. `said` counts what was told of it, so that a `done` event adds only what no delta did. */
interface OpenPart {
  index: number
  part: Part
  hasSaid: boolean
}

/** Where a stream stands. Plain data. */
export interface DecoderState {
  phase: 'waiting' | 'open' | 'closed'
  /** Index of the next part. */
  parts: number
  /** Open parts by the place of their item and their place in it: `1/0`, `1/s0` of summaries. Items' ids may change, their places do not. */
  open: Map<string, OpenPart>
  /** Kinds of all parts, for the reason to stop. */
  kinds: Part[]
  /** Items whose parts were told. */
  told: Set<number>
}

type Out = Sink<StreamPart>
type Step = (state: DecoderState, event: JsonObject, out: Out) => void

/**
 * Events of a response -> parts: https://platform.openai.com/docs/api-reference/responses-streaming. `response.completed` or
 * `response.incomplete` ends answer and stream; a stream without was cut. Events that are not known are passed over.
 */
export const decodeStream: Fold<Frame, StreamPart, DecoderState> = {
  start: () => ({ phase: 'waiting', parts: 0, open: new Map(), kinds: [], told: new Set() }),
  step(state, { data }, out) {
    if (state.phase === 'closed' || data === '[DONE]') return
    const event = parseObject(data)
    if (!event) return refuse(state, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an event is not JSON' }), out)
    const type = text(event.type) ?? ''
    if (type === 'error' || type === 'response.failed' || (type === '' && event.error !== undefined)) return fail(state, event, out)
    const step = STEPS.get(type)
    if (!step) return
    if (state.phase === 'waiting') open(state, event, out)
    step(state, event, out)
  },
  end(state, out, error) {
    if (!error && state.phase !== 'closed') refuse(state, new GatewayError('GW_UPSTREAM_TRUNCATED'), out)
  },
}

const STEPS = new Map<string, Step>([
  ['response.created', () => {}],
  ['response.in_progress', () => {}],
  ['response.output_item.added', addItem],
  ['response.output_item.done', endItem],
  ['response.content_part.added', addContent],
  ['response.content_part.done', (state, event, out) => endPart(state, contentKey(event), out)],
  ['response.output_text.delta', (state, event, out) => say(state, contentKey(event), { delta: { text: text(event.delta) }, out, event })],
  ['response.refusal.delta', (state, event, out) => say(state, contentKey(event), { delta: { text: text(event.delta) }, out, event })],
  ['response.output_text.annotation.added', cite],
  [
    'response.reasoning_summary_text.delta',
    (state, event, out) => think(state, `${place(event)}/s${number(event.summary_index)}`, { event, summary: true, out }),
  ],
  [
    'response.reasoning_text.delta',
    (state, event, out) => think(state, `${place(event)}/t${number(event.content_index)}`, { event, summary: false, out }),
  ],
  ['response.function_call_arguments.delta', addArguments],
  ['response.custom_tool_call_input.delta', addArguments],
  ['response.completed', finish],
  ['response.incomplete', finish],
])

function open(state: DecoderState, event: JsonObject, out: Out): void {
  state.phase = 'open'
  const response = isObject(event.response) ? event.response : {}
  const serviceTier = text(response.service_tier)
  out.push({
    type: 'response-start',
    id: text(response.id) ?? '',
    model: text(response.model) ?? '',
    ...(typeof response.created_at === 'number' && { created: response.created_at }),
    ...(serviceTier !== undefined && { serviceTier }),
  })
}

function place(event: JsonObject): number {
  return number(event.output_index)
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function contentKey(event: JsonObject): string {
  return `${place(event)}/${number(event.content_index)}`
}

function startPart(state: DecoderState, key: string, { part, out }: { part: Part; out: Out }): OpenPart {
  const opened: OpenPart = { index: state.parts++, part, hasSaid: false }
  state.open.set(key, opened)
  state.kinds.push(part)
  out.push({ type: 'part-start', choice: 0, index: opened.index, part })
  return opened
}

function endPart(state: DecoderState, key: string, out: Out): void {
  const opened = state.open.get(key)
  if (!opened) return
  state.open.delete(key)
  out.push({ type: 'part-end', choice: 0, index: opened.index })
}

/** Calls begin with their item; texts and thoughts with their own events. */
function addItem(state: DecoderState, event: JsonObject, out: Out): void {
  const item = isObject(event.item) ? event.item : {}
  if (!isClientCall(item)) return
  state.told.add(place(event))
  const call = decodeCall(item)
  const opened = startPart(state, `${place(event)}/call`, { part: { ...call, arguments: '' }, out })
  if (call.arguments !== '') {
    opened.hasSaid = true
    pushDelta(opened.index, { arguments: call.arguments }, out)
  }
}

function addContent(state: DecoderState, event: JsonObject, out: Out): void {
  const part = isObject(event.part) ? event.part : {}
  state.told.add(place(event))
  const key = contentKey(event)
  if (part.type === 'refusal') startPart(state, key, { part: { type: 'refusal', text: '' }, out })
  else if (part.type === 'output_text') startPart(state, key, { part: { type: 'text', text: '' }, out })
}

function say(state: DecoderState, key: string, { delta, out, event }: { delta: PartDelta; out: Out; event: JsonObject }): void {
  if (!delta.text) return
  const kind = event.type === 'response.refusal.delta' ? 'refusal' : 'text'
  state.told.add(place(event))
  const opened = state.open.get(key) ?? startPart(state, key, { part: { type: kind, text: '' }, out })
  pushDelta(opened.index, delta, out)
}

function cite(state: DecoderState, event: JsonObject, out: Out): void {
  const opened = state.open.get(contentKey(event))
  if (opened && isObject(event.annotation)) pushDelta(opened.index, { citation: decodeAnnotation(event.annotation) }, out)
}

function think(state: DecoderState, key: string, { event, summary, out }: { event: JsonObject; summary: boolean; out: Out }): void {
  const delta = text(event.delta)
  if (!delta) return
  state.told.add(place(event))
  const id = text(event.item_id)
  const part: Part = { type: 'reasoning', text: '', signedBy: 'openai', ...(id !== undefined && { id }), ...(summary && { summary }) }
  const opened = state.open.get(key) ?? startPart(state, key, { part, out })
  pushDelta(opened.index, { text: delta }, out)
}

function addArguments(state: DecoderState, event: JsonObject, out: Out): void {
  const opened = state.open.get(`${place(event)}/call`)
  const delta = text(event.delta)
  if (!opened || !delta) return
  opened.hasSaid = true
  pushDelta(opened.index, { arguments: delta }, out)
}

/** Everything of an item that no event told comes with its end: sealed thoughts, and what the provider ran. */
function endItem(state: DecoderState, event: JsonObject, out: Out): void {
  const item = isObject(event.item) ? event.item : {}
  const at = place(event)
  const call = state.open.get(`${at}/call`)
  if (call && !call.hasSaid) pushDelta(call.index, { arguments: decodeCall(item).arguments || '{}' }, out)
  for (const key of [...state.open.keys()]) if (key.startsWith(`${at}/`)) endPart(state, key, out)
  const parts = decodeOutputItem(item)
  const untold = state.told.has(at) ? parts.filter((part) => part.type === 'reasoning' && part.redacted !== undefined) : parts
  for (const part of untold) {
    const { index } = startPart(state, `${at}/rest`, { part, out })
    state.open.delete(`${at}/rest`)
    out.push({ type: 'part-end', choice: 0, index })
  }
}

function finish(state: DecoderState, event: JsonObject, out: Out): void {
  for (const key of [...state.open.keys()]) endPart(state, key, out)
  const response = isObject(event.response) ? event.response : {}
  out.push({ type: 'choice-end', choice: 0, stop: decodeStop(response, state.kinds) })
  const usage = decodeUsage(response.usage)
  const serviceTier = text(response.service_tier)
  if (usage) out.push({ type: 'usage', usage, ...(serviceTier !== undefined && { serviceTier }) })
  state.phase = 'closed'
  out.push({ type: 'response-end' })
}

function fail(state: DecoderState, event: JsonObject, out: Out): void {
  const failed = isObject(event.response) ? event.response : event
  refuse(state, responseFailure(failed), out)
}

function pushDelta(index: number, delta: PartDelta, out: Out): void {
  out.push({ type: 'part-delta', choice: 0, index, delta })
}

function refuse(state: DecoderState, error: GatewayError, out: Out): void {
  state.phase = 'closed'
  out.refuse(error)
}
