import { LOG_COLUMNS } from '../../core/stores/log-checks.ts'
import { LOG_INDEXED, LOG_TEXTS } from '../../core/stores/log-records.ts'
import type { Database, Layout } from './database.ts'

/** Index of the times; those of columns are named after them. */
export const TIME_INDEX = 'log_records_timestamp'

const isText = (name: string) => (LOG_TEXTS as readonly string[]).includes(name)

/**
 * What is filtered by lies in narrow rows, summaries and bodies in others that only a search or a look at one record reads: a list over a
 * gigabyte of bodies reads none of it. Pages that a sweep frees go back to the file system.
 */
export const LOG_LAYOUT: Layout = {
  fileName: 'bifrost-logs.db',
  id: 0x62_66_6c_67,
  version: 1,
  // Without a flush at each commit: what was written outlives the process, and a loss of power costs the last moments at most.
  pragmas: `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST;
    PRAGMA journal_size_limit = 67108864;`,
  migrate(database, version) {
    if (version === 0) database.execute(SCHEMA)
    addColumns(database)
  },
}

const SCHEMA = `
  CREATE TABLE log_records (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, timestamp INTEGER NOT NULL, engines TEXT, metadata TEXT);
  CREATE INDEX ${TIME_INDEX} ON log_records (timestamp, id);
  CREATE TABLE log_texts (seq INTEGER PRIMARY KEY, summary TEXT, body TEXT);
`

/** Columns that this version knows and the file does not, and their indexes. */
function addColumns(database: Database): void {
  const present = new Set(database.all('PRAGMA table_info(log_records)').map(({ name }) => String(name)))
  for (const name of LOG_COLUMNS)
    if (!present.has(name)) database.execute(`ALTER TABLE log_records ADD COLUMN ${name} ${isText(name) ? 'TEXT' : 'REAL'}`)
  for (const name of LOG_INDEXED)
    database.execute(`CREATE INDEX IF NOT EXISTS log_records_${name} ON log_records (${name}, timestamp, id) WHERE ${name} IS NOT NULL`)
}
