import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../core/errors.ts'
import { MAX_DEPTH, type Scan, scan } from '../../core/scan.ts'

const scanText = (text: string): Scan => scan(Buffer.from(text))

function failure(body: Buffer | string): GatewayError {
  try {
    scan(Buffer.from(body)).parse()
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError)
    return error as GatewayError
  }
  throw new Error(`accepted: ${body.toString().slice(0, 100)}`)
}

/** Strings that look like JSON's own signs, or hide behind escapes. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\\"', '{', '}', '[', ']', ',', ':', '\u2028', '\u0000', '\ufeff', 'Zürich', '👩‍👩‍👧‍👦', '"}', '\\\\"'),
  fc.array(fc.constantFrom('"', '\\', 'x'), { minLength: 40, maxLength: 120 }).map((signs) => signs.join('')),
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  object: fc.dictionary(text, tie('any'), { maxKeys: 4 }),
})).any
const body = fc.dictionary(
  text.filter((name) => name !== '__proto__'),
  value,
  { maxKeys: 6 },
)
const layout = fc.constantFrom(0, 1, 2, '\t', ' \n')

/** The same JSON with every character of its strings escaped. */
function escaped(json: string): string {
  return json.replaceAll(/"((?:[^"\\]|\\.)*)"/g, (quoted) => {
    const inner = JSON.parse(quoted) as string
    return `"${Array.from({ length: inner.length }, (_, at) => `\\u${inner.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
  })
}

describe('a valid object', () => {
  test('parses as JSON.parse parses it, whatever its layout', () => {
    fc.assert(
      fc.property(body, layout, (object, indent) => {
        const json = JSON.stringify(object, null, indent)
        // Compared as text: large integers are kept as their source.
        expect(JSON.stringify(scanText(`\r\n ${json}\t `).parse())).toBe(JSON.stringify(JSON.parse(json)))
      }),
    )
  })

  test('has a span for each field, which points at its value and knows its unescaped name', () => {
    fc.assert(
      fc.property(body, layout, fc.boolean(), (object, indent, isEscaped) => {
        const plain = JSON.stringify(object, null, indent)
        const found = scanText(isEscaped ? escaped(plain) : plain)
        const expected = JSON.parse(plain) as Record<string, unknown>
        expect([...found.spans.keys()].sort()).toEqual(Object.keys(expected).sort())
        for (const [name, { keyStart, start, end }] of found.spans) {
          expect(found.bytes[keyStart]).toBe(0x22)
          expect(JSON.parse(found.bytes.toString('utf8', start, end))).toEqual(expected[name])
          expect(found.value(name)).toEqual(expected[name])
        }
        expect(found.value('not there \u0000')).toBeUndefined()
      }),
    )
  })

  test('ends at its last brace, where a field can be spliced in', () => {
    const found = scanText(' {"a": {"b": 1} } \n')
    expect(found.close).toBe(' {"a": {"b": 1} '.length)
    expect(scanText('{}').spans.size).toBe(0)
  })

  test('is accepted exactly where JSON.parse accepts it and it is an object with each field once', () => {
    const signs = fc.array(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', '1', '-', '.', 'e', '0', ' ', 'true', 'null', '"a"', '"b":'),
      { maxLength: 14 },
    )
    fc.assert(
      fc.property(signs, (pieces) => {
        const json = `{${pieces.join('')}`
        expect(isAccepted(() => scanText(json).parse())).toBe(isAccepted(() => JSON.parse(json)) && !hasDouble(json))
      }),
      { numRuns: 2000 },
    )
  })
})

function isAccepted(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

function hasDouble(json: string): boolean {
  const names = scanNames(json)
  return new Set(names).size !== names.length
}

/** Names at the top of a valid object, doubles included. */
function scanNames(json: string): string[] {
  const names: string[] = []
  let depth = 0
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && token.endsWith(':')) names.push(JSON.parse(token.slice(0, -1)) as string)
  }
  return names
}

describe('numbers', () => {
  test.each(['12345678901234567890', '9007199254740993', '-9007199254740993', '1e400', '123456789012345678901234567890'])(
    'below the top keep their own text: %s',
    (number) => {
      expect(JSON.stringify(scanText(`{"a":{"n":${number},"l":[${number}]}}`).parse())).toBe(`{"a":{"n":${number},"l":[${number}]}}`)
    },
  )

  test.each(['1.50', '1e2', '0.1', '-0.0', '100', '1E+2', '3.141592653589793238'])('that a double holds stay numbers: %s', (number) => {
    expect(scanText(`{"top":${number},"a":{"n":${number}}}`).parse()).toEqual({ top: Number(number), a: { n: Number(number) } })
  })

  test('at the top are numbers, since the gateway counts with them', () => {
    expect(scanText('{"seed":12345678901234567890}').parse()).toEqual({ seed: 12345678901234567000 })
  })

  test('the source text holds among strings full of digits', () => {
    const json = '{"a":["12345678901234567890",12345678901234567890,{"e":"1e400"}]}'
    expect(JSON.stringify(scanText(json).parse())).toBe(json)
  })
})

/** One of each kind of the invalid texts that JSONTestSuite collects (https://github.com/nst/JSONTestSuite), as a body or in a field. */
const INVALID = [
  '',
  ' ',
  '\ufeff{}',
  'null',
  '1',
  '"text"',
  '[]',
  '[{}]',
  '{',
  '}',
  '{}}',
  '{}{}',
  '{} x',
  '{},',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,"a":1}',
  '{"a":1,,"b":2}',
  '{"a":1 "b":2}',
  '{"a" 1}',
  '{"a"::1}',
  "{'a':1}",
  '{a:1}',
  '{1:1}',
  '{null:1}',
  '{"a":1]',
  '{"a":[1}',
  '{"a":[1,]}',
  '{"a":[,1]}',
  '{"a":[1 2]}',
  '{"a":[1:2]}',
  '{"a":[}',
  '{"a":{]}',
  '{"a":01}',
  '{"a":-01}',
  '{"a":-}',
  '{"a":+1}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":1e}',
  '{"a":1e+}',
  '{"a":0x1}',
  '{"a":1_000}',
  '{"a":NaN}',
  '{"a":Infinity}',
  '{"a":-Infinity}',
  '{"a":True}',
  '{"a":nul}',
  '{"a":nulll}',
  '{"a":undefined}',
  '{"a":"b}',
  '{"a":"b\\"}',
  '{"a":"\\x41"}',
  '{"a":"\\u12"}',
  '{"a":"\\u12g4"}',
  '{"a":"\n"}',
  '{"a":"\t"}',
  '{"a":"\u0000"}',
  '{"\\x":1}',
  '{"a":1/*c*/}',
  '{"a":1}//c',
  '{"a":\u00a01}',
  '{"a":1\u2028}',
  '{"a":\f1}',
  '{"a":"b" + "c"}',
  '{"a":(1)}',
]

describe('an invalid body', () => {
  test.each(INVALID.map((json) => [JSON.stringify(json), json]))('%s is GW_INVALID_JSON', (_, json) => {
    expect(failure(json)).toMatchObject({ code: 'GW_INVALID_JSON', status: 400 })
  })

  test.each([[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]])('bytes %s… are no UTF-8', (...bytes) => {
    const error = failure(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]))
    expect(error.message).toContain('UTF-8')
  })

  test('any text cut short', () => {
    fc.assert(
      fc.property(body, fc.nat(), (object, cut) => {
        const json = JSON.stringify(object)
        expect(isAccepted(() => scanText(json.slice(0, cut % json.length)).parse())).toBe(false)
      }),
    )
  })

  test('the error says where', () => {
    expect(failure('{"a":1 "b":2}').message).toContain('at byte 7')
  })
})

describe('nesting', () => {
  const nested = (depth: number, [open, close]: [string, string]): string => `{"a":${open.repeat(depth - 1)}0${close.repeat(depth - 1)}}`

  test.each<[string, [string, string]]>([
    ['lists', ['[', ']']],
    ['objects', ['{"b":', '}']],
  ])('of %s is accepted up to the limit and refused above it', (_, pair) => {
    expect(scanText(nested(MAX_DEPTH, pair)).parse()).toHaveProperty('a')
    expect(failure(nested(MAX_DEPTH + 1, pair)).message).toContain(String(MAX_DEPTH))
    expect(failure(nested(100_000, pair)).code).toBe('GW_INVALID_JSON')
  })

  test('in a string is no nesting', () => {
    expect(scanText(JSON.stringify({ a: '['.repeat(10_000) })).parse()).toHaveProperty('a')
  })

  test('a scan that failed leaves nothing behind for the next', () => {
    failure(`{"a":${'['.repeat(MAX_DEPTH + 10)}`)
    expect(scanText('{"a":[{}]}').parse()).toEqual({ a: [{}] })
  })
})

describe('a field twice', () => {
  test.each(['{"model":"a","model":"b"}', '{"model":"a","mod\\u0065l":"b"}', '{"\\u006dodel":1,"x":2,"model":3}', '{"":1,"":2}'])(
    'at the top is refused: %s',
    (json) => {
      expect(failure(json).message).toContain('duplicate field')
    },
  )

  test('below the top is the client’s own affair', () => {
    expect(scanText('{"a":{"b":1,"b":2}}').parse()).toEqual({ a: { b: 2 } })
  })

  test('names of Object’s own members are fields as all others', () => {
    const found = scanText('{"constructor":1,"__proto__":{"polluted":true},"toString":2}')
    expect(found.value('constructor')).toBe(1)
    expect(found.value('toString')).toBe(2)
    expect(Object.prototype).not.toHaveProperty('polluted')
    expect((found.parse() as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('a long body', () => {
  /** Bytes that the searches for quotes pass over, by how often each is passed. */
  function searched(text: string): number {
    const bytes = Buffer.from(text)
    let passed = 0
    bytes.indexOf = (wanted, from) => {
      const found = Buffer.prototype.indexOf.call(bytes, wanted, from as number)
      passed += (found < 0 ? bytes.length : found) - (from as number)
      return found
    }
    scan(bytes)
    return passed
  }

  test.each([
    ['escaped quotes', '\\"'],
    ['escaped backslashes', '\\\\'],
    ['backslashes before quotes, far apart', `${'x'.repeat(60)}\\"`],
    ['three backslashes and a quote', '\\\\\\"'],
  ])('of %s is searched once', (_, unit) => {
    const text = `{"a":"${unit.repeat(100_000 / unit.length)}"}`
    expect(searched(text)).toBeLessThanOrEqual(text.length)
  })

  test('ten megabytes of escaped quotes are one string', () => {
    const found = scan(Buffer.from(`{"a":"${'\\"'.repeat(5_000_000)}","b":1}`))
    expect([...found.spans.keys()]).toEqual(['a', 'b'])
    expect(found.value('b')).toBe(1)
  })

  test('ten megabytes of backslashes without an end are refused', () => {
    expect(failure(`{"a":"${'\\\\'.repeat(5_000_000)}`).message).toContain('does not end')
  })

  test('a number without end is refused, not read', () => {
    expect(failure(`{"a":${'1'.repeat(100_000)}}`).message).toContain('too long')
  })
})
