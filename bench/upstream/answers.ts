import { type Content, PLAIN_TEXT, textContent } from './contents.ts'
import { type Dialect, type EventStyle, eventBytes, type StreamEvent } from './dialect.ts'
import type { Gates, Step } from './script.ts'
import { AWS_EVENT_STREAM, chunk, EVENT_STREAM, type HeaderLines, head, JSON_TYPE, LAST_CHUNK, whole } from './wire.ts'

/** What one request asks for, as far as an answer depends on it. */
export interface Ask {
  dialect: Dialect
  model: string
  isStream: boolean
  includeUsage: boolean
  /** The credential the request came with; empty without one. */
  key: string
  /** The request's head in latin1. */
  headText: string
  /** The request's body, parsed; undefined on the fast path of the benchmark models, which never look at it. */
  body: Readonly<Record<string, unknown>> | undefined
  /** Requests that this connection has answered before. */
  served: number
  state: UpstreamState
}

/** What outlives a request. */
export interface UpstreamState {
  port: number
  gates: Gates
  /** Requests so far, per model and key, for faults that go away. */
  counts: Map<string, number>
}

/** What a named model does. */
export type Answer = (ask: Ask) => readonly Step[]

/** What a request is answered when nothing is wrong and its model names no other content. */
export const PLAIN: Content = textContent(PLAIN_TEXT)

/** Answers a content in the way the request asks for. */
export function answer(ask: Ask, content: Content): Step[] {
  return ask.isStream ? streamed(eventsOf(ask, content)) : [{ write: wholeAnswer(ask, content) }]
}

/** The bytes of a whole answer, head included. */
export function wholeAnswer(ask: Ask, content: Content): Buffer {
  const own = ask.dialect.headers?.(content) ?? []
  return whole(200, [JSON_TYPE, ['x-request-id', 'req_fake_1'], ...own], ask.dialect.whole(content, ask))
}

/** The events of a content in the dialect of the request. */
export function eventsOf(ask: Ask, content: Content = PLAIN): StreamEvent[] {
  return ask.dialect.events(content, ask)
}

/** A healthy stream, every event a chunk of its own, all in one write. */
export function streamed(events: readonly StreamEvent[], style?: EventStyle): Step[] {
  return [{ write: Buffer.concat([streamHead(events), ...events.map((event) => chunk(eventBytes(event, style))), LAST_CHUNK]) }]
}

/** A stream's head and events without an end: what follows decides how it breaks. */
export function begun(events: readonly StreamEvent[], extra: HeaderLines = []): Buffer {
  return Buffer.concat([streamHead(events, extra), ...events.map((event) => chunk(eventBytes(event)))])
}

/** The head of a stream, by what its events are: binary messages, or text. */
export function streamHead(events: readonly StreamEvent[], extra: HeaderLines = []): Buffer {
  return head(200, [...(events[0]?.bytes ? AWS_EVENT_STREAM : EVENT_STREAM), ...extra])
}

/** An error answer in the dialect's shape. */
export function refused(ask: Ask, status: number, message: string, headers: HeaderLines = []): Step[] {
  return [{ write: whole(status, [JSON_TYPE, ...headers], ask.dialect.error(status, message)) }]
}

/** The first events up to and with the n-th that carries content. */
export function upToContent(events: readonly StreamEvent[], count: number): StreamEvent[] {
  let seen = 0
  const end = events.findIndex((event) => event.kind === 'content' && ++seen > count)
  return events.slice(0, end < 0 ? undefined : end)
}
