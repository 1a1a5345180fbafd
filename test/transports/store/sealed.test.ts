import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MONGO_ENGINES, MONGO_START_MS, NO_MONGO, startMongo } from '../../helpers/mongo.ts'
import { MAIN, type StoreGateway, until } from '../../helpers/store-gateway.ts'
import { storeSuite } from '../../helpers/store-suite.ts'

const LAUNCH = fileURLToPath(new URL('../../helpers/launch.ts', import.meta.url))
const run = promisify(execFile)
/** Each secret that is set below holds this. */
const CANARY = 'CANARY'
const PATIENCE_MS = 60_000

const suite = storeSuite()

/** All bytes that the folder holds, write-ahead log and backups included. */
const bytes = () =>
  readdirSync(suite.folder)
    .map((name) => readFileSync(join(suite.folder, name), 'latin1'))
    .join('')

const start = (key: string) => suite.start({ env: { BIFROST_ENCRYPTION_KEY: key } })

/** Secrets of every kind, by the API. */
async function setSecrets({ api }: StoreGateway): Promise<void> {
  const network = { base_url: suite.upstream.url, extra_headers: { 'x-secret': `${CANARY}-header` } }
  const wanted: [string, object][] = [
    ['POST /api/providers', { provider: 'openai', network_config: network }],
    ['POST /api/providers/openai/keys', { name: 'k', value: `sk-${CANARY}-key-0123456789`, models: ['*'] }],
    [
      'POST /api/governance/virtual-keys',
      {
        id: 'vk',
        name: 'vk',
        value: `sk-bf-${CANARY}-vk-0123456789`,
        provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'], weight: 1 }],
      },
    ],
    ['PUT /api/proxy-config', { enabled: false, type: 'http', url: 'http://127.0.0.1:9', username: 'me', password: `${CANARY}-proxy` }],
    ['PUT /api/config', { auth_config: { admin_username: 'root', admin_password: `${CANARY}-password`, is_enabled: false } }],
  ]
  for (const [line, body] of wanted) expect(await api(line, body), line).toMatchObject({ status: 200 })
}

const served = async ({ chat }: StoreGateway) => (await chat('openai/text', `sk-bf-${CANARY}-vk-0123456789`)).status

/** A start under the launcher, or a command as the `bifrost` command runs it. */
async function command(args: string[], env: Record<string, string>): Promise<{ code: number; out: string }> {
  const told = { ...process.env, BIFROST_ENCRYPTION_KEY: '', ...env }
  try {
    const modules = args[0]?.startsWith('--') ? [LAUNCH, MAIN] : [MAIN]
    const { stdout, stderr } = await run(process.execPath, [...modules, ...args], { env: told })
    return { code: 0, out: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout + stderr }
  }
}

describe('secrets in the embedded store', () => {
  test(
    'under a key no byte of the folder, of the log or of an answer holds one, and another key does not start',
    async () => {
      suite.fill()
      const first = await start('the key')
      await setSecrets(first)
      expect(await served(first)).toBe(200)
      expect(bytes()).not.toContain(CANARY)
      const shown = [
        '/api/providers',
        '/api/providers/openai/keys',
        '/api/keys',
        '/api/governance/virtual-keys',
        '/api/config',
        '/api/proxy-config',
      ]
      for (const path of shown) expect(JSON.stringify((await first.api(`GET ${path}`)).body), path).not.toContain(`${CANARY}-`)
      await first.stop()
      expect(bytes()).not.toContain(CANARY)
      expect(first.output()).not.toContain(CANARY)

      for (const key of ['another', '']) {
        const refused = await command(['--app-dir', suite.folder, '--port', '0'], { BIFROST_ENCRYPTION_KEY: key })
        expect(refused).toMatchObject({ code: 78, out: expect.stringMatching(/^bifrost: .*key.*$/m) })
        expect(refused.out).not.toContain('starting it again')
      }
      expect(await served(await start('the key'))).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'what lies in the open is sealed once a key appears',
    async () => {
      suite.fill()
      const open = await start('')
      await open.waitFor(/no encryption key is set/)
      await setSecrets(open)
      await open.stop()
      expect(bytes()).toContain(`${CANARY}-vk`)
      const sealing = await start('the key')
      await sealing.waitFor(/secrets that lay in the open were sealed/)
      expect(await served(sealing)).toBe(200)
      await sealing.stop()
      expect(bytes()).not.toContain(CANARY)
    },
    PATIENCE_MS,
  )

  test(
    'the key changes while the gateway runs: it serves and writes on, and the next start takes the new one alone',
    async () => {
      suite.fill()
      const running = await start('the key')
      await setSecrets(running)
      const env = { BIFROST_ENCRYPTION_KEY: 'the key', BIFROST_NEW_ENCRYPTION_KEY: 'the new key' }
      expect(await command(['keys', 'rotate', '--app-dir', suite.folder], env)).toMatchObject({
        code: 0,
        out: expect.stringContaining('The key has changed'),
      })
      expect(await served(running)).toBe(200)
      const { status } = await running.api('POST /api/governance/virtual-keys', {
        id: 'later',
        name: 'later',
        value: `sk-bf-${CANARY}-later-0123456789`,
      })
      expect(status).toBe(200)
      expect(bytes()).not.toContain(CANARY)
      await running.stop()
      expect((await command(['--app-dir', suite.folder, '--port', '0'], { BIFROST_ENCRYPTION_KEY: 'the key' })).code).toBe(78)
      const again = await start('the new key')
      expect(await served(again)).toBe(200)
      await until(
        () => again.api('GET /api/governance/virtual-keys/later'),
        ({ status: found }) => found === 200,
      )
    },
    PATIENCE_MS,
  )
})

describe('secrets in MongoDB', () => {
  if (MONGO_ENGINES.length === 0) test.skip(NO_MONGO, () => {})
  test.each(MONGO_ENGINES)(
    'no document holds one, another key does not start, and the right one serves again (%s)',
    async (engine) => {
      const server = await startMongo(engine)
      onTestFinished(() => server.end())
      const name = `sealed-${process.pid}-${Math.random().toString(36).slice(2)}`
      suite.fill({ 'config.json': { config_store: { enabled: true, type: 'mongodb', config: { url: server.url, db_name: name } } } })
      const first = await start('the key')
      await setSecrets(first)
      expect(await served(first)).toBe(200)
      await first.stop()

      const client = await new MongoClient(server.url).connect()
      onTestFinished(() => client.close())
      const collections = await client.db(name).listCollections().toArray()
      const documents = await Promise.all(collections.map((each) => client.db(name).collection(each.name).find().toArray()))
      const lies = JSON.stringify(documents)
      expect(lies).toContain('openai')
      expect(lies).not.toContain(CANARY)

      for (const key of ['another', ''])
        expect(await command(['--app-dir', suite.folder, '--port', '0'], { BIFROST_ENCRYPTION_KEY: key })).toMatchObject({
          code: 78,
          out: expect.stringMatching(/^bifrost: .*key.*$/m),
        })
      expect(await served(await start('the key'))).toBe(200)
    },
    MONGO_START_MS,
  )
})
