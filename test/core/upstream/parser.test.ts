import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AnswerHead } from '../../../core/upstream/head.ts'
import { ResponseParser } from '../../../core/upstream/parser.ts'

interface Read {
  heads: AnswerHead[]
  body: string
  calls: number
  fault: string | undefined
  isDone: boolean
  isFinished: boolean
  keepsAlive: boolean
  /** Bytes after the answer. */
  left: number
}

/** Feeds `text` in pieces cut at `cuts`, then the FIN. */
function read(text: string, options: { cuts?: readonly number[]; isHead?: boolean } = {}): Read {
  const result: Read = { heads: [], body: '', calls: 0, fault: undefined, isDone: false, isFinished: false, keepsAlive: false, left: 0 }
  const parser = new ResponseParser()
  const sink = {
    onHead: (head: AnswerHead) => void result.heads.push(head),
    onBody: (chunk: Buffer) => {
      result.body += chunk.toString('latin1')
      result.calls++
    },
  }
  parser.start(sink, options.isHead ?? false)
  const all = Buffer.from(text, 'latin1')
  const edges = [0, ...(options.cuts ?? []), all.length].sort((a, b) => a - b)
  for (let index = 1; index < edges.length; index++) {
    // A buffer longer than the read, with stale bytes behind it, as on a socket.
    const piece = all.subarray(edges[index - 1], edges[index])
    const scratch = Buffer.concat([piece, Buffer.from('\r\n\r\nHTTP/1.1 200 OK\r\n\r\n0\r\n\r\n')])
    result.left += piece.length - parser.execute(scratch, piece.length)
  }
  result.isDone = parser.isDone
  result.isFinished = parser.isDone || parser.finish()
  result.fault = parser.fault
  result.keepsAlive = parser.keepsAlive
  return result
}

const everyByte = (text: string) => Array.from(text, (_, index) => index)
const sized = (body: string, headers = '') => `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`
const chunked = (body: string, headers = '') => `HTTP/1.1 200 OK\r\n${headers}Transfer-Encoding: chunked\r\n\r\n${body}`

describe('heads', () => {
  it('gives status and headers with lower-case names, trimmed values, and repeats', () => {
    const { heads } = read('HTTP/1.1 429 Too Many\r\nX-A:  1 \t\r\nx-a: 2\r\nEmpty:\r\nContent-Length: 0\r\n\r\n')
    expect(heads[0]?.status).toBe(429)
    expect(heads[0]?.headers).toEqual([
      ['x-a', '1'],
      ['x-a', '2'],
      ['empty', ''],
      ['content-length', '0'],
    ])
  })

  it.each([
    ['no reason phrase', 'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'],
    ['an empty reason phrase', 'HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n'],
    ['the same content-length twice', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n'],
    ['the same content-length in a list', 'HTTP/1.1 200 OK\r\ncontent-length: 0, 0\r\n\r\n'],
    ['no headers', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['latin1 in a value', 'HTTP/1.1 204 x\r\nx: caf\xe9\r\n\r\n'],
  ])('accepts %s', (_, text) => {
    expect(read(text)).toMatchObject({ fault: undefined, isDone: true })
  })

  it.each([
    ['garbage', 'SSH-2.0-OpenSSH\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status over 599', 'HTTP/1.1 600 OK\r\n\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n'],
    ['a line without a colon', 'HTTP/1.1 200 OK\r\nabc\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\na : b\r\n\r\n'],
    ['an empty name', 'HTTP/1.1 200 OK\r\n: b\r\n\r\n'],
    ['NUL in a value', 'HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n'],
    ['NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n'],
    ['bare LFs only', 'HTTP/1.1 200 OK\na: b\n\n'],
    ['a bare CR', 'HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n'],
    ['both lengths', chunked('0\r\n\r\n', 'Content-Length: 5\r\n')],
    ['both lengths, the other way round', sized('hello', 'Transfer-Encoding: chunked\r\n')],
    ['different content-lengths', sized('hello', 'Content-Length: 6\r\n')],
    ['different content-lengths in a list', 'HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\nhello'],
    ['a negative content-length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    ['a hexadecimal content-length', 'HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\nhello'],
    ['an empty content-length', 'HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n'],
    ['an overflowing content-length', `HTTP/1.1 200 OK\r\ncontent-length: ${'9'.repeat(16)}\r\n\r\n`],
    ['another transfer-encoding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunked twice', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['transfer-encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching\r\n\r\n'],
  ])('refuses %s, whole and byte by byte', (_, text) => {
    const whole = read(text)
    expect(whole.fault).toEqual(expect.any(String))
    expect(whole.heads).toEqual([])
    expect(read(text, { cuts: everyByte(text) }).fault).toEqual(expect.any(String))
  })

  it('refuses garbage at its first bytes, without waiting for the end of a head', () => {
    expect(read('X').fault).toEqual(expect.any(String))
    expect(read('HTTP/1.').fault).toBeUndefined()
  })

  it('takes a head of 64 KB and refuses a longer one, also when it comes in pieces or never ends', () => {
    const headOf = (size: number) => {
      const frame = 'HTTP/1.1 204 x\r\na: \r\n\r\n'
      return frame.replace('a: ', `a: ${'v'.repeat(size - frame.length)}`)
    }
    expect(read(headOf(65_536))).toMatchObject({ fault: undefined, isDone: true })
    expect(read(headOf(65_537)).fault).toContain('64 KB')
    expect(read(headOf(65_537), { cuts: [10, 5000, 65_535] }).fault).toContain('64 KB')
    expect(read(`HTTP/1.1 200 ${'x'.repeat(70_000)}`).fault).toContain('64 KB')
  })

  it('skips interim answers, and refuses a flood of them', () => {
    const interim = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
    const some = read(`HTTP/1.1 100 Continue\r\n\r\n${interim}${sized('hello')}`)
    expect(some).toMatchObject({ body: 'hello', fault: undefined, isDone: true })
    expect(some.heads).toHaveLength(1)
    expect(read(interim.repeat(11) + sized('hello')).fault).toContain('interim')
  })
})

describe('bodies', () => {
  it('delivers a sized body uncopied and stops at its end', () => {
    expect(read(`${sized('hello')}rest`)).toMatchObject({ body: 'hello', calls: 1, isDone: true, left: 4 })
  })

  it.each([204, 304])('expects no body for %i', (status) => {
    const text = `HTTP/1.1 ${status} x\r\ncontent-length: 5\r\n\r\n`
    expect(read(text)).toMatchObject({ body: '', isDone: true, fault: undefined })
  })

  it('expects no body for HEAD, whatever the lengths say', () => {
    expect(read('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { isHead: true })).toMatchObject({
      body: '',
      isDone: true,
      keepsAlive: true,
    })
    expect(read('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', { isHead: true })).toMatchObject({ isDone: true })
  })

  it('reads to the FIN without any length, and does not keep the connection', () => {
    expect(read('HTTP/1.1 200 OK\r\n\r\nhello')).toMatchObject({ body: 'hello', isDone: false, isFinished: true, keepsAlive: false })
  })

  it('does not take a FIN inside a sized or chunked body, or before one, for an end', () => {
    for (const text of [
      '',
      'HTTP/1.1 200 OK\r\nconten',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello',
      chunked('5\r\nhello\r\n'),
      chunked('5\r\nhello\r\n0\r\n'),
    ]) {
      expect(read(text).isFinished).toBe(false)
    }
  })

  it('merges the chunks of one read into one delivery', () => {
    expect(read(chunked(`${'5\r\nhello\r\n'.repeat(50)}0\r\n\r\n`))).toMatchObject({ body: 'hello'.repeat(50), calls: 1, isDone: true })
  })

  it('skips chunk extensions and trailers', () => {
    const text = chunked('5;name="v"\r\nhello\r\n00A ; x\r\n0123456789\r\n0;last\r\nExpires: never\r\nx: y\r\n\r\n')
    expect(read(text)).toMatchObject({ body: 'hello0123456789', isDone: true, fault: undefined, left: 0 })
  })

  it.each([
    ['an empty size', '\r\nhello\r\n'],
    ['a size that is no number', 'zz\r\nhello\r\n'],
    ['a negative size', '-5\r\nhello\r\n'],
    ['a prefix 0x', '0x5\r\nhello\r\n'],
    ['an overflowing size', 'ffffffffffffffff\r\nhello\r\n'],
    ['a padded size', '00000000000005\r\nhello\r\n'],
    ['a bare LF after the size', '5\nhello\r\n'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['more data than the size says', '4\r\nhello\r\n'],
    ['less data than the size says', '6\r\nhello\r\n0\r\n\r\n'],
    ['NUL in an extension', '5;\0\r\nhello\r\n'],
    ['a bare LF in an extension', '5;a\nb\r\nhello\r\n'],
    ['endless extensions', `5;${'a'.repeat(5000)}`],
    ['endless trailers', `0\r\n${'a: b\r\n'.repeat(5000)}`],
    ['a bare LF after a trailer', '0\r\na: b\n\r\n'],
  ])('refuses %s', (_, body) => {
    expect(read(chunked(body)).fault).toEqual(expect.any(String))
    expect(read(chunked(body), { cuts: everyByte(chunked(body)) }).fault).toEqual(expect.any(String))
  })
})

describe('connections', () => {
  it.each([
    ['HTTP/1.1', '', true],
    ['HTTP/1.1', 'Connection: close\r\n', false],
    ['HTTP/1.1', 'Connection: Keep-Alive\r\n', true],
    ['HTTP/1.1', 'Connection: foo, Close\r\n', false],
    ['HTTP/1.0', '', false],
    ['HTTP/1.0', 'Connection: keep-alive\r\n', true],
  ])('%s with %j keeps the connection: %s', (version, header, keeps) => {
    expect(read(`${version} 200 OK\r\n${header}content-length: 0\r\n\r\n`).keepsAlive).toBe(keeps)
  })

  it('starts afresh after an answer that was given up in its head', () => {
    const parser = new ResponseParser()
    const heads: AnswerHead[] = []
    const sink = { onHead: (head: AnswerHead) => void heads.push(head), onBody: () => {} }
    parser.start(sink, false)
    parser.execute(Buffer.from('HTTP/1.1 200 O'), 14)
    parser.stop()
    parser.start(sink, false)
    const text = Buffer.from(sized('hello'))
    parser.execute(text, text.length)
    expect(parser.isDone).toBe(true)
    expect(heads).toHaveLength(1)
  })
})

const token = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/)
  .filter((name) => !/^(connection|keep-alive|transfer-encoding)$|^content/i.test(name))
const value = fc.stringMatching(/^[!-~\x80-\xff]([ -~\x80-\xff]{0,30}[!-~\x80-\xff])?$/)
const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const size = (length: number, zeros: number) => '0'.repeat(zeros) + length.toString(16)
const chunks = fc.array(
  fc.tuple(
    body.filter((text) => text.length > 0),
    fc.nat(3),
    fc.constantFrom('', ';a', ';a="b"', ' ;x'),
  ),
  { maxLength: 8 },
)
const answer = fc
  .tuple(
    fc.constantFrom('', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n'),
    fc.constantFrom(200, 201, 204, 304, 400, 429, 529),
    fc.array(fc.tuple(token, value), { maxLength: 6 }),
    fc.oneof(
      body.map((text) => ({ header: `content-length: ${text.length}\r\n`, wire: text, body: text })),
      body.map((text) => ({ header: '', wire: text, body: text })),
      fc.tuple(chunks, fc.constantFrom('', 'x-trailer: 1\r\n')).map(([list, trailer]) => ({
        header: 'Transfer-Encoding: chunked\r\n',
        wire: `${list.map(([text, zeros, extension]) => `${size(text.length, zeros)}${extension}\r\n${text}\r\n`).join('')}0\r\n${trailer}\r\n`,
        body: list.map(([text]) => text).join(''),
      })),
    ),
  )
  .map(([interim, status, headers, content]) => {
    const hasBody = status !== 204 && status !== 304
    const lines = headers.map(([name, text]) => `${name}: ${text}\r\n`).join('')
    const text = `${interim}HTTP/1.1 ${status} Reason\r\n${lines}${content.header}\r\n${hasBody ? content.wire : ''}`
    return { text, status, headers, body: hasBody ? content.body : '' }
  })

describe('any answer', () => {
  it('is read the same however it is split', () => {
    fc.assert(
      fc.property(answer, fc.array(fc.nat(2000), { maxLength: 12 }), (one, cuts) => {
        const whole = read(one.text)
        expect(whole).toMatchObject({ fault: undefined, isFinished: true, body: one.body, left: 0 })
        expect(whole.heads[0]?.headers.slice(0, one.headers.length)).toEqual(one.headers.map(([name, text]) => [name.toLowerCase(), text]))
        const split = read(one.text, { cuts: cuts.map((cut) => cut % (one.text.length + 1)) })
        expect({ ...split, calls: 0 }).toEqual({ ...whole, calls: 0 })
      }),
      { numRuns: 500 },
    )
  })

  it('is read the same byte by byte', () => {
    fc.assert(
      fc.property(answer, (one) => {
        expect({ ...read(one.text, { cuts: everyByte(one.text) }), calls: 0 }).toEqual({ ...read(one.text), calls: 0 })
      }),
      { numRuns: 50 },
    )
  })

  it('never throws or stalls when bytes of it are changed', () => {
    const mutation = fc.tuple(
      fc.nat(2000),
      fc.oneof(fc.nat(255), fc.constantFrom(0, 10, 13, 32, 58, 59)),
      fc.constantFrom('set', 'insert', 'delete'),
    )
    fc.assert(
      fc.property(
        answer,
        fc.array(mutation, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(2000), { maxLength: 4 }),
        (one, mutations, cuts) => {
          const bytes = [...Buffer.from(one.text, 'latin1')]
          for (const [at, byte, kind] of mutations)
            bytes.splice(at % (bytes.length + 1), kind === 'insert' ? 0 : 1, ...(kind === 'delete' ? [] : [byte]))
          const text = Buffer.from(bytes).toString('latin1')
          const result = read(text, { cuts: cuts.map((cut) => cut % (text.length + 1)) })
          if (result.fault === undefined && !result.isDone) expect(result.left).toBe(0)
          expect(result.heads.length).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 1500 },
    )
  })
})
