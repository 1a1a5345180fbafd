import { expect, test } from 'vitest'
import { memoryConfigStore, memoryNotices } from '../../../core/stores/memory.ts'
import { memoryKeyValue } from '../../../core/stores/memory-values.ts'
import { COLLECTIONS, configStoreConformance } from '../../conformance/store.ts'
import { keyValueConformance, noticesConformance } from '../../conformance/store-values.ts'

configStoreConformance({
  name: 'memory',
  isKept: false,
  async newPlace() {
    let now = Date.now()
    const store = memoryConfigStore({ collections: COLLECTIONS, now: () => now })
    return {
      open: async () => store,
      pass(ms) {
        now += ms
      },
    }
  },
})

keyValueConformance({
  name: 'memory',
  async newPlace() {
    let now = Date.now()
    const store = memoryKeyValue(() => now)
    return {
      open: async () => store,
      async pass(ms) {
        now += ms
      },
      shortMs: 1000,
    }
  },
})

noticesConformance({
  name: 'memory',
  async newPlace() {
    const notices = memoryNotices()
    return async () => notices
  },
})

test('a key-value store in memory is full one day, and then refuses new keys and nothing else', async () => {
  let now = 0
  const store = memoryKeyValue(() => now)
  const large = 'x'.repeat(1024 * 1024)
  await store.set('small', 'x', 10)
  let count = 0
  const fill = async () => {
    for (;;) await store.set(`key ${count++}`, large, 1000)
  }
  await expect(fill()).rejects.toMatchObject({ fault: 'unavailable' })
  await store.set('small', 'y', 10)
  await store.set('key 0', large, 1000)
  now = 2000
  await store.set('another', large, 1000)
  expect(await store.get('key 0')).toBeUndefined()
})
