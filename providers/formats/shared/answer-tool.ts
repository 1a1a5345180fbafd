import type { Citation, Part, ResponseFormat, StreamPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Sink } from '../../../core/fold.ts'
import { type NameRule, uniqueName } from './tool-names.ts'

/** A tool whose input is the answer, for models that take no schema for it. */
export interface AnswerTool {
  name: string
  description: string
  schema: JsonObject
}

/** The tool that stands for the form of an answer, under a name that no other tool of the request has. */
export function answerTool(format: Exclude<ResponseFormat, { type: 'text' }>, taken: ReadonlySet<string>, rule: NameRule): AnswerTool {
  const isSchema = format.type === 'json-schema'
  const name = uniqueName(`bf_so_${(isSchema && format.name) || 'json_response'}`, taken, rule)
  const description = (isSchema && format.description) || 'Gives the answer in the form that is asked for.'
  return { name, description, schema: isSchema ? { type: 'object', ...format.schema } : { type: 'object' } }
}

/**
 * The parts of a message in which a tool of this name stood for the answer: its input is the answer, and text around it that
 * nobody could parse is left out. `isAnswer`: it was called, and no other tool of the client's.
 */
export function answerParts(decoded: readonly Part[], name: string | undefined): { parts: Part[]; isAnswer: boolean } {
  if (name === undefined) return { parts: [...decoded], isAnswer: false }
  const parts: Part[] = []
  let held: Part[] = []
  let hasAnswer = false
  let hasCalls = false
  for (const part of decoded) {
    if (part.type === 'tool-call' && part.name === name) {
      if (!hasAnswer) parts.push({ type: 'text', text: part.arguments })
      held = []
      hasAnswer = true
    } else if (part.type === 'text') {
      if (!hasAnswer) held.push(part)
    } else {
      if (isClientsCall(part)) {
        parts.push(...held)
        held = []
        hasCalls = true
      }
      parts.push(part)
    }
  }
  return { parts: [...parts, ...held], isAnswer: hasAnswer && !hasCalls }
}

/** A call that stood for the answer is no call to wait for. */
export function answerStop(stop: Stop, isAnswer: boolean): Stop {
  return isAnswer && stop.reason === 'tool-calls' ? { ...stop, reason: 'stop' } : stop
}

interface Aside {
  part: Extract<Part, { type: 'text' }>
  text: string
  citations: Citation[]
}

/** What a part under way is: `aside` is text that waits until it is known whether the answer comes, `muted` is told to nobody. */
type Open = { kind: 'passed' | 'answer'; index: number } | { kind: 'aside'; aside: Aside } | { kind: 'muted' }

/** Where a stream stands in which a tool may stand for the answer. Plain data. */
export interface AnswerState {
  name: string
  /** Parts under way, by the index that they came with. */
  open: Map<number, Open>
  /** Index of the next part. */
  parts: number
  asides: Aside[]
  hasAnswer: boolean
  hasCalls: boolean
}

/** The state before the first part. */
export function startAnswer(name: string): AnswerState {
  return { name, open: new Map(), parts: 0, asides: [], hasAnswer: false, hasCalls: false }
}

/** The same as `answerParts`, part by part: what is pushed in comes out as the answer it stands for. */
export function answerSink(state: AnswerState, out: Sink<StreamPart>): Sink<StreamPart> {
  return {
    push: (part) => pushPart(state, part, out),
    end: (reason) => out.end(reason),
    refuse: (error) => out.refuse(error),
    wake: (at) => out.wake(at),
  }
}

function pushPart(state: AnswerState, part: StreamPart, out: Sink<StreamPart>): void {
  if (part.type === 'part-start') return startPart(state, part, out)
  if (part.type === 'part-delta') return pushDelta(state.open.get(part.index), part, out)
  if (part.type === 'part-end') return endPart(state, part, out)
  if (part.type !== 'choice-end') return out.push(part)
  tellAsides(state, out)
  out.push({ ...part, stop: answerStop(part.stop, state.hasAnswer && !state.hasCalls) })
}

function startPart(state: AnswerState, start: Extract<StreamPart, { type: 'part-start' }>, out: Sink<StreamPart>): void {
  const { part, index } = start
  if (part.type === 'text') {
    const aside = { part, text: part.text, citations: [...(part.citations ?? [])] }
    state.open.set(index, state.hasAnswer ? { kind: 'muted' } : { kind: 'aside', aside })
    if (!state.hasAnswer) state.asides.push(aside)
    return
  }
  if (part.type === 'tool-call' && part.name === state.name) return beginAnswer(state, start, out)
  if (isClientsCall(part)) {
    tellAsides(state, out)
    state.hasCalls = true
  }
  state.open.set(index, { kind: 'passed', index: state.parts })
  out.push({ ...start, index: state.parts++ })
}

/** Text beside it is given up. A second answer says nothing that could be added to the first. */
function beginAnswer(state: AnswerState, start: Extract<StreamPart, { type: 'part-start' }>, out: Sink<StreamPart>): void {
  state.asides = []
  state.open.set(start.index, state.hasAnswer ? { kind: 'muted' } : { kind: 'answer', index: state.parts })
  if (!state.hasAnswer) out.push({ ...start, index: state.parts++, part: { type: 'text', text: '' } })
  state.hasAnswer = true
}

function pushDelta(open: Open | undefined, part: Extract<StreamPart, { type: 'part-delta' }>, out: Sink<StreamPart>): void {
  const { delta } = part
  if (open?.kind === 'passed') out.push({ ...part, index: open.index })
  else if (open?.kind === 'answer') {
    if (delta.arguments) out.push({ ...part, index: open.index, delta: { text: delta.arguments } })
  } else if (open?.kind === 'aside') {
    if (delta.text !== undefined) open.aside.text += delta.text
    if (delta.citation) open.aside.citations.push(delta.citation)
  }
}

function endPart(state: AnswerState, part: Extract<StreamPart, { type: 'part-end' }>, out: Sink<StreamPart>): void {
  const open = state.open.get(part.index)
  state.open.delete(part.index)
  if (open?.kind === 'passed' || open?.kind === 'answer') out.push({ ...part, index: open.index })
}

/** Text beside an answer that may not come after all: it is told before a call of the client's own tools, and at the end. */
function tellAsides(state: AnswerState, out: Sink<StreamPart>): void {
  const under = new Map([...state.open].flatMap(([at, open]) => (open.kind === 'aside' ? [[open.aside, at] as const] : [])))
  for (const aside of state.asides) {
    const { part, text, citations } = aside
    const index = state.parts++
    const { citations: _, ...rest } = part
    out.push({ type: 'part-start', choice: 0, index, part: { ...rest, text: '' } })
    if (text !== '') out.push({ type: 'part-delta', choice: 0, index, delta: { text } })
    for (const citation of citations) out.push({ type: 'part-delta', choice: 0, index, delta: { citation } })
    const at = under.get(aside)
    if (at === undefined) out.push({ type: 'part-end', choice: 0, index })
    else state.open.set(at, { kind: 'passed', index })
  }
  state.asides = []
}

function isClientsCall(part: Part): boolean {
  return part.type === 'tool-call' && part.kind !== 'server'
}
