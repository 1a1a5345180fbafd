import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { type Answer, type Ask, answer, begun, eventsOf, PLAIN, streamHead, wholeAnswer } from './answers.ts'
import { eventBytes } from './dialect.ts'
import type { Step } from './script.ts'
import { chunk, head, JSON_TYPE, LAST_CHUNK, toBuffer, whole } from './wire.ts'

const BOMB_BYTES = 256 * 1024 * 1024
const BLOCK = Buffer.alloc(64 * 1024, 'x')

let madeBomb: Buffer | undefined
/** A quarter of a megabyte that inflates to 256; made once, because making it takes a second. */
function bomb(): Buffer {
  madeBomb ??= gzipSync(Buffer.alloc(BOMB_BYTES))
  return madeBomb
}

/** Encodings of a body that nobody asked for. */
const ENCODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
  zstd: zstdCompressSync,
}

/** A good answer, whole or streamed, in a content encoding. */
export function encoded(ask: Ask, encoding: string): Step[] {
  const body = (ENCODERS[encoding] ?? gzipSync)(plainBody(ask))
  const type = contentType(ask)
  return [
    {
      write: whole(
        200,
        [
          ['content-type', type],
          ['content-encoding', encoding],
        ],
        body,
      ),
    },
  ]
}

function plainBody(ask: Ask): Buffer {
  return toBuffer(ask.isStream ? Buffer.concat(eventsOf(ask).map((event) => toBuffer(eventBytes(event)))) : ask.dialect.whole(PLAIN, ask))
}

/** Faults below the meaning of the answer: framing, encodings, sizes. Rows 16, 27 and 28 of faults.md, and dataplane.md's list. */
export const HTTP_FAULTS: Readonly<Record<string, Answer>> = {
  'gzip-bomb': () => [{ write: whole(200, [JSON_TYPE, ['content-encoding', 'gzip']], bomb()) }],
  'gzip-many': (ask) => [
    { write: whole(200, [JSON_TYPE, ['content-encoding', Array(1000).fill('gzip').join(', ')]], gzipSync(plainBody(ask))) },
  ],
  'gzip-truncated': (ask) => [{ write: whole(200, [JSON_TYPE, ['content-encoding', 'gzip']], gzipSync(plainBody(ask)).subarray(0, -20)) }],
  'gzip-garbage': () => [{ write: whole(200, [JSON_TYPE, ['content-encoding', 'gzip']], 'this is not gzip') }],
  'unknown-encoding': (ask) => [{ write: whole(200, [JSON_TYPE, ['content-encoding', 'rot13']], plainBody(ask)) }],
  'header-bomb': (ask) => [
    { write: whole(200, [JSON_TYPE, ...Array.from({ length: 2000 }, (_, i) => [`x-bomb-${i}`, 'x'.repeat(64)] as const)], plainBody(ask)) },
  ],
  'header-line-bomb': (ask) => [{ write: whole(200, [JSON_TYPE, ['x-bomb', 'x'.repeat(128 * 1024)]], plainBody(ask)) }],
  'header-endless': () => [{ write: Buffer.from('HTTP/1.1 200 OK\r\nx-bomb: ') }, { repeat: BLOCK, times: 16_384 }],
  'huge-status': () => [
    { write: Buffer.from(`HTTP/1.1 200 ${'O'.repeat(128 * 1024)}K\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`) },
  ],
  '1xx-flood': (ask) => [{ repeat: Buffer.from('HTTP/1.1 102 Processing\r\n\r\n'), times: 100_000 }, ...answer(ask, PLAIN)],
  '1xx': (ask) => [{ write: Buffer.from('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n') }, ...answer(ask, PLAIN)],
  'two-lengths': (ask) => [{ write: withHeaders('Content-Length: 10\r\nContent-Length: 20', plainBody(ask)) }],
  'cl-and-te': (ask) => [{ write: withHeaders('Content-Length: 10\r\nTransfer-Encoding: chunked', chunk(plainBody(ask)), LAST_CHUNK) }],
  'bad-length': (ask) => [{ write: withHeaders('Content-Length: 1e3', plainBody(ask)) }],
  'bad-chunk': () => [{ write: withHeaders('Transfer-Encoding: chunked', Buffer.from('zz\r\nhello\r\n0\r\n\r\n')) }],
  'short-length': (ask) => [{ write: withHeaders(`Content-Length: ${plainBody(ask).length + 100}`, plainBody(ask)) }, { fin: true }],
  'long-length': (ask) => [
    { write: withHeaders(`Content-Length: ${plainBody(ask).length}`, plainBody(ask), Buffer.from('surplus bytes')) },
  ],
  trailers: (ask) => [
    { write: withHeaders('Transfer-Encoding: chunked\r\nTrailer: x-sum', chunk(plainBody(ask)), Buffer.from('0\r\nx-sum: 1\r\n\r\n')) },
  ],
  'chunk-extension': (ask) => [
    { write: withHeaders('Transfer-Encoding: chunked', Buffer.from('2;name="a;b"\r\n  \r\n'), chunk(plainBody(ask)), LAST_CHUNK) },
  ],
  'close-delimited': (ask) => [
    {
      write: Buffer.concat([
        head(200, [
          ['content-type', contentType(ask)],
          ['connection', 'close'],
        ]),
        plainBody(ask),
      ]),
    },
    { fin: true },
  ],
  garbage: () => [{ write: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n\r\n') }, { fin: true }],
  http10: (ask) => [
    { write: Buffer.concat([Buffer.from(`HTTP/1.0 200 OK\r\nContent-Type: ${contentType(ask)}\r\n\r\n`), plainBody(ask)]) },
    { fin: true },
  ],
  'huge-body': () => [
    { write: head(200, [JSON_TYPE, ['transfer-encoding', 'chunked']]) },
    { write: chunk('{"id":"chatcmpl-fake-1","padding":"') },
    { repeat: chunk(BLOCK), times: 16_384 },
    { write: Buffer.concat([chunk('"}'), LAST_CHUNK]) },
  ],
  'huge-length': () => [
    { write: head(200, [JSON_TYPE, ['content-length', String(16_384 * BLOCK.length)]]) },
    { repeat: BLOCK, times: 16_384 },
  ],
  'huge-event': (ask) => [
    { write: begun(eventsOf(ask).slice(0, 1)) },
    { write: chunk('data: {"choices":[{"index":0,"delta":{"content":"') },
    { repeat: chunk(BLOCK), times: 1600 },
    { write: Buffer.concat([chunk('"}}]}\n\n'), LAST_CHUNK]) },
  ],
  'error-huge-body': () => [
    { write: head(500, [JSON_TYPE, ['transfer-encoding', 'chunked']]) },
    { repeat: chunk(BLOCK), times: 16_384 },
    { write: LAST_CHUNK },
  ],
  'split-bytes': (ask) => bytewise(wholeBytes(ask), 0),
}

/** Every byte of a good answer, head and framing included, in a write of its own. */
export function bytewise(bytes: Buffer, everyMs: number): Step[] {
  const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  return everyMs > 0 ? [{ pace: single, everyMs }] : single.flatMap((write) => [{ write }, { wait: 0 }])
}

/** A good answer in one buffer, whole or streamed. */
export function wholeBytes(ask: Ask): Buffer {
  if (!ask.isStream) return wholeAnswer(ask, PLAIN)
  const events = eventsOf(ask)
  return Buffer.concat([streamHead(events), ...events.map((event) => chunk(eventBytes(event))), LAST_CHUNK])
}

function contentType(ask: Ask): string {
  if (!ask.isStream) return 'application/json'
  return ask.dialect.name === 'bedrock-converse' ? 'application/vnd.amazon.eventstream' : 'text/event-stream'
}

function withHeaders(lines: string, ...body: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`), ...body])
}
