import { test } from 'vitest'
import { ResponseParser } from '../../core/upstream/parser.ts'

/** Headers as OpenAI's edge sends them, about 600 bytes. */
const headers = [
  'Date: Sat, 21 Nov 2026 10:00:00 GMT',
  'Connection: keep-alive',
  'openai-organization: org-test',
  'openai-processing-ms: 412',
  'openai-version: 2020-10-01',
  'x-ratelimit-limit-requests: 10000',
  'x-ratelimit-limit-tokens: 2000000',
  'x-ratelimit-remaining-requests: 9999',
  'x-ratelimit-remaining-tokens: 1999978',
  'x-ratelimit-reset-requests: 6ms',
  'x-request-id: req_0123456789abcdef0123456789abcdef',
  'strict-transport-security: max-age=31536000; includeSubDomains; preload',
  'CF-Cache-Status: DYNAMIC',
  'Server: cloudflare',
  'CF-RAY: 0123456789abcdef-FRA',
].join('\r\n')
const event = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n`
const chunk = `${event.length.toString(16)}\r\n${event}\r\n`
const whole = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${headers}\r\nContent-Length: 1024\r\n\r\n${'x'.repeat(1024)}`,
)
const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${headers}\r\nTransfer-Encoding: chunked\r\n\r\n`
const burst = Buffer.from(`${head}${chunk.repeat(50)}0\r\n\r\n`)
const scratch = Buffer.alloc(65_536)
const parser = new ResponseParser()
let bytes = 0
const sink = {
  onHead() {},
  onBody(piece: Buffer) {
    bytes += piece.length
  },
}

/** Reads one answer in reads of `size` bytes, each copied into the scratch buffer as the kernel would. */
function read(answer: Buffer, size: number): void {
  parser.start(sink, false)
  for (let at = 0; at < answer.length; at += size) parser.execute(scratch, answer.copy(scratch, 0, at, at + size))
  if (!parser.isDone || bytes === 0) throw new Error('the answer was not read')
}

test('upstream parser', async ({ bench }) => {
  await bench.compare(
    bench('whole answer, 1 KB, one read', () => read(whole, 65_536)),
    bench('50 events in chunks, one read', () => read(burst, 65_536)),
    bench('50 events in chunks, reads of 1460 bytes', () => read(burst, 1460)),
  )
})
