import { randomUUID } from 'node:crypto'
import type { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MongoConfigStore } from '../../../plugins/mongo/config-store.ts'
import { connectionOf, createClient } from '../../../plugins/mongo/connection.ts'
import { MongoKeyValue } from '../../../plugins/mongo/key-value.ts'
import { COLLECTIONS } from '../../conformance/store.ts'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { type Query, queriesOf } from '../../helpers/mongo-queries.ts'

type Keys = readonly string[]

/**
 * Whether an index serves a query by itself: the filter's fields of one value come first in it, the sort goes on in its order, and a
 * range ends it. Every document that is read is then one that is wanted, or is found by its unique id.
 */
function isServed({ filter, sort }: Query, index: Keys): boolean {
  const isRange = (value: unknown) => typeof value === 'object' && value !== null
  const equal = Object.keys(filter).filter((field) => !isRange(filter[field]))
  const ranges = Object.keys(filter).filter((field) => isRange(filter[field]))
  if (index.length === 1 && index[0] === '_id') return '_id' in filter && Object.keys(sort).every((field) => field === '_id')
  const prefix = index.slice(0, equal.length)
  if (!equal.every((field) => prefix.includes(field))) return false
  const rest = index.slice(equal.length)
  const ordered = Object.keys(sort).filter((field) => !equal.includes(field))
  return ordered.every((field, place) => rest[place] === field) && ranges.every((field) => rest[0] === field)
}

if (MONGO_ENGINES.length === 0) test.skip(NO_MONGO, () => {})

describe.skipIf(MONGO_ENGINES.length === 0)('every query of MongoDB', () => {
  let server: MongoServer
  let client: MongoClient
  const queries: Query[] = []
  const indexes = new Map<string, Keys[]>()

  beforeAll(async () => {
    server = await startMongo(MONGO_ENGINES[0] ?? '')
    client = createClient(server.url, { monitorCommands: true })
    client.on('commandStarted', (event) => queries.push(...queriesOf(event)))
    const connection = connectionOf(() => client, `test_${randomUUID()}`)
    await useAll(connection)
    for (const { name } of await client.db(connection.name).listCollections().toArray()) {
      const list = await client.db(connection.name).collection(name).indexes()
      indexes.set(
        name,
        list.map(({ key }) => Object.keys(key as object)),
      )
    }
    await connection.close()
  }, MONGO_START_MS)
  afterAll(() => server?.end())

  test('is served by an index that was declared', () => {
    const bare = queries.filter((query) => !(indexes.get(query.collection) ?? []).some((index) => isServed(query, index)))
    expect(bare).toEqual([])
  })

  test('was seen: pages, changes, sweeps, unique fields, values', () => {
    const shapes = new Set(queries.map(({ filter, sort }) => [...Object.keys(filter), '|', ...Object.keys(sort)].join(' ')))
    expect([...shapes].toSorted()).toEqual(
      [
        '_id |',
        '_id expires_at |',
        '_id expires_at value count |',
        '_id expires_at value |',
        '_id removed at |',
        '_id version removed |',
        'change | change',
        'expires_at |',
        'removed _id | removed _id',
        'removed at | removed at',
        'removed | removed _id',
        'unique.name |',
      ].toSorted(),
    )
  })

  test('would be told where it has none', () => {
    const served = (filter: object, sort: object, index: Keys) => isServed({ collection: '', filter, sort } as Query, index)
    expect(served({ removed: true, at: { $lt: 1 } }, { at: 1 }, ['removed', 'at'])).toBe(true)
    expect(served({ removed: true, at: { $lt: 1 } }, {}, ['removed', '_id'])).toBe(false)
    expect(served({ at: { $lt: 1 } }, {}, ['removed', 'at'])).toBe(false)
    expect(served({ name: 'a' }, {}, ['_id'])).toBe(false)
    expect(served({ removed: false }, { at: 1 }, ['removed', '_id'])).toBe(false)
    expect(served({}, { change: 1 }, ['change'])).toBe(true)
  })
})

const DAY_MS = 86_400_000

/** Every call of both stores, in all their turns. */
async function useAll(connection: ReturnType<typeof connectionOf>): Promise<void> {
  let now = Date.now()
  const store = new MongoConfigStore(connection, { collections: COLLECTIONS, now: () => now })
  await store.write('people', 'a', { name: 'a' }, { version: 0 })
  await store.write('people', 'a', { name: 'b' }, { version: 1 })
  await store.write('people', 'b', { name: 'b' }, { version: 0 }).catch(() => {})
  await store.remove('people', 'a', { version: 2 })
  await store.write('people', 'a', { name: 'a' }, { version: 0 })
  await store.remove('people', 'a', { version: 4 })
  await store.read('people', 'a')
  await store.readPage(undefined, 10)
  await store.readPage({ collection: 'people', id: 'a' }, 10)
  await store.changesSince(0)
  await store.latestChange()
  now += 10 * DAY_MS
  await store.write('things', 'a', {}, { version: 0 })
  await store.oldestChange()
  const values = new MongoKeyValue(connection, { now: () => now })
  await values.set('a', '1', 1000)
  await values.get('a')
  await values.setIfAbsent('a', '1', 1000)
  await values.add('a', 1, 1000)
  await values.exchange('a', '2', '3', 1000)
  await values.exchange('a', '3', undefined, 1000)
  await values.delete('a')
}
