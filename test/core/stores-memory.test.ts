import { memoryConfigStore } from '../../core/stores-memory.ts'
import { COLLECTIONS, configStoreConformance } from '../conformance/store.ts'

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
