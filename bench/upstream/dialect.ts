import type { Content } from './contents.ts'

/**
 * What an event is for, so that a fault can take out or double one kind in either dialect. `content` is a delta; a
 * `block` opens or closes something around deltas, or is a ping.
 */
export type EventKind = 'start' | 'block' | 'content' | 'finish' | 'usage' | 'terminal' | 'error'

/** One event before it is put into bytes. */
export interface StreamEvent {
  kind: EventKind
  /** The `event:` line, in dialects that have one. */
  name?: string | undefined
  data: string
  /** The event as a binary message, in the dialect whose streams are no text. */
  bytes?: Uint8Array | undefined
}

/** Facts about an answer that are not its content. */
export interface AnswerOptions {
  model: string
  /** OpenAI sends usage in a stream only when asked (`stream_options.include_usage`). */
  includeUsage: boolean
  /** The request's body, parsed: answers of operations without streams depend on it. Undefined for the benchmark models. */
  body?: Readonly<Record<string, unknown>> | undefined
}

/** One provider dialect of the fake provider. */
export interface Dialect {
  name:
    | 'openai-chat'
    | 'openai-responses'
    | 'openai-completions'
    | 'anthropic-messages'
    | 'gemini'
    | 'bedrock-converse'
    | 'bedrock-invoke'
    | 'cohere-chat'
    | `${'openai' | 'cohere' | 'gemini' | 'vertex' | 'bedrock'}-${'embeddings' | 'embed' | 'rerank' | 'rank' | 'count'}`
    | 'anthropic-count'
    | 'rerank'
    | 'features'
  /** The body of a whole answer. */
  whole(content: Content, options: AnswerOptions): string
  /** Header lines of a whole answer. */
  headers?(content: Content): readonly (readonly [string, string])[]
  events(content: Content, options: AnswerOptions): StreamEvent[]
  /** The body of an error answer. */
  error(status: number, message: string): string
  /** The event by which a provider says that it failed mid-stream. */
  errorEvent(message: string): StreamEvent
  /** An event in the midst of whose data the provider stopped. */
  cutEvent(): StreamEvent
  /** An event that says nothing, where a comment cannot be sent. */
  idleEvent?(): StreamEvent
  /** The body of a list of models. */
  models(ids: readonly string[]): string
}

/** How events are put into text; the defaults are what both vendors send. */
export interface EventStyle {
  lineEnd?: string
  /** The JSON is laid out over several `data:` lines. */
  isMultiLine?: boolean
}

/** One event as it goes out: a binary message, or text with its blank line. */
export function eventBytes(event: StreamEvent, style?: EventStyle): string | Uint8Array {
  return event.bytes ?? renderEvent(event, style)
}

/** The text of one event, with its blank line. */
export function renderEvent(event: StreamEvent, style: EventStyle = {}): string {
  const lineEnd = style.lineEnd ?? '\n'
  const lines = event.name === undefined ? [] : [`event: ${event.name}`]
  for (const line of dataLines(event.data, style.isMultiLine ?? false)) lines.push(`data: ${line}`)
  return lines.join(lineEnd) + lineEnd + lineEnd
}

function dataLines(data: string, isMultiLine: boolean): string[] {
  return isMultiLine && data.startsWith('{') ? JSON.stringify(JSON.parse(data), null, 1).split('\n') : [data]
}
