import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseExact, parseFaithfully } from '../../../core/canonical/json.ts'

test('numbers that a double would change keep their text, wherever they stand and however long they are', () => {
  const digits = fc.integer({ min: 1, max: 40 }).chain((length) => fc.stringMatching(new RegExp(`^[1-9][0-9]{${length - 1}}$`)))
  const exponents = fc.tuple(digits, fc.constantFrom('e', 'E', 'e+', 'E-'), fc.integer({ min: 0, max: 400 })).map((parts) => parts.join(''))
  const fractions = fc.tuple(digits, digits).map((parts) => parts.join('.'))
  fc.assert(
    fc.property(fc.string(), fc.array(fc.oneof(digits, exponents, fractions), { maxLength: 5 }), (before, numbers) => {
      const text = `{${JSON.stringify(before)}:[${numbers.join(',')}]}`
      expect(JSON.stringify(parseFaithfully(text))).toBe(JSON.stringify(parseExact(text)))
    }),
    { numRuns: 500 },
  )
})

test('a run of sixteen digits is seen from every offset', () => {
  for (let offset = 0; offset < 40; offset++) {
    const text = `${' '.repeat(offset)}[9007199254740993]`
    expect(JSON.stringify(parseFaithfully(text))).toBe('[9007199254740993]')
  }
})
