import { z } from 'zod'
import { defineStoreDriver } from '../../core/stores.ts'

/** The embedded store: one file by Node's own SQLite. `path`: the file; `bifrost.db` in the folder for data unless said. */
export const sqliteDriver = defineStoreDriver({
  type: 'sqlite',
  config: z.strictObject({
    path: z.string().min(1).optional().describe('The database file; `bifrost.db` in the folder of `--app-dir` unless said.'),
  }),
  async openConfig({ path }, context) {
    const [{ openDatabase }, { SqliteConfigStore }] = await Promise.all([import('./database.ts'), import('./config-store.ts')])
    return new SqliteConfigStore(await openDatabase(path, context), context)
  },
  async openKeyValue({ path }, context) {
    const [{ openDatabase }, { SqliteKeyValue }] = await Promise.all([import('./database.ts'), import('./key-value.ts')])
    return new SqliteKeyValue(await openDatabase(path, context), context)
  },
})
