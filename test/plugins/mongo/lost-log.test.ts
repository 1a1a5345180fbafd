import { setTimeout as wait } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { LogQueue } from '../../../core/stores/log-queue.ts'
import { mongoDriver } from '../../../plugins/mongo/index.ts'
import { record } from '../../conformance/log-kit.ts'
import { MONGO_ENGINES, MONGO_START_MS, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { memoryLog } from '../../helpers/plugins.ts'
import { openedLogs } from '../../helpers/stores.ts'

const owned = MONGO_ENGINES.filter((engine) => engine !== 'url')

if (owned.length === 0) test.skip(NO_MONGO, () => {})

describe.each(owned)('a lost server (%s)', (engine) => {
  // The first start of an engine builds it, which may take minutes: not within a test's time.
  beforeAll(async () => (await startMongo(engine)).end(), MONGO_START_MS)

  test('that is killed while a log is written and started again: the queue sends again, and each record is kept once in its last state', async () => {
    const server = await startMongo(engine)
    onTestFinished(() => server.end())
    const store = await openedLogs(mongoDriver, { url: server.url, db_name: 'test' })
    onTestFinished(() => store.close())
    const sent = { count: 0, failures: 0 }
    const queue = new LogQueue({
      async append(records) {
        await store.append(records).catch((error) => {
          sent.failures++
          throw error
        })
        sent.count += records.length
      },
      log: memoryLog(),
      now: () => performance.now(),
      pause: (ms, signal) => wait(ms, undefined, { signal }),
    })
    let added = 0
    const addTo = (end: number) => {
      for (; added < end; added++) {
        queue.add(record(String(added), added, { status: 'processing', body: '"begun"' }))
        queue.add(record(String(added), added, { body: '"ended"' }))
      }
    }
    addTo(150)
    await expect.poll(() => sent.count, { timeout: 20_000 }).toBe(300)
    await server.kill?.()
    addTo(300)
    await expect.poll(() => sent.failures, { timeout: 20_000 }).toBeGreaterThan(0)
    await server.start()
    addTo(350)
    await expect.poll(() => sent.count, { timeout: 40_000 }).toBe(700)
    expect(await store.summarize({ by: ['status'] })).toEqual([{ at: undefined, by: ['success'], requests: 350, sums: {} }])
    expect(await store.get('200')).toMatchObject({ status: 'success', body: '"ended"' })
    await queue.close()
    expect(queue.dropped).toBe(0)
  }, 90_000)
})
