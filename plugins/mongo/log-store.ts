import type { AnyBulkWriteOperation, Collection, Document } from 'mongodb'
import { isId } from '../../core/stores/checks.ts'
import {
  checkRemoved,
  checkSweep,
  isFinal,
  LOG_COLUMNS,
  LOG_QUERY_MS,
  LogGroups,
  MOST_GROUPS,
  type PackedLog,
  packLogs,
  packQuery,
  packSummary,
  tooManyGroups,
  tooSlow,
  unpackLog,
} from '../../core/stores/log-checks.ts'
import type { LogDimension, LogGroup, LogNumber, LogQuery, LogRecord, LogSummaryQuery } from '../../core/stores/log-records.ts'
import type { LogStore } from '../../core/stores/stores.ts'
import { type Connection, isOverTime } from './connection.ts'
import { BODY_INDEXES, type BodyEntry, filterOf, keptText, LOG_INDEXES, type LogEntry, shownText } from './log-query.ts'

const RECORDS = 'bifrost__logs'
const BODIES = 'bifrost__log_bodies'
/** Groups that the server may send, which become fewer where a span is no whole hour or day. */
const MOST_SENT = 4 * MOST_GROUPS
/** Spans of time that are kept with each record, in milliseconds, the longest first. */
const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const
/** A query gives up on the server before we give up on the query. */
const LIMIT = { maxTimeMS: LOG_QUERY_MS - 500 }

/** The log in a database of MongoDB or a relative: records in one collection, their bodies in another. */
export class MongoLogStore implements LogStore {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Bodies first: a record that is there has its body, and a body without one goes with those of its time. */
  async append(records: readonly LogRecord[]): Promise<void> {
    const packed = packLogs(records)
    const bodies = packed.flatMap((record) =>
      record.body === null ? [] : [put<BodyEntry>(record, { timestamp: record.timestamp, body: record.body })],
    )
    if (bodies.length > 0) await this.#write(await this.#bodies(), bodies)
    if (packed.length > 0)
      await this.#write(
        await this.#records(),
        packed.map((record) => put<LogEntry>(record, entryOf(record))),
      )
  }

  async find(query: LogQuery): Promise<LogRecord[]> {
    const { filter, by, isDescending, limit, offset, after } = packQuery(query)
    const direction = isDescending ? -1 : 1
    const beyond = isDescending ? '$lt' : '$gt'
    const { $and = [], ...rest } = filterOf(filter)
    // The time of the last record bounds the index; those of the same time are told apart by their ids.
    const behind = after && [
      { timestamp: { [isDescending ? '$lte' : '$gte']: after.timestamp } },
      { $or: [{ timestamp: { [beyond]: after.timestamp } }, { _id: { [beyond]: after.id } }] },
    ]
    const all = [...$and, ...(behind ?? [])]
    const records = await this.#records()
    const page = { sort: { [by]: direction, _id: direction } as const, skip: offset, limit, ...LIMIT }
    const entries = await this.#searched(() => records.find({ ...rest, ...(all.length > 0 && { $and: all }) }, page).toArray())
    return entries.map((entry) => unpackLog({ ...packedOf(entry), body: null }))
  }

  async get(id: string): Promise<LogRecord | undefined> {
    if (!isId(id)) return undefined
    const [records, bodies] = [await this.#records(), await this.#bodies()]
    const [entry, body] = await Promise.all([
      this.#connection.attempt(() => records.findOne({ _id: id })),
      this.#connection.attempt(() => bodies.findOne({ _id: id })),
    ])
    return entry ? unpackLog({ ...packedOf(entry), body: body?.body ?? null }) : undefined
  }

  async summarize(query: LogSummaryQuery): Promise<LogGroup[]> {
    const { filter, by, bucketMs, sums } = packSummary(query)
    const records = await this.#records()
    const [span, spanMs] = SPANS.find(([, ms]) => bucketMs !== undefined && bucketMs % ms === 0) ?? []
    const keys = { at: span ? `$${span}` : null, ...Object.fromEntries(by.map((name) => [name, `$${name}`])) }
    const groups = new LogGroups()
    // One accumulator in each: of several FerretDB fills only the first.
    const counted = ['requests', ...sums] as const
    const results = await Promise.all(
      counted.map((name) => {
        const value = { $sum: name === 'requests' ? 1 : `$${name}` }
        const stages = [{ $match: filterOf(filter) }, { $group: { _id: keys, value } }, { $limit: MOST_SENT }]
        return this.#searched(() => records.aggregate(stages, LIMIT).toArray())
      }),
    )
    for (const [index, name] of counted.entries()) {
      const sent = results[index] as Document[]
      if (sent.length === MOST_SENT) throw tooManyGroups()
      for (const { _id, value } of sent) {
        const at = bucketMs && spanMs ? Math.floor((Number(_id.at) * spanMs) / bucketMs) * bucketMs : undefined
        groups.add({ at, by: valuesOf(_id, by), ...amountOf(name, Number(value), sums) })
      }
    }
    return groups.sorted()
  }

  async remove(ids: readonly string[]): Promise<void> {
    const wanted = checkRemoved(ids)
    if (wanted.length > 0) await this.#remove(wanted)
  }

  /** Bodies by their own time as well: one whose record never came would stay for ever. */
  async sweep(before: number, most: number): Promise<number> {
    checkSweep(before, most)
    const old = { timestamp: { $lt: before } }
    const page = { projection: { _id: 1 }, sort: { timestamp: 1 }, limit: most } as const
    const [records, bodies] = [await this.#records(), await this.#bodies()]
    const found = await Promise.all([
      this.#connection.attempt(() => records.find(old, page).toArray()),
      this.#connection.attempt(() => bodies.find(old, page).toArray()),
    ])
    const [gone, orphans] = found.map((entries) => entries.map(({ _id }) => _id)) as [string[], string[]]
    if (gone.length + orphans.length > 0) await this.#remove([...new Set([...gone, ...orphans])])
    return Math.max(gone.length, orphans.length)
  }

  ping(): Promise<void> {
    return this.#connection.ping()
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** Bodies first: cut in between, the records are found again. */
  async #remove(ids: readonly string[]): Promise<void> {
    for (const collection of [await this.#bodies(), await this.#records()]) {
      await this.#connection.attempt(() => (collection as Collection<BodyEntry>).deleteMany({ _id: { $in: [...ids] } }))
    }
  }

  /** In no order, since all ids differ; where another made a document first, once more, and then it is found. */
  async #write<Entry extends Document>(collection: Collection<Entry>, operations: AnyBulkWriteOperation<Entry>[]): Promise<void> {
    await this.#connection.upsert(() => collection.bulkWrite(operations, { ordered: false }))
  }

  async #searched<Result>(query: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#connection.attempt(query)
    } catch (error) {
      throw isOverTime(error) ? tooSlow() : error
    }
  }

  #records(): Promise<Collection<LogEntry>> {
    return this.#connection.collection<LogEntry>(RECORDS, LOG_INDEXES)
  }

  #bodies(): Promise<Collection<BodyEntry>> {
    return this.#connection.collection<BodyEntry>(BODIES, BODY_INDEXES)
  }
}

/** A final state replaces what is there; another one is kept only where nothing is. */
function put<Entry extends { _id: string }>(record: PackedLog, fields: Omit<Entry, '_id'>): AnyBulkWriteOperation<Entry> {
  const filter = { _id: record.id } as never
  const update = { [isFinal(record) ? '$set' : '$setOnInsert']: fields } as never
  return { updateOne: { filter, update, upsert: true } }
}

function entryOf({ timestamp, columns, engines, metadata, summary }: PackedLog): Omit<LogEntry, '_id'> {
  return {
    timestamp,
    ...(Object.fromEntries(SPANS.map(([name, ms]) => [name, Math.floor(timestamp / ms)])) as Pick<LogEntry, 'day' | 'hour' | 'minute'>),
    ...Object.fromEntries(LOG_COLUMNS.map((name) => [name, kept(columns[name])])),
    ...{ engines: [...engines], metadata: [...metadata], summary },
  }
}

function packedOf({ _id: id, timestamp, engines = [], metadata = [], summary = null, ...entry }: LogEntry): Omit<PackedLog, 'body'> {
  const columns = Object.fromEntries(LOG_COLUMNS.map((name) => [name, shown(entry[name])])) as PackedLog['columns']
  return { id, timestamp, columns, engines, metadata, summary }
}

function valuesOf(key: Document, by: readonly LogDimension[]): LogGroup['by'] {
  return by.map((name) => shown(key[name]))
}

function kept(value: string | number | null): string | number | null {
  return typeof value === 'string' ? keptText(value) : value
}

function shown(value: unknown): string | number | null {
  return typeof value === 'string' ? shownText(value) : ((value ?? null) as number | null)
}

function amountOf(name: 'requests' | LogNumber, value: number, sums: readonly LogNumber[]): Pick<LogGroup, 'requests' | 'sums'> {
  const none = Object.fromEntries(sums.map((each) => [each, 0]))
  return name === 'requests' ? { requests: value, sums: none } : { requests: 0, sums: { ...none, [name]: value } }
}
