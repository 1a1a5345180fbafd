import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../../bench/target.ts'
import { MONGO_ENGINES, MONGO_START_MS, type MongoServer, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { secondPid } from '../../helpers/real-gateway.ts'
import { dataFolder, type StoreGateway, storeGateway } from '../../helpers/store-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

const WRITERS = 8
const ACKNOWLEDGED_BEFORE_THE_KILL = 40

let upstream: FakeUpstream
let gateway: StoreGateway | undefined
const remove: (() => void)[] = []
beforeAll(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await gateway?.end()
  for (const each of remove.splice(0)) each()
})
afterAll(() => upstream.close())

function folderWith(files: Record<string, object> = {}): string {
  const made = dataFolder(files)
  remove.push(made.remove)
  return made.folder
}

/** The first provider, key and virtual key, as README has them. Returns the virtual key's value. */
async function setUp({ api }: StoreGateway): Promise<string> {
  const provider = { provider: 'openai', network_config: { base_url: upstream.url } }
  expect(await api('POST /api/providers', provider)).toMatchObject({ status: 200, body: { name: 'openai' } })
  const key = { name: 'main', value: 'sk-provider-1234567890', models: ['*'], weight: 1 }
  expect(await api('POST /api/providers/openai/keys', key)).toMatchObject({ status: 200, body: { name: 'main' } })
  const access = { name: 'first', provider_configs: [{ provider: 'openai', allowed_models: ['text'], key_ids: ['*'], weight: 1 }] }
  const made = await api('POST /api/governance/virtual-keys', access)
  expect(made).toMatchObject({ status: 200, body: { virtual_key: { name: 'first', value: expect.stringMatching(/^sk-bf-/) } } })
  return made.body.virtual_key.value
}

/** The commands of README's section, each on a line of its own. */
function readmeCommands(): string[] {
  const text = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const [, section = ''] = /\n## Set it up by its API\n([^]*?)\n## /.exec(text) ?? []
  const blocks = [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, block = '']) => block.replaceAll('\\\n', ' '))
  return blocks.join('').trim().split('\n')
}

const run = promisify(execFile)

describe('an empty folder', () => {
  test.skipIf(process.platform === 'win32')("README's commands, one after the other (skipped on Windows: it has no sh)", async () => {
    gateway = await storeGateway(folderWith())
    const { url, api } = gateway
    const local = async (command: string, env = {}) =>
      JSON.parse(
        (await run('sh', ['-c', command.replace('localhost:8080', url).replace('curl', 'curl -sS')], { env: { ...process.env, ...env } }))
          .stdout,
      )
    const [provider, key, virtualKey, chat, ...others] = readmeCommands() as [string, string, string, string]
    expect(others).toEqual([])
    expect(await local(provider)).toMatchObject({ name: 'openai' })
    const network = { network_config: { base_url: upstream.url }, concurrency_and_buffer_size: { concurrency: 10, buffer_size: 10 } }
    expect(await api('PUT /api/providers/openai', network)).toMatchObject({ status: 200 })
    expect(await local(key)).toMatchObject({ name: 'main' })
    const { virtual_key: made } = await local(virtualKey)
    expect(await local(chat, { VALUE: made.value })).toMatchObject({ object: 'chat.completion' })
    expect(await local(chat, { VALUE: 'sk-bf-another' })).toMatchObject({ error: { type: 'virtual_key_not_found' } })
  })

  test('a provider, a key and a virtual key by the API serve at once, and are there after a restart', async () => {
    const folder = folderWith()
    gateway = await storeGateway(folder)
    const value = await setUp(gateway)
    const served = await gateway.chat('openai/text', value)
    expect(served).toMatchObject({ status: 200, body: { object: 'chat.completion' } })
    expect(upstream.requests.at(-1)?.headText).toMatch(/^authorization: Bearer sk-provider-1234567890\r?$/im)
    await gateway.stop()
    expect(readdirSync(folder)).toContain('bifrost.db')

    gateway = await storeGateway(folder)
    expect(await gateway.chat('openai/text', value)).toMatchObject({ status: 200 })
    expect(await gateway.chat('openai/other', value)).toMatchObject({ status: 403, body: { error: { type: 'model_blocked' } } })
    expect(await gateway.chat('openai/text', 'sk-bf-unknown')).toMatchObject({ status: 401 })
    expect((await gateway.api('GET /api/providers')).body.providers).toMatchObject([{ name: 'openai' }])
    expect((await gateway.api('GET /api/providers/openai/keys')).body.keys).toMatchObject([{ name: 'main' }])
  })

  test('each mistake on the way is told by a sentence that names it', async () => {
    gateway = await storeGateway(folderWith())
    const { api, chat } = gateway
    const unknown = await api('POST /api/providers', { provider: 'opnai' })
    expect(unknown).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('did you mean "openai"?') } } })
    expect(await api('POST /api/providers/openai/keys', { name: 'main', value: 'sk', models: ['*'] })).toMatchObject({
      status: 404,
      body: { error: { message: 'provider "openai" not found' } },
    })
    await setUp(gateway)
    const star = { name: 'bad', provider_configs: [{ provider: 'openai', allowed_models: ['*', 'text'], key_ids: ['*'] }] }
    expect(await api('POST /api/governance/virtual-keys', star)).toMatchObject({
      status: 400,
      body: { error: { param: expect.stringContaining('provider_configs'), message: expect.stringContaining('allowed_models') } },
    })
    expect(await api('POST /api/governance/virtual-keys', { name: 'first' })).toMatchObject({ status: 409 })
    expect(await api('POST /api/providers', '{' as never)).toMatchObject({ status: 400 })
    expect(await chat('opnai/text')).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('opnai') } } })
  })
})

/** Writers that make virtual keys until the gateway is gone. Resolves with the ids that it said are made. */
async function burst({ api, pid }: StoreGateway): Promise<string[]> {
  const acknowledged: string[] = []
  const writer = async (number: number) => {
    for (let turn = 0; ; turn++) {
      const id = `vk-${number}-${turn}`
      const answer = await api('POST /api/governance/virtual-keys', { id, name: id }).catch(() => undefined)
      if (!answer) return
      expect(answer.status).toBe(200)
      acknowledged.push(id)
      if (acknowledged.length === ACKNOWLEDGED_BEFORE_THE_KILL) process.kill(pid, 'SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, number) => writer(number)))
  return acknowledged
}

async function losesNothing(started: StoreGateway): Promise<void> {
  await setUp(started)
  const acknowledged = await burst(started)
  await secondPid(started)
  const { virtual_keys: keys } = (await started.api('GET /api/governance/virtual-keys?limit=1000')).body
  const ids = new Set(keys.map(({ id }: { id: string }) => id))
  expect(acknowledged.filter((id) => !ids.has(id))).toEqual([])
  expect(acknowledged.length).toBeGreaterThanOrEqual(ACKNOWLEDGED_BEFORE_THE_KILL)
}

describe('kill -9 in the middle of writes loses no acknowledged change', () => {
  test('SQLite', async () => {
    gateway = await storeGateway(folderWith())
    await losesNothing(gateway)
  })

  describe.skipIf(MONGO_ENGINES.length === 0)(`MongoDB (${MONGO_ENGINES.length === 0 ? NO_MONGO : MONGO_ENGINES[0]})`, () => {
    let mongo: MongoServer
    beforeAll(async () => {
      mongo = await startMongo(MONGO_ENGINES[0] as string)
    }, MONGO_START_MS)
    afterAll(() => mongo.end())

    test('MongoDB', async () => {
      const config = { url: mongo.url, db_name: `kill-${process.pid}-${await freePort()}` }
      gateway = await storeGateway(folderWith({ 'config.json': { config_store: { enabled: true, type: 'mongodb', config } } }))
      await losesNothing(gateway)
    })
  })
})
