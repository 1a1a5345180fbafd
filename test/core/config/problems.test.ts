import { expect, test } from 'vitest'
import { nearest, pathText } from '../../../core/config/problems.ts'

test.each([
  [['providers', 'openai', 'keys', 0, 'modles'], 'providers.openai.keys[0].modles'],
  [['$schema'], '$schema'],
  [['providers', 'a.b', 'keys'], 'providers["a.b"].keys'],
  [[], ''],
])('%j is %s', (path, text) => {
  expect(pathText(path)).toBe(text)
})

test.each([
  ['modles', 'models'],
  ['Enabled', 'enabled'],
  ['x', undefined],
  ['completely_else', undefined],
])('nearest to %s is %s', (word, expected) => {
  expect(nearest(word, ['models', 'enabled', 'value'])).toBe(expected)
})
