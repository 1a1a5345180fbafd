import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJsonText } from '../../../core/config/json-text.ts'

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      fc.pre(!text.includes('"__proto__"'))
      expect(parseJsonText(text)).toEqual({ value: JSON.parse(text), problems: [] })
    }),
  )
})

test('refuses what JSON.parse refuses, without quoting it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]:,"\\u0a1.-e truefalsn\n'), maxLength: 12 }), (text) => {
      let isValid = true
      try {
        JSON.parse(text)
      } catch {
        isValid = false
      }
      const { value, problems } = parseJsonText(text)
      expect(value !== undefined).toBe(isValid)
      if (!isValid) expect(problems[0]).toMatch(/^line \d+, column \d+: /)
    }),
    { numRuns: 2000 },
  )
})

test('a byte order mark is no part of the text', () => {
  expect(parseJsonText('\ufeff{}')).toEqual({ value: {}, problems: [] })
})

test('deep nesting is refused, not a broken stack', () => {
  expect(parseJsonText('['.repeat(100_000)).problems[0]).toContain('nested more than 100 deep')
})
