import { type Answer, type Ask, begun, eventsOf, PLAIN, streamed, streamHead, upToContent } from './answers.ts'
import { CONTENTS, type Content } from './contents.ts'
import { type EventKind, eventBytes, renderEvent, type StreamEvent } from './dialect.ts'
import type { Step } from './script.ts'
import { chunk, EVENT_STREAM, head, LAST_CHUNK, toBuffer } from './wire.ts'

const FAILURE = 'The fake provider is overloaded.'
/** Content events that go out before a stream breaks. */
const BEFORE = 3

const without = (ask: Ask, kind: EventKind): StreamEvent[] => eventsOf(ask).filter((event) => event.kind !== kind)
const start = (ask: Ask): StreamEvent[] => eventsOf(ask).slice(0, 1)
const partly = (ask: Ask): StreamEvent[] => upToContent(eventsOf(ask), BEFORE)
const failure = (ask: Ask): StreamEvent => ask.dialect.errorEvent(FAILURE)
const twice = (ask: Ask, kind: EventKind): StreamEvent[] =>
  eventsOf(ask).flatMap((event) => (event.kind === kind ? [event, event] : [event]))

/** Writes text in place of events, in one chunk, with a good head and a good end. */
function raw(...texts: string[]): Step[] {
  return [{ write: Buffer.concat([head(200, EVENT_STREAM), ...texts.map((text) => chunk(text)), LAST_CHUNK]) }]
}

/** The text of a good stream, put together by `join` from the events' texts. */
function text(ask: Ask, each: (rendered: string, index: number) => string = (rendered) => rendered): string {
  return eventsOf(ask)
    .map((event, index) => each(renderEvent(event), index))
    .join('')
}

/** Faults of a stream's events: rows 6 and 17 to 26 of faults.md. They answer in events also where none were asked for. */
export const STREAM_FAULTS: Readonly<Record<string, Answer>> = {
  'fin-mid-stream': (ask) => [{ write: begun(partly(ask)) }, { wait: 5 }, { fin: true }],
  'rst-mid-stream': (ask) => [{ write: begun(partly(ask)) }, { wait: 5 }, { rst: true }],
  'fin-mid-event': (ask) => [{ write: begun(partly(ask)) }, { write: chunk(half(ask.dialect.cutEvent())) }, { wait: 5 }, { fin: true }],
  'fin-after-start': (ask) => [{ write: begun(start(ask)) }, { wait: 5 }, { fin: true }],
  'end-mid-stream': (ask) => streamed(partly(ask)),
  'end-after-start': (ask) => streamed(start(ask)),
  'no-terminator': (ask) => streamed(without(ask, 'terminal')),
  'no-finish': (ask) => streamed(eventsOf(ask).filter(({ kind }) => kind !== 'terminal' && kind !== 'finish')),
  'no-usage': (ask) => streamed(eventsOf({ ...ask, includeUsage: false }, withoutUsage(PLAIN))),
  'no-start': (ask) => streamed(without(ask, 'start')),
  'error-event-first': (ask) => streamed([failure(ask)]),
  'error-after-start': (ask) => streamed([...start(ask), failure(ask)]),
  'error-mid': (ask) => streamed([...partly(ask), failure(ask)]),
  'echo-mid': (ask) => streamed([...partly(ask), ask.dialect.errorEvent(ask.headText)]),
  'echo-first': (ask) => streamed([ask.dialect.errorEvent(ask.headText)]),
  'error-then-silent': (ask) => [{ write: begun([...partly(ask), failure(ask)]) }, { hang: true }],
  'bad-json': (ask) => streamed([...partly(ask), ask.dialect.cutEvent()]),
  'unknown-event': (ask) =>
    raw(text(ask, (it, at) => (at === 1 ? `event: novelty\ndata: {"type":"novelty","object":"novelty"}\n\n${it}` : it))),
  crlf: (ask) => streamed(eventsOf(ask), { lineEnd: '\r\n' }),
  cr: (ask) => streamed(eventsOf(ask), { lineEnd: '\r' }),
  'mixed-line-ends': (ask) =>
    raw(
      eventsOf(ask)
        .map((event, at) => renderEvent(event, { lineEnd: ['\n', '\r\n', '\r'][at % 3] ?? '\n' }))
        .join(''),
    ),
  bom: (ask) => raw(`\uFEFF${text(ask)}`),
  nul: (ask) => raw(text(ask, (it) => `: a \0 in a comment\n\n${it}`)),
  comments: (ask) => raw(text(ask, (it) => `: keep-alive\n\n:\n${it}`)),
  'id-retry': (ask) => raw(text(ask, (it, at) => `id: ${at}\nretry: 3000\nunknown: field\n${it}`)),
  'no-space': (ask) => raw(text(ask, (it) => it.replaceAll('data: ', 'data:').replaceAll('event: ', 'event:'))),
  'multi-line-data': (ask) => streamed(eventsOf(ask), { isMultiLine: true }),
  'no-final-blank': (ask) => raw(text(ask).replace(/\n+$/, '')),
  'double-start': (ask) => streamed(twice(ask, 'start')),
  'double-finish': (ask) => streamed(twice(ask, 'finish')),
  'double-terminal': (ask) => streamed(twice(ask, 'terminal')),
  'after-done': (ask) => streamed([...eventsOf(ask), ...eventsOf(ask).filter(({ kind }) => kind === 'content')]),
  'out-of-order': (ask) =>
    streamed([
      ...without(ask, 'content').slice(0, -1),
      ...eventsOf(ask).filter(({ kind }) => kind === 'content'),
      ...eventsOf(ask).slice(-1),
    ]),
  'done-then-open': (ask) => [{ write: begun(eventsOf(ask)) }, { hang: true }],
  infinite: (ask) => [{ write: begun(upToContent(eventsOf(ask), 0)) }, ...endless(ask, 1)],
  'utf8-split': (ask) => utf8Split(ask),
  'no-role': (ask) => streamed(edited(ask, PLAIN, (data) => data.replace('"role":"assistant",', ''))),
  'tool-no-type': (ask) => streamed(edited(ask, CONTENTS['parallel-tools'] ?? PLAIN, (data) => data.replace('"type":"function",', ''))),
  'tool-no-index': (ask) => streamed(edited(ask, CONTENTS.tools ?? PLAIN, (data) => data.replace('[{"index":0,"id"', '[{"id"'))),
  'tool-repeats-id': (ask) =>
    streamed(
      edited(ask, CONTENTS.tools ?? PLAIN, (data) =>
        data.replace('[{"index":0,"function"', '[{"index":0,"id":"call_1","type":"function","function"'),
      ),
    ),
}

/** The content of a plain answer over and over, `everyMs` apart. */
function endless(ask: Ask, everyMs: number): Step[] {
  const events = eventsOf(ask).filter(({ kind }) => kind === 'content')
  return [{ pace: events.map((event) => chunk(eventBytes(event))), everyMs, isEndless: true }]
}

/** The first half of an event's bytes. */
function half(event: StreamEvent): Uint8Array {
  const bytes = toBuffer(eventBytes(event))
  return bytes.subarray(0, bytes.length >> 1)
}

function edited(ask: Ask, content: Content, edit: (data: string) => string): StreamEvent[] {
  return eventsOf(ask, content).map((event) => ({ ...event, data: edit(event.data) }))
}

function withoutUsage({ usage: _, ...rest }: Content): Content {
  return rest
}

/** Cuts within code points: every write ends behind the first byte of one, where there is one. */
function utf8Split(ask: Ask): Step[] {
  const events = eventsOf(ask, CONTENTS.unicode ?? PLAIN)
  const bytes = Buffer.concat(events.map((event) => toBuffer(eventBytes(event))))
  const cuts = [0, ...Array.from(bytes.entries()).flatMap(([at, byte]) => (byte >= 0xc0 ? [at + 1] : [])), bytes.length]
  const parts = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end))
  const writes = parts.flatMap((part): Step[] => [{ write: chunk(part) }, { wait: 0 }])
  return [{ write: streamHead(events) }, ...writes, { write: LAST_CHUNK }]
}
