import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { LogStore } from '../../../core/stores/stores.ts'
import { mongoDriver } from '../../../plugins/mongo/index.ts'
import { sqliteDriver } from '../../../plugins/sqlite/index.ts'
import { record } from '../../conformance/log-kit.ts'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { dataFolder, type StoreGateway, storeGateway, until } from '../../helpers/store-gateway.ts'
import { openedLogs } from '../../helpers/stores.ts'

const DAY_MS = 86_400_000
const PATIENCE_MS = 60_000
/** No answer may take longer. Milliseconds. */
const NO_HANG_MS = 10_000

let gateway: StoreGateway | undefined
let data: ReturnType<typeof dataFolder> | undefined

afterEach(async () => {
  await gateway?.end()
  gateway = undefined
  data?.remove()
})

/** A folder whose gateway serves the demo provider and keeps a log. */
function folderWithLogs(logs: object, client: object = {}): string {
  data = dataFolder({ 'config.json': { client, providers: { demo: {} }, logs_store: { enabled: true, ...logs } } })
  return data.folder
}

const health = async () => (await gateway?.api('GET /health'))?.body
const served = async () => (await gateway?.chat('demo/hello'))?.status
const old = (days: number) => ({ ...record(`${days} days`), timestamp: Date.now() - days * DAY_MS })

async function idsIn(store: LogStore): Promise<string[]> {
  return (await store.find({ limit: 1000 })).map(({ id }) => id)
}

describe('the log of requests', () => {
  test('has a file of its own, is told by health, and keeps to client.log_retention_days before its own', async () => {
    const folder = folderWithLogs({ type: 'sqlite', retention_days: 100 }, { log_retention_days: 7 })
    const store = await openedLogs(sqliteDriver, {}, { folder })
    await store.append([1, 6, 8, 99, 400].map(old))
    gateway = await storeGateway(folder)
    expect(await health()).toEqual({ status: 'ok', components: { db_pings: 'disabled', log_pings: 'ok' } })
    expect((await gateway.api('GET /api/config')).body).toMatchObject({ is_logs_connected: true })
    await gateway.waitFor(/old records of the log were removed/)
    expect(await idsIn(store)).toEqual(['1 days', '6 days'])
    await store.close()
    await gateway.stop()
    expect(await gateway.exited).toBe(0)
  })

  test('keeps to its own retention where the client says none', async () => {
    const folder = folderWithLogs({ type: 'sqlite', retention_days: 50, config: { path: 'log/of-requests.db' } })
    const store = await openedLogs(sqliteDriver, { path: 'log/of-requests.db' }, { folder })
    await store.append([49, 51].map(old))
    gateway = await storeGateway(folder)
    await gateway.waitFor(/old records of the log were removed/)
    expect(await idsIn(store)).toEqual(['49 days'])
    await store.close()
    expect(existsSync(join(folder, 'bifrost-logs.db'))).toBe(false)
  })

  test('that cannot be opened keeps no gateway from serving, and is there once it can', async () => {
    const folder = folderWithLogs({ type: 'sqlite' })
    mkdirSync(join(folder, 'bifrost-logs.db'))
    gateway = await storeGateway(folder)
    expect(await served()).toBe(200)
    expect(await gateway.api('GET /health')).toMatchObject({ status: 200, body: { status: 'ok', components: { log_pings: 'failed' } } })
    rmdirSync(join(folder, 'bifrost-logs.db'))
    await until(health, (body) => body.components.log_pings === 'ok')
  })

  test('is left out of health where stores are', async () => {
    gateway = await storeGateway(folderWithLogs({ type: 'memory' }, { disable_db_pings_in_health: true }))
    expect(await health()).toEqual({ status: 'ok', components: { db_pings: 'disabled' } })
  })

  test('is not there unless it is asked for', async () => {
    data = dataFolder({ 'config.json': { providers: { demo: {} } } })
    gateway = await storeGateway(data.folder)
    expect(await health()).toEqual({ status: 'ok', components: { db_pings: 'disabled' } })
    expect((await gateway.api('GET /api/config')).body).toMatchObject({ is_logs_connected: false })
    expect(existsSync(join(data.folder, 'bifrost-logs.db'))).toBe(false)
  })
})

const [ENGINE = NO_MONGO] = MONGO_ENGINES

describe.skipIf(MONGO_ENGINES.length === 0)(`the log of requests in MongoDB (${ENGINE})`, () => {
  let mongo: MongoServer
  beforeAll(async () => {
    mongo = await startMongo(ENGINE)
  }, MONGO_START_MS)
  afterAll(() => mongo?.end())

  test.skipIf(ENGINE === 'url')(
    'down at the start, and later one that hangs: requests are served, health tells, it comes back and is swept by itself',
    async () => {
      const config = { url: mongo.url, db_name: `logs-${process.pid}` }
      const store = await openedLogs(mongoDriver, config)
      await store.append([1, 400].map(old))
      await mongo.kill?.()
      const folder = folderWithLogs({ type: 'mongodb', config })
      gateway = await storeGateway(folder)
      expect(await served()).toBe(200)
      expect(await gateway.api('GET /health')).toMatchObject({ status: 200, body: { components: { log_pings: 'failed' } } })
      await gateway.waitFor(/old records of the log could not be removed/)
      await mongo.start()
      await until(health, (body) => body.components.log_pings === 'ok', PATIENCE_MS)
      await mongo.signal('SIGSTOP')
      const from = performance.now()
      expect([await served(), (await health()).components.log_pings]).toEqual([200, 'failed'])
      expect(performance.now() - from).toBeLessThan(NO_HANG_MS)
      await mongo.signal('SIGCONT')
      await until(health, (body) => body.components.log_pings === 'ok', PATIENCE_MS)
      await gateway.end()
      gateway = await storeGateway(folder)
      await gateway.waitFor(/old records of the log were removed/)
      expect(await idsIn(store)).toEqual(['1 days'])
      await store.close()
    },
    PATIENCE_MS,
  )
})
