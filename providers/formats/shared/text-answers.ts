import type { ChatResponse, Part, StreamPart, ToolCallPart } from '../../../core/canonical/chat.ts'
import { type Collected, collector } from '../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, Inbound, ReplyOptions } from '../../../core/format.ts'

/** What dialects whose answers are a text can tell of one: of its first choice, for they have no other. */
export interface Answer {
  id: string
  model: string
  text: string
  calls: readonly ToolCallPart[]
  stop: Stop
  usage: Usage | undefined
}

/** How such a dialect writes its answers. */
export interface Writer {
  /** The name of its events; absent: they have none. */
  event?: string
  /** The event that ends a stream which failed; absent: whoever calls has one. */
  failure?(error: GatewayError): Frame
  whole(answer: Answer): JsonObject
  /** The chunk before all others, where there is one. */
  first?(id: string): JsonObject
  piece(text: string, about: Pick<Answer, 'id' | 'model'>): JsonObject
  /** What comes behind all text and before the last chunk. */
  beforeLast?(answer: Answer): readonly JsonObject[]
  last(answer: Answer): JsonObject
}

/** The answers of such a dialect, for clients. Thoughts have no place in them. */
export function answersOf(writer: Writer): Pick<Inbound, 'encodeResponse' | 'encodeStream'> {
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
    model: response.model || options.model,
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
  isDone: boolean
}

function streamOf(writer: Writer): Fold<StreamPart, Frame, State> {
  return {
    start: (options) => ({ options: options as ReplyOptions, collected: collector.start(), isOpen: false, isDone: false }),
    step(state, part, out) {
      if (state.isDone) return
      collector.step(state.collected, part)
      if (part.type === 'part-start') say(state, writer, { choice: part.choice, text: textOf(part.part), out })
      else if (part.type === 'part-delta' && isText(state, part)) say(state, writer, { choice: part.choice, text: part.delta.text, out })
      else if (part.type === 'response-end') finish(state, writer, out)
    },
    end(state, out, error) {
      if (state.isDone) return
      if (!error) return finish(state, writer, out)
      state.isDone = true
      const failure = error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id: state.options.id })
      if (writer.failure) out.push(writer.failure(failure))
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
  const { collected, options } = state
  push(out, writer, writer.piece(text, { id: collected.id || options.id, model: collected.model || options.model }))
}

function open(state: State, writer: Writer, out: Sink<Frame>): void {
  if (!state.isOpen && writer.first) push(out, writer, writer.first(state.collected.id || state.options.id))
  state.isOpen = true
}

function finish(state: State, writer: Writer, out: Sink<Frame>): void {
  state.isDone = true
  const { choices } = state.collected
  // An earlier stage cut it short: then it stops naturally.
  for (const choice of choices) choice.stop ??= { reason: 'stop' }
  const answer = answerOf(collector.result(state.collected), state.options)
  open(state, writer, out)
  for (const chunk of [...(writer.beforeLast?.(answer) ?? []), writer.last(answer)]) push(out, writer, chunk)
}

function push(out: Sink<Frame>, { event }: Writer, chunk: JsonObject): void {
  out.push({ ...(event !== undefined && { event }), data: JSON.stringify(chunk) })
}
