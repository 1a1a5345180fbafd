// Appends to a log in a SQLite file until it is killed, and says on standard output what was acknowledged: one id a line.
// Arguments: folder, name of this writer.
import { writeSync } from 'node:fs'
import { sqliteDriver } from '../../plugins/sqlite/index.ts'
import { openedLogs } from './stores.ts'

const [folder = '', name = ''] = process.argv.slice(2)
const store = await openedLogs(sqliteDriver, {}, { folder })

for (let batch = 0; ; batch++) {
  const ids = Array.from({ length: 20 }, (_, index) => `${name} ${batch} ${index}`)
  await store.append(ids.map((id) => ({ id, timestamp: batch, status: 'success', body: JSON.stringify(id.repeat(50)) })))
  writeSync(1, ids.map((id) => `${id}\n`).join(''))
}
