import { describe, expect, test } from 'vitest'
import { bodyLength, formatAddress } from '../../../transports/http/snapshot.ts'
import { head, RawClient, serveEdge } from './harness.ts'

/** What a gateway behind or in front of a proxy must never answer: two parsers would read them differently. */
const SMUGGLING: Record<string, string> = {
  'two different lengths': head('POST /echo', 'Content-Length: 3', 'Content-Length: 5'),
  'two equal lengths': head('POST /echo', 'Content-Length: 3', 'Content-Length: 3'),
  'an empty length': head('POST /echo', 'Content-Length:'),
  'a length with a sign': head('POST /echo', 'Content-Length: +5'),
  'a list of lengths': head('POST /echo', 'Content-Length: 5,5'),
  'a hexadecimal length': head('POST /echo', 'Content-Length: 0x5'),
  'a length with a letter': head('POST /echo', 'Content-Length: 5a'),
  'a length of 20 digits': head('POST /echo', 'Content-Length: 00000000000000000005'),
  'a negative length': head('POST /echo', 'Content-Length: -1'),
  'an unknown encoding': head('POST /echo', 'Transfer-Encoding: xchunked'),
  'a list of encodings': head('POST /echo', 'Transfer-Encoding: chunked, identity'),
  'an encoding in capitals': head('POST /echo', 'Transfer-Encoding: Chunked'),
  'two encodings': head('POST /echo', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  'length and encoding': head('POST /echo', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  'two hosts': head('POST /echo', 'Host: other', 'Content-Length: 5'),
  'two hosts on GET': head('GET /thing', 'Host: other'),
  'a chunk size that overflows': `${head('POST /echo', 'Transfer-Encoding: chunked')}FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n`,
  'an encoding behind a vertical tab': head('POST /echo', 'Transfer-Encoding: \x0bchunked'),
  'an encoding with a parameter': head('POST /echo', 'Transfer-Encoding: chunked;q=1'),
  'an empty encoding': head('POST /echo', 'Transfer-Encoding:'),
  'a length in full-width digits': head('POST /echo', 'Content-Length: \xef\xbc\x95'),
  'two lengths, the name in two cases': head('POST /echo', 'Content-Length: 3', 'CONTENT-LENGTH: 5'),
  'a length with a blank inside': head('POST /echo', 'Content-Length: 5 5'),
  'a chunk size with a sign': `${head('POST /echo', 'Transfer-Encoding: chunked')}+3\r\nabc\r\n0\r\n\r\n`,
  'a chunk size in hexadecimal notation': `${head('POST /echo', 'Transfer-Encoding: chunked')}0x3\r\nabc\r\n0\r\n\r\n`,
  'a chunk that is longer than its size': `${head('POST /echo', 'Transfer-Encoding: chunked')}3\r\nabcdef\r\n0\r\n\r\n`,
  'a chunk size that is none': `${head('POST /echo', 'Transfer-Encoding: chunked')}xyz\r\nabc\r\n0\r\n\r\n`,
  'an absolute target': head('GET http://other/thing'),
  'HTTP/1.0': 'GET /thing HTTP/1.0\r\nHost: gateway\r\n\r\n',
  'bare line feeds': 'GET /thing HTTP/1.1\nHost: gateway\n\n',
}

describe('ambiguous framing', () => {
  test.each(Object.entries(SMUGGLING))('%s: closed, and nothing reaches the pipeline', async (_name, request) => {
    const { port, handled } = await serveEdge()
    const client = new RawClient({ port }).write(request).write('abcde').write(head('GET /thing'))
    const received = await client.closed()
    // The library's own pages, 400 and 505, are the only answers that are not in a dialect.
    if (received !== '') expect(received).toMatch(/^HTTP\/1.1 (400|505) [^\r]*\r\nConnection: close\r\n/)
    expect(received).not.toContain('200 OK')
    expect(handled).toHaveLength(0)
  })

  test('a head over the limit is answered 431 by the library', async () => {
    const { port, handled } = await serveEdge()
    const received = await new RawClient({ port }).write(head('GET /thing', `X-Long: ${'a'.repeat(100_000)}`)).closed()
    expect(received).toMatch(/^HTTP\/1.1 431 |^$/)
    expect(handled).toHaveLength(0)
  })

  // Incomplete for the library, which waits for more and closes the connection after 10 s: no request is made of them.
  test.each([
    ['no host', 'GET /thing HTTP/1.1\r\n\r\n'],
    ['a folded line', head('GET /thing', 'X-A: 1', '  more')],
    ['a space before the colon', head('GET /thing', 'X-A : 1')],
    ['NUL in a value', head('GET /thing', 'X-A: 1\0b')],
    ['a bare line feed between headers', head('GET /thing', 'X-A: 1\nX-B: 2')],
    ['a first line that is indented', 'GET /thing HTTP/1.1\r\n Host: gateway\r\n\r\n'],
  ])('%s is no request', async (_name, request) => {
    const { port, handled, refused } = await serveEdge()
    const odd = new RawClient({ port }).write(request)
    await new RawClient({ port }).write(head('GET /thing')).until('GET ')
    expect(odd.received).toBe('')
    expect(handled).toHaveLength(1)
    expect(refused).toHaveLength(0)
  })

  // The library takes it for part of a size that it then waits for.
  test('a chunk extension with a bare CR is no end of a line', async () => {
    const { port, handled } = await serveEdge({ timing: { bodyGraceMs: 20 } })
    const client = new RawClient({ port }).write(`${head('POST /echo', 'Transfer-Encoding: chunked')}3;a=\rb\r\nabc\r\n0\r\n\r\n`)
    const received = await client.write(head('GET /thing')).closed()
    expect(received).not.toContain('200 OK')
    expect(handled).toHaveLength(0)
  })

  test('trailers of a chunked body are never a request', async () => {
    const { port, handled } = await serveEdge()
    const client = new RawClient({ port }).write(
      `${head('POST /echo', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\nGET /thing HTTP/1.1\r\nHost: x\r\n\r\n`,
    )
    expect(await client.closed()).not.toContain('200 OK')
    expect(handled).toHaveLength(0)
  })
})

describe('the copy', () => {
  test('holds method, path, query, headers and length as plain data', async () => {
    const { port, handled } = await serveEdge()
    await new RawClient({ port })
      .write(`${head('POST /echo?a=1&b=%20', 'X-Many: 1', 'x-many: 2', 'Cookie: a=1', 'Cookie: b=2', 'Content-Length: 2')}hi`)
      .until('POST hi')
    const incoming = handled[0]!.incoming
    expect(incoming).toMatchObject({ method: 'POST', path: '/echo', query: 'a=1&b=%20', contentLength: 2, route: { operation: 'echo' } })
    expect(Object.fromEntries(incoming.headers)).toEqual({ host: 'gateway', 'x-many': '1, 2', cookie: 'a=1; b=2', 'content-length': '2' })
  })

  test('a chunked request has no length, one without a body has 0', async () => {
    const { port, handled } = await serveEdge()
    await new RawClient({ port }).write(`${head('POST /echo', 'Transfer-Encoding: chunked')}2\r\nhi\r\n0\r\n\r\n`).until('POST hi')
    await new RawClient({ port }).write(head('GET /thing')).until('GET ')
    expect(handled.map((entry) => entry.incoming.contentLength)).toEqual([undefined, 0])
  })

  test('tells the address while the request is open, and keeps it', async () => {
    const { port, handled } = await serveEdge({ handle: ({ incoming, reply }) => reply.send(200, [], incoming.remoteAddress) })
    await new RawClient({ port }).write(head('GET /thing')).until('127.0.0.1')
    expect(handled[0]!.incoming.remoteAddress).toBe('127.0.0.1')
  })

  test('an address that is first asked for after the answer is empty', async () => {
    const { port, handled } = await serveEdge()
    await new RawClient({ port }).write(head('GET /thing')).until('GET ')
    expect(handled[0]!.incoming.remoteAddress).toBe('')
  })

  test('an X-Forwarded-For or PROXY line from anyone is not believed', async () => {
    const { port, handled } = await serveEdge({ handle: ({ incoming, reply }) => reply.send(200, [], incoming.remoteAddress) })
    const proxyHeader = Buffer.from([
      0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12, 9, 9, 9, 9, 8, 8, 8, 8, 0, 1, 0, 2,
    ])
    const client = new RawClient({ port })
    client.socket.write(proxyHeader)
    await client.write(head('GET /thing', 'X-Forwarded-For: 9.9.9.9')).until('127.0.0.1')
    expect(handled).toHaveLength(1)
  })
})

test.each([
  [undefined, undefined, 0],
  ['0', undefined, 0],
  ['0005', undefined, 5],
  ['5 ', undefined, null],
  ['1234567890123456', undefined, null],
  [undefined, 'chunked', undefined],
  ['5', 'chunked', null],
  [undefined, '', null],
])('bodyLength(%j, %j) is %j', (length, encoding, expected) => {
  expect(bodyLength(length, encoding)).toBe(expected)
})

test.each([
  [[10, 0, 0, 7], '10.0.0.7'],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], '::1'],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 0, 1], '192.168.0.1'],
  [[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], '2001:db8::5'],
  [[], ''],
])('formatAddress(%j) is %j', (bytes, text) => {
  expect(formatAddress(Uint8Array.from(bytes))).toBe(text)
})
