import { existsSync, readFileSync, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CONFIG_COLLECTIONS } from '../../../core/config/collections.ts'
import { createLog } from '../../../core/log.ts'
import { createRedactor } from '../../../core/redact.ts'
import { openSealing } from '../../../core/sealing/open-sealing.ts'
import { sealStore } from '../../../core/sealing/sealed-store.ts'
import type { ConfigStore } from '../../../core/stores/stores.ts'
import { besideBifrost, takeOver, takeOverAtStart } from '../../../core/takeover/at-start.ts'
import { reportText } from '../../../core/takeover/report.ts'
import { TABLES, writeBifrostDatabase } from '../../helpers/bifrost-database.ts'
import { type WatchedStore, watchedStore } from '../../helpers/watched-store.ts'
import { MADE } from './expected.ts'

const NOW = Date.UTC(2026, 5, 1)
let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bifrost-takeover-test-'))
  file = join(folder, 'source.db')
  writeBifrostDatabase(file, TABLES)
})
afterAll(() => rm(folder, { recursive: true }))

const options = (store: ConfigStore) => ({
  store,
  now: NOW,
  passphrase: undefined,
  keyUrls: { ollama: 'ollama_key_config' },
  plugins: new Set(['known']),
})

async function documents(store: WatchedStore): Promise<unknown> {
  const all = (await store.all()).filter(({ collection }) => collection !== 'meta')
  return Object.fromEntries(all.map(({ collection, id, body }) => [`${collection}/${id}`, body]))
}

test('a dry run prints exactly what happens then, and writes nothing', async () => {
  const store = watchedStore()
  const dry = await takeOver(file, { ...options(store), isDryRun: true })
  expect(store.writes).toBe(0)
  const done = await takeOver(file, options(store))
  expect(reportText(dry)).toBe(reportText(done))
  expect(dry).toEqual(done)
  expect(await documents(store)).toEqual(MADE)
})

test('the source is not written, nor is anything left beside it', async () => {
  const copy = join(folder, 'untouched', 'config.db')
  await mkdir(join(folder, 'untouched'))
  await copyFile(file, copy)
  const before = { bytes: readFileSync(copy), modified: statSync(copy).mtimeMs }
  await takeOver(copy, options(watchedStore()))
  expect({ bytes: readFileSync(copy), modified: statSync(copy).mtimeMs }).toEqual(before)
  expect(await readdir(join(folder, 'untouched'))).toEqual(['config.db'])
})

test('twice changes nothing', async () => {
  const store = watchedStore()
  await takeOver(file, options(store))
  const [writes, change] = [store.writes, await store.latestChange()]
  const again = await takeOver(file, options(store))
  expect([store.writes, await store.latestChange()]).toEqual([writes, change])
  expect(again.written).toMatchObject({ new: 0, replaces: 0, kept: 0, taken: 0, same: Object.keys(MADE).length })
})

test('killed at any write and run again, it ends the same', async () => {
  for (let kill = 1; ; kill += 1) {
    const store = watchedStore()
    store.onWrite = (count) => {
      if (count === kill) throw new Error('killed')
    }
    const wasKilled = await takeOver(file, options(store)).then(
      () => false,
      (error: Error) => error.message === 'killed',
    )
    if (!wasKilled) {
      expect(kill).toBe(Object.keys(MADE).length + 2)
      break
    }
    await takeOver(file, options(store))
    expect(await documents(store)).toEqual(MADE)
  }
})

test('what the store has newer is kept, what it has older is replaced, and the report says so', async () => {
  const store = watchedStore()
  await takeOver(file, options(store))
  const edit = async (collection: string, id: string, updated: string) => {
    const stored = (await store.read(collection, id))!
    await store.write(collection, id, { ...stored.body, description: 'edited', updated_at: updated }, stored)
  }
  await edit('virtual_keys', 'vk-open', '2026-03-01T00:00:00.000Z')
  await edit('virtual_keys', 'vk-team', '2026-01-01T00:00:00.000Z')
  const report = await takeOver(file, options(store))
  expect((await store.read('virtual_keys', 'vk-open'))?.body?.description).toBe('edited')
  expect((await store.read('virtual_keys', 'vk-team'))?.body?.description).toBe('of a team')
  expect(report.written).toMatchObject({ replaces: 1, kept: 1 })
  expect(reportText(report)).toContain('virtual_keys vk-open name: the store has another one, which is newer or of unknown age')
})

test('a name that another one has is told, and the rest comes over', async () => {
  const store = watchedStore()
  await store.write('keys', 'other', { name: 'all', provider: 'x' }, { version: 0 })
  const dry = await takeOver(file, { ...options(store), isDryRun: true })
  const report = await takeOver(file, options(store))
  expect(dry).toEqual(report)
  expect(report.kept).toEqual([{ collection: 'keys', name: 'all', why: 'another one in the store has its name' }])
  expect(await store.read('keys', 'key-all')).toBeUndefined()
  expect(await store.read('keys', 'key-some')).toBeDefined()
})

test('a document that another writer makes meanwhile is kept', async () => {
  const store = watchedStore()
  store.onWrite = async (count) => {
    if (count === 1) await store.inner.write('providers', 'mine', { theirs: true }, { version: 0 })
  }
  const report = await takeOver(file, options(store))
  expect(report.kept).toMatchObject([{ collection: 'providers', name: 'mine' }])
  expect((await store.read('providers', 'mine'))?.body).toEqual({ theirs: true })
})

test('into a store with a key, secrets arrive sealed, and twice still changes nothing', async () => {
  const raw = watchedStore()
  const sealing = { passphrase: 'key', now: NOW, cost: { memory_kib: 8, passes: 1, lanes: 1 } }
  const store = sealStore(raw, await openSealing(raw, sealing))
  await takeOver(file, options(store))
  // The hash of the administrator's password stays behind, and no other secret is in the open.
  expect(JSON.stringify(await raw.all())).not.toContain('CANARY')
  const writes = raw.writes
  await takeOver(file, options(store))
  expect(raw.writes).toBe(writes)
})

test('D1: a database found at start is copied, taken over and told of, once', async () => {
  const app = join(folder, 'app')
  await mkdir(app)
  const lines: string[] = []
  const log = createLog({ redactor: createRedactor(), destination: { write: (line) => void lines.push(line) } })
  const store = watchedStore()
  const start = () => takeOverAtStart(app, { ...options(store), log })
  expect(await start()).toBeUndefined()
  await copyFile(file, join(app, 'config.db'))
  expect((await start())?.written.new).toBe(Object.keys(MADE).length)
  expect(await documents(store)).toEqual(MADE)
  expect((await stat(join(app, 'config.db.before-takeover'))).mode & 0o777).toBe(0o600)
  expect(lines.join('')).toContain('config.db.before-takeover')
  expect(lines.join('')).toContain('Not migrated, and therefore denied now')
  expect(lines.join('')).not.toContain('CANARY')
  const stored = (await store.read('virtual_keys', 'vk-open'))!
  await store.remove('virtual_keys', 'vk-open', stored)
  expect(await start()).toBeUndefined()
  expect(await store.read('virtual_keys', 'vk-open')).toBeUndefined()
})

test('D1: killed at any write, the next start goes on', async () => {
  const app = join(folder, 'killed')
  await mkdir(app)
  await copyFile(file, join(app, 'config.db'))
  const log = createLog({ redactor: createRedactor(), level: 'silent' })
  for (const kill of [1, 5, Object.keys(MADE).length, Object.keys(MADE).length + 1]) {
    const store = watchedStore()
    store.onWrite = (count) => {
      if (count === kill) throw new Error('killed')
    }
    await expect(takeOverAtStart(app, { ...options(store), log })).rejects.toThrow('killed')
    await takeOverAtStart(app, { ...options(store), log })
    expect(await documents(store)).toEqual(MADE)
  }
})

test('a file that is no database of the original is left alone at start', async () => {
  const app = join(folder, 'foreign')
  await mkdir(app)
  writeBifrostDatabase(join(app, 'config.db'), { notes: [{ id: 1 }] })
  const log = createLog({ redactor: createRedactor(), level: 'silent' })
  expect(await takeOverAtStart(app, { ...options(watchedStore()), log })).toBeUndefined()
  expect(existsSync(join(app, 'config.db.before-takeover'))).toBe(false)
})

test('a store is never put into a database of the original', async () => {
  expect(await besideBifrost({ path: 'source.db' }, folder)).toEqual({ path: join(folder, 'bifrost.db') })
  expect(await besideBifrost({ path: 'mine.db' }, folder)).toEqual({ path: 'mine.db' })
  expect(await besideBifrost({ url: 'mongodb://x' }, folder)).toEqual({ url: 'mongodb://x' })
})

test('every collection that is written is one that stores know', () => {
  const known = new Set(CONFIG_COLLECTIONS.map(({ name }) => name))
  expect(Object.keys(MADE).filter((key) => !known.has(key.split('/')[0] ?? ''))).toEqual([])
})
