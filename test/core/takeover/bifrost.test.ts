import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { clientSchema } from '../../../core/config/client.ts'
import { indexEntities } from '../../../core/config/entities.ts'
import { ENTITY_SCHEMAS, readEntity } from '../../../core/config/entity-schemas.ts'
import { frameworkSchema } from '../../../core/config/framework.ts'
import { authConfigSchema } from '../../../core/config/governance/index.ts'
import { readBifrost, type Takeover } from '../../../core/takeover/read-bifrost.ts'
import { reportOf, reportText } from '../../../core/takeover/report.ts'
import { readRows } from '../../../core/takeover/source.ts'
import { isBifrostFile } from '../../../core/takeover/sqlite-source.ts'
import { planTakeover } from '../../../core/takeover/take-over.ts'
import { sealedTables, TABLES, writeBifrostDatabase } from '../../helpers/bifrost-database.ts'
import { watchedStore } from '../../helpers/watched-store.ts'
import { builtins } from '../config/builtins.ts'

import { FIXTURE, FIXTURE_REPORT, MADE, MADE_REPORT } from './expected.ts'

const FOLDER = new URL('../../../../shared/fixtures/bifrost-1.4/', import.meta.url).pathname
const KEY = 'an-example-encryption-key-of-32+'
const options = {
  keyUrls: { ollama: 'ollama_key_config', sgl: 'sgl_key_config' },
  plugins: new Set(['known']),
}

/** Stands for times that differ between the two databases. */
const WHEN = '2026-01-01T00:00:00.000Z'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bifrost-takeover-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const read = async (file: string, passphrase?: string) => readBifrost(await readRows(file), { ...options, passphrase })

async function text({ documents, notes }: Takeover, from: string): Promise<string> {
  return reportText(reportOf(from, await planTakeover(watchedStore(), documents), notes))
}

/** Bodies by collection and id, without what differs from run to run of the original: when rows were made, and random ids. */
function bodies({ documents }: Takeover): Record<string, JsonObject> {
  const keys = new Map(documents.flatMap(({ collection, id, body }) => (collection === 'keys' ? [[id, `<${String(body.name)}>`]] : [])))
  const folders = documents.filter(({ collection }) => collection === 'prompt_folders').map(({ id }) => [id, '<folder>'] as const)
  let json = JSON.stringify(
    Object.fromEntries(
      documents.map(({ collection, id, body: { created_at, updated_at, ...body } }) => {
        if (typeof body.last_reset === 'string') body.last_reset = WHEN
        for (const kind of ['token', 'request']) if (body[`${kind}_last_reset`]) body[`${kind}_last_reset`] = WHEN
        return [`${collection}/${id}`, body]
      }),
    ),
  )
  for (const [id, name] of [...keys, ...folders]) json = json.replaceAll(String(id), String(name))
  return JSON.parse(json) as Record<string, JsonObject>
}

describe.skipIf(!existsSync(FOLDER))('the databases of Bifrost 1.4.19 (skipped where ../shared is absent)', () => {
  test.each(['plain.db', 'encrypted.db'])('%s comes over whole', async (name) => {
    const taken = await read(join(FOLDER, name), name === 'plain.db' ? undefined : KEY)
    expect(bodies(taken)).toEqual(FIXTURE)
    expect(await text(taken, 'x')).toBe(FIXTURE_REPORT)
  })

  test('usage comes with the time of its reset, to the millisecond', async () => {
    const { documents } = await read(join(FOLDER, 'plain.db'))
    const body = (id: string) => documents.find((document) => document.id === id)?.body
    expect(body('bud-vk')).toMatchObject({ current_usage: 0, last_reset: '2026-11-21T08:39:41.110Z' })
    expect(body('rl-vk')).toMatchObject({ token_last_reset: '2026-11-21T08:39:41.109Z', request_last_reset: '2026-11-21T08:39:41.109Z' })
  })

  test('a wrong key and none are refused by a sentence', async () => {
    await expect(read(join(FOLDER, 'encrypted.db'), 'CANARY-wrong')).rejects.toThrow(
      /^the encryption key is not the one that the database was sealed by$/,
    )
    await expect(read(join(FOLDER, 'encrypted.db'))).rejects.toThrow(/^the database is sealed: set BIFROST_ENCRYPTION_KEY/)
  })
})

describe('a database made by a script', () => {
  test('comes over whole: with MCP clients, OAuth, prompts, plugins, limits, prices and usage', async () => {
    const file = join(folder, 'made.db')
    writeBifrostDatabase(file, TABLES)
    const taken = await read(file)
    expect(Object.fromEntries(taken.documents.map(({ collection, id, body }) => [`${collection}/${id}`, body]))).toEqual(MADE)
    expect(await text(taken, 'x')).toBe(MADE_REPORT)
  })

  test('sealed, it means the same', async () => {
    const file = join(folder, 'sealed.db')
    writeBifrostDatabase(file, sealedTables(TABLES, KEY))
    const taken = await read(file, KEY)
    expect(Object.fromEntries(taken.documents.map(({ collection, id, body }) => [`${collection}/${id}`, body]))).toEqual(MADE)
    await expect(read(file, 'another')).rejects.toThrow('the encryption key is not the one')
  })

  test('a damaged secret is named, not guessed', async () => {
    const tables = sealedTables(TABLES, KEY)
    const [first, ...rest] = tables.governance_virtual_keys!
    const value = `AAAA${String(first!.value).slice(4)}`
    const file = join(folder, 'damaged.db')
    writeBifrostDatabase(file, { ...tables, governance_virtual_keys: [{ ...first, value } as never, ...rest] })
    await expect(read(file, KEY)).rejects.toThrow('a sealed value in governance_virtual_keys.value cannot be opened: it is damaged')
  })

  test('rows that lie in the write-ahead log alone are read', async () => {
    const file = join(folder, 'logged.db')
    const open = writeBifrostDatabase(file, TABLES, { isLogged: true })
    expect((await read(file)).documents).toHaveLength(Object.keys(MADE).length)
    open.close()
  })

  test.each(['with rows in its log', 'without a log'])('in a folder that may not be written, %s, it is read from a copy', async (how) => {
    const [running, closed] = [join(folder, `running ${how}.db`), join(folder, `closed ${how}`)]
    await mkdir(closed)
    const file = join(closed, 'config.db')
    const open = writeBifrostDatabase(running, TABLES, { isLogged: true })
    if (how === 'without a log') open.close()
    for (const suffix of ['', '-wal']) if (existsSync(running + suffix)) await copyFile(running + suffix, file + suffix)
    open.close()
    await chmod(folder, 0o755)
    for (const name of await readdir(closed)) await chmod(join(closed, name), 0o444)
    await chmod(closed, 0o555)
    const copies = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('bifrost-takeover-copy-'))
    await asNobody(async () => {
      expect((await read(file)).documents).toHaveLength(Object.keys(MADE).length)
      expect(await isBifrostFile(file)).toBe(true)
    })
    expect(await copies()).toEqual([])
    expect((await readdir(closed)).sort()).toEqual(how === 'without a log' ? ['config.db'] : ['config.db', 'config.db-wal'])
    await chmod(closed, 0o755)
  })

  test('a database of 1.5 is refused, because its empty lists already deny', async () => {
    const file = join(folder, 'later.db')
    writeBifrostDatabase(file, { ...TABLES, migrations: [{ id: 'backfill_empty_virtual_key_configs', sequence: 90 }] })
    await expect(read(file)).rejects.toThrow('this is a database of Bifrost 1.5 or later')
  })

  test('anything else is refused by a sentence', async () => {
    const file = join(folder, 'other.db')
    writeBifrostDatabase(file, { notes: [{ id: 1 }] })
    await expect(read(file)).rejects.toThrow("this is no database of Bifrost's: it has no table migrations, config_providers, config_keys")
    await expect(read(join(folder, 'none.db'))).rejects.toThrow('there is no file')
    await expect(read(import.meta.filename)).rejects.toThrow('cannot be read')
  })

  test('the tables of an early 1.4, which lack some, are read', async () => {
    const file = join(folder, 'early.db')
    const { migrations, config_providers, config_keys, governance_virtual_keys } = TABLES as Required<typeof TABLES>
    writeBifrostDatabase(file, { migrations, config_providers, config_keys, governance_virtual_keys } as typeof TABLES)
    const { documents } = await read(file)
    expect(documents.map(({ collection }) => collection)).toContain('virtual_keys')
  })
})

describe('what comes over is what this gateway would have been given', () => {
  test.each([
    ['the fixture', FIXTURE],
    ['the made one', MADE],
  ])('%s: every entity by its schema, and among the others by its rules', (_, taken) => {
    const entities = Object.entries(taken).map(([key, body]) => {
      const [collection = '', ...id] = key.split('/')
      return { collection, id: id.join('/'), body: plainBody(body) }
    })
    const context = { lookup: indexEntities(entities), builtins: { ...builtins, plugins: [{ name: 'known' }] } }
    const problems = entities.flatMap((entity) => {
      if (!Object.hasOwn(ENTITY_SCHEMAS, entity.collection)) return []
      return readEntity(entity as Parameters<typeof readEntity>[0], context).problems.map((problem) => [entity.id, problem])
    })
    expect(problems).toEqual([])
    const settings = (id: string) => plainBody(taken[`settings/${id}`] ?? {})
    expect(clientSchema.safeParse(settings('client')).error).toBeUndefined()
    expect(frameworkSchema.safeParse(settings('framework')).error).toBeUndefined()
    expect(authConfigSchema.safeParse(settings('auth_config')).error).toBeUndefined()
  })
})

/** The superuser may write everywhere. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.setegid?.(65_534)
  if (isRoot) process.seteuid?.(65_534)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid?.(0)
    if (isRoot) process.setegid?.(0)
  }
}

/** Without what the gateway keeps for itself. */
function plainBody({ created_at, updated_at, value_hash, ...body }: JsonObject): JsonObject {
  return body
}

test('no report holds a secret', async () => {
  const file = join(folder, 'secrets.db')
  writeBifrostDatabase(file, TABLES)
  const taken = await read(file)
  expect(JSON.stringify(taken.documents)).toContain('CANARY')
  const report = reportOf(file, await planTakeover(watchedStore(), taken.documents), taken.notes)
  expect(JSON.stringify(report) + reportText(report)).not.toContain('CANARY')
})
