import { randomUUID } from 'node:crypto'
import type { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LOG_INDEXED, LOG_SORTS, LOG_TEXTS, type LogFilter } from '../../../core/stores/log-records.ts'
import { connectionOf, createClient } from '../../../plugins/mongo/connection.ts'
import { BODY_INDEXES, LOG_INDEXES } from '../../../plugins/mongo/log-query.ts'
import { MongoLogStore } from '../../../plugins/mongo/log-store.ts'
import { record, START } from '../../conformance/log-kit.ts'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { type Query, queriesOf } from '../../helpers/mongo-queries.ts'

if (MONGO_ENGINES.length === 0) test.skip(NO_MONGO, () => {})

const INDEXES: Readonly<Record<string, readonly string[][]>> = {
  bifrost__logs: LOG_INDEXES.map(({ key }) => Object.keys(key)),
  bifrost__log_bodies: BODY_INDEXES.map(({ key }) => Object.keys(key)),
}

/** Fields that have one value in a query, and those that have a range or several. */
function fieldsOf({ $and = [], ...rest }: Record<string, unknown>): { single: Set<string>; others: Set<string> } {
  const all = [rest, ...($and as Record<string, unknown>[])].flatMap((part) => Object.entries(part))
  const isSingle = ([, value]: [string, unknown]) => typeof value !== 'object'
  return {
    single: new Set(all.filter(isSingle).map(([name]) => name)),
    others: new Set(all.filter((entry) => !isSingle(entry)).map(([name]) => name)),
  }
}

/** Whether an index gives what a query asks for in the order of its sort, by one value of the filter where it begins with another field. */
function isOrdered({ filter, sort }: Query, index: readonly string[]): boolean {
  const order = Object.keys(sort)
  const [first = '', ...rest] = index
  const behind = fieldsOf(filter).single.has(first) ? rest : index
  return order.length > 0 && order.every((name, place) => behind[place] === name)
}

/** Whether an index leaves out what the filter does not want by its most telling field. */
function isNarrowed({ filter }: Query, indexes: readonly (readonly string[])[]): boolean {
  const { single, others } = fieldsOf(filter)
  const telling = LOG_INDEXED.find((name) => single.has(name)) ?? ['timestamp'].find((name) => others.has(name))
  return telling === undefined || indexes.some(([first, next]) => first === telling && (telling === 'timestamp' || next === 'timestamp'))
}

describe.skipIf(MONGO_ENGINES.length === 0)('every query of the log in MongoDB', () => {
  let server: MongoServer
  let client: MongoClient
  const queries: Query[] = []

  beforeAll(async () => {
    server = await startMongo(MONGO_ENGINES[0] ?? '')
    client = createClient(server.url, { monitorCommands: true })
    client.on('commandStarted', (event) => queries.push(...queriesOf(event)))
    const connection = connectionOf(() => client, `test_${randomUUID()}`)
    await useAll(new MongoLogStore(connection))
    for (const [name, declared] of Object.entries(INDEXES)) {
      const made = (await client.db(connection.name).collection(name).indexes()).map(({ key }) => Object.keys(key as object))
      expect(made).toEqual(expect.arrayContaining([...declared]))
    }
    await connection.close()
  }, MONGO_START_MS)
  afterAll(() => server?.end())

  const byId = ({ filter }: Query) => '_id' in filter
  const indexesOf = ({ collection }: Query) => INDEXES[collection] ?? []

  test('finds a page by an index in the order of its sort, whatever the filter', () => {
    const sorted = queries.filter(({ sort }) => Object.keys(sort).length > 0)
    expect(sorted.length).toBeGreaterThan(100)
    expect(sorted.filter((query) => !indexesOf(query).some((index) => isOrdered(query, index)))).toEqual([])
  })

  test('has an index for the most telling field of its filter', () => {
    expect(queries.filter((query) => !byId(query) && !isNarrowed(query, indexesOf(query)))).toEqual([])
  })

  test('ends by a limit of time on the server, unless it asks by ids or sweeps', () => {
    const isSweep = ({ filter }: Query) =>
      Object.keys(filter).join() === 'timestamp' && Object.keys(filter.timestamp as object).join() === '$lt'
    const endless = queries.filter((query) => !byId(query) && !isSweep(query) && !((query.maxTimeMS ?? 0) > 0))
    expect(endless).toEqual([])
  })

  test('would be told where it has none', () => {
    const query = (filter: object, sort: object) => ({ collection: '', filter, sort }) as Query
    expect(isOrdered(query({ $and: [{ model: 'a' }] }, { timestamp: -1, _id: -1 }), ['model', 'timestamp', '_id'])).toBe(true)
    expect(isOrdered(query({ $and: [{ model: { $in: ['a'] } }] }, { timestamp: -1 }), ['model', 'timestamp'])).toBe(false)
    expect(isOrdered(query({}, { cost: 1 }), ['timestamp', '_id'])).toBe(false)
    expect(isNarrowed(query({ $and: [{ status: 'a' }, { user_id: 'b' }] }, {}), [['status', 'timestamp']])).toBe(false)
    expect(isNarrowed(query({ timestamp: { $gte: 1 } }, {}), [['cost', '_id']])).toBe(false)
  })
})

/** Every call, by every filter and in every order. */
async function useAll(store: MongoLogStore): Promise<void> {
  await store.append([record('a', 0, { body: '1' }), record('b', 1, { status: 'processing', body: '1' })])
  const times = { from: START, before: START + 1 }
  const filters: LogFilter[] = [
    {},
    times,
    ...LOG_TEXTS.flatMap((name) => [{ is: { [name]: ['a'] } }, { ...times, is: { [name]: ['a', 'b'], model: ['gpt'] } }]),
    { ...times, range: { latency: { min: 1 }, cost: { max: 1 } }, isCostMissing: true, text: 'a', metadata: { a: 'b' } },
    { is: { routing_engines_used: ['a'] } },
  ]
  for (const filter of filters) {
    for (const by of LOG_SORTS) await store.find({ filter, sort: { by, order: 'desc' }, limit: 10 })
    await store.find({ filter, limit: 10, after: { timestamp: START, id: 'a' } })
    await store.summarize({ filter, by: ['status', 'model'], bucketMs: 3_600_000, sums: ['cost'] })
  }
  await store.get('a')
  await store.remove(['a'])
  await store.sweep(START + 3_600_000, 10)
}
