import { dirname, join } from 'node:path'
import type { LogStore, StoreContext } from '../../core/stores/stores.ts'
import { databaseFile, OtherFile, openDatabase } from './database.ts'
import { LOG_LAYOUT } from './log-layout.ts'
import { SqliteLogStore } from './log-store.ts'

/** Opens the log. Where the file holds something else, such as the log of a former gateway, it lies beside that. Rejects with StoreError. */
export async function openLogs(path: string | undefined, context: Pick<StoreContext, 'folder' | 'log'>): Promise<LogStore> {
  try {
    return new SqliteLogStore(await openDatabase(path, context, LOG_LAYOUT))
  } catch (error) {
    if (!(error instanceof OtherFile)) throw error
    const beside = join(dirname(databaseFile(path, context, LOG_LAYOUT)), LOG_LAYOUT.fileName)
    const database = await openDatabase(beside, context, LOG_LAYOUT)
    context.log.warn({ reason: error.message, file: beside }, 'the log lies in another file than its settings name')
    return new SqliteLogStore(database)
  }
}
