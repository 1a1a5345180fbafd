// A store thread whose store misbehaves on request. Entry of a thread, as transports/main.ts is.
import { z } from 'zod'
import { memoryConfigStore, memoryNotices } from '../../core/stores/memory.ts'
import { defineStoreDriver } from '../../core/stores/stores.ts'
import { receiveStart } from '../../core/threads/spawn.ts'
import { runStoreThread } from '../../core/threads/store.ts'
import { memoryLog } from './plugins.ts'

let opened = 0

const fragile = defineStoreDriver({
  type: 'fragile',
  config: z.strictObject({ failures: z.number() }),
  async openConfig({ failures }, context) {
    if (opened++ < failures) throw new Error(`failure ${opened}`)
    const store = memoryConfigStore(context)
    return {
      ...store,
      latestChange: () => store.latestChange(),
      write: (...args) => store.write(...args),
      /** `exit` ends the thread, `hang` blocks it, `never` is never answered, anything else fails in a way that no store should. */
      read(_, id) {
        if (id === 'exit') process.exit(1)
        if (id === 'hang') for (;;) Math.random()
        return id === 'never' ? new Promise(() => {}) : Promise.reject(new TypeError('broken'))
      },
    }
  },
  openNotices: async () => memoryNotices(),
})

runStoreThread({ start: await receiveStart('store'), log: memoryLog() as never, drivers: [fragile] })
