import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { HAS_REDIS, NO_REDIS, type RedisServer, startRedis } from '../../helpers/redis.ts'
import { dataFolder, type StoreGateway, storeGateway, until } from '../../helpers/store-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

const ROUNDS = 4
const CHANGES = 3
/** Two processes and their threads start on whatever the machine has left. */
const PATIENCE_MS = 60_000
/** Most that a write may take on whatever the machine has left. */
const ANSWERED_MS = 5000
const [ENGINE = NO_MONGO] = MONGO_ENGINES

let upstream: FakeUpstream
let mongo: MongoServer | undefined
let redis: RedisServer | undefined
const cleaners: (() => void)[] = []
let pair: StoreGateway[] = []
beforeAll(async () => {
  upstream = await startUpstream()
  if (MONGO_ENGINES.length > 0) mongo = await startMongo(ENGINE)
  if (HAS_REDIS) redis = await startRedis()
}, MONGO_START_MS)
afterEach(async () => {
  await Promise.all(pair.map((gateway) => gateway.end()))
  pair = []
  for (const clean of cleaners.splice(0)) clean()
})
afterAll(() => Promise.all([upstream.close(), mongo?.end(), redis?.end()]))

const access = (id: string) => ({
  id,
  name: id,
  value: `sk-bf-${id}`,
  provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'], weight: 1 }],
})

function config(more: object): object {
  return {
    providers: { openai: { keys: [{ name: 'k', value: 'sk-k', models: ['*'] }], network_config: { base_url: upstream.url } } },
    governance: { virtual_keys: Array.from({ length: 10 }, (_, index) => access(`file-${index}`)) },
    ...more,
  }
}

/** Two gateways that start at once on one configuration; each folder once, or one for both. */
async function start(more: object, { hasOneFolder = false } = {}): Promise<[StoreGateway, StoreGateway]> {
  const files = { 'config.json': config(more) }
  const one = dataFolder(files)
  const other = hasOneFolder ? one : dataFolder(files)
  cleaners.push(one.remove, other.remove)
  const started = await Promise.all([storeGateway(one.folder), storeGateway(other.folder)])
  pair = started
  return started
}

const database = () => `two-${process.pid}-${Math.random().toString(36).slice(2)}`
const onMongo = () => ({ config_store: { enabled: true, type: 'mongodb', config: { url: mongo?.url, db_name: database() } } })
const onRedis = () => ({ key_value_store: { enabled: true, type: 'redis', config: { addr: `127.0.0.1:${redis?.port}` } } })

/** Milliseconds until a change on one is served by the other, for several changes; sorted. */
async function delays([one, other]: [StoreGateway, StoreGateway]): Promise<number[]> {
  const found: number[] = []
  for (let turn = 0; turn < CHANGES; turn++) {
    const [here, there] = turn % 2 === 0 ? [one, other] : [other, one]
    const id = `vk-${turn}`
    expect((await here.chat('openai/text', `sk-bf-${id}`)).status).toBe(401)
    expect((await here.api('POST /api/governance/virtual-keys', access(id))).status).toBe(200)
    expect((await here.chat('openai/text', `sk-bf-${id}`)).status).toBe(200)
    const { ms } = await until(
      () => there.chat('openai/text', `sk-bf-${id}`),
      ({ status }) => status === 200,
    )
    found.push(ms)
  }
  return found.sort((a, b) => a - b)
}

/** Both write at once: other fields of one document, and new documents of one name. */
async function losesNoUpdate([one, other]: [StoreGateway, StoreGateway]): Promise<void> {
  expect((await one.api('POST /api/governance/virtual-keys', access('shared'))).status).toBe(200)
  await until(
    () => other.api('GET /api/governance/virtual-keys/shared'),
    ({ status }) => status === 200,
  )
  const both = (line: string, first: object, second: object) => Promise.all([one.api(line, first), other.api(line, second)])
  for (let round = 0; round < ROUNDS; round++) {
    const fields = { description: `d${round}`, name: `n${round}` }
    const written = await both('PUT /api/governance/virtual-keys/shared', { description: fields.description }, { name: fields.name })
    expect(written.map(({ status }) => status)).toEqual([200, 200])
    for (const gateway of [one, other])
      await until(
        () => gateway.api('GET /api/governance/virtual-keys/shared'),
        ({ body }) => body.virtual_key.description === fields.description && body.virtual_key.name === fields.name,
      )
    const name = `same-${round}`
    const made = await both('POST /api/governance/virtual-keys', { name }, { name })
    expect(made.map(({ status }) => status).sort()).toEqual([200, 409])
  }
}

/** Deletions travel too, and nobody is served by what is gone. */
async function removesEverywhere([one, other]: [StoreGateway, StoreGateway]): Promise<void> {
  expect((await one.api('DELETE /api/governance/virtual-keys/file-0')).status).toBe(200)
  expect((await one.chat('openai/text', 'sk-bf-file-0')).status).toBe(401)
  await until(
    () => other.chat('openai/text', 'sk-bf-file-0'),
    ({ status }) => status === 401,
  )
}

async function followEachOther(gateways: [StoreGateway, StoreGateway]): Promise<void> {
  const sorted = await delays(gateways)
  expect(sorted[Math.floor(CHANGES / 2)]).toBeLessThan(1000)
  await losesNoUpdate(gateways)
  await removesEverywhere(gateways)
}

describe('two gateways of one configuration, started at once', () => {
  test(
    'on one folder of SQLite',
    async () => {
      await followEachOther(await start({ config_store: { enabled: true, type: 'sqlite' } }, { hasOneFolder: true }))
    },
    PATIENCE_MS,
  )

  test.skipIf(!HAS_REDIS)(
    `with a Redis that is stopped dead: writes are answered, and the other finds them by itself (${HAS_REDIS ? 'here' : NO_REDIS})`,
    async () => {
      const [one, other] = await start({ config_store: { enabled: true, type: 'sqlite' }, ...onRedis() }, { hasOneFolder: true })
      await redis?.signal('SIGSTOP')
      onTestFinished(() => redis?.signal('SIGCONT'))
      for (const [index, [here, there]] of [[one, other] as const, [other, one] as const].entries()) {
        const id = `stopped-${index}`
        const asked = performance.now()
        expect((await here.api('POST /api/governance/virtual-keys', access(id))).status).toBe(200)
        // Redis is given up after 10 s: nobody has waited for it.
        expect(performance.now() - asked).toBeLessThan(ANSWERED_MS)
        expect((await here.chat('openai/text', `sk-bf-${id}`)).status).toBe(200)
        await until(
          () => there.chat('openai/text', `sk-bf-${id}`),
          ({ status }) => status === 200,
        )
      }
      await redis?.signal('SIGCONT')
      expect((await one.api('DELETE /api/governance/virtual-keys/stopped-0')).status).toBe(200)
      await until(
        () => other.chat('openai/text', 'sk-bf-stopped-0'),
        ({ status }) => status === 401,
      )
    },
    PATIENCE_MS,
  )

  test.skipIf(MONGO_ENGINES.length === 0)(
    `on MongoDB (${ENGINE})`,
    async () => {
      await followEachOther(await start(onMongo()))
    },
    PATIENCE_MS,
  )

  test.skipIf(MONGO_ENGINES.length === 0 || !HAS_REDIS)(
    `on MongoDB (${ENGINE}) with Redis (${HAS_REDIS ? 'here' : NO_REDIS})`,
    async () => {
      const gateways = await start({ ...onMongo(), ...onRedis() })
      const sorted = await delays(gateways)
      expect(sorted[Math.floor(CHANGES / 2)]).toBeLessThan(1000)
      await redis?.kill()
      const [one, other] = gateways
      expect((await one.api('POST /api/governance/virtual-keys', access('without'))).status).toBe(200)
      await until(
        () => other.chat('openai/text', 'sk-bf-without'),
        ({ status }) => status === 200,
      )
      await redis?.start()
    },
    PATIENCE_MS,
  )
})
