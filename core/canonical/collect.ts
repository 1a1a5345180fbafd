import type { ChatResponse, Choice, Extra, Part, PartDelta, StreamPart } from './chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from './json.ts'
import type { Stop } from './stop.ts'
import type { Usage } from './usage.ts'

/** A choice under construction. `parts` is sparse until all parts have started. */
interface OpenChoice {
  index: number
  parts: (Part | undefined)[]
  stop?: Stop | undefined
  logprobs?: Json | undefined
  extra?: Extra | undefined
}

/** What was heard of a streamed answer so far: plain data, so that it may be cloned or sent to another thread. */
export interface Collected {
  id: string
  model: string
  created?: number | undefined
  serviceTier?: string | undefined
  usage?: Usage | undefined
  extra?: Extra | undefined
  choices: OpenChoice[]
  /** `response-end` was heard: the answer is whole. */
  isComplete: boolean
}

/** Collects a stream's parts into the whole answer, one at a time. */
export const collector = {
  start: (): Collected => ({ id: '', model: '', choices: [], isComplete: false }),
  step(state: Collected, part: StreamPart): void {
    ;(STEPS[part.type] as (state: Collected, part: StreamPart) => void)(state, part)
  },
  /** The answer so far; of a cut stream, what there is of it, choices that did not end with `{reason: 'other'}`. */
  result(state: Collected): ChatResponse {
    const { id, model, created, serviceTier, usage, extra } = state
    const choices = [...state.choices].sort((left, right) => left.index - right.index).map(finished)
    return withoutUndefined({ id, model, created, choices, usage, serviceTier, extra })
  },
}

/** The whole answer that a stream's parts make. */
export function foldParts(parts: Iterable<StreamPart>): ChatResponse {
  const state = collector.start()
  for (const part of parts) collector.step(state, part)
  return collector.result(state)
}

const STEPS: { [Type in StreamPart['type']]: (state: Collected, part: Extract<StreamPart, { type: Type }>) => void } = {
  'response-start'(state, { id, model, created, serviceTier, extra }) {
    state.id = id
    state.model = model
    state.created = created
    state.serviceTier = serviceTier ?? state.serviceTier
    state.extra = mergeExtra(state.extra, extra)
  },
  'part-start'(state, { choice, index, part }) {
    choiceOf(state, choice).parts[index] = { ...part }
  },
  'part-delta'(state, { choice, index, delta }) {
    const part = choiceOf(state, choice).parts[index]
    if (part) addDelta(part, delta)
  },
  'part-end'() {},
  logprobs(state, { choice, value }) {
    const open = choiceOf(state, choice)
    open.logprobs = mergeLogprobs(open.logprobs, value)
  },
  'choice-end'(state, { choice, stop, extra }) {
    const open = choiceOf(state, choice)
    open.stop = stop
    open.extra = mergeExtra(open.extra, extra)
  },
  usage(state, { usage, serviceTier }) {
    state.usage = usage
    state.serviceTier = serviceTier ?? state.serviceTier
  },
  opaque(state, { format, value }) {
    state.extra = mergeExtra(state.extra, { [format]: value })
  },
  'response-end'(state) {
    state.isComplete = true
  },
}

function choiceOf(state: Collected, index: number): OpenChoice {
  const last = state.choices.at(-1)
  if (last?.index === index) return last
  const known = state.choices.find((choice) => choice.index === index)
  if (known) return known
  const created: OpenChoice = { index, parts: [] }
  state.choices.push(created)
  return created
}

function addDelta(part: Part, delta: PartDelta): void {
  if (delta.text !== undefined && 'text' in part) part.text += delta.text
  if (delta.arguments !== undefined && part.type === 'tool-call') part.arguments += delta.arguments
  if (delta.signature !== undefined && (part.type === 'reasoning' || part.type === 'tool-call')) part.signature = delta.signature
  if (delta.redacted !== undefined && part.type === 'reasoning') part.redacted = delta.redacted
  if (delta.citation && part.type === 'text') part.citations = [...(part.citations ?? []), delta.citation]
  if (delta.data !== undefined && 'source' in part && part.source.kind === 'data') {
    part.source = { ...part.source, data: part.source.data + delta.data }
  }
  if (delta.extra) part.extra = mergeExtra(part.extra, delta.extra)
}

function finished({ index, parts, stop, logprobs, extra }: OpenChoice): Choice {
  return withoutUndefined({ index, parts: parts.filter((part) => part !== undefined), stop: stop ?? { reason: 'other' }, logprobs, extra })
}

/** Later values win, per format and field. */
function mergeExtra(before: Extra | undefined, after: Extra | undefined): Extra | undefined {
  if (!before || !after) return after ?? before
  const merged: Extra = { ...before }
  for (const [format, value] of Object.entries(after)) merged[format] = { ...merged[format], ...value }
  return merged
}

/** Lists inside log-probability objects grow (`content`, `refusal`); everything else is replaced. */
function mergeLogprobs(before: Json | undefined, after: Json): Json {
  if (!isObject(before) || !isObject(after)) return after
  const merged: JsonObject = { ...before }
  for (const [name, value] of Object.entries(after)) {
    const known = merged[name]
    merged[name] = Array.isArray(known) && Array.isArray(value) ? [...known, ...value] : (value ?? known)
  }
  return merged
}
