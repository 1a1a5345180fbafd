// Writes into a SQLite file until it is killed, and says on standard output what was acknowledged: one line each, `id version`.
// Arguments: folder, name of this writer.
import { writeSync } from 'node:fs'
import type { Stored } from '../../core/stores/stores.ts'
import { sqliteDriver } from '../../plugins/sqlite/index.ts'
import { openedConfig } from './stores.ts'

const [folder = '', name = ''] = process.argv.slice(2)
const store = await openedConfig(sqliteDriver, {}, { folder, collections: [{ name: 'things' }] })
const versions = new Map<string, number>()

for (let round = 0; ; round++) {
  // Several at a time, so that a transaction of many is cut as well.
  const ids = [0, 1, 2, 3].map((index) => `${name} ${(round * 4 + index) % 50}`)
  const written = await Promise.all(ids.map((id) => store.write('things', id, { round }, { version: versions.get(id) ?? 0 })))
  for (const { id, version } of written as Stored[]) {
    versions.set(id, version)
    writeSync(1, `${id} ${version}\n`)
  }
}
