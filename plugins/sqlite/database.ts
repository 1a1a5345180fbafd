import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { type StoreContext, StoreError, type StoreFault } from '../../core/stores/stores.ts'

/** How long a call waits for another process to end its write, in milliseconds. */
const BUSY_MS = 2000
/** Statements that are kept, one for each text of SQL. */
const MOST_STATEMENTS = 200

/** What lies in a file. */
export interface Layout {
  /** Its name in the folder for data, where nothing else is said. */
  fileName: string
  /** Tells the files of one layout from those of another (SQLite's application_id). */
  id: number
  /** A file with a greater one is a later version's. */
  version: number
  pragmas: string
  /** Brings a file from this version, 0 for a new one, to the layout's; called whenever one is opened. */
  migrate(database: Database, version: number): void
}

const CONFIG_SCHEMA = `
  CREATE TABLE documents (
    collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, change INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT,
    PRIMARY KEY (collection, id)
  );
  CREATE UNIQUE INDEX documents_change ON documents (change);
  CREATE INDEX documents_removed ON documents (at) WHERE body IS NULL;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counters VALUES ('change', 0), ('oldest', 1);
  CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX entries_expires_at ON entries (expires_at);
`

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that say that the file cannot be read. */
const CORRUPT: readonly number[] = [11, 24, 26]

/** Writes of one transaction, at most. */
const MOST_TOGETHER = 256

/** The configuration, and values that expire. */
const CONFIG_LAYOUT: Layout = {
  fileName: 'bifrost.db',
  id: 0,
  version: 1,
  // What is deleted is overwritten: plain secrets would otherwise stay in free pages when they are sealed.
  pragmas: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;',
  migrate(database, version) {
    if (version === 0) database.execute(CONFIG_SCHEMA)
  },
}

/** A row as SQLite gives it. */
export type Row = Record<string, SQLOutputValue>

interface Write {
  work(): unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** One connection to one file; every failure is a StoreError. */
export class Database {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #statements = new Map<string, StatementSync>()
  readonly #waiting: Write[] = []

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
  }

  /** The SQL is the program's own text: statements are kept, one for each. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#try(() => this.#statement(sql).all(...values)) as Row[]
  }

  one(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#try(() => this.#statement(sql).get(...values)) as Row | undefined
  }

  /** Number of rows that were changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#try(() => this.#statement(sql).run(...values)).changes)
  }

  execute(sql: string): void {
    this.#try(() => this.#db.exec(sql))
  }

  /** All of `work` or nothing, alone among all processes. `work` may not wait. */
  transaction<Result>(work: () => Result): Result {
    this.execute('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.execute('COMMIT')
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.execute('ROLLBACK')
      throw error
    }
  }

  /**
   * Runs `work` in a transaction with the other writes that wait, each of which may fail alone; resolves when it is safe on
   * disk. One flush of the disk serves them all: a thousand writes one by one take a thousand times as long.
   */
  write<Result>(work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: unknown) => void, reject })
      if (this.#waiting.length === 1) setImmediate(() => this.#flush())
    })
  }

  #flush(): void {
    const writes = this.#waiting.splice(0, MOST_TOGETHER)
    if (this.#waiting.length > 0) setImmediate(() => this.#flush())
    const done: (() => void)[] = []
    try {
      this.transaction(() => {
        for (const write of writes) done.push(this.#perform(write))
      })
      for (const settle of done) settle()
    } catch (error) {
      for (const { reject } of writes) reject(error)
    }
  }

  /** One write of many; what it says is said after the commit. */
  #perform({ work, resolve, reject }: Write): () => void {
    // Prepared: these are run for each write.
    this.run('SAVEPOINT one')
    try {
      const result = work()
      this.run('RELEASE one')
      return () => resolve(result)
    } catch (error) {
      this.execute('ROLLBACK TO one; RELEASE one')
      return () => reject(error)
    }
  }

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#try(() => this.#db.close())
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    const [oldest] = this.#statements.keys()
    if (oldest !== undefined && this.#statements.size >= MOST_STATEMENTS) this.#statements.delete(oldest)
    this.#statements.set(sql, statement)
    return statement
  }

  #try<Result>(work: () => Result): Result {
    if (!this.#db.isOpen) throw new StoreError('unavailable', 'the store is closed')
    try {
      return work()
    } catch (error) {
      throw storeError(error, this.#path)
    }
  }
}

/** A file that holds something else. It is left as it is. */
export class OtherFile extends StoreError {}

/** Opens the file, makes it and its folder where they are missing, and brings its layout up to date. Rejects with StoreError. */
export async function openDatabase(
  path: string | undefined,
  { folder }: Pick<StoreContext, 'folder'>,
  layout: Layout = CONFIG_LAYOUT,
): Promise<Database> {
  const file = databaseFile(path, { folder }, layout)
  const { DatabaseSync } = await importSqlite()
  let db: DatabaseSync | undefined
  try {
    mkdirSync(dirname(file), { recursive: true })
    // For its owner alone, as its log then is too: without a key, secrets lie in it in the open.
    closeSync(openSync(file, 'a', 0o600))
    db = new DatabaseSync(file, { timeout: BUSY_MS })
    const database = new Database(db, file)
    refuseOther(database, file, layout)
    database.execute(layout.pragmas)
    database.transaction(() => migrate(database, file, layout))
    return database
  } catch (error) {
    db?.close()
    throw storeError(error, file)
  }
}

/** The file that a configuration stands for. Throws StoreError where it stands for none. */
export function databaseFile(
  path: string | undefined,
  { folder }: Pick<StoreContext, 'folder'>,
  { fileName }: Pick<Layout, 'fileName'> = CONFIG_LAYOUT,
): string {
  if (folder === undefined && path === undefined) {
    throw new StoreError('unavailable', 'SQLite needs a file: start with --app-dir, or give config.path')
  }
  return resolve(folder ?? '.', path ?? fileName)
}

function refuseOther(database: Database, file: string, { id, version: own }: Layout): void {
  const version = pragma(database, 'user_version')
  const isOther = pragma(database, 'application_id') !== id
  if (isOther && (id === 0 || version > 0 || database.one('SELECT 1 FROM sqlite_schema LIMIT 1')))
    throw new OtherFile('corrupt', `${file} holds something else than this store; name another file in config.path`)
  if (version > own)
    throw new StoreError(
      'corrupt',
      `${file} was written by a later version of the gateway (layout ${version}); start that one, or a backup`,
    )
}

function migrate(database: Database, file: string, layout: Layout): void {
  // Another process may have made it meanwhile.
  refuseOther(database, file, layout)
  const version = pragma(database, 'user_version')
  layout.migrate(database, version)
  if (version < layout.version) database.execute(`PRAGMA application_id = ${layout.id}; PRAGMA user_version = ${layout.version}`)
}

function pragma(database: Database, name: 'user_version' | 'application_id'): number {
  return Number(database.one(`PRAGMA ${name}`)?.[name])
}

/** Node says of its SQLite that it is experimental, once per thread; we know. Every other warning passes. */
async function importSqlite(): Promise<typeof import('node:sqlite')> {
  const { emitWarning } = process
  const pass = emitWarning.bind(process) as (...args: unknown[]) => void
  process.emitWarning = ((warning: unknown, ...rest: unknown[]) => {
    if (!(rest[0] === 'ExperimentalWarning' && String(warning).includes('SQLite'))) pass(warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return await import('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}

/** A failure of SQLite as the store's own. */
function storeError(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error
  const { errcode, message } = error as { errcode?: number; message: string }
  const primary = (errcode ?? 0) & 0xff
  const fault: StoreFault = CORRUPT.includes(primary) ? 'corrupt' : 'unavailable'
  return new StoreError(fault, `${file}: ${message}`, { cause: error })
}

/** Name of the unique index that a write ran into: SQLITE_CONSTRAINT_UNIQUE (2067) on an index over an expression. */
export function takenIndex(error: unknown): string | undefined {
  const { errcode, message } = ((error as StoreError).cause ?? {}) as { errcode?: number; message?: string }
  return errcode === 2067 ? /index '([^']+)'/.exec(message ?? '')?.[1] : undefined
}
