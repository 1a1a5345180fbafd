import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { migrateSchema, SCHEMA_MIGRATIONS, type SchemaMigration } from '../../../core/stores/schema.ts'
import { backupName, backupSqlite } from '../../../core/stores/sqlite-backup.ts'
import type { ConfigStore } from '../../../core/stores/stores.ts'
import { type WatchedStore, watchedStore } from '../../helpers/watched-store.ts'

/** Made-up steps, each over all teams, by versioned writes that change nothing the second time. */
const steps: readonly SchemaMigration[] = [
  { to: 2, name: 'teams get a colour', run: (store) => eachTeam(store, (body) => ('color' in body ? body : { colour: 'red', ...body })) },
  {
    to: 3,
    name: 'colour becomes color',
    run: (store) => eachTeam(store, ({ colour, ...body }) => (colour ? { ...body, color: colour } : body)),
  },
]

async function eachTeam(store: ConfigStore, change: (body: Record<string, never>) => Record<string, unknown>): Promise<void> {
  for (const { collection, id, body, version } of await store.readPage(undefined, 1000)) {
    if (collection !== 'teams' || !body) continue
    const next = change(body as Record<string, never>)
    if (JSON.stringify(next) !== JSON.stringify(body)) await store.write(collection, id, next as never, { version })
  }
}

async function filled(): Promise<WatchedStore> {
  const store = watchedStore()
  for (const id of ['a', 'b']) await store.write('teams', id, { name: id }, { version: 0 })
  return store
}

const result = async (store: WatchedStore) => (await store.all()).map(({ id, body }) => [id, body])
const DONE = [
  ['schema', { version: 3 }],
  ['a', { name: 'a', color: 'red' }],
  ['b', { name: 'b', color: 'red' }],
]

test('today there are no steps, and an empty store is of today', async () => {
  expect(SCHEMA_MIGRATIONS).toEqual([])
  const store = watchedStore()
  expect(await migrateSchema(store)).toBe(1)
  expect((await store.read('meta', 'schema'))?.body).toEqual({ version: 1 })
  expect(await migrateSchema(store)).toBe(1)
  expect(store.writes).toBe(1)
})

test('an empty store takes no steps, one with documents takes all, in order, with a backup before the first', async () => {
  const order: string[] = []
  const options = {
    migrations: steps,
    backup: async () => void order.push('backup'),
    onStep: ({ name }: SchemaMigration) => void order.push(name),
  }
  expect(await migrateSchema(watchedStore(), options)).toBe(3)
  expect(order).toEqual([])
  const store = await filled()
  expect(await migrateSchema(store, options)).toBe(3)
  expect(order).toEqual(['backup', 'teams get a colour', 'colour becomes color'])
  expect(await result(store)).toEqual(DONE)
})

test('killed at any write and run again, it ends the same', async () => {
  for (let kill = 3; ; kill += 1) {
    const store = await filled()
    store.onWrite = (count) => {
      if (count === kill) throw new Error('killed')
    }
    const wasKilled = await migrateSchema(store, { migrations: steps }).then(
      () => false,
      () => true,
    )
    if (wasKilled) await migrateSchema(store, { migrations: steps })
    expect(await result(store)).toEqual(DONE)
    if (!wasKilled) {
      expect(kill).toBeGreaterThan(8)
      break
    }
  }
})

test('two processes at once end the same', async () => {
  const store = await filled()
  expect(await Promise.all([migrateSchema(store, { migrations: steps }), migrateSchema(store, { migrations: steps })])).toEqual([3, 3])
  expect(await result(store)).toEqual(DONE)
})

test('a store of a later version is refused, and so is a mark that cannot be read', async () => {
  const store = await filled()
  await migrateSchema(store, { migrations: steps })
  await expect(migrateSchema(store)).rejects.toThrow('the store was written by a later version of the gateway (schema 3, this one knows 1)')
  const mark = (await store.read('meta', 'schema'))!
  await store.write('meta', 'schema', { version: 'x' }, mark)
  await expect(migrateSchema(store)).rejects.toMatchObject({ fault: 'corrupt' })
})

test('a backup is whole, with what lies in the log, and for its owner alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bifrost-backup-'))
  const file = join(folder, 'bifrost.db')
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)')
  const now = Date.UTC(2026, 0, 31, 12)
  const copy = backupName(file, now)
  expect(copy).toBe(`${file}.backup-20260131T120000Z`)
  await backupSqlite(file, copy)
  expect(new DatabaseSync(copy, { readOnly: true }).prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 2 })
  expect((await stat(copy)).mode & 0o777).toBe(0o600)
  expect(backupName(file, now)).toBe(`${copy}-2`)
  db.close()
  expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([])
  await rm(folder, { recursive: true })
})
