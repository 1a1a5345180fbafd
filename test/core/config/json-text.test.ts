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

test('tells of a name that appears twice, wherever it is, and reads the rest', () => {
  const names = fc.constantFrom('a', 'a:b', '"', '\\', '\\":', 'é', '')
  fc.assert(
    fc.property(fc.array(names, { maxLength: 5 }), names, fc.jsonValue(), (path, twice, value) => {
      fc.pre(!JSON.stringify(value).includes('"__proto__"'))
      const name = JSON.stringify(twice)
      const escaped = twice === 'a' ? '"\\u0061"' : name
      const inner = `{${name}:1,"rest":${JSON.stringify(value)},${escaped}:{}}`
      const text = path.reduceRight((within, step) => `[{${JSON.stringify(step)}: ${within}}]`, inner)
      const read = parseJsonText(text)
      expect(read.problems).toEqual([expect.stringMatching(/: the name appears twice \(line 1, column \d+\)$/)])
      expect(read.value).toEqual(JSON.parse(text))
    }),
  )
  expect(parseJsonText('{"a":{"__proto__":{"b":1}}}')).toEqual({ value: { a: {} }, problems: ['a.__proto__: unknown key'] })
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
  for (const text of ['['.repeat(100_000), '['.repeat(100_000) + ']'.repeat(100_000)])
    expect(parseJsonText(text).problems[0]).toContain('nested more than 100 deep')
})
