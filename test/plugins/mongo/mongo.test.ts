import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { mongoDriver } from '../../../plugins/mongo/index.ts'
import { COLLECTIONS, configStoreConformance } from '../../conformance/store.ts'
import { keyValueConformance } from '../../conformance/store-values.ts'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { openedConfig, openedKeyValue } from '../../helpers/stores.ts'

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
})
