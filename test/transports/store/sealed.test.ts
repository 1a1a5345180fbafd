import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { dataFolder, MAIN, type StoreGateway, storeGateway, until } from '../../helpers/store-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

const LAUNCH = fileURLToPath(new URL('../../helpers/launch.ts', import.meta.url))
const run = promisify(execFile)
/** Each secret that is set below holds this. */
const CANARY = 'CANARY'
const PATIENCE_MS = 60_000

let upstream: FakeUpstream
let gateway: StoreGateway | undefined
let data: ReturnType<typeof dataFolder>
beforeAll(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await gateway?.end()
  data.remove()
})
afterAll(() => upstream.close())

/** All bytes that the folder holds, write-ahead log and backups included. */
const bytes = () =>
  readdirSync(data.folder)
    .map((name) => readFileSync(join(data.folder, name), 'latin1'))
    .join('')

const start = async (key: string) => {
  gateway = await storeGateway(data.folder, { env: { BIFROST_ENCRYPTION_KEY: key } })
  return gateway
}

/** Secrets of every kind, by the API. */
async function setSecrets({ api }: StoreGateway): Promise<void> {
  const network = { base_url: upstream.url, extra_headers: { 'x-secret': `${CANARY}-header` } }
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
      data = dataFolder()
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
        const refused = await command(['--app-dir', data.folder, '--port', '0'], { BIFROST_ENCRYPTION_KEY: key })
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
      data = dataFolder()
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
      data = dataFolder()
      const running = await start('the key')
      await setSecrets(running)
      const env = { BIFROST_ENCRYPTION_KEY: 'the key', BIFROST_NEW_ENCRYPTION_KEY: 'the new key' }
      expect(await command(['keys', 'rotate', '--app-dir', data.folder], env)).toMatchObject({
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
      expect((await command(['--app-dir', data.folder, '--port', '0'], { BIFROST_ENCRYPTION_KEY: 'the key' })).code).toBe(78)
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
