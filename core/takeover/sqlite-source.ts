import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { MARKS, type Row, type Rows, TABLES, TakeoverError } from './tables.ts'

/** The rows of a SQLite database, read-only and as of one moment; what stands in its write-ahead log is part of it. Rejects with TakeoverError. */
export async function readSqlite(file: string): Promise<Rows> {
  if (!existsSync(file)) throw new TakeoverError(`there is no file ${file}`)
  try {
    return await withDatabase(file, (db) => {
      const found = tableNames(db)
      return Object.fromEntries(TABLES.filter((table) => found.has(table)).map((table) => [table, rowsOfTable(db, table)]))
    })
  } catch (error) {
    throw error instanceof TakeoverError ? error : new TakeoverError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** Whether a file is a database of Bifrost's, by its tables; false for anything else, a missing file included. */
export async function isBifrostFile(file: string): Promise<boolean> {
  if (!existsSync(file)) return false
  try {
    return await withDatabase(file, (db) => {
      const found = tableNames(db)
      return MARKS.every((table) => found.has(table))
    })
  } catch {
    return false
  }
}

/** How long to wait for a writer, in milliseconds. */
const BUSY_MS = 5000
/** SQLITE_CANTOPEN and SQLITE_READONLY: a log beside a database can only be read where its index may be made. */
const UNOPENABLE: readonly number[] = [14, 8]

type Database = InstanceType<typeof import('node:sqlite').DatabaseSync>

/** In a folder that may not be written, a database with a log is read from a copy of both that is gone at the end. */
async function withDatabase<Result>(file: string, work: (db: Database) => Result): Promise<Result> {
  try {
    return await inPlace(file, work)
  } catch (error) {
    if (!isUnopenable(error)) throw error
  }
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-takeover-copy-'))
  try {
    const copy = join(folder, basename(file))
    for (const suffix of ['', '-wal']) {
      if (!existsSync(file + suffix)) continue
      copyFileSync(file + suffix, copy + suffix)
      chmodSync(copy + suffix, 0o600)
    }
    return await inPlace(copy, work)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function inPlace<Result>(file: string, work: (db: Database) => Result): Promise<Result> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS })
  try {
    db.exec('BEGIN')
    return work(db)
  } finally {
    db.close()
  }
}

function tableNames(db: Database): ReadonlySet<string> {
  return new Set(
    db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name)),
  )
}

function rowsOfTable(db: Database, table: string): Row[] {
  const statement = db.prepare(`SELECT * FROM "${table}" ORDER BY rowid`)
  statement.setReadBigInts(true)
  return statement.all() as Row[]
}

function isUnopenable(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode
  return typeof code === 'number' && UNOPENABLE.includes(code & 0xff)
}
