import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, watch as watchFolder } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { TABLES, writeBifrostDatabase } from '../../helpers/bifrost-database.ts'
import { watch } from '../../helpers/gateway-process.ts'
import { NO_KEYS } from '../../helpers/real-gateway.ts'
import { dataFolder, MAIN, type StoreGateway, storeGateway } from '../../helpers/store-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

const FIXTURE = new URL('../../../../shared/fixtures/bifrost-1.4/', import.meta.url).pathname
const KEY = 'an-example-encryption-key-of-32+'
/** Variables that the database's keys name. */
const KEYS = { ANTHROPIC_API_KEY: 'sk-ant-example', VERTEX_CREDENTIALS: '{}' }
const PATIENCE_MS = 60_000
/** When a gateway that takes over is killed: once it has written so often to its new database, as the system tells. */
const KILLED_AFTER_WRITES = [1, 3, 9, 27]
const LISTS = [
  '/api/providers',
  '/api/keys',
  '/api/governance/virtual-keys',
  '/api/governance/teams',
  '/api/governance/customers',
  '/api/governance/budgets',
  '/api/governance/rate-limits',
  '/api/governance/routing-rules',
]
/** The made database has sign-in on, and a password of which it knows the hash alone. */
const MADE_ENV = { BIFROST_ADMIN_PASSWORD: 'a new one' }
const ADMIN = { authorization: `Basic ${Buffer.from('root:a new one').toString('base64')}` }
const run = promisify(execFile)

let upstream: FakeUpstream
let gateway: StoreGateway | undefined
const cleaners: (() => void)[] = []
beforeAll(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await gateway?.end()
  for (const clean of cleaners.splice(0)) clean()
})
afterAll(() => upstream.close())

/** A folder that Bifrost has used. */
function used(source: string | undefined): string {
  const { folder, remove } = dataFolder()
  cleaners.push(remove)
  if (source === undefined) writeBifrostDatabase(join(folder, 'config.db'), TABLES)
  else copyFileSync(source, join(folder, 'config.db'))
  return folder
}

async function dryRun(folder: string, env: Record<string, string>): Promise<string> {
  const args = [MAIN, 'migrate', '--from', join(folder, 'config.db'), '--app-dir', folder, '--dry-run']
  return (await run(process.execPath, args, { env: { ...process.env, BIFROST_ENCRYPTION_KEY: '', ...env } })).stdout
}

/** What the gateway's log says of its takeover. */
function reportIn(output: string): string {
  const lines = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as { takeover?: object; msg: string }] : []))
  return String(lines.find(({ takeover }) => takeover)?.msg)
}

const refused = (type: string, text: string) => ({ status: 403, body: { error: { type, message: expect.stringContaining(text) } } })
const lastKey = () => /^authorization: Bearer (.*?)\r?$/im.exec(upstream.requests.at(-1)?.headText ?? '')?.[1]

/** Sends a provider's requests to the fake one; all else of its settings stays. */
async function redirect({ api }: StoreGateway, provider: string): Promise<void> {
  const { body } = await api(`GET /api/providers/${provider}`)
  const network = { ...body.network_config, base_url: upstream.url }
  expect(await api(`PUT /api/providers/${provider}`, { ...body, network_config: network })).toMatchObject({ status: 200 })
}

async function openKey({ chat, api }: StoreGateway): Promise<void> {
  const vk = 'sk-bf-example-open'
  expect(await chat('openai/text', vk)).toMatchObject({ status: 200 })
  expect(lastKey()).toBe('sk-example-openai-1')
  // Every provider was written out: one that comes later is not among them.
  expect((await api('POST /api/providers', { provider: 'gemini' })).status).toBe(200)
  expect(await chat('gemini/text', vk)).toMatchObject(refused('provider_blocked', 'gemini'))
}

async function teamKey({ chat, api }: StoreGateway): Promise<void> {
  const vk = 'sk-bf-example-team'
  expect(await chat('openai/text', vk)).toMatchObject(refused('model_blocked', 'key_ids'))
  expect(await chat('anthropic/claude-sonnet-4-20250514', vk)).toMatchObject(refused('model_blocked', 'key_ids'))
  expect(await chat('anthropic/claude-other', vk)).toMatchObject(refused('model_blocked', 'allowed_models'))
  expect(await chat('azure/gpt-4o', vk)).toMatchObject(refused('provider_blocked', 'azure'))
  const { virtual_key: shown } = (await api('GET /api/governance/virtual-keys/vk-team')).body
  const configs = shown.provider_configs.map(({ provider, weight, allowed_models }: Record<string, unknown>) => ({
    ...{ provider, weight, allowed_models },
    key_ids: ['*'],
  }))
  expect(await api('PUT /api/governance/virtual-keys/vk-team', { team_id: 'team-1', provider_configs: configs })).toMatchObject({
    status: 200,
  })
  expect(await chat('openai/text', vk)).toMatchObject({ status: 200 })
}

async function pinnedKey({ chat, api }: StoreGateway): Promise<void> {
  const vk = 'sk-bf-example-keys'
  const turn = (isActive: boolean) => api('PUT /api/governance/virtual-keys/vk-keys', { is_active: isActive, customer_id: 'cust-1' })
  // Its file said that it is off; the original wrote it down as on, and what it did counts.
  expect(await turn(false)).toMatchObject({ status: 200 })
  expect(await chat('openai/gpt-4o', vk)).toMatchObject(refused('virtual_key_blocked', 'pinned to a key'))
  expect(await turn(true)).toMatchObject({ status: 200 })
  expect(await chat('openai/text', vk)).toMatchObject(refused('model_blocked', 'allowed_models'))
  const before = upstream.requests.length
  await chat('openai/gpt-4o', vk)
  expect(upstream.requests.length).toBeGreaterThan(before)
  expect(lastKey()).toBe('sk-example-openai-2')
}

describe.skipIf(!existsSync(FIXTURE))('a database of Bifrost 1.4.19 in the folder (skipped where ../shared is absent)', () => {
  test.each([
    ['plain.db', ''],
    ['encrypted.db', KEY],
  ])(
    '%s: the report of the dry run, and each virtual key as 1.5 has it',
    async (name, key) => {
      const folder = used(join(FIXTURE, name))
      const env = { ...KEYS, BIFROST_ENCRYPTION_KEY: key }
      const foretold = await dryRun(folder, env)
      expect(existsSync(join(folder, 'bifrost.db'))).toBe(false)
      gateway = await storeGateway(folder, { env })
      expect(reportIn(gateway.output()).trim()).toBe(foretold.trim())
      expect((await gateway.chat('openai/text')).status).toBe(401)
      await redirect(gateway, 'openai')
      await openKey(gateway)
      await teamKey(gateway)
      await pinnedKey(gateway)
      await gateway.stop()
      gateway = await storeGateway(folder, { env })
      expect(gateway.output()).not.toContain('found a database of Bifrost')
      expect(await gateway.chat('openai/text', 'sk-bf-example-team')).toMatchObject({ status: 200 })
    },
    PATIENCE_MS,
  )
})

/** Starts on the folder, and is killed once it has written so often; says whether it had begun to serve before. */
async function killed(folder: string, afterWrites: number): Promise<boolean> {
  const flags = ['--app-dir', folder, '--port', '0', '--threads', '1']
  const child = spawn(process.execPath, [MAIN, ...flags], { env: { ...process.env, ...NO_KEYS, BIFROST_ENCRYPTION_KEY: '', ...MADE_ENV } })
  const { waitFor } = watch(child)
  let writes = 0
  const watcher = watchFolder(folder, (_, name) => {
    if (name?.startsWith('bifrost.db') && ++writes >= afterWrites) child.kill('SIGKILL')
  })
  const hasServed = await waitFor(/the gateway serves/).then(
    () => child.kill('SIGKILL'),
    () => false,
  )
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  watcher.close()
  return hasServed
}

async function everything({ api }: StoreGateway): Promise<object> {
  const lists = await Promise.all(LISTS.map(async (path) => [path, (await api(`GET ${path}`, undefined, ADMIN)).body]))
  return JSON.parse(JSON.stringify(Object.fromEntries(lists), withoutListing))
}

/** How far the listing of models has come is told with the keys, and is no part of what was taken over. */
function withoutListing(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('models' in value)) return value
  const { status: _status, description: _description, ...key } = value as Record<string, unknown>
  return key
}

test(
  'a database of the same schema: killed while it is taken over, and started again, it ends the same',
  async () => {
    const undisturbed = used(undefined)
    const foretold = await dryRun(undisturbed, MADE_ENV)
    gateway = await storeGateway(undisturbed, { env: MADE_ENV })
    expect(reportIn(gateway.output()).trim()).toBe(foretold.trim())
    const wanted = await everything(gateway)
    expect(JSON.stringify(wanted)).toContain('vk-pinned')
    await gateway.end()

    const disturbed = used(undefined)
    const hasServed: boolean[] = []
    for (const afterWrites of KILLED_AFTER_WRITES) hasServed.push(await killed(disturbed, afterWrites))
    // The first two at least were killed in the middle.
    expect(hasServed.slice(0, 2)).toEqual([false, false])
    gateway = await storeGateway(disturbed, { env: MADE_ENV })
    expect(await everything(gateway)).toEqual(wanted)
  },
  PATIENCE_MS,
)
