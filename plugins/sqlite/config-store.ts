import type { JsonObject } from '../../core/canonical/json.ts'
import {
  collectionNamed,
  fieldConflict,
  isId,
  KEEP_REMOVED_MS,
  MOST_CHANGES,
  packDocument,
  SWEEP_EVERY_MS,
  unpackBody,
  versionConflict,
} from '../../core/stores/checks.ts'
import type { Collection, ConfigStore, Expected, StoreContext, Stored } from '../../core/stores/stores.ts'
import { type Database, type Row, takenIndex } from './database.ts'

const COLUMNS = 'collection, id, version, change, body'

/** The configuration in one SQLite file. Its calls are synchronous inside: it belongs into the store thread. */
export class SqliteConfigStore implements ConfigStore {
  readonly #db: Database
  readonly #collections: readonly Collection[]
  readonly #now: () => number
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(db: Database, { collections, now }: StoreContext) {
    this.#db = db
    this.#collections = collections
    this.#now = now
    db.transaction(() => declareUnique(db, collections))
  }

  async readPage(after: Pick<Stored, 'collection' | 'id'> | undefined, limit: number): Promise<Stored[]> {
    const { collection, id } = after ?? { collection: '', id: '' }
    const sql = `SELECT ${COLUMNS} FROM documents WHERE (collection, id) > (?, ?) AND body IS NOT NULL ORDER BY collection, id LIMIT ?`
    return this.#db.all(sql, collection, id, limit).map(storedOf)
  }

  async read(collection: string, id: string): Promise<Stored | undefined> {
    collectionNamed(this.#collections, collection)
    const row = isId(id) ? this.#find(collection, id) : undefined
    return row && row.body !== null ? storedOf(row) : undefined
  }

  async write(name: string, id: string, body: JsonObject, { version }: Expected): Promise<Stored> {
    const { text } = packDocument(collectionNamed(this.#collections, name), id, body)
    try {
      return await this.#put({ collection: name, id }, text, version)
    } catch (error) {
      const index = takenIndex(error)
      throw index === undefined ? error : fieldConflict(name, fieldOfIndex(index), error)
    }
  }

  async remove(name: string, id: string, { version }: Expected): Promise<Stored> {
    collectionNamed(this.#collections, name)
    if (version === 0 || !isId(id)) throw versionConflict({ collection: name, id: String(id) }, version || 1, 0)
    return this.#put({ collection: name, id }, null, version)
  }

  async changesSince(change: number): Promise<Stored[]> {
    const sql = `SELECT ${COLUMNS} FROM documents WHERE change > ? ORDER BY change LIMIT ?`
    return this.#db.all(sql, change, MOST_CHANGES).map(storedOf)
  }

  async latestChange(): Promise<number> {
    return this.#counter('change')
  }

  async oldestChange(): Promise<number> {
    return this.#counter('oldest')
  }

  async ping(): Promise<void> {
    this.#counter('change')
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  #put(place: { collection: string; id: string }, body: string | null, expected: number): Promise<Stored> {
    return this.#db.write(() => {
      const before = this.#find(place.collection, place.id)
      const actual = before && before.body !== null ? Number(before.version) : 0
      if (actual !== expected) throw versionConflict(place, expected, actual)
      const row = this.#db.one(
        `INSERT INTO documents (collection, id, version, change, at, body) VALUES (?, ?, 1, ?, ?, ?)
         ON CONFLICT (collection, id) DO UPDATE SET version = version + 1, change = excluded.change, at = excluded.at, body = excluded.body
         RETURNING ${COLUMNS}`,
        place.collection,
        place.id,
        this.#nextChange(),
        this.#now(),
        body,
      )
      this.#sweep()
      return storedOf(row as Row)
    })
  }

  /** In the same transaction as the document: no number is ever taken without one. */
  #nextChange(): number {
    return Number(this.#db.one(`UPDATE counters SET value = value + 1 WHERE name = 'change' RETURNING value`)?.value)
  }

  #find(collection: string, id: string): Row | undefined {
    return this.#db.one(`SELECT ${COLUMNS} FROM documents WHERE collection = ? AND id = ?`, collection, id)
  }

  #counter(name: 'change' | 'oldest'): number {
    return Number(this.#db.one('SELECT value FROM counters WHERE name = ?', name)?.value)
  }

  /** Forgets removals whose time is over, now and then; what is known of changes begins behind them. */
  #sweep(): void {
    const now = this.#now()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    const gone = this.#db.all('DELETE FROM documents WHERE body IS NULL AND at < ? RETURNING change', now - KEEP_REMOVED_MS)
    const oldest = gone.reduce((newest, { change }) => Math.max(newest, Number(change) + 1), 1)
    this.#db.run(`UPDATE counters SET value = max(value, ?) WHERE name = 'oldest'`, oldest)
  }
}

const PREFIX = 'unique_'

/** An index for every unique field, on the expression that reads it; those of fields that are unique no longer go. */
function declareUnique(db: Database, collections: readonly Collection[]): void {
  const wanted = new Map<string, { name: string; field: string }>(
    collections.flatMap(({ name, unique = [] }) => unique.map((field) => [`${PREFIX}${name}.${field}`, { name, field }] as const)),
  )
  const present = db.all(`SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB '${PREFIX}*'`).map(({ name }) => String(name))
  for (const index of present) if (!wanted.has(index)) db.execute(`DROP INDEX ${identifier(index)}`)
  for (const [index, { name, field }] of wanted) {
    const value = `json_extract(body, ${text(`$.${JSON.stringify(field)}`)})`
    db.execute(`CREATE UNIQUE INDEX IF NOT EXISTS ${identifier(index)} ON documents (${value}) WHERE collection = ${text(name)}`)
  }
}

function fieldOfIndex(index: string): string {
  return index.slice(index.lastIndexOf('.') + 1)
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

function storedOf({ collection, id, version, change, body }: Row): Stored {
  const place = { collection: String(collection), id: String(id) }
  return {
    ...place,
    version: Number(version),
    change: Number(change),
    body: body === null ? undefined : unpackBody(body, place.collection, place.id),
  }
}
