import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { dataFolder, type StoreGateway, storeGateway, until, waitingGateway } from '../../helpers/store-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

/** No answer may take longer. Milliseconds. */
const NO_HANG_MS = 10_000
const RECOVERY_MS = 15_000
/** Of a test: starts and recoveries on whatever the machine has left. */
const PATIENCE_MS = 60_000
const [ENGINE = NO_MONGO] = MONGO_ENGINES

let upstream: FakeUpstream
let mongo: MongoServer
let gateway: StoreGateway | undefined
let data: ReturnType<typeof dataFolder> | undefined
let databases = 0

const virtualKey = {
  id: 'vk',
  value: 'sk-bf-vk',
  provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'], weight: 1 }],
}

/** A folder whose gateway keeps its configuration in the server. */
function onMongo(client: object = {}): string {
  const store = { enabled: true, type: 'mongodb', config: { url: mongo.url, db_name: `lost-${process.pid}-${++databases}` } }
  const openai = { keys: [{ name: 'k', value: 'sk-k', models: ['*'] }], network_config: { base_url: upstream.url } }
  data = dataFolder({
    'config.json': { client, providers: { openai }, governance: { virtual_keys: [virtualKey] }, config_store: store },
  })
  return data.folder
}

const served = async ({ chat }: StoreGateway) => (await chat('openai/text', 'sk-bf-vk')).status
const write = ({ api }: StoreGateway, name: string) => api('POST /api/governance/virtual-keys', { name })

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now()
  const value = await work
  return { value, ms: performance.now() - start }
}

/** Refused by a sentence, and not late; inference goes on meanwhile. */
async function refusesWrites(running: StoreGateway, name: string): Promise<void> {
  const writing = timed(write(running, name))
  const chats: number[] = []
  let isOver = false
  void writing.finally(() => {
    isOver = true
  })
  do {
    const { value, ms } = await timed(served(running))
    expect(value).toBe(200)
    chats.push(ms)
  } while (!isOver)
  const { value, ms } = await writing
  expect(value).toMatchObject({ status: 503, body: { error: { type: 'store_unavailable' } } })
  expect(ms).toBeLessThan(NO_HANG_MS)
  expect(Math.max(...chats)).toBeLessThan(NO_HANG_MS / 4)
}

async function recovers(running: StoreGateway, name: string): Promise<void> {
  await until(
    () => write(running, name),
    ({ status }) => status === 200 || status === 409,
    RECOVERY_MS,
  )
  expect((await running.api('GET /health')).body).toEqual({ status: 'ok', components: { db_pings: 'ok' } })
  expect(await served(running)).toBe(200)
}

describe.skipIf(MONGO_ENGINES.length === 0)(`a store that is lost (MongoDB: ${ENGINE})`, () => {
  beforeAll(async () => {
    upstream = await startUpstream()
    mongo = await startMongo(ENGINE)
  }, MONGO_START_MS)
  afterEach(async () => {
    await gateway?.end()
    data?.remove()
  })
  afterAll(() => Promise.all([upstream.close(), mongo.end()]))

  test.skipIf(ENGINE === 'url')('down at the start: 503 and nothing served until it comes up, and then by itself', async () => {
    await mongo.kill?.()
    const waiting = await waitingGateway(onMongo())
    gateway = waiting
    await waiting.waitFor(/nothing is served before it does/)
    await until(
      () => waiting.api('GET /health').catch(() => ({ status: 0, body: '' })),
      ({ status }) => status === 503,
    )
    expect(await served(waiting)).toBe(503)
    expect((await waiting.api('GET /api/providers')).status).toBe(503)
    await mongo.start()
    await waiting.ready
    expect(await served(waiting)).toBe(200)
    expect((await waiting.chat('openai/text', 'sk-bf-other')).status).toBe(401)
    expect((await waiting.api('GET /health')).status).toBe(200)
  })

  test.skipIf(ENGINE === 'url')('down at the start: SIGTERM ends the wait', async () => {
    await mongo.kill?.()
    const waiting = await waitingGateway(onMongo())
    gateway = waiting
    await waiting.waitFor(/nothing is served before it does/)
    await waiting.stop()
    expect(await waiting.exited).toBe(0)
    await mongo.start()
  })

  test.skipIf(ENGINE === 'url')(
    'killed at run time: inference goes on, writes and health say so, and it recovers by itself',
    async () => {
      gateway = await storeGateway(onMongo())
      expect((await write(gateway, 'before')).status).toBe(200)
      await mongo.kill?.()
      await refusesWrites(gateway, 'meanwhile')
      const health = await gateway.api('GET /health')
      expect(health).toEqual({ status: 503, body: { status: 'unavailable', components: { db_pings: 'failed' } } })
      await gateway.waitFor(/the configuration store does not answer; what is configured is served on/)
      await mongo.start()
      await recovers(gateway, 'after')
      await gateway.waitFor(/the configuration store answers again/)
    },
    PATIENCE_MS,
  )

  test.skipIf(ENGINE === 'url')(
    'stopped dead (SIGSTOP): no answer hangs, and it recovers by itself',
    async () => {
      gateway = await storeGateway(onMongo())
      await mongo.signal('SIGSTOP')
      try {
        await refusesWrites(gateway, 'meanwhile')
        const { value, ms } = await timed(gateway.api('GET /health'))
        expect(value.status).toBe(503)
        expect(ms).toBeLessThan(NO_HANG_MS)
      } finally {
        await mongo.signal('SIGCONT')
      }
      await recovers(gateway, 'after')
    },
    PATIENCE_MS,
  )

  test.skipIf(ENGINE === 'url')('disable_db_pings_in_health: health speaks of the gateway alone', async () => {
    gateway = await storeGateway(onMongo({ disable_db_pings_in_health: true }))
    await mongo.kill?.()
    expect(await gateway.api('GET /health')).toEqual({ status: 200, body: { status: 'ok', components: { db_pings: 'disabled' } } })
    expect(await served(gateway)).toBe(200)
    await mongo.start()
  })
})
