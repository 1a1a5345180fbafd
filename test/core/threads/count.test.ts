import { expect, it } from 'vitest'
import { threadCount } from '../../../core/threads/count.ts'

it.each([
  ['auto', 1, 1],
  ['auto', 2, 1],
  ['auto', 4, 3],
  ['auto', 64, 8],
  [5, 2, 5],
] as const)('%s on %i cores: %i data threads', (threads, cores, expected) => {
  expect(threadCount(threads, cores)).toBe(expected)
})
