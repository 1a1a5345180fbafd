import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../bench/target.ts'
import type { ConfigStore } from '../../../core/stores/stores.ts'
import { mongoDriver } from '../../../plugins/mongo/index.ts'
import { record } from '../../conformance/log-kit.ts'
import { COLLECTIONS, pages } from '../../conformance/store.ts'
import { turn } from '../../helpers/clock.ts'
import { MONGO_ENGINES, MONGO_START_MS, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { openedConfig, openedKeyValue, openedLogs } from '../../helpers/stores.ts'

const unavailable = { name: 'StoreError', fault: 'unavailable' }
const owned = MONGO_ENGINES.filter((engine) => engine !== 'url')

if (owned.length === 0) test.skip(NO_MONGO, () => {})

/** Milliseconds that a call takes. */
async function timeOf(call: Promise<unknown>): Promise<number> {
  const from = performance.now()
  await call
  return performance.now() - from
}

describe.each(owned)('a lost server (%s)', (engine) => {
  // The first start of an engine builds it, which may take minutes: not within a test's time.
  beforeAll(async () => (await startMongo(engine)).end(), MONGO_START_MS)

  async function opened() {
    const server = await startMongo(engine)
    onTestFinished(() => server.end())
    const config = { url: server.url, db_name: 'test' }
    const store = await openedConfig(mongoDriver, config, { collections: COLLECTIONS })
    onTestFinished(() => store.close())
    return { server, store, config }
  }

  test('that is killed during writes and started again: refused within 2 s, nothing acknowledged is lost', async () => {
    const { server, store } = await opened()
    const acknowledged = new Map<string, number>()
    const writer = writeUntilStopped(store, acknowledged)
    onTestFinished(() => writer.stop())
    await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(20)
    await server.kill?.()
    await expect.poll(() => writer.failures, { timeout: 20_000 }).toBeGreaterThan(0)
    expect(await timeOf(expect(store.read('things', '0')).rejects.toMatchObject(unavailable))).toBeLessThan(4000)
    const before = acknowledged.size
    await server.start()
    await expect.poll(() => acknowledged.size, { timeout: 40_000 }).toBeGreaterThan(before + 20)
    await writer.stop()
    const kept = new Map((await pages(store, 1000)).map(({ id, version }) => [id, version]))
    expect([...acknowledged].filter(([id, version]) => (kept.get(id) ?? 0) < version)).toEqual([])
    const changes = (await store.changesSince(0)).map(({ change }) => change)
    expect(new Set(changes).size).toBe(changes.length)
    expect(await store.latestChange()).toBeGreaterThanOrEqual(changes.at(-1) ?? 0)
  }, 60_000)

  test.skipIf(engine !== owned[0])(
    'that hangs: refused within 10 s, served when it goes on',
    async () => {
      const { server, store } = await opened()
      await store.write('things', 'a', {}, { version: 0 })
      await server.signal('SIGSTOP')
      onTestFinished(() => server.signal('SIGCONT'))
      expect(await timeOf(expect(store.read('things', 'a')).rejects.toMatchObject(unavailable))).toBeLessThan(10_000)
      await server.signal('SIGCONT')
      await expect.poll(() => store.read('things', 'a').catch(() => undefined), { timeout: 20_000 }).toMatchObject({ version: 1 })
    },
    60_000,
  )

  test('that is killed while a log is written and started again: batches that are sent again are kept once, in their last state', async () => {
    const { server, config } = await opened()
    const store = await openedLogs(mongoDriver, config)
    onTestFinished(() => store.close())
    let batches = 0
    let failures = 0
    let isOver = false
    const send = async (batch: number, status: 'processing' | 'success') => {
      const records = [0, 1, 2].map((index) => record(`${batch} ${index}`, batch, { status, body: `"${status}"` }))
      for (;;) {
        try {
          return await store.append(records)
        } catch (error) {
          expect(error).toMatchObject(unavailable)
          failures++
          await turn()
        }
      }
    }
    const writing = (async () => {
      for (; !isOver; batches++) {
        await send(batches, 'processing')
        await send(batches, 'success')
      }
    })()
    await expect.poll(() => batches, { timeout: 20_000 }).toBeGreaterThan(5)
    await server.kill?.()
    await expect.poll(() => failures, { timeout: 20_000 }).toBeGreaterThan(0)
    const before = batches
    await server.start()
    await expect.poll(() => batches, { timeout: 40_000 }).toBeGreaterThan(before + 5)
    isOver = true
    await writing
    expect(await store.summarize({ by: ['status'] })).toEqual([{ at: undefined, by: ['success'], requests: batches * 3, sums: {} }])
    expect(await store.get(`${before} 1`)).toMatchObject({ status: 'success', body: '"success"' })
  }, 60_000)

  test('that was never there: refused within 2 s, served when it comes', async () => {
    const { server, config } = await opened()
    await server.kill?.()
    const store = await openedConfig(mongoDriver, config, { collections: COLLECTIONS })
    onTestFinished(() => store.close())
    expect(await timeOf(expect(store.ping()).rejects.toMatchObject(unavailable))).toBeLessThan(4000)
    await expect(store.write('things', 'a', {}, { version: 0 })).rejects.toMatchObject(unavailable)
    await server.start()
    await expect
      .poll(
        () =>
          store.write('things', 'a', {}, { version: 0 }).then(
            () => 'there',
            () => 'away',
          ),
        { timeout: 20_000 },
      )
      .toBe('there')
  }, 60_000)
})

/** Writes new documents, and each a second time, until told to stop; failures are expected and counted. */
function writeUntilStopped(store: ConfigStore, acknowledged: Map<string, number>) {
  const writer = { failures: 0, stop: () => Promise.resolve() }
  let isOver = false
  const running = (async () => {
    for (let id = 0; !isOver; id++) {
      try {
        for (const version of [0, 1]) {
          const written = await store.write('things', String(id), { version }, { version })
          acknowledged.set(String(id), written.version)
        }
      } catch (error) {
        expect(error).toMatchObject(unavailable)
        writer.failures++
        await turn()
      }
    }
  })()
  writer.stop = () => {
    isOver = true
    return running
  }
  return writer
}

test('nobody listens there: refused within 2 s, for values as well, and no secret is said', async () => {
  const url = `mongodb://user:hidden-secret@127.0.0.1:${await freePort()}/`
  const config = await openedConfig(mongoDriver, { url, db_name: 'test' }, { collections: COLLECTIONS })
  const values = await openedKeyValue(mongoDriver, { url, db_name: 'test' })
  const outcomes = await Promise.allSettled([config.latestChange(), values.get('a'), values.get('b')])
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: unavailable })
    expect(String((outcome as PromiseRejectedResult).reason)).not.toContain('hidden-secret')
  }
  await Promise.all([config.close(), values.close()])
})

test.each(['mongodb://user:hidden-secret@', 'mongodb://user:hidden-secret@a:b:c/?x', 'mongodb://user:hidden-secret@a/?unknownOption=1'])(
  'a URL that cannot be read is refused without being repeated (%#)',
  async (url) => {
    const error = await openedConfig(mongoDriver, { url, db_name: 'test' }).catch((error: Error) => error)
    expect(error).toMatchObject(unavailable)
    expect(JSON.stringify([String(error), (error as Error).stack])).not.toContain('hidden-secret')
  },
)

test.each([
  { url: 'http://a', db_name: 'a' },
  { url: 'mongodb://a', db_name: 'a.b' },
  { url: 'mongodb://a', db_name: '' },
  { url: 'mongodb://a' },
  { url: 'mongodb://a', db_name: 'a', user: 'b' },
])('the configuration %j is refused', (config) => {
  expect(mongoDriver.config.safeParse(config).success).toBe(false)
})
