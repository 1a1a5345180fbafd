import type { Citation, Part, PartDelta, StreamPart, TextPart } from '../../../core/canonical/chat.ts'
import { collector } from '../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { inOnePiece } from '../../../core/text.ts'
import { encodeAnnotation, encodeItem, isOwnThought, itemId, messageJson, outputText, outputTextJson } from './encode-items.ts'
import { ending, responseHead, tier } from './encode-response.ts'
import { encodeErrorFrame } from './error.ts'
import { encodeUsage } from './usage.ts'

/** An item under way: the part as far as it is told. */
interface OpenItem {
  part: Part
  id: string
  /** Its place in the output. */
  place: number
  /** What stands before each piece of its text. */
  opening: string
  isEnded: boolean
  /** The finished item as JSON, once it has ended: the last event has all of them. */
  json: string | undefined
}

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  head: JsonObject | undefined
  /** Number of the next event. */
  sequence: number
  isStarted: boolean
  isDone: boolean
  /** By the index of their parts. */
  items: Map<number, OpenItem>
  responseId: string
  /** The text that was told last. */
  speaking: OpenItem | undefined
  stop: Stop | undefined
  usage: Usage | undefined
  serviceTier: string | undefined
}

type Out = Sink<Frame>
type Step<Type extends StreamPart['type']> = (state: EncodeState, part: Extract<StreamPart, { type: Type }>, out: Out) => void

/**
 * Parts -> events of a response: https://platform.openai.com/docs/api-reference/responses-streaming. One item for each part, in their
 * order; each event has its number, each item an id that stays. What the answer is in all comes with the last event.
 */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start(options) {
    const reply = options as ReplyOptions
    return {
      options: reply,
      head: undefined,
      sequence: 0,
      isStarted: false,
      isDone: false,
      items: new Map(),
      responseId: reply.id,
      speaking: undefined,
      stop: undefined,
      usage: undefined,
      serviceTier: undefined,
    }
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

const STEPS: { [Type in StreamPart['type']]: Step<Type> } = {
  'response-start'(state, part, out) {
    state.head = responseHead(part, state.options)
    state.responseId = part.id || state.options.id
    state.serviceTier = part.serviceTier
    open(state, out)
  },
  'part-start'(state, { choice, index, part }, out) {
    if (choice !== 0) return
    open(state, out)
    const place = state.items.size
    const id = itemId(part, state.responseId, place)
    const opening = inOnePiece(`,"item_id":${JSON.stringify(id)},"output_index":${place},"content_index":0,"delta":"`)
    const item: OpenItem = { part: { ...part }, id, place, opening, isEnded: false, json: undefined }
    state.items.set(index, item)
    startItem(state, item, out)
  },
  'part-delta'(state, { choice, index, delta }, out) {
    const item = choice === 0 ? state.items.get(index) : undefined
    if (!item) return
    if (item.part.type === 'text' && delta.text && delta.citation === undefined && !item.isEnded)
      return out.push(sayText(state, item, delta.text))
    grow(item.part, delta)
    // A source that is named when its text is over is in the last event alone.
    if (!item.isEnded) tellDelta(state, item, { delta, out })
  },
  'part-end'(state, { choice, index }, out) {
    const item = choice === 0 ? state.items.get(index) : undefined
    if (item && !item.isEnded) endItem(state, item, out)
  },
  logprobs() {},
  'choice-end'(state, { choice, stop }) {
    if (choice === 0) state.stop = stop
  },
  usage(state, { usage, serviceTier }) {
    state.usage = usage
    state.serviceTier = serviceTier ?? state.serviceTier
  },
  opaque() {},
  'response-end': (state, _part, out) => finish(state, out),
}

function open(state: EncodeState, out: Out): void {
  if (state.isStarted) return
  state.isStarted = true
  state.head ??= responseHead({ id: '', model: '' }, state.options)
  const members = membersOf({ response: state.head })
  tell(state, out, 'response.created', members)
  tell(state, out, 'response.in_progress', members)
}

/** What an item looks like that is not finished. */
const EMPTY: Readonly<Record<string, JsonObject>> = {
  message: { content: [] },
  reasoning: { summary: [] },
  function_call: { arguments: '' },
  custom_tool_call: { input: '' },
}

function startItem(state: EncodeState, item: OpenItem, out: Out): void {
  const { part, id, place } = item
  const whole = encodeItem(part, id)
  if (!whole) return
  const { encrypted_content: _sealed, content: _content, ...rest } = whole
  const begun = { ...rest, ...(whole.status !== undefined && { status: 'in_progress' }), ...EMPTY[whole.type] }
  push(state, out, { type: 'response.output_item.added', output_index: place, item: begun })
  const at = { item_id: id, output_index: place }
  if (part.type === 'text') push(state, out, { type: 'response.content_part.added', ...at, content_index: 0, part: outputText('') })
  if (part.type === 'refusal')
    push(state, out, { type: 'response.content_part.added', ...at, content_index: 0, part: { type: 'refusal', refusal: '' } })
  if (part.type === 'reasoning' && part.redacted === undefined) push(state, out, { ...thoughtEvents(part).added, ...at })
  if (part.type === 'tool-call' && part.kind === 'server' && whole.type === 'web_search_call')
    for (const phase of ['in_progress', 'searching']) push(state, out, { type: `response.web_search_call.${phase}`, ...at })
  const said = saidBy(part)
  if (said) tellDelta(state, item, { delta: said, out })
  if (part.type === 'text') part.citations?.forEach((citation, index) => cite(state, item, { citation, index, out }))
}

/** The events of a thought: of OpenAI's own words, or of a summary, which is how others' thoughts are shown. */
function thoughtEvents(part: Part & { type: 'reasoning' }) {
  const { text } = part
  if (isOwnThought(part)) {
    const place = { content_index: 0 }
    return {
      added: { type: 'response.content_part.added', ...place, part: { type: 'reasoning_text', text: '' } },
      delta: { type: 'response.reasoning_text.delta', ...place },
      done: { type: 'response.reasoning_text.done', ...place, text },
      ended: { type: 'response.content_part.done', ...place, part: { type: 'reasoning_text', text } },
    }
  }
  const place = { summary_index: 0 }
  return {
    added: { type: 'response.reasoning_summary_part.added', ...place, part: { type: 'summary_text', text: '' } },
    delta: { type: 'response.reasoning_summary_text.delta', ...place },
    done: { type: 'response.reasoning_summary_text.done', ...place, text },
    ended: { type: 'response.reasoning_summary_part.done', ...place, part: { type: 'summary_text', text } },
  }
}

/** What a part that begins says already. */
function saidBy(part: Part): PartDelta | undefined {
  if (part.type === 'tool-call') return part.arguments === '' ? undefined : { arguments: part.arguments }
  if (part.type !== 'text' && part.type !== 'refusal' && part.type !== 'reasoning') return undefined
  return part.text === '' ? undefined : { text: part.text }
}

/** A piece of text and nothing else: nine of ten deltas, written by hand at a third of what an object costs. */
function sayText(state: EncodeState, item: OpenItem, text: string): Frame {
  if (item.part.type === 'text') item.part.text += text
  state.speaking = item
  const { event, data } = textFrame(state, item, JSON.stringify(text).slice(1, -1))
  return { event, data: `${data}}` }
}

/** Its data lacks the closing brace. */
function textFrame(state: EncodeState, { opening }: OpenItem, json: string): Frame {
  return { event: 'response.output_text.delta', data: `${TEXT_DELTA}${state.sequence++}${opening}${json}","logprobs":[]` }
}

const TEXT_DELTA = '{"type":"response.output_text.delta","sequence_number":'

/** More of the text that was told last, without the closing brace. */
export function encodeText(state: unknown, json: string): Frame {
  const { speaking } = state as EncodeState
  if (!speaking) throw new GatewayError('GW_INTERNAL', { reason: 'no text was told' })
  if (speaking.part.type === 'text') speaking.part.text += json.includes('\\') ? (JSON.parse(`"${json}"`) as string) : json
  return textFrame(state as EncodeState, speaking, json)
}

/** What a part is made of, by the one rule of collecting. */
function grow(part: Part, delta: PartDelta): void {
  const collected = { choices: [{ index: 0, parts: [part] }] }
  collector.step(collected as never, { type: 'part-delta', choice: 0, index: 0, delta })
}

interface Telling {
  delta: PartDelta
  out: Out
}

function cite(
  state: EncodeState,
  { id, place }: OpenItem,
  { citation, index, out }: { citation: Citation; index: number; out: Out },
): void {
  const annotation = encodeAnnotation(citation)
  const at = { item_id: id, output_index: place, content_index: 0, annotation_index: index }
  push(state, out, { type: 'response.output_text.annotation.added', ...at, annotation })
}

function tellDelta(state: EncodeState, item: OpenItem, { delta, out }: Telling): void {
  const { part, id, place } = item
  const at = { item_id: id, output_index: place }
  if (delta.text) {
    if (part.type === 'text')
      push(state, out, { type: 'response.output_text.delta', ...at, content_index: 0, delta: delta.text, logprobs: [] })
    else if (part.type === 'refusal') push(state, out, { type: 'response.refusal.delta', ...at, content_index: 0, delta: delta.text })
    else if (part.type === 'reasoning') push(state, out, { ...thoughtEvents(part).delta, ...at, delta: delta.text })
  }
  if (delta.arguments && part.type === 'tool-call' && part.kind !== 'server') {
    const type = part.kind === 'custom' ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta'
    push(state, out, { type, ...at, delta: delta.arguments })
  }
  if (delta.citation && part.type === 'text') cite(state, item, { citation: delta.citation, index: (part.citations?.length ?? 1) - 1, out })
}

function endItem(state: EncodeState, item: OpenItem, out: Out): void {
  item.isEnded = true
  const { part, id, place } = item
  if (part.type === 'text') return endText(state, { part, item, out })
  const whole = encodeItem(part, id)
  if (!whole) return
  const at = { item_id: id, output_index: place }
  if (part.type === 'refusal') endRefusal(state, { refusal: part.text, at, out })
  if (part.type === 'reasoning' && part.redacted === undefined) {
    const { done, ended } = thoughtEvents(part)
    push(state, out, { ...done, ...at })
    push(state, out, { ...ended, ...at })
  }
  if (whole.type === 'function_call') {
    // Clients that read the events alone wait for something to parse.
    if (part.type === 'tool-call' && part.arguments === '')
      push(state, out, { type: 'response.function_call_arguments.delta', ...at, delta: '{}' })
    push(state, out, { type: 'response.function_call_arguments.done', ...at, name: whole.name, arguments: whole.arguments })
  }
  if (whole.type === 'custom_tool_call') push(state, out, { type: 'response.custom_tool_call_input.done', ...at, input: whole.input })
  if (whole.type === 'web_search_call') push(state, out, { type: 'response.web_search_call.completed', ...at })
  item.json = JSON.stringify(whole)
  tell(state, out, 'response.output_item.done', `"output_index":${place},"item":${item.json}`)
}

/** A text is told four times when it is over, and made JSON once. */
function endText(state: EncodeState, { part, item, out }: { part: TextPart; item: OpenItem; out: Out }): void {
  const at = `"item_id":${JSON.stringify(item.id)},"output_index":${item.place},"content_index":0`
  const text = JSON.stringify(part.text)
  const content = outputTextJson(part, text)
  item.json = messageJson(item.id, content)
  tell(state, out, 'response.output_text.done', `${at},"text":${text},"logprobs":[]`)
  tell(state, out, 'response.content_part.done', `${at},"part":${content}`)
  tell(state, out, 'response.output_item.done', `"output_index":${item.place},"item":${item.json}`)
}

function endRefusal(state: EncodeState, { refusal, at, out }: { refusal: string; at: JsonObject; out: Out }): void {
  push(state, out, { type: 'response.refusal.done', ...at, content_index: 0, refusal })
  push(state, out, { type: 'response.content_part.done', ...at, content_index: 0, part: { type: 'refusal', refusal } })
}

function finish(state: EncodeState, out: Out): void {
  state.isDone = true
  open(state, out)
  for (const item of state.items.values()) if (!item.isEnded) endItem(state, item, out)
  const { output: _, ...end } = ending(state.stop, [])
  const response: JsonObject = { ...state.head, ...end, usage: encodeUsage(state.usage), ...tier(state.serviceTier), output: undefined }
  const output = [...state.items.values()].flatMap(({ json }) => json ?? [])
  const members = `"response":{${membersOf(response)},"output":[${output.join(',')}]}`
  tell(state, out, `response.${String(response.status)}`, members)
}

function push(state: EncodeState, out: Out, { type, ...rest }: JsonObject & { type: string }): void {
  tell(state, out, type, membersOf(rest))
}

function membersOf(object: JsonObject): string {
  return JSON.stringify(object).slice(1, -1)
}

function tell(state: EncodeState, out: Out, type: string, members: string): void {
  out.push({ event: type, data: `{"type":"${type}","sequence_number":${state.sequence++},${members}}` })
}
