import type { ChatResponse, Part, StreamPart, ToolCallPart } from '../../../core/canonical/chat.ts'
import { type Collected, collector } from '../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import type { Family } from './family.ts'

/** What families whose answers are a text can tell of one: of its first choice, for they have no other. */
export interface Answer {
  id: string
  text: string
  calls: readonly ToolCallPart[]
  stop: Stop
  usage: Usage | undefined
}

/** How such a family writes its answers. */
export interface Writer {
  whole(answer: Answer): JsonObject
  /** The chunk before all others, where there is one. */
  first?(id: string): JsonObject
  piece(text: string): JsonObject
  /** What comes behind all text and before the last chunk. */
  beforeLast?(answer: Answer): readonly JsonObject[]
  last(answer: Answer): JsonObject
}

/** The answers of such a family. Thoughts have no place in them. */
export function answersOf(writer: Writer): Pick<Family, 'encodeResponse' | 'encodeStream'> {
  return {
    encodeResponse: (response, options) => writer.whole(answerOf(response, options)),
    encodeStream: streamOf(writer),
  }
}

/** What an answer says, as far as a text can tell it. */
function answerOf(response: ChatResponse, options: ReplyOptions): Answer {
  const choice = response.choices.find(({ index }) => index === 0) ?? response.choices[0]
  const parts = choice?.parts ?? []
  return {
    id: response.id || options.id,
    text: parts.map(textOf).join(''),
    calls: parts.filter((part) => part.type === 'tool-call').filter(({ kind }) => kind !== 'server'),
    stop: choice?.stop ?? { reason: 'stop' },
    usage: response.usage,
  }
}

function textOf(part: Part): string {
  return part.type === 'text' || part.type === 'refusal' ? part.text : ''
}

/** Where a stream stands. Plain data. */
interface State {
  options: ReplyOptions
  collected: Collected
  isOpen: boolean
}

function streamOf(writer: Writer): Fold<StreamPart, Frame, State> {
  return {
    start: (options) => ({ options: options as ReplyOptions, collected: collector.start(), isOpen: false }),
    step(state, part, out) {
      collector.step(state.collected, part)
      if (part.type === 'part-start') say(state, writer, { choice: part.choice, text: textOf(part.part), out })
      else if (part.type === 'part-delta' && isText(state, part)) say(state, writer, { choice: part.choice, text: part.delta.text, out })
      else if (part.type === 'response-end') finish(state, writer, out)
    },
    end(state, out, error) {
      if (!error) finish(state, writer, out)
    },
  }
}

function isText({ collected }: State, { choice, index }: { choice: number; index: number }): boolean {
  const part = collected.choices.find((each) => each.index === choice)?.parts[index]
  return part?.type === 'text' || part?.type === 'refusal'
}

function say(state: State, writer: Writer, { choice, text, out }: { choice: number; text: string | undefined; out: Sink<Frame> }): void {
  if (choice !== 0 || !text) return
  open(state, writer, out)
  push(out, writer.piece(text))
}

function open(state: State, writer: Writer, out: Sink<Frame>): void {
  if (!state.isOpen && writer.first) push(out, writer.first(state.collected.id || state.options.id))
  state.isOpen = true
}

function finish(state: State, writer: Writer, out: Sink<Frame>): void {
  const { choices } = state.collected
  // An earlier stage cut it short: then it stops naturally.
  for (const choice of choices) choice.stop ??= { reason: 'stop' }
  const answer = answerOf(collector.result(state.collected), state.options)
  open(state, writer, out)
  for (const chunk of [...(writer.beforeLast?.(answer) ?? []), writer.last(answer)]) push(out, chunk)
}

function push(out: Sink<Frame>, chunk: JsonObject): void {
  out.push({ data: JSON.stringify(chunk) })
}
