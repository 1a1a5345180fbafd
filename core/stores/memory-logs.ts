import { isId } from './checks.ts'
import {
  checkRemoved,
  checkSweep,
  isFinal,
  LogGroups,
  type PackedFilter,
  type PackedLog,
  type PackedQuery,
  packLogs,
  packQuery,
  packSummary,
  unpackLog,
} from './log-checks.ts'
import type { LogGroup, LogQuery, LogRecord, LogSummaryQuery } from './log-records.ts'
import type { LogStore } from './stores.ts'

/** Records that are held at most; the oldest to come go first. */
const MOST_RECORDS = 10_000
/** UTF-16 units of summaries and bodies that are held at most. */
const MOST_TEXT = 64 * 1024 * 1024

/** A LogStore in this process's memory, which forgets the oldest records when it is full: the reference for all others. */
export function memoryLogStore({ mostRecords = MOST_RECORDS, mostText = MOST_TEXT } = {}): LogStore {
  return new MemoryLogStore(mostRecords, mostText)
}

class MemoryLogStore implements LogStore {
  readonly #mostRecords: number
  readonly #mostText: number
  /** In the order in which they came. */
  readonly #records = new Map<string, PackedLog>()
  #text = 0

  constructor(mostRecords: number, mostText: number) {
    this.#mostRecords = mostRecords
    this.#mostText = mostText
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const record of packLogs(records)) {
      const before = this.#records.get(record.id)
      if (before && !isFinal(record)) continue
      if (before) this.#text -= sizeOf(before)
      const after = { ...record, body: record.body ?? before?.body ?? null }
      this.#records.set(record.id, after)
      this.#text += sizeOf(after)
    }
    for (const id of this.#records.keys()) {
      if (this.#records.size <= this.#mostRecords && this.#text <= this.#mostText) break
      this.#drop(id)
    }
  }

  async find(query: LogQuery): Promise<LogRecord[]> {
    const { filter, offset, limit, ...order } = packQuery(query)
    return this.#matching(filter)
      .filter((record) => !order.after || compare(record, { ...order.after, columns: {} }, order) > 0)
      .sort((a, b) => compare(a, b, order))
      .slice(offset, offset + limit)
      .map((record) => unpackLog({ ...record, body: null }))
  }

  async get(id: string): Promise<LogRecord | undefined> {
    const record = isId(id) ? this.#records.get(id) : undefined
    return record && unpackLog(record)
  }

  async summarize(query: LogSummaryQuery): Promise<LogGroup[]> {
    const { filter, by, bucketMs, sums } = packSummary(query)
    const groups = new LogGroups()
    for (const { timestamp, columns } of this.#matching(filter)) {
      groups.add({
        at: bucketMs === undefined ? undefined : timestamp - (timestamp % bucketMs),
        by: by.map((name) => columns[name]),
        requests: 1,
        sums: Object.fromEntries(sums.map((name) => [name, Number(columns[name])])),
      })
    }
    return groups.sorted()
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of checkRemoved(ids)) this.#drop(id)
  }

  async sweep(before: number, most: number): Promise<number> {
    checkSweep(before, most)
    const old = [...this.#records.values()].filter(({ timestamp }) => timestamp < before)
    const gone = old.sort((a, b) => a.timestamp - b.timestamp).slice(0, most)
    for (const { id } of gone) this.#drop(id)
    return gone.length
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  #drop(id: string): void {
    const record = this.#records.get(id)
    if (record) this.#text -= sizeOf(record)
    this.#records.delete(id)
  }

  #matching(filter: PackedFilter): PackedLog[] {
    return [...this.#records.values()].filter((record) => satisfies(record, filter))
  }
}

function sizeOf({ summary, body }: PackedLog): number {
  return (summary?.length ?? 0) + (body?.length ?? 0)
}

function satisfies({ timestamp, columns, engines, metadata, summary }: PackedLog, filter: PackedFilter): boolean {
  const isWithin = ([name, { min = 0, max = Number.POSITIVE_INFINITY }]: PackedFilter['ranges'][number]) => {
    const value = columns[name]
    return typeof value === 'number' && value >= min && value <= max
  }
  return (
    timestamp >= (filter.from ?? 0) &&
    timestamp < (filter.before ?? Number.POSITIVE_INFINITY) &&
    filter.is.every(([name, values]) => values.includes(columns[name] as string)) &&
    (!filter.engines || filter.engines.some((engine) => engines.includes(engine))) &&
    filter.ranges.every(isWithin) &&
    filter.metadata.every((entry) => metadata.includes(entry)) &&
    (!filter.isCostMissing || columns.cost === null) &&
    (filter.text === undefined || lower(summary ?? '').includes(lower(filter.text)))
  )
}

/** ASCII letters alone, as in every engine. */
function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

type Sortable = Pick<PackedLog, 'timestamp' | 'id'> & { columns: Partial<PackedLog['columns']> }

function compare(a: Sortable, b: Sortable, { by, isDescending }: Pick<PackedQuery, 'by' | 'isDescending'>): number {
  const sortValue = ({ timestamp, columns }: Sortable) => (by === 'timestamp' ? timestamp : Number(columns[by] ?? -1))
  const difference = sortValue(a) - sortValue(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  return isDescending ? -difference : difference
}
