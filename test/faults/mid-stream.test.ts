import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PLAIN_TEXT, UNICODE_TEXT } from '../../bench/upstream/contents.ts'
import { checkCase, type FaultBench, type FaultCase, faultBench, inAllWays, startFaultBench, WAYS, type Way } from '../helpers/faults.ts'
import { openStream } from '../helpers/open-stream.ts'

const WHOLE = WAYS.filter((way) => !way.stream)
const STREAMED = WAYS.filter((way) => way.stream)
const TRANSLATED = WAYS.filter((way) => way.side !== 'openai')
const BINARY = WAYS.filter((way) => way.side === 'bedrock')
const ARRAY = WAYS.filter((way) => way.side === 'gemini' && way.stream)
const SAME = WAYS.filter((way) => way.side === 'openai')

/** Dialects whose streams end with the message's stop: there is nothing after it to leave out. */
const NO_TERMINATOR: FaultCase['dialects'] = { gemini: null, bedrock: null, cohere: null }
/** Errors have a status of their own in each dialect. */
const SERVICE_UNAVAILABLE: FaultCase['dialects'] = { gemini: { status: 503 }, bedrock: { status: 503 }, cohere: { status: 500 } }
const ERROR_EVENTS: FaultCase['dialects'] = { gemini: null, bedrock: null, cohere: null }
/** What opens these streams says nothing that is needed. */
const NO_START: FaultCase['dialects'] = { gemini: null, bedrock: null, cohere: null }
const GOOD = { text: PLAIN_TEXT, hits: 1 }

/** Lost inside the stream: an error of the attempt where a whole answer was asked for, else the dialect's error event. */
function lost(type: string, status = 502): Pick<FaultCase, 'expected' | 'streamed'> {
  return { expected: { status, type, hits: 1 }, streamed: { isMidStream: true, type, hits: 1 } }
}
/** Nothing that a user would see had come: an HTTP status also for the stream. */
const early = (type: string, status = 502) => ({ expected: { status, type, hits: 1 } })

const CASES: readonly FaultCase[] = [
  { name: '17 FIN between events', model: 'fault-fin-mid-stream', ...lost('upstream_connection_lost') },
  { name: '17 FIN inside an event', model: 'fault-fin-mid-event', ...lost('upstream_connection_lost') },
  { name: '17 FIN before any content', model: 'fault-fin-after-start', ...early('upstream_connection_lost') },
  { name: '17 a clean end without terminator', model: 'fault-end-mid-stream', ...lost('upstream_truncated') },
  { name: '17 a clean end before any content', model: 'fault-end-after-start', ...early('upstream_truncated') },
  { name: '17 neither finish nor terminator', model: 'fault-no-finish', ...lost('upstream_truncated') },
  { name: '17 no message_stop', model: 'fault-no-terminator', ...lost('upstream_truncated'), ways: TRANSLATED, dialects: NO_TERMINATOR },
  { name: '17 a finish reason without [DONE]', model: 'fault-no-terminator', expected: GOOD, ways: SAME },
  { name: '18 reset', model: 'fault-rst-mid-stream', ...lost('upstream_connection_lost') },
  { name: '19 no usage', model: 'fault-no-usage', expected: GOOD },
  {
    name: '20 error as the first event',
    model: 'fault-error-event-first',
    expected: { status: 500, hits: 1 },
    translated: { status: 529 },
    dialects: SERVICE_UNAVAILABLE,
  },
  {
    name: '20 error before any content',
    model: 'fault-error-after-start',
    expected: { status: 500, hits: 1 },
    translated: { status: 529 },
    dialects: SERVICE_UNAVAILABLE,
  },
  { name: '20 error after content', model: 'fault-error-mid', ...lost('server_error', 500), ways: SAME },
  { name: '20 error after content', model: 'fault-error-mid', ...lost('overloaded_error', 529), ways: TRANSLATED, dialects: ERROR_EVENTS },
  { name: '20 error after content, then silence', model: 'fault-error-then-silent', ...lost('server_error', 500), ways: SAME },
  {
    name: '20 error after content, then silence',
    model: 'fault-error-then-silent',
    ...lost('overloaded_error', 529),
    ways: TRANSLATED,
    dialects: ERROR_EVENTS,
  },
  ...['mid', 'then-silent'].map((name) => ({
    name: `20 error after content: ${name}`,
    model: `fault-error-${name}`,
    ...lost('upstream_error', 503),
    ways: WAYS.filter(({ side }) => side === 'gemini'),
  })),
  { name: '21 bad JSON', model: 'fault-bad-json', ...lost('upstream_invalid_response') },
  ...['crlf', 'cr', 'mixed-line-ends', 'bom', 'nul', 'comments', 'id-retry', 'no-space', 'multi-line-data', 'no-final-blank'].map(
    (name) => ({
      name: `21 ${name}`,
      model: `fault-${name}`,
      expected: GOOD,
    }),
  ),
  { name: '22 code points split between reads', model: 'fault-utf8-split', expected: { text: UNICODE_TEXT, hits: 1 } },
  { name: '22 every byte a read of its own', model: 'fault-split-bytes', expected: GOOD },
  { name: '24 two starts', model: 'fault-double-start', expected: GOOD },
  { name: '24 two finishes', model: 'fault-double-finish', expected: GOOD },
  { name: '24 two terminators', model: 'fault-double-terminal', expected: GOOD },
  { name: '24 content after the terminator', model: 'fault-after-done', expected: GOOD },
  { name: '24 content after the finish', model: 'fault-out-of-order', expected: GOOD, ways: SAME },
  {
    name: '24 content outside its block',
    model: 'fault-out-of-order',
    ...early('upstream_invalid_response'),
    ways: TRANSLATED,
    dialects: { gemini: null, bedrock: null, cohere: null },
  },
  {
    name: '24 content outside its block, where a delta says what it belongs to',
    model: 'fault-out-of-order',
    expected: GOOD,
    ways: WAYS.filter(({ side }) => side === 'cohere' || side === 'gemini'),
  },
  {
    name: '24 content after the end of its message',
    model: 'fault-out-of-order',
    ...early('upstream_invalid_response'),
    // A stream has committed by then.
    ways: BINARY.filter(({ stream }) => !stream),
  },
  { name: '24 no start', model: 'fault-no-start', ...early('upstream_invalid_response'), ways: TRANSLATED, dialects: NO_START },
  ...['no-role', 'no-start', 'unknown-event'].map((name) => ({
    name: `24 ${name}: strict clients are satisfied`,
    model: `fault-${name}`,
    expected: GOOD,
    ways: SAME,
  })),
  ...['tool-no-type', 'tool-no-index', 'tool-repeats-id'].map((name) => ({
    name: `24 ${name}: strict clients are satisfied`,
    model: `fault-${name}`,
    expected: { text: '', hits: 1 },
    ways: SAME,
  })),
  { name: '27 an event of 100 MB', model: 'fault-huge-event', ...early('upstream_response_too_large'), dialects: { bedrock: null } },
  ...['crc-message', 'crc-prelude', 'length-4gb', 'length-tiny', 'headers-beyond'].flatMap((name) => [
    { name: `23 ${name}`, model: `fault-${name}`, ...lost('upstream_invalid_response'), ways: BINARY },
    { name: `23 ${name} in the first message`, model: `fault-${name}-first`, ...early('upstream_invalid_response'), ways: BINARY },
  ]),
  { name: '23 an honest length of 4 GB', model: 'fault-length-4gb-sealed', ...lost('upstream_response_too_large'), ways: BINARY },
  { name: '23 a message that is cut', model: 'fault-message-cut', ...lost('upstream_truncated'), ways: BINARY },
  // What follows is read as the rest of it.
  { name: '23 a first message that is cut', model: 'fault-message-cut-first', ...early('upstream_invalid_response'), ways: BINARY },
  { name: '23 one JSON array in place of events', model: 'fault-array', expected: GOOD, ways: ARRAY },
  { name: '23 a JSON array that never closes', model: 'fault-array-open', ...lost('upstream_truncated'), ways: ARRAY },
  { name: '23 a JSON array that ends inside an element', model: 'fault-array-cut', ...lost('upstream_truncated'), ways: ARRAY },
  {
    name: '23 a JSON array with more brackets than it opened',
    model: 'fault-array-garbage',
    ...lost('upstream_invalid_response'),
    ways: ARRAY,
  },
]

describe('one attempt', () => {
  let bench: FaultBench
  beforeAll(async () => {
    bench = await startFaultBench()
  })
  afterAll(() => bench.close())

  it.each(inAllWays(CASES))('$title', async ({ row, way }) => {
    const verdict = await checkCase(bench, row, way)
    expect(verdict.raw).not.toContain('\uFFFD')
    if (way.stream && verdict.text !== undefined) expect(verdict.raw.match(/\[DONE\]/g)).toHaveLength(1)
    if (verdict.isMidStream) expect(verdict.raw).toContain('Hello')
  })

  it.each(STREAMED)('23-24 the terminator ends the answer although the provider stays ($side)', async (way) => {
    const { length } = bench.upstream.requests
    expect((await bench.ask(way, 'fault-done-then-open')).text).toBe(PLAIN_TEXT)
    await bench.settled()
    expect(await bench.upstream.closed(length)).toBe('closed-by-client')
  })
})

describe('time limits of a stream', () => {
  const LIMITS = { network: { default_request_timeout_in_seconds: 30, stream_idle_timeout_in_seconds: 60 } }

  it.each(STREAMED)('6 silence after content: the error event at the idle limit ($side)', async (way) => {
    const bench = await faultBench(LIMITS)
    const start = bench.clock.now()
    const verdict = await bench.ask(way, 'fault-stall-after-2')
    expect(verdict).toMatchObject({ isMidStream: true, type: 'stream_idle_timeout' })
    expect(bench.clock.now() - start).toBeGreaterThanOrEqual(60_000)
    expect(verdict.raw).not.toContain('[DONE]')
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  it.each(STREAMED)('6, 26 the idle limit starts anew with every byte, comments too; a slow stream stays ($side)', async (way) => {
    const bench = await faultBench(LIMITS)
    const reader = await openStream(bench, way, 'gated-ping-a', {}, 'Hello')
    bench.clock.advance(59_900)
    bench.upstream.release('a')
    await reachGateway(bench, way)
    bench.clock.advance(59_900)
    bench.upstream.release('a-rest')
    expect(await reader.rest()).toContain('[DONE]')
  })

  it.each(STREAMED)('25 an infinite stream: the error event at max_stream_duration_seconds ($side)', async (way) => {
    const bench = await faultBench({ client: { max_stream_duration_seconds: 600 } })
    expect(await bench.ask(way, 'fault-infinite')).toMatchObject({ isMidStream: true, type: 'stream_duration_exceeded' })
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  it.each(WHOLE)('25 an infinite stream where a whole answer was asked for: 504 at the request timeout ($side)', async (way) => {
    const bench = await faultBench({ network: { default_request_timeout_in_seconds: 300 } })
    expect(await bench.ask(way, 'fault-infinite')).toMatchObject({ status: 504, type: 'request_timed_out' })
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })
})

describe('fallback', () => {
  const fallbacks = (way: Way) => ({ body: { fallbacks: [`${way.side === 'openai' ? 'anthropic' : 'openai'}/text`] } })

  it.each(WAYS)('6, 17, 20 before anything was sent: another provider answers ($side, stream $stream)', async (way) => {
    const bench = await faultBench({ network: { default_request_timeout_in_seconds: 300 } })
    for (const model of [
      'fault-error-event-first',
      'fault-error-after-start',
      'fault-fin-after-start',
      'fault-end-after-start',
      'fault-head-then-silent',
    ]) {
      const { length } = bench.upstream.requests
      expect((await bench.ask(way, model, fallbacks(way))).text).toBe(PLAIN_TEXT)
      expect(bench.hits(length)).toHaveLength(2)
    }
    await bench.settled()
  })

  it.each(STREAMED)('20 after content: the error event, no second provider ($side)', async (way) => {
    const bench = await faultBench({ network: { max_retries: 3 } })
    for (const model of ['fault-error-mid', 'fault-fin-mid-stream', 'fault-rst-mid-stream']) {
      const { length } = bench.upstream.requests
      expect((await bench.ask(way, model, fallbacks(way))).isMidStream).toBe(true)
      expect(bench.hits(length)).toHaveLength(1)
    }
  })

  it.each(WHOLE)('17, 18, 20 inside the events of a whole answer: nothing was sent, another provider answers ($side)', async (way) => {
    const bench = await faultBench()
    for (const model of ['fault-error-mid', 'fault-fin-mid-stream', 'fault-rst-mid-stream']) {
      expect((await bench.ask(way, model, fallbacks(way))).text).toBe(PLAIN_TEXT)
    }
  })
})

/** What the provider has sent so far has been read by the gateway once a later answer has come all the way. */
async function reachGateway(bench: FaultBench, way: Way): Promise<void> {
  const response = await bench.gateway.fetch('/v1/chat/completions', {
    model: `${way.side}/text`,
    messages: [{ role: 'user', content: 'hi' }],
  })
  await response.text()
}
