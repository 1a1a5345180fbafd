import type { SQLInputValue } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { isId } from '../../core/stores/checks.ts'
import {
  checkRemoved,
  checkSweep,
  isFinal,
  LOG_COLUMNS,
  LOG_QUERY_MS,
  LogGroups,
  type PackedLog,
  type PackedQuery,
  packLogs,
  packQuery,
  packSummary,
  tooSlow,
  unpackLog,
} from '../../core/stores/log-checks.ts'
import type { LogGroup, LogQuery, LogRecord, LogSummaryQuery } from '../../core/stores/log-records.ts'
import type { LogStore } from '../../core/stores/stores.ts'
import type { Database, Row } from './database.ts'
import { type Source, sourceOf } from './log-query.ts'

/** Records that a query looks at before others get their turn: some milliseconds. */
const MOST_AT_ONCE = 20_000
/** The same where it searches summaries. */
const MOST_SEARCHED_AT_ONCE = 2000
/** Records that are removed together: of 4 MiB each, they take a second. */
const REMOVED_AT_ONCE = 50
/** Pages that go back to the file system in one step: some milliseconds. */
const FREED_PAGES = 2000
/** Of so many pages one may stay free for what comes next; more than that go back. */
const PAGES_PER_FREE = 10

const COLUMNS = ['id', 'timestamp', ...LOG_COLUMNS, 'engines', 'metadata'] as const
const PUT = `
  INSERT INTO log_records (${COLUMNS.join()}) VALUES (${COLUMNS.map(() => '?').join()})
  ON CONFLICT (id) DO UPDATE SET ${COLUMNS.slice(1).map((name) => `${name} = excluded.${name}`)} WHERE excluded.status <> 'processing'
  RETURNING seq`
const PUT_TEXTS = `
  INSERT INTO log_texts (seq, summary, body) VALUES (?, ?, ?)
  ON CONFLICT (seq) DO UPDATE SET summary = excluded.summary, body = coalesce(excluded.body, body)`

/** Times that a query looks at: the first one included, the last one not. */
interface Span {
  from: number
  before: number
}

interface Times extends Partial<Record<keyof Span, number | undefined>> {
  /** Which end is looked at first. */
  isDescending: boolean
}

/** A record's place in a list. */
interface Place {
  seq: number
  id: string
  value: number
}

/** The log in one SQLite file. Its calls are synchronous inside, in steps of some milliseconds: it belongs into a store thread. */
export class SqliteLogStore implements LogStore {
  readonly #db: Database
  readonly #mostAtOnce: number
  readonly #patienceMs: number

  constructor(db: Database, { mostAtOnce = MOST_AT_ONCE, patienceMs = LOG_QUERY_MS } = {}) {
    this.#db = db
    this.#mostAtOnce = mostAtOnce
    this.#patienceMs = patienceMs
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    const packed = packLogs(records)
    if (packed.length === 0) return
    await this.#db.write(() => {
      for (const record of packed) this.#put(record)
    })
  }

  async find(query: LogQuery): Promise<LogRecord[]> {
    const packed = packQuery(query)
    const places = await this.#places(packed)
    const seqs = places.slice(packed.offset, packed.offset + packed.limit).map(({ seq }) => seq)
    const sql = `SELECT r.*, t.summary, NULL AS body FROM log_records r JOIN log_texts t ON t.seq = r.seq WHERE r.seq IN (SELECT value FROM json_each(?))`
    const rows = new Map(this.#db.all(sql, JSON.stringify(seqs)).map((row) => [Number(row.seq), row]))
    return seqs.flatMap((seq) => recordOf(rows.get(seq)))
  }

  async get(id: string): Promise<LogRecord | undefined> {
    const sql = 'SELECT r.*, t.summary, t.body FROM log_records r JOIN log_texts t ON t.seq = r.seq WHERE r.id = ?'
    return recordOf(isId(id) ? this.#db.one(sql, id) : undefined)[0]
  }

  async summarize(query: LogSummaryQuery): Promise<LogGroup[]> {
    const { filter, by, bucketMs, sums } = packSummary(query)
    const source = sourceOf(filter)
    const groups = new LogGroups()
    const keys = [bucketMs === undefined ? 'NULL' : `r.timestamp - r.timestamp % ${bucketMs}`, ...by.map((name) => `r.${name}`)]
    const columns = [
      ...keys.map((key, index) => `${key} AS k${index}`),
      'count(*) AS requests',
      ...sums.map((name) => `total(r.${name}) AS ${name}`),
    ]
    const sql = `SELECT ${columns} FROM ${source.from} WHERE ${source.whole.sql} AND r.timestamp >= ? AND r.timestamp < ?
      GROUP BY ${keys.map((_, index) => `k${index}`)}`
    for await (const { from, before } of this.#spans(source, { ...filter, isDescending: true })) {
      for (const row of this.#db.all(sql, ...source.whole.values, from, before)) {
        groups.add({
          at: row.k0 === null ? undefined : Number(row.k0),
          by: by.map((_, index) => row[`k${index + 1}`] as string | number | null),
          requests: Number(row.requests),
          sums: Object.fromEntries(sums.map((name) => [name, Number(row[name])])),
        })
      }
    }
    return groups.sorted()
  }

  async remove(ids: readonly string[]): Promise<void> {
    const wanted = checkRemoved(ids)
    for (let from = 0; from < wanted.length; from += REMOVED_AT_ONCE) {
      const some = JSON.stringify(wanted.slice(from, from + REMOVED_AT_ONCE))
      await this.#removeRows(() => this.#db.all('SELECT seq FROM log_records WHERE id IN (SELECT value FROM json_each(?))', some))
    }
  }

  async sweep(before: number, most: number): Promise<number> {
    checkSweep(before, most)
    const sql = 'SELECT seq FROM log_records WHERE timestamp < ? ORDER BY timestamp, id LIMIT ?'
    for (let removed = 0; ; ) {
      const wanted = Math.min(REMOVED_AT_ONCE, most - removed)
      const gone = await this.#removeRows(() => this.#db.all(sql, before, wanted))
      removed += gone
      if (gone < wanted || removed === most) return removed
    }
  }

  async ping(): Promise<void> {
    this.#db.one('SELECT 1')
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  #put(record: PackedLog): void {
    const { id, timestamp, columns, engines, metadata, summary, body } = record
    const values: SQLInputValue[] = LOG_COLUMNS.map((name) => columns[name])
    const row = this.#db.one(PUT, id, timestamp, ...values, JSON.stringify(engines), JSON.stringify(metadata))
    // No row: a state was there, and this one is none that replaces it.
    if (row) this.#db.run(PUT_TEXTS, Number(row.seq), summary, body)
    else if (isFinal(record)) throw new Error(`the record ${id} was not written`)
  }

  async #removeRows(find: () => Row[]): Promise<number> {
    const removed = await this.#db.write(() => {
      const seqs = find().map(({ seq }) => Number(seq))
      const list = JSON.stringify(seqs)
      this.#db.run('DELETE FROM log_texts WHERE seq IN (SELECT value FROM json_each(?))', list)
      this.#db.run('DELETE FROM log_records WHERE seq IN (SELECT value FROM json_each(?))', list)
      return seqs.length
    })
    if (removed > 0) await this.#giveBack()
    return removed
  }

  async #giveBack(): Promise<void> {
    for (;;) {
      const free = Number(this.#db.one('PRAGMA freelist_count')?.freelist_count)
      const kept = Math.ceil(Number(this.#db.one('PRAGMA page_count')?.page_count) / PAGES_PER_FREE)
      if (free <= kept) return
      this.#db.execute(`PRAGMA incremental_vacuum(${Math.min(FREED_PAGES, free - kept)})`)
      await turn()
    }
  }

  /** The records of a list down to the end of its page, in its order. */
  async #places({ filter, by, isDescending, limit, offset, after }: PackedQuery): Promise<Place[]> {
    const source = sourceOf(filter)
    const isByTime = by === 'timestamp'
    const value = isByTime ? 'r.timestamp' : `coalesce(r.${by}, -1)`
    const direction = isDescending ? 'DESC' : 'ASC'
    const behind = after ? `AND (r.timestamp, r.id) ${isDescending ? '<' : '>'} (?, ?)` : ''
    const sql = `SELECT r.seq, r.id, ${value} AS value FROM ${source.from}
      WHERE ${source.whole.sql} AND r.timestamp >= ? AND r.timestamp < ? ${behind} ORDER BY value ${direction}, r.id ${direction} LIMIT ?`
    const from = after && !isDescending ? Math.max(filter.from ?? 0, after.timestamp) : filter.from
    const before = after && isDescending ? Math.min(filter.before ?? after.timestamp + 1, after.timestamp + 1) : filter.before
    const most = offset + limit
    let places: Place[] = []
    for await (const span of this.#spans(source, { from, before, isDescending: isDescending || !isByTime })) {
      const values = [...source.whole.values, span.from, span.before, ...(after ? [after.timestamp, after.id] : [])]
      const next = this.#db.all(sql, ...values, isByTime ? most - places.length : most) as unknown as Place[]
      places = isByTime || places.length === 0 ? places.concat(next) : merge(places, next, isDescending).slice(0, most)
      if (isByTime && places.length >= most) break
    }
    return places
  }

  /** The times from end to end in steps of so many records, each with a turn for others before it. Throws StoreError where it takes too long. */
  async *#spans(source: Source, { from = 0, before = Number.MAX_SAFE_INTEGER, isDescending }: Times): AsyncGenerator<Span> {
    const startedAt = performance.now()
    for (let rest: Span = { from, before }; rest.from < rest.before; ) {
      if (performance.now() - startedAt > this.#patienceMs) throw tooSlow()
      const edge = this.#edge(source, rest, isDescending)
      if (isDescending) {
        yield { from: edge ?? rest.from, before: rest.before }
        rest = { from: rest.from, before: edge ?? rest.from }
      } else {
        yield { from: rest.from, before: edge ?? rest.before }
        rest = { from: edge ?? rest.before, before: rest.before }
      }
      if (edge !== undefined) await turn()
    }
  }

  /** Where a step ends; undefined: the rest is one. Records of one time stay together. */
  #edge({ from, narrow, isSearch }: Source, rest: Span, isDescending: boolean): number | undefined {
    const step = isSearch ? Math.min(MOST_SEARCHED_AT_ONCE, this.#mostAtOnce) : this.#mostAtOnce
    const sql = `SELECT r.timestamp FROM ${from} WHERE ${narrow.sql} AND r.timestamp >= ? AND r.timestamp < ?
      ORDER BY r.timestamp ${isDescending ? 'DESC' : 'ASC'} LIMIT 1 OFFSET ?`
    const row = this.#db.one(sql, ...narrow.values, rest.from, rest.before, step)
    if (!row) return undefined
    return isDescending ? Number(row.timestamp) : Number(row.timestamp) + 1
  }
}

function merge(places: Place[], next: readonly Place[], isDescending: boolean): Place[] {
  const sign = isDescending ? -1 : 1
  return places.concat(next).sort((a, b) => sign * (a.value - b.value || (a.id < b.id ? -1 : 1)))
}

function recordOf(row: Row | undefined): LogRecord[] {
  if (!row) return []
  const { id, timestamp, engines, metadata, summary, body } = row
  return [
    unpackLog({
      ...{ id: String(id), timestamp: Number(timestamp) },
      columns: Object.fromEntries(LOG_COLUMNS.map((name) => [name, row[name]])) as PackedLog['columns'],
      engines: JSON.parse(String(engines)),
      metadata: JSON.parse(String(metadata)),
      summary: summary as string | null,
      body: body as string | null,
    }),
  ]
}
