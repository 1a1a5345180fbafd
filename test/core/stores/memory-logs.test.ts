import { expect, test } from 'vitest'
import { memoryLogStore } from '../../../core/stores/memory-logs.ts'
import { record } from '../../conformance/log-kit.ts'
import { logStoreConformance } from '../../conformance/log-store.ts'

logStoreConformance({
  name: 'memory',
  isKept: false,
  async newPlace() {
    const store = memoryLogStore()
    return { open: async () => store }
  },
})

test('memory holds so many records and so much text, and forgets the oldest to come', async () => {
  const few = memoryLogStore({ mostRecords: 3 })
  await few.append(['a', 'b', 'c', 'd', 'e'].map((id, index) => record(id, -index)))
  expect((await few.find({ limit: 10 })).map(({ id }) => id)).toEqual(['c', 'd', 'e'])
  const small = memoryLogStore({ mostText: 100 })
  const text = (letter: string) => `"${letter.repeat(38)}"`
  await small.append([record('a', 0, { body: text('a') }), record('b', 1, { body: text('b') })])
  await small.append([record('b', 1, { body: text('c') })])
  expect((await small.find({ limit: 10 })).map(({ id }) => id)).toEqual(['b', 'a'])
  await small.append([record('d', 2, { body: text('d') })])
  expect((await small.find({ limit: 10 })).map(({ id }) => id)).toEqual(['d', 'b'])
  expect((await small.get('b'))?.body).toBe(text('c'))
})
