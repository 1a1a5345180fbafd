import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { checkCase, type FaultBench, type FaultCase, inAllWays, startFaultBench, WAYS, type Way } from '../helpers/faults.ts'

const WHOLE = WAYS.filter((way) => !way.stream)
const STREAMED = WAYS.filter((way) => way.stream)
/** Its streams may be JSON, as whole answers are. */
const ARRAY = STREAMED.find(({ side }) => side === 'gemini') as Way
const INVALID = { status: 502, type: 'upstream_invalid_response', hits: 1 }
const LOST = { status: 502, type: 'upstream_connection_lost', hits: 1 }
const TOO_LARGE = { status: 502, type: 'upstream_response_too_large', hits: 1 }
const GOOD = { text: PLAIN_TEXT, hits: 1 }

/** Cases 8 to 16 without retries: what the first attempt's failure looks like to the client. */
const ONCE: readonly FaultCase[] = [
  { name: '8 reset before the first byte', model: 'fault-rst-before-head', expected: LOST },
  { name: '8 FIN before the first byte', model: 'fault-fin-before-head', expected: LOST },
  { name: '8 FIN inside the head', model: 'fault-fin-mid-head', expected: LOST },
  { name: '8 reset inside a whole body', model: 'fault-rst-mid-body', expected: LOST, ways: WHOLE },
  { name: '8 FIN inside a whole body', model: 'fault-fin-mid-body', expected: LOST, ways: WHOLE },
  { name: '8 a body shorter than declared', model: 'fault-short-length', expected: LOST, ways: WHOLE },
  ...[500, 502, 503, 504, 529].map((status) => ({ name: `9 HTTP ${status}`, model: `fault-${status}`, expected: { status, hits: 1 } })),
  { name: '9 an error that is no JSON', model: 'fault-text-500', expected: { status: 500, message: /Internal Server Error/, hits: 1 } },
  { name: '9 an error page', model: 'fault-html-502', expected: { status: 502, message: /^502 HTML error page \(502\)$/, hits: 1 } },
  { name: '9 an endless error body', model: 'fault-error-huge-body', expected: { status: 500, message: /^.{4,1000}$/, hits: 1 } },
  ...[400, 404, 422].map((status) => ({ name: `12 HTTP ${status}`, model: `fault-${status}`, expected: { status, hits: 1 } })),
  { name: '13 redirect to another host', model: 'fault-redirect', expected: { status: 502, type: 'upstream_redirect', hits: 1 } },
  { name: '14 200 with HTML', model: 'fault-html', expected: { ...INVALID, message: /text\/html, body: <html>/ } },
  { name: '14 200 with text', model: 'fault-text', expected: { ...INVALID, message: /text\/plain, body: upstream connect error/ } },
  {
    name: '14 200 with an error object',
    model: 'fault-200-error-object',
    expected: { status: 500, message: /inside a 200/, hits: 1 },
    dialects: { bedrock: { status: 502, message: /./ }, cohere: { status: 502, message: /./ } },
  },
  { name: '14 204', model: 'fault-204', expected: INVALID },
  { name: '14 JSON that is cut', model: 'fault-bad-json-whole', expected: INVALID },
  { name: '14 JSON that is no object', model: 'fault-not-an-object', expected: INVALID },
  { name: '15 a whole answer for a stream', model: 'fault-json-for-stream', expected: { ...GOOD }, ways: STREAMED },
  { name: '15 an empty body', model: 'fault-empty-body', expected: INVALID },
  { name: '15 an empty stream', model: 'fault-empty-stream', expected: { status: 502, type: 'upstream_truncated', hits: 1 } },
  { name: '15 a stream for a whole answer', model: 'fault-stream-for-json', expected: GOOD, ways: WHOLE },
  { name: '16 header bomb, many lines', model: 'fault-header-bomb', expected: INVALID },
  { name: '16 header bomb, one line', model: 'fault-header-line-bomb', expected: INVALID },
  { name: '16 header bomb, endless', model: 'fault-header-endless', expected: INVALID },
  { name: '16 huge status line', model: 'fault-huge-status', expected: INVALID },
  { name: '16 1xx flood', model: 'fault-1xx-flood', expected: INVALID },
  { name: '16 one 1xx', model: 'fault-1xx', expected: GOOD },
  { name: '16 no HTTP at all', model: 'fault-garbage', expected: INVALID },
  { name: '16 two Content-Lengths', model: 'fault-two-lengths', expected: INVALID },
  { name: '16 Content-Length and Transfer-Encoding', model: 'fault-cl-and-te', expected: INVALID },
  { name: '16 a Content-Length that is no number', model: 'fault-bad-length', expected: INVALID },
  { name: '16 a chunk without a size', model: 'fault-bad-chunk', expected: INVALID },
  { name: '16 surplus bytes behind the answer', model: 'fault-long-length', expected: GOOD, ways: WHOLE },
  { name: '16 trailers', model: 'fault-trailers', expected: GOOD, ways: WHOLE },
  { name: '16 chunk extensions', model: 'fault-chunk-extension', expected: GOOD, ways: WHOLE },
  { name: '16 a body that the close ends', model: 'fault-close-delimited', expected: GOOD },
  { name: '16 HTTP/1.0', model: 'fault-http10', expected: GOOD },
  { name: '27 an answer over the limit', model: 'fault-huge-body', expected: TOO_LARGE, ways: WHOLE },
  { name: '27 a declared length over the limit', model: 'fault-huge-length', expected: TOO_LARGE, ways: WHOLE },
  { name: '28 gzip bomb', model: 'fault-gzip-bomb', expected: TOO_LARGE, ways: WAYS.filter((way) => way !== ARRAY) },
  // Its first byte begins no array, so that the rest is not read.
  { name: '28 gzip bomb', model: 'fault-gzip-bomb', expected: INVALID, ways: [ARRAY] },
  { name: '28 gzip a thousand times', model: 'fault-gzip-many', expected: INVALID },
  { name: '28 truncated gzip', model: 'fault-gzip-truncated', expected: INVALID },
  { name: '28 no gzip', model: 'fault-gzip-garbage', expected: INVALID },
  { name: '28 an unknown encoding', model: 'fault-unknown-encoding', expected: INVALID },
  ...['gzip', 'br', 'deflate', 'zstd'].map((coding) => ({ name: `28 ${coding}, not asked for`, model: `fault-${coding}`, expected: GOOD })),
]

describe('one attempt', () => {
  let bench: FaultBench
  beforeAll(async () => {
    bench = await startFaultBench()
  })
  afterAll(() => bench.close())

  it.each(inAllWays(ONCE))('$title', async ({ row, way }) => {
    await checkCase(bench, row, way)
    expect(
      bench.upstream.requests.filter(
        ({ path }) => !/\/(chat|chat\/completions|messages|converse(-stream)?)$|:(streamG|g)enerateContent$/.test(path),
      ),
    ).toEqual([])
  })

  it.each(WAYS)('7 reset and FIN on a reused connection: one replay that the client does not see ($side, stream $stream)', async (way) => {
    for (const model of ['fault-rst-if-reused', 'fault-fin-if-reused']) {
      expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
      const from = bench.upstream.requests.length
      expect((await bench.ask(way, model)).text).toBe(PLAIN_TEXT)
      const hits = bench.hits(from)
      expect(hits).toHaveLength(2)
      expect(hits[0]?.body).toEqual(hits[1]?.body)
      expect(hits[0]?.socketId).not.toBe(hits[1]?.socketId)
    }
  })

  it.each(WAYS)('8 a connection that dies after its answer is not used again ($side, stream $stream)', async (way) => {
    for (const model of ['fault-fin-after-answer', 'fault-rst-after-answer', 'fault-unread-after-answer', 'fault-connection-close']) {
      const { length } = bench.upstream.requests
      expect((await bench.ask(way, model)).text).toBe(PLAIN_TEXT)
      await bench.upstream.sockets[bench.upstream.requests[length]?.socketId ?? -1]?.closed
      expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
      expect(bench.hits(length)).toHaveLength(2)
    }
  })
})
