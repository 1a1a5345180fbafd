import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'

/** How long to wait for a writer, in milliseconds. */
const BUSY_MS = 5000

/** Copies a SQLite database as it is at one moment, its write-ahead log included. The copy appears whole or not at all, for its owner alone. Rejects with SQLite's error. */
export async function backupSqlite(file: string, copy: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const partial = `${copy}.partial`
  rmSync(partial, { force: true })
  // SQLite would make it readable for others, as the umask has it.
  closeSync(openSync(partial, 'wx', 0o600))
  const db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS })
  try {
    db.prepare('VACUUM INTO ?').run(partial)
  } finally {
    db.close()
  }
  renameSync(partial, copy)
}

/** A name beside the file that is not taken, such as `bifrost.db.backup-20260131T120000Z`. */
export function backupName(file: string, now: number): string {
  const base = `${file}.backup-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}`
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? base : `${base}-${count}`
    if (!existsSync(name)) return name
  }
}
