import { STATUS_CODES } from 'node:http'

/** Header lines in the order they go out; a name may come twice. */
export type HeaderLines = readonly (readonly [string, string])[]

export const JSON_TYPE: readonly [string, string] = ['content-type', 'application/json']
export const EVENT_STREAM: HeaderLines = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache'],
  ['transfer-encoding', 'chunked'],
]
export const AWS_EVENT_STREAM: HeaderLines = [
  ['content-type', 'application/vnd.amazon.eventstream'],
  ['transfer-encoding', 'chunked'],
]
/** The chunk that ends a chunked body. */
export const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** Status line and headers, with the blank line. */
export function head(status: number, headers: HeaderLines): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${lines}\r\n`, 'latin1')
}

/** A whole answer with its Content-Length, in one buffer. */
export function whole(status: number, headers: HeaderLines, body: string | Uint8Array): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return Buffer.concat([head(status, [...headers, ['content-length', String(bytes.length)]]), bytes])
}

/** The bytes of a text, or those given. */
export function toBuffer(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** One chunk of a chunked body. */
export function chunk(data: string | Uint8Array): Buffer {
  const bytes = toBuffer(data)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}
