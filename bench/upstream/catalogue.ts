import { type Answer, type Ask, answer, begun, eventsOf, PLAIN, streamed, upToContent } from './answers.ts'
import { CONTENTS, type Content, structuredCall, textContent } from './contents.ts'
import { eventBytes, type StreamEvent } from './dialect.ts'
import { ARRAY_FAULTS, BINARY_FAULTS } from './faults-binary.ts'
import { CONNECTION_FAULTS } from './faults-connection.ts'
import { bytewise, encoded, HTTP_FAULTS, wholeBytes } from './faults-http.ts'
import { keyAnswer, STATUS_FAULTS, statusAnswer, statusFirst } from './faults-status.ts'
import { STREAM_FAULTS } from './faults-stream.ts'
import { echoed, forcedTool, hasToolResult } from './request-body.ts'
import type { Step } from './script.ts'
import { chunk, LAST_CHUNK } from './wire.ts'

/** A family of models whose names carry numbers. The match's groups come as strings. */
interface Family {
  name: RegExp
  steps(ask: Ask, groups: readonly string[]): readonly Step[]
}

const FAULTS: Readonly<Record<string, Answer>> = {
  ...STATUS_FAULTS,
  ...HTTP_FAULTS,
  ...CONNECTION_FAULTS,
  ...STREAM_FAULTS,
  ...BINARY_FAULTS,
  ...ARRAY_FAULTS,
}
/** Bytes of an answer around its text, so that `whole-1k` is about 1 KB on the wire. */
const ENVELOPE_BYTES = 560

/** Models of the benchmarks: their answers depend on nothing but the name, the dialect and the two stream flags. */
const BENCH_FAMILIES: readonly Family[] = [
  { name: /^whole-(\d+)k$/, steps: (ask, [size]) => answer(ask, filler(Number(size) * 1024 - ENVELOPE_BYTES)) },
  { name: /^events-(\d+)$/, steps: (ask, [count]) => answer(ask, counted(Number(count))) },
  { name: /^paced-(\d+)-(\d+)$/, steps: (ask, [count, rate]) => paced(ask, Number(count), 1000 / Number(rate)) },
]

const FAMILIES: readonly Family[] = [
  { name: /^fault-(\d{3})$/, steps: (ask, [status]) => statusAnswer(ask, Number(status)) },
  { name: /^fault-(\d{3})-first(?:-(\d+))?$/, steps: (ask, [status, count]) => statusFirst(ask, Number(status), Number(count ?? 1)) },
  {
    name: /^fault-stall-after-(\d+)$/,
    steps: (ask, [count]) => [{ write: begun(upToContent(eventsOf(ask), Number(count))) }, { hang: true }],
  },
  { name: /^fault-slow-head-(\d+)$/, steps: (ask, [ms]) => [{ wait: Number(ms) }, ...answer(ask, PLAIN)] },
  { name: /^fault-drip(?:-(\d+))?$/, steps: (ask, [ms]) => bytewise(wholeBytes(ask), Number(ms ?? 1000)) },
  { name: /^fault-(gzip|br|deflate|zstd)$/, steps: (ask, [encoding]) => encoded(ask, encoding ?? 'gzip') },
  { name: /^fault-pause-after-(\d+)-(\d+)$/, steps: (ask, [count, ms]) => interrupted(ask, Number(count), { wait: Number(ms) }) },
  { name: /^flood-(\d+)$/, steps: (ask, [megabytes]) => flood(ask, Number(megabytes)) },
  { name: /^gated-stream-(.+)$/, steps: (ask, [gate]) => interrupted(ask, 2, { gate: gate ?? '' }) },
  { name: /^gated-ping-(.+)$/, steps: (ask, [gate]) => pinged(ask, gate ?? '') },
  { name: /^gated-(.+)$/, steps: (ask, [gate]) => [{ gate: gate ?? '' }, ...answer(ask, PLAIN)] },
]

/** The script for a request. A name that nobody knows gets a plain answer, so that any model name works. */
export function stepsFor(ask: Ask): readonly Step[] {
  return keyAnswer(ask) ?? benchSteps(ask) ?? faultSteps(ask) ?? fromFamily(FAMILIES, ask) ?? answer(ask, contentFor(ask))
}

/** The script of a benchmark model; undefined for any other. It may be kept: nothing of the request is in it but the name and flags. */
export function benchSteps(ask: Ask): readonly Step[] | undefined {
  return fromFamily(BENCH_FAMILIES, ask)
}

/** Names of all models without a number in them, for the list of models and for tests that walk through them. */
export const MODEL_NAMES: readonly string[] = [
  'whole-1k',
  'events-50',
  ...Object.keys(CONTENTS),
  'echo',
  'image-echo',
  ...Object.keys(FAULTS).map((name) => `fault-${name}`),
]

function faultSteps(ask: Ask): readonly Step[] | undefined {
  return ask.model.startsWith('fault-') ? FAULTS[ask.model.slice('fault-'.length)]?.(ask) : undefined
}

function fromFamily(families: readonly Family[], ask: Ask): readonly Step[] | undefined {
  for (const family of families) {
    const match = family.name.exec(ask.model)
    if (match !== null) return family.steps(ask, match.slice(1))
  }
  return undefined
}

/** Tool models call their tools once and answer in text when the results are there, so that a tool loop ends. */
function contentFor(ask: Ask): Content {
  if (ask.model === 'echo' || ask.model === 'image-echo') return textContent(echoed(ask))
  const content = CONTENTS[ask.model] ?? PLAIN
  const forced = content.stop === 'stop' ? forcedTool(ask) : undefined
  if (forced !== undefined) return structuredCall(forced)
  return content.stop === 'tools' && hasToolResult(ask) ? textContent(`The tool said: ${echoed(ask)}`) : content
}

function filler(length: number): Content {
  return textContent('The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(length / 45)).slice(0, Math.max(1, length)))
}

/** Text that a stream delivers in exactly `count` content events. */
function counted(count: number): Content {
  return { ...textContent('a few more '.repeat(count)), pieceLength: 11 }
}

/** The first event at once, the content one by one, what follows the content with its last. */
function paced(ask: Ask, count: number, everyMs: number): readonly Step[] {
  const events = eventsOf(ask, counted(count))
  const first = events.findIndex(({ kind }) => kind === 'content')
  const last = events.findLastIndex(({ kind }) => kind === 'content')
  const chunks = (some: readonly StreamEvent[]): Buffer[] => some.map((event) => chunk(eventBytes(event)))
  return [
    { write: begun(events.slice(0, first)) },
    { pace: chunks(events.slice(first, last + 1)), everyMs },
    { write: Buffer.concat([...chunks(events.slice(last + 1)), LAST_CHUNK]) },
  ]
}

/** A good stream with one step between its first content events and the rest. */
function interrupted(ask: Ask, count: number, step: Step): readonly Step[] {
  const events = eventsOf(ask)
  const before = upToContent(events, count)
  const rest = events.slice(before.length).map((event) => chunk(eventBytes(event)))
  return [{ write: begun(before) }, step, { write: Buffer.concat([...rest, LAST_CHUNK]) }]
}

/** Two content events, a comment at the first gate, the rest at the second (`<gate>-rest`). */
function pinged(ask: Ask, gate: string): readonly Step[] {
  const [begin, , end] = interrupted(ask, 2, { gate }) as [Step, Step, Step]
  return [begin, { gate }, { write: chunk(ask.dialect.idleEvent?.().bytes ?? ': still here\n\n') }, { gate: `${gate}-rest` }, end]
}

/** Megabytes of content events as fast as the client reads, then a good end: for back-pressure. */
function flood(ask: Ask, megabytes: number): readonly Step[] {
  const events = eventsOf(ask, { ...textContent('x'.repeat(16_000)), pieceLength: 16_000 })
  const at = events.findIndex(({ kind }) => kind === 'content')
  const event = events[at]
  if (event === undefined) return streamed(events)
  const rest = events.slice(at + 1).map((later) => chunk(eventBytes(later)))
  return [
    { write: begun(events.slice(0, at)) },
    { repeat: chunk(eventBytes(event)), times: megabytes * 64 },
    { write: Buffer.concat([...rest, LAST_CHUNK]) },
  ]
}
