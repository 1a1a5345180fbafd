import { expect, test } from 'vitest'
import { cleanHeader, hasNoBody, statusLine } from '../../../transports/http/headers.ts'

test.each(['plain', '', 'tab\tinside', '!"#$%&~'])('value %j passes as it is', (value) => {
  expect(cleanHeader('x-a', value)).toBe(value)
})

test.each(['a\rb', 'a\nb', 'a\0b', 'a\x7fb', 'a\x1bb', 'a\u0100', '\ud83d\ude00', 'caf\xe9\r\nX: y'])('value %j is refused', (value) => {
  expect(cleanHeader('x-a', value)).toBeUndefined()
})

test.each(['', 'a b', 'a:b', 'a\r\nb', 'caf\xe9', 'a\0'])('name %j is refused', (name) => {
  expect(cleanHeader(name, 'v')).toBeUndefined()
})

test.each(['content-length', 'Transfer-Encoding', 'CONNECTION', 'Keep-Alive', 'Date', 'Upgrade'])(
  '%s is written by the transport alone',
  (name) => {
    expect(cleanHeader(name, '1')).toBeUndefined()
  },
)

test('latin1 goes out as its bytes', () => {
  expect(cleanHeader('x-a', 'caf\xe9')).toEqual(Buffer.from([0x63, 0x61, 0x66, 0xe9]))
})

test.each([
  [200, '200 OK'],
  [404, '404 Not Found'],
  [499, '499 Client Closed Request'],
  [529, '529 Site Overloaded'],
  [599, '599 Unassigned'],
  [101, '502 Bad Gateway'],
  [0, '502 Bad Gateway'],
  [Number.NaN, '502 Bad Gateway'],
  [1000, '502 Bad Gateway'],
])('statusLine(%d) is %s', (status, line) => {
  expect(statusLine(status)).toBe(line)
})

test('204 and 304 have no body', () => {
  expect([200, 204, 205, 304, 404].filter(hasNoBody)).toEqual([204, 304])
})
