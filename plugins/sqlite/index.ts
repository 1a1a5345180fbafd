import { z } from 'zod'
import { defineStoreDriver } from '../../core/stores/stores.ts'

/** The embedded store: one file by Node's own SQLite, and another one for logs. */
export const sqliteDriver = defineStoreDriver({
  type: 'sqlite',
  isEmbedded: true,
  config: z.strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('The database file; `bifrost.db` in the folder of `--app-dir` unless said, `bifrost-logs.db` for logs.'),
  }),
  async openConfig({ path }, context) {
    const [{ openDatabase }, { SqliteConfigStore }] = await Promise.all([import('./database.ts'), import('./config-store.ts')])
    return new SqliteConfigStore(await openDatabase(path, context), context)
  },
  async backup({ path }, context) {
    const [{ databaseFile }, { backupName, backupSqlite }] = await Promise.all([
      import('./database.ts'),
      import('../../core/stores/sqlite-backup.ts'),
    ])
    const file = databaseFile(path, context)
    const copy = backupName(file, context.now())
    await backupSqlite(file, copy)
    context.log.warn(
      { backup: copy },
      'copied the store before it is changed; one that was made before secrets were sealed holds them in the open',
    )
  },
  async openLogs({ path }, context) {
    const { openLogs } = await import('./open-logs.ts')
    return openLogs(path, context)
  },
  async openKeyValue({ path }, context) {
    const [{ openDatabase }, { SqliteKeyValue }] = await Promise.all([import('./database.ts'), import('./key-value.ts')])
    return new SqliteKeyValue(await openDatabase(path, context), context)
  },
})
