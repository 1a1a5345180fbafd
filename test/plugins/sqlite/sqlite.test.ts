import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { sqliteDriver } from '../../../plugins/sqlite/index.ts'
import { COLLECTIONS, pages } from '../../conformance/store.ts'
import { openedConfig } from '../../helpers/stores.ts'

const WRITER = fileURLToPath(new URL('../../helpers/store-writer.ts', import.meta.url))

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'bifrost-sqlite-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** Runs two writers on one file, kills both after so many lines, and resolves with the versions that were acknowledged. */
async function killedWriters(path: string, lines: number, round: number): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>()
  const writers = ['a', 'b'].map((name) => {
    const child = spawn(process.execPath, [WRITER, path, `${name}${round}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (text) => {
      said += text
      if (said.split('\n').length > lines) child.kill('SIGKILL')
    })
    return once(child, 'close').then(([, signal]) => {
      expect(signal).toBe('SIGKILL')
      // The last line may have been cut.
      for (const line of said.split('\n').slice(0, -1)) {
        const [writer, number, version] = line.split(' ')
        acknowledged.set(`${writer} ${number}`, Number(version))
      }
    })
  })
  await Promise.all(writers)
  return acknowledged
}

test('kill -9 of two gateways that write into one file loses no acknowledged change', async () => {
  const path = folder()
  const acknowledged = new Map<string, number>()
  for (const [round, lines] of [40, 97, 250].entries()) {
    for (const [id, version] of await killedWriters(path, lines, round)) acknowledged.set(id, version)
    const store = await openedConfig(sqliteDriver, {}, { folder: path, collections: [{ name: 'things' }] })
    const all = await pages(store, 1000)
    const kept = new Map(all.map(({ id, version }) => [id, version]))
    const lost = [...acknowledged].filter(([id, version]) => (kept.get(id) ?? 0) < version)
    expect(lost).toEqual([])
    const writes = all.reduce((sum, { version }) => sum + version, 0)
    expect(await store.latestChange()).toBe(writes)
    await store.close()
  }
  expect(acknowledged.size).toBeGreaterThan(100)
}, 60_000)

test('one write of many that fails leaves the others alone', async () => {
  const store = await openedConfig(sqliteDriver, {}, { folder: folder(), collections: COLLECTIONS })
  const names = ['a', 'b', 'a', 'c', 'b', 'd']
  const outcomes = await Promise.allSettled(names.map((name, index) => store.write('people', String(index), { name }, { version: 0 })))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  expect((await store.changesSince(0)).map(({ id, change }) => [id, change])).toEqual([
    ['0', 1],
    ['1', 2],
    ['3', 3],
    ['5', 4],
  ])
  await store.close()
})

test('the file is bifrost.db in the folder for data, or where `path` says, relative to that folder', async () => {
  const path = join(folder(), 'new', 'data')
  await (await openedConfig(sqliteDriver, {}, { folder: path })).close()
  await (await openedConfig(sqliteDriver, { path: 'other/store.db' }, { folder: path })).close()
  expect([...readdirSync(path), ...readdirSync(join(path, 'other'))].filter((name) => name.endsWith('.db'))).toEqual([
    'bifrost.db',
    'store.db',
  ])
  await expect(openedConfig(sqliteDriver, {})).rejects.toMatchObject({
    fault: 'unavailable',
    message: expect.stringContaining('--app-dir'),
  })
})

test('a file that is no database, or of a later version, is refused with its name and left as it is', async () => {
  const path = folder()
  writeFileSync(
    join(path, 'bifrost.db'),
    'this is a text and no database, and long enough for a header of SQLite to be read from it.'.repeat(20),
  )
  await expect(openedConfig(sqliteDriver, {}, { folder: path })).rejects.toMatchObject({
    fault: 'corrupt',
    message: expect.stringContaining('bifrost.db'),
  })
  const { DatabaseSync } = await import('node:sqlite')
  const later = new DatabaseSync(join(path, 'later.db'))
  later.exec('PRAGMA user_version = 99')
  later.close()
  await expect(openedConfig(sqliteDriver, { path: 'later.db' }, { folder: path })).rejects.toMatchObject({
    fault: 'corrupt',
    message: expect.stringContaining('later version'),
  })
  mkdirSync(join(path, 'folder.db'))
  await expect(openedConfig(sqliteDriver, { path: 'folder.db' }, { folder: path })).rejects.toMatchObject({ fault: 'unavailable' })
})

test('a body that cannot be read is told as corrupt, with its name; a field that is unique no longer is free', async () => {
  const path = folder()
  const store = await openedConfig(sqliteDriver, {}, { folder: path, collections: COLLECTIONS })
  await store.write('people', 'a', { name: 'x' }, { version: 0 })
  await store.close()
  const free = await openedConfig(sqliteDriver, {}, { folder: path, collections: [{ name: 'people' }] })
  await free.write('people', 'b', { name: 'x' }, { version: 0 })
  await free.close()
  const { DatabaseSync } = await import('node:sqlite')
  const raw = new DatabaseSync(join(path, 'bifrost.db'))
  raw.exec(`UPDATE documents SET body = '[1' WHERE id = 'b'`)
  raw.close()
  const again = await openedConfig(sqliteDriver, {}, { folder: path, collections: [{ name: 'people' }] })
  await expect(again.read('people', 'b')).rejects.toMatchObject({ fault: 'corrupt', message: expect.stringContaining('"b"') })
  expect(await again.read('people', 'a')).toBeDefined()
  await again.close()
})

test('Node is not heard to say that its SQLite is experimental, and every other warning is', () => {
  const script = `
    import { sqliteDriver } from ${JSON.stringify(new URL('../../../plugins/sqlite/index.ts', import.meta.url).href)}
    const store = await sqliteDriver.openConfig({}, { folder: ${JSON.stringify(folder())}, collections: [], now: Date.now })
    await store.close()
    process.emitWarning('another thing', 'ExperimentalWarning')`
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(status).toBe(0)
  expect(stderr).not.toContain('SQLite')
  expect(stderr).toContain('another thing')
})
