import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame } from '../../../core/format.ts'
import { jsonArray } from '../../../core/stream/framing-json.ts'

interface Read {
  data: string[]
  error: { code?: string } | undefined
}

/** Reads bytes in these pieces; the state is cloned before each. */
function read(pieces: readonly Uint8Array[]): Read {
  const result: Read = { data: [], error: undefined }
  const out = {
    push: ({ data }: Frame) => result.data.push(data),
    end() {},
    refuse(error: Error) {
      result.error ??= error as { code?: string }
    },
    wake() {},
  }
  let state = jsonArray.start()
  for (const piece of pieces) {
    if (result.error) break
    state = structuredClone(state)
    jsonArray.step(state, piece, out)
  }
  jsonArray.end(state, out, result.error as Error | undefined)
  return result
}

const bytes = (text: string): Buffer => Buffer.from(text)

describe('a stream that is a JSON array', () => {
  test.each([
    ['[{"a":1},{"b":[2,{"c":"}]"}]}]', ['{"a":1}', '{"b":[2,{"c":"}]"}]}']],
    ['[{"a":1}\n,\r\n{"b":"\\"}\\\\"}\n]\n', ['{"a":1}', '{"b":"\\"}\\\\"}']],
    ['  []  ', []],
    ['{"error":{"code":503}}', ['{"error":{"code":503}}']],
  ])('%s', (text, data) => {
    expect(read([bytes(text)])).toEqual({ data, error: undefined })
    expect(read([...bytes(text)].map((byte) => Uint8Array.of(byte)))).toEqual({ data, error: undefined })
  })

  test.each([
    ['', 'GW_UPSTREAM_INVALID'],
    ['[{"a":1},', 'GW_UPSTREAM_TRUNCATED'],
    ['[{"a":1}', 'GW_UPSTREAM_TRUNCATED'],
    ['[{"a":', 'GW_UPSTREAM_TRUNCATED'],
    ['{"a":', 'GW_UPSTREAM_INVALID'],
    ['[{"a":1}{"b":2}]', 'GW_UPSTREAM_INVALID'],
    ['[1,2]', 'GW_UPSTREAM_INVALID'],
    ['[,]', 'GW_UPSTREAM_INVALID'],
    ['[{"a":1}] {"b":2}', 'GW_UPSTREAM_INVALID'],
    ['{"a":1},{"b":2}', 'GW_UPSTREAM_INVALID'],
    ['<html>', 'GW_UPSTREAM_INVALID'],
  ])('%s is refused with %s', (text, code) => {
    expect(read([bytes(text)]).error).toMatchObject({ code })
  })

  test('an element that never ends is not gathered without bound', () => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    expect(read([bytes('[{"a":"'), ...Array.from({ length: 9 }, () => piece)]).error).toMatchObject({ code: 'GW_UPSTREAM_TOO_LARGE' })
  })

  test('any objects in any split come back', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 })
    fc.assert(
      fc.property(objects, fc.array(fc.nat({ max: 400 }), { maxLength: 12 }), fc.nat({ max: 2 }), (list, cuts, indent) => {
        const whole = bytes(JSON.stringify(list, null, indent))
        const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((one, other) => one - other), whole.length]
        const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end))
        const { data, error } = read(pieces)
        expect(error).toBeUndefined()
        expect(data.map((text) => JSON.parse(text) as unknown)).toEqual(JSON.parse(JSON.stringify(list)))
      }),
    )
  })
})
