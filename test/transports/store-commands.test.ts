import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { storeDrivers } from '../../plugins/stores.ts'
import { runCli } from '../../transports/cli.ts'
import { runStoreCommand } from '../../transports/store-commands.ts'
import { builtins } from '../core/config/builtins.ts'
import { sealedTables, TABLES, writeBifrostDatabase } from '../helpers/bifrost-database.ts'

let folder: string
let source: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bifrost-migrate-'))
  source = join(folder, 'source.db')
  writeBifrostDatabase(source, TABLES)
})
afterAll(() => rm(folder, { recursive: true }))

/** The command as the entry runs it, in this process. */
async function run(args: readonly string[], env: Record<string, string> = {}) {
  let out = ''
  let err = ''
  const code = await runStoreCommand(args, {
    env,
    drivers: storeDrivers,
    builtins: { ...builtins, plugins: [{ name: 'known' }] },
    output: {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
    },
    now: Date.now,
  })
  return { code, out, err }
}

async function appDir(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  return path
}

const bytes = async (path: string) =>
  (await Promise.all((await readdir(path)).map((name) => readFile(join(path, name), 'latin1')))).join('')

test('a dry run writes nothing and prints what then happens; once more everything is as it was', async () => {
  const app = await appDir('plain')
  const dry = await run(['migrate', '--from', source, '--app-dir', app, '--dry-run'])
  expect(dry).toMatchObject({ code: 0, err: expect.stringContaining('dry run: nothing was written') })
  expect(await readdir(app)).toEqual([])
  const done = await run(['migrate', '--from', source, '--app-dir', app])
  expect(done.out).toBe(dry.out)
  expect(done.err).toBe('note: no encryption_key is set, secrets lie in the store in the open\n')
  expect(done.out).toContain('38 new, 0 replaced, 0 as they were')
  expect((await run(['migrate', '--from', source, '--app-dir', app])).out).toContain('0 new, 0 replaced, 38 as they were')
})

test('what this gateway would refuse is told, and what depends on a variable is not guessed at', async () => {
  const [network, virtual] = [
    '{"retry_backoff_initial":20}',
    { id: 'vk', name: 'vk', value: 'has a space', is_active: 1, team_id: 'nobody', value_hash: '' },
  ]
  const providers = [{ id: 1, name: 'openai', network_config_json: network }]
  const keys = [{ id: 1, name: 'k', provider_id: 1, key_id: 'k', value: 'env.NOT_SET_HERE', models_json: '["a","a"]', weight: 1 }]
  const file = join(folder, 'strict.db')
  writeBifrostDatabase(file, { ...TABLES, config_providers: providers, config_keys: keys, governance_virtual_keys: [virtual] })
  const app = await appDir('strict')
  const { out, code } = await run(['migrate', '--from', file, '--app-dir', app, '--dry-run', '--json'])
  expect(code).toBe(0)
  const { invalid } = JSON.parse(out) as { invalid: { entity: string; detail: string }[] }
  expect(invalid.map(({ entity, detail }) => `${entity}: ${detail}`)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^providers "openai": network_config.retry_backoff_initial /),
      'keys "k": models "a" appears twice',
      expect.stringMatching(/^virtual_keys "vk": value must be 1 to 512 visible ASCII characters/),
      expect.stringMatching(/^virtual_keys "vk": team_id /),
    ]),
  )
  expect(out).not.toContain('has a space')
  expect(invalid.filter(({ detail }) => detail.startsWith('value') && !detail.includes('ASCII'))).toEqual([])
})

test('with keys on both sides: opened by the one, sealed by the other, nothing in the open on disk', async () => {
  const app = await appDir('sealed')
  const sealed = join(folder, 'sealed-source.db')
  writeBifrostDatabase(sealed, sealedTables(TABLES, 'their key'))
  const args = ['migrate', '--from', sealed, '--app-dir', app, '--encryption-key', 'env.THEIRS', '--json']
  const env = { BIFROST_ENCRYPTION_KEY: 'our key', THEIRS: 'their key' }
  const dry = await run([...args, '--dry-run'], env)
  const { code, out, err } = await run(args, env)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toBe(dry.out)
  expect(JSON.parse(out)).toMatchObject({ written: { new: 38 }, denied: expect.any(Array) })
  expect(await bytes(app)).not.toContain('CANARY')
  expect((await run(args, { ...env, BIFROST_ENCRYPTION_KEY: 'another' })).code).toBe(78)
  expect(await run(args, { ...env, THEIRS: 'another' })).toMatchObject({
    code: 1,
    err: 'bifrost: the encryption key is not the one that the database was sealed by\n',
  })
}, 60_000)

test('the key of the store can be changed, and the command run again', async () => {
  const app = await appDir('rotated')
  const env = { BIFROST_ENCRYPTION_KEY: 'one' }
  await run(['migrate', '--from', source, '--app-dir', app], env)
  const rotate = () => run(['keys', 'rotate', '--app-dir', app], { ...env, BIFROST_NEW_ENCRYPTION_KEY: 'two' })
  expect(await rotate()).toMatchObject({ code: 0, out: expect.stringContaining('The key has changed; 10 documents were sealed anew') })
  expect(await rotate()).toMatchObject({ code: 0, out: expect.stringContaining('The key has changed; 0 documents') })
  expect((await run(['migrate', '--from', source, '--app-dir', app], env)).code).toBe(78)
  const again = await run(['migrate', '--from', source, '--app-dir', app], { BIFROST_ENCRYPTION_KEY: 'two' })
  expect(again.out).toContain('38 as they were')
}, 60_000)

test("the original's own configuration names its database: the store goes beside it", async () => {
  const app = await appDir('named')
  await copyFile(source, join(app, 'config.db'))
  const before = await readFile(join(app, 'config.db'))
  await writeFile(join(app, 'config.json'), '{"config_store":{"enabled":true,"type":"sqlite","config":{"path":"config.db"}}}')
  expect((await run(['migrate', '--from', join(app, 'config.db'), '--app-dir', app])).code).toBe(0)
  expect(await readFile(join(app, 'config.db'))).toEqual(before)
  expect(existsSync(join(app, 'bifrost.db'))).toBe(true)
})

test('a key may stand in the configuration, as a reference', async () => {
  const app = await appDir('referenced')
  await writeFile(join(app, 'config.json'), '{"encryption_key":"env.THE_KEY","config_store":{"enabled":true,"type":"sqlite"}}')
  const args = ['migrate', '--from', source, '--app-dir', app]
  expect(await run(args)).toMatchObject({ code: 1, err: expect.stringContaining('encryption_key: ') })
  expect(await run(args, { THE_KEY: 'k' })).toMatchObject({ code: 0, err: '' })
  expect(await bytes(app)).not.toContain('CANARY')
}, 60_000)

const sentences: [string[], number, string][] = [
  [['migrate'], 2, 'the form is "bifrost migrate --from'],
  [['migrate', '--bogus'], 2, 'the form is "bifrost migrate --from'],
  [['keys'], 2, 'the form is "bifrost keys rotate'],
  [['keys', 'rotate', '--bogus'], 2, 'the form is "bifrost keys rotate'],
  [['migrate', '--from', 'SOURCE', '--app-dir', 'APP', '--encryption-key', 'CANARY'], 1, '--encryption-key takes env.NAME'],
  [['migrate', '--from', 'SOURCE', '--app-dir', 'APP', '--encryption-key', 'env.NONE'], 1, 'variable NONE is not set'],
  [['migrate', '--from', 'none.db', '--app-dir', 'APP'], 1, 'there is no file none.db'],
  [['migrate', '--from', 'SOURCE', '--config', 'none.json'], 1, 'none.json cannot be read'],
  [['keys', 'rotate', '--app-dir', 'APP'], 1, 'variable BIFROST_NEW_ENCRYPTION_KEY is not set'],
]

test.each(sentences)('%j: %i and a sentence', async (args, code, sentence) => {
  const app = join(folder, 'sentences')
  await mkdir(app, { recursive: true })
  const result = await run(args.map((arg) => (arg === 'SOURCE' ? source : arg === 'APP' ? app : arg)))
  expect(result.code).toBe(code)
  expect(result.err).toContain(sentence)
  expect(result.err).toMatch(/^(note: .*\n)?bifrost: .+\n$/)
  expect(result.err).not.toContain('CANARY')
})

test.each([
  [
    '{"config_store":{"enabled":true,"type":"postgres"}}',
    'config_store.type "postgres" keeps no configuration; choose "sqlite" or "mongodb"',
  ],
  ['{"config_store":{"enabled":false}}', 'config_store is off, and the file alone rules'],
  ['{"config_store":{"enabled":true,"type":"memory"}}', 'keeps no configuration'],
  ['{"config_store":{"enabled":true,"type":"sqlite","config":{"file":"x"}}}', 'config_store.config: '],
  ['{}', 'config_store is off'],
  ['[]', 'must be a JSON object'],
])('a configuration %s: a sentence', async (text, sentence) => {
  const file = join(folder, 'target.json')
  await writeFile(file, text)
  const { code, err } = await run(['migrate', '--from', source, '--config', file])
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(sentence) })
})

test('the bifrost command runs it in a process of its own', async () => {
  const app = await appDir('process')
  const texts = { out: '', err: '' }
  const output = {
    out: (text: string) => {
      texts.out += text
    },
    err: (text: string) => {
      texts.err += text
    },
  }
  vi.stubEnv('BIFROST_ENCRYPTION_KEY', '')
  expect(await runCli(['migrate', '--from', source, '--app-dir', app], output)).toBe(0)
  expect(texts.out).toContain('38 new')
  expect(await runCli(['keys', 'rotate', '--app-dir', app], output)).toBe(1)
  expect(await runCli(['migrate'], output)).toBe(2)
  vi.unstubAllEnvs()
}, 60_000)
