import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../../plugins/sqlite/database.ts'
import { sqliteDriver } from '../../../plugins/sqlite/index.ts'
import { LOG_LAYOUT } from '../../../plugins/sqlite/log-layout.ts'
import { SqliteLogStore } from '../../../plugins/sqlite/log-store.ts'
import { record } from '../../conformance/log-kit.ts'
import { logStoreConformance } from '../../conformance/log-store.ts'
import { memoryLog } from '../../helpers/plugins.ts'
import { openedConfig, openedLogs } from '../../helpers/stores.ts'

const WRITER = fileURLToPath(new URL('../../helpers/log-writer.ts', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'bifrost-sqlite-'))
afterAll(() => rmSync(root, { recursive: true }))
const newFolder = () => mkdtempSync(join(root, 'place-'))

logStoreConformance({
  name: 'SQLite',
  async newPlace() {
    const folder = newFolder()
    return { open: () => openedLogs(sqliteDriver, {}, { folder }) }
  },
})

logStoreConformance({
  name: 'SQLite in steps of seven',
  async newPlace() {
    const folder = newFolder()
    return { open: async () => new SqliteLogStore(await openDatabase(undefined, { folder }, LOG_LAYOUT), { mostAtOnce: 7 }) }
  },
})

test('kill -9 of two gateways that write into one file loses no acknowledged record', async () => {
  const folder = newFolder()
  const acknowledged: string[] = []
  for (const [round, lines] of [50, 400].entries()) {
    const writers = ['a', 'b'].map(async (name) => {
      const child = spawn(process.execPath, [WRITER, folder, `${name}${round}`], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (text) => {
        said += text
        if (said.split('\n').length > lines) child.kill('SIGKILL')
      })
      expect(await once(child, 'close')).toEqual([null, 'SIGKILL'])
      // The last line may have been cut.
      acknowledged.push(...said.split('\n').slice(0, -1))
    })
    await Promise.all(writers)
    const store = await openedLogs(sqliteDriver, {}, { folder })
    const kept = await Promise.all(acknowledged.map((id) => store.get(id)))
    expect(kept.map((one) => one?.body)).toEqual(acknowledged.map((id) => JSON.stringify(id.repeat(50))))
    // A batch is kept whole or not at all.
    const [all] = await store.summarize({})
    expect((all?.requests ?? 0) % 20).toBe(0)
    await store.close()
  }
  expect(acknowledged.length).toBeGreaterThan(800)
}, 60_000)

test('the file shrinks when records are swept, and does not grow while as much comes as goes', async () => {
  const folder = newFolder()
  const store = await openedLogs(sqliteDriver, {}, { folder })
  const size = () => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  const body = JSON.stringify('x'.repeat(20_000))
  const fill = (day: number) => store.append(Array.from({ length: 200 }, (_, index) => record(`${day} ${index}`, day * 1440, { body })))
  const sizes: number[] = []
  for (let day = 0; day < 12; day++) {
    await fill(day)
    await store.sweep(record('', (day - 1) * 1440).timestamp, 1000)
    sizes.push(size())
  }
  // Two days lie in it, and the journal keeps the size that it once needed.
  expect(Math.max(...sizes.slice(8))).toBeLessThan(Math.max(...sizes.slice(2, 8)) * 1.05)
  expect(Math.max(...sizes)).toBeLessThan(200 * 20_000 * 8)
  while ((await store.sweep(Date.UTC(2100, 0), 100)) > 0);
  await store.close()
  expect(size()).toBeLessThan(500_000)
})

test('large bodies are given back to the file system, in steps', async () => {
  const folder = newFolder()
  const store = await openedLogs(sqliteDriver, {}, { folder })
  const size = () => statSync(join(folder, 'bifrost-logs.db')).size
  const body = JSON.stringify('x'.repeat(1_000_000))
  for (let index = 0; index < 60; index++) await store.append([record(`r${index}`, index, { body })])
  const full = size()
  expect(await store.sweep(record('', 30).timestamp, 1000)).toBe(30)
  await store.append([record('after', 100)])
  await store.remove(Array.from({ length: 60 }, (_, index) => `r${index}`))
  await store.close()
  expect(full).toBeGreaterThan(50_000_000)
  expect(size()).toBeLessThan(full / 20)
})

test('a query that takes too long is refused, and others get their turn meanwhile', async () => {
  const folder = newFolder()
  const patient = new SqliteLogStore(await openDatabase(undefined, { folder }, LOG_LAYOUT), { mostAtOnce: 5 })
  await patient.append(Array.from({ length: 500 }, (_, index) => record(`r${index}`, index, { content_summary: 'hay' })))
  const order: string[] = []
  const search = patient.find({ filter: { text: 'needle' }, limit: 1 }).then(() => order.push('search'))
  const write = patient.append([record('new', 1000)]).then(() => order.push('write'))
  await Promise.all([search, write])
  expect(order).toEqual(['write', 'search'])
  await patient.close()
  const hasty = new SqliteLogStore(await openDatabase(undefined, { folder }, LOG_LAYOUT), { mostAtOnce: 5, patienceMs: 0 })
  const refusal = { fault: 'unavailable', message: expect.stringContaining('narrow the span of time') }
  await expect(hasty.find({ filter: { text: 'needle' }, limit: 1 })).rejects.toMatchObject(refusal)
  await expect(hasty.summarize({})).rejects.toMatchObject(refusal)
  await hasty.close()
})

test('a file of something else is left as it is: the log lies beside it, and that is said', async () => {
  const folder = newFolder()
  const foreign = join(folder, 'logs.db')
  const former = new DatabaseSync(foreign)
  former.exec('CREATE TABLE logs (id TEXT PRIMARY KEY)')
  former.close()
  const bytes = statSync(foreign)
  const log = memoryLog()
  const store = await openedLogs(sqliteDriver, { path: 'logs.db' }, { folder, log: log as never })
  await store.append([record('a')])
  await store.close()
  expect(statSync(foreign)).toMatchObject({ size: bytes.size, mtimeMs: bytes.mtimeMs })
  expect(JSON.stringify(log.lines)).toContain('bifrost-logs.db')
  const again = await openedLogs(sqliteDriver, {}, { folder })
  expect(await again.get('a')).toEqual(record('a'))
  await again.close()
})

test('the configuration and its log do not share a file, whoever comes first', async () => {
  const folder = newFolder()
  const config = await openedConfig(sqliteDriver, { path: 'one.db' }, { folder })
  const logs = await openedLogs(sqliteDriver, { path: 'one.db' }, { folder })
  await logs.append([record('a')])
  expect(readdirSync(folder)).toContain('bifrost-logs.db')
  await expect(openedConfig(sqliteDriver, { path: 'bifrost-logs.db' }, { folder })).rejects.toMatchObject({
    fault: 'corrupt',
    message: expect.stringContaining('something else'),
  })
  await Promise.all([config.close(), logs.close()])
})

test('a file of a later version or that is no database is refused with its name', async () => {
  const folder = newFolder()
  const store = await openedLogs(sqliteDriver, {}, { folder })
  await store.close()
  const raw = new DatabaseSync(join(folder, 'bifrost-logs.db'))
  raw.exec('PRAGMA user_version = 99')
  raw.close()
  await expect(openedLogs(sqliteDriver, {}, { folder })).rejects.toMatchObject({
    fault: 'corrupt',
    message: expect.stringContaining('later version'),
  })
  writeFileSync(join(folder, 'text.db'), 'no database at all, and longer than a header of SQLite would be.'.repeat(20))
  await expect(openedLogs(sqliteDriver, { path: 'text.db' }, { folder })).rejects.toMatchObject({
    fault: 'corrupt',
    message: expect.stringContaining('text.db'),
  })
})

test('a column that a file does not know yet is added to it', async () => {
  const folder = newFolder()
  const before = await openedLogs(sqliteDriver, {}, { folder })
  await before.append([record('old')])
  await before.close()
  const raw = new DatabaseSync(join(folder, 'bifrost-logs.db'))
  raw.exec('DROP INDEX log_records_team_id; ALTER TABLE log_records DROP COLUMN team_id; ALTER TABLE log_records DROP COLUMN cost')
  raw.close()
  const after = await openedLogs(sqliteDriver, {}, { folder })
  await after.append([record('new', 1, { team_id: 't', cost: 0.5 })])
  expect(await after.find({ filter: { is: { team_id: ['t'] } }, limit: 1 })).toEqual([record('new', 1, { team_id: 't', cost: 0.5 })])
  expect(await after.get('old')).toEqual(record('old'))
  await after.close()
})
