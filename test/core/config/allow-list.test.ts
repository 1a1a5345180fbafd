import { expect, test } from 'vitest'
import { allowList, allows, toAllowList } from '../../../core/config/allow-list.ts'

test.each([
  [[], 'a', false],
  [['*'], 'a', true],
  [['a', 'b'], 'a', true],
  [['a', 'b'], 'c', false],
])('%j allows %s: %s', (names, name, expected) => {
  expect(allowList().parse(names).allows(name)).toBe(expected)
  expect(allows(toAllowList(names), name)).toBe(expected)
})

test.each([[['*', 'a']], [['a', 'a']], [['*', '*']], [['']], ['a'], [[1]]])('%j is refused', (names) => {
  expect(allowList().safeParse(names).success).toBe(false)
})
