import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../../bench/target.ts'
import { MongoConfigStore } from '../../../plugins/mongo/config-store.ts'
import { connectionOf, createClient, openConnection } from '../../../plugins/mongo/connection.ts'
import { mongoDriver } from '../../../plugins/mongo/index.ts'
import { logStoreConformance } from '../../conformance/log-store.ts'
import { COLLECTIONS, configStoreConformance } from '../../conformance/store.ts'
import { keyValueConformance } from '../../conformance/store-values.ts'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { openedConfig, openedKeyValue, openedLogs } from '../../helpers/stores.ts'

if (MONGO_ENGINES.length === 0) test.skip(NO_MONGO, () => {})

describe.each(MONGO_ENGINES)('by %s', (engine) => {
  let server: MongoServer
  beforeAll(async () => {
    server = await startMongo(engine)
  }, MONGO_START_MS)
  afterAll(() => server?.end())

  configStoreConformance({
    name: 'MongoDB',
    isAtomic: engine !== 'ferretdb',
    async newPlace() {
      const db_name = `test_${randomUUID()}`
      let now = Date.now()
      return {
        open: () => openedConfig(mongoDriver, { url: server.url, db_name }, { collections: COLLECTIONS, now: () => now }),
        pass(ms) {
          now += ms
        },
      }
    },
  })

  keyValueConformance({
    name: 'MongoDB',
    isAtomic: engine !== 'ferretdb',
    async newPlace() {
      const db_name = `test_${randomUUID()}`
      let now = Date.now()
      return {
        open: () => openedKeyValue(mongoDriver, { url: server.url, db_name }, { now: () => now }),
        async pass(ms) {
          now += ms
        },
        shortMs: 1000,
      }
    },
  })

  logStoreConformance({
    name: 'MongoDB',
    isAtomic: engine !== 'ferretdb',
    async newPlace() {
      const db_name = `test_${randomUUID()}`
      return { open: () => openedLogs(mongoDriver, { url: server.url, db_name }) }
    },
  })

  test('a write that took so long that readers gave its number up takes another', async () => {
    const connection = openConnection({ url: server.url, db_name: `test_${randomUUID()}` })
    const store = new MongoConfigStore(connection, { collections: COLLECTIONS, now: Date.now, lateMs: 0 })
    const written = await store.write('things', 'a', {}, { version: 0 })
    expect(written).toMatchObject({ version: 1, change: 2 })
    expect(await store.changesSince(1)).toEqual([written])
    expect(await store.write('things', 'a', { again: true }, written)).toMatchObject({ version: 2, change: 4 })
    await store.close()
  })

  test('a client that gets no answer any more is replaced by another', async () => {
    const urls = [`mongodb://127.0.0.1:${await freePort()}/`, server.url]
    const connection = connectionOf(() => createClient(urls.shift() ?? ''), 'test', 0)
    await expect(connection.ping()).rejects.toMatchObject({ fault: 'unavailable' })
    await connection.ping()
    await connection.close()
    expect(urls).toEqual([])
  })

  test('a body is a text to the server, and nothing in it is a name or an operator', async () => {
    const db_name = `test_${randomUUID()}`
    const store = await openedConfig(mongoDriver, { url: server.url, db_name }, { collections: COLLECTIONS })
    await store.write('people', '$where', { name: '$ne', $set: { 'a.b': 1 } }, { version: 0 })
    await store.close()
    const client = createClient(server.url)
    const [entry] = await client.db(db_name).collection('bifrost_people').find().toArray()
    await client.close()
    expect(entry).toMatchObject({ _id: '$where', body: '{"name":"$ne","$set":{"a.b":1}}', unique: { name: '"$ne"' } })
  })
})
