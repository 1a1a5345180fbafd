import { isId } from './checks.ts'
import {
  LOG_INDEXED,
  LOG_NUMBERS,
  LOG_SORTS,
  LOG_STATUSES,
  LOG_TEXTS,
  type LogDimension,
  type LogFilter,
  type LogGroup,
  type LogNumber,
  type LogQuery,
  type LogRecord,
  type LogSort,
  type LogSummaryQuery,
  type LogText,
  latencyClass,
} from './log-records.ts'
import { StoreError } from './stores.ts'

/** Longest body of a record, in UTF-16 units: below what one document of any engine may hold. */
export const MAX_LOG_BODY = 4 * 1024 * 1024
/** Most records of one `append`. */
export const MOST_APPENDED = 1000
/** Most records that one `remove` or `sweep` takes away. */
export const MOST_REMOVED = 1000
/** How long a query may look, in milliseconds, before it is refused: less than the store thread's patience. */
export const LOG_QUERY_MS = 8000
/** Most groups of a summary. */
export const MOST_GROUPS = 50_000

const MAX_TEXT = 512
const MAX_SUMMARY = 4096
const MOST_ENGINES = 16
const MOST_METADATA = 32
const MOST_VALUES = 100
const MAX_SEARCH = 200
const MOST_LISTED = 1000
const MAX_OFFSET = 100_000
const MOST_DIMENSIONS = 4
const MINUTE_MS = 60_000
/** What a Date can say, in milliseconds. */
const MAX_TIME = 8.64e15

/** Columns in the order in which engines keep them. */
export const LOG_COLUMNS = [...LOG_TEXTS, ...LOG_NUMBERS, 'latency_class'] as const

/** A record as engines keep it. */
export interface PackedLog {
  id: string
  timestamp: number
  columns: Readonly<Record<(typeof LOG_COLUMNS)[number], string | number | null>>
  engines: readonly string[]
  /** Each entry as the JSON text of its name and value: no name means anything to an engine. */
  metadata: readonly string[]
  summary: string | null
  /** Null: none is said. */
  body: string | null
}

/** Records as they are kept, of each id the state that wins. Throws StoreError where one has no id, time or status, or there are too many. */
export function packLogs(records: readonly LogRecord[]): PackedLog[] {
  if (!Array.isArray(records) || records.length > MOST_APPENDED) refuse(`at most ${MOST_APPENDED} records at once`)
  const packed = new Map<string, PackedLog>()
  for (const record of records) {
    const next = packLog(record)
    const before = packed.get(next.id)
    if (before && !isFinal(next)) continue
    packed.set(next.id, before ? { ...next, body: next.body ?? before.body } : next)
  }
  return [...packed.values()]
}

/** Whether it replaces what is kept under its id; one that is still under way never does. */
export function isFinal({ columns }: PackedLog): boolean {
  return columns.status !== 'processing'
}

function packLog(record: LogRecord): PackedLog {
  const { id, timestamp, status, routing_engines_used: engines, metadata, content_summary: summary, body } = record
  if (!isId(id)) refuse('the id of a record must be a text of 1 to 1024 characters, without NUL')
  if (!isTime(timestamp)) refuse('the timestamp of a record must be in whole milliseconds')
  if (!LOG_STATUSES.includes(status)) refuse(`the status of a record must be one of ${LOG_STATUSES.join(', ')}`)
  const columns: Record<string, string | number | null> = {}
  for (const name of LOG_TEXTS) columns[name] = typeof record[name] === 'string' ? cleanText(record[name]) : null
  for (const name of LOG_NUMBERS) columns[name] = isAmount(record[name]) ? record[name] : null
  columns.latency_class = typeof columns.latency === 'number' ? latencyClass(columns.latency) : null
  return {
    ...{ id, timestamp },
    columns: columns as PackedLog['columns'],
    engines: [...new Set((engines ?? []).slice(0, MOST_ENGINES).map((engine) => cleanText(engine)))],
    metadata: Object.entries(metadata ?? {})
      .slice(0, MOST_METADATA)
      .map(packEntry),
    summary: typeof summary === 'string' ? cleanText(summary, MAX_SUMMARY) : null,
    body: typeof body === 'string' && body.length <= MAX_LOG_BODY ? body.toWellFormed() : null,
  }
}

/** A record as it was, without columns that it has not. */
export function unpackLog({ id, timestamp, columns, engines, metadata, summary, body }: PackedLog): LogRecord {
  const { latency_class: _, ...own } = columns
  return {
    ...{ id, timestamp },
    ...(Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null)) as { status: LogRecord['status'] }),
    ...(engines.length > 0 && { routing_engines_used: engines }),
    ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata.map((entry) => JSON.parse(entry) as [string, string])) }),
    ...(summary !== null && { content_summary: summary }),
    ...(body !== null && { body }),
  }
}

/** A filter as engines read it: every value of its type and cleaned as those that are kept. */
export interface PackedFilter {
  from: number | undefined
  before: number | undefined
  is: readonly (readonly [column: LogText, values: readonly string[]])[]
  engines: readonly string[] | undefined
  ranges: readonly (readonly [column: LogNumber, range: { min: number | undefined; max: number | undefined }])[]
  metadata: readonly string[]
  isCostMissing: boolean
  text: string | undefined
}

/** Checks a filter. What is no text is never asked of an engine. Throws StoreError. */
export function packFilter({
  from,
  before,
  is = {},
  range = {},
  metadata = {},
  isCostMissing = false,
  text,
}: LogFilter = {}): PackedFilter {
  for (const time of [from, before]) if (time !== undefined && !isTime(time)) refuse('a time must be in whole milliseconds')
  if (text !== undefined && !(typeof text === 'string' && text.length > 0 && text.length <= MAX_SEARCH))
    refuse(`a search must be a text of 1 to ${MAX_SEARCH} characters`)
  const { routing_engines_used: engines, ...columns } = is
  if (Object.keys(metadata).length > MOST_METADATA) refuse(`at most ${MOST_METADATA} entries of metadata`)
  return {
    ...{ from, before },
    is: Object.entries(columns).flatMap(([name, values]) =>
      values ? [[oneOf(LOG_TEXTS, name, 'column'), valuesOf(values)] as const] : [],
    ),
    engines: engines && valuesOf(engines),
    ranges: Object.entries(range).flatMap(([name, ends]) => (ends ? [[oneOf(RANGED, name, 'range'), endsOf(ends)] as const] : [])),
    metadata: Object.entries(metadata).map(packEntry),
    isCostMissing: isCostMissing === true,
    text: text === undefined ? undefined : cleanText(text),
  }
}

/** The column and value by which a filter is best served; undefined: the time alone. */
export function narrowest({ is }: PackedFilter): readonly [column: (typeof LOG_INDEXED)[number], value: string] | undefined {
  for (const column of LOG_INDEXED) {
    const [, values = []] = is.find(([name]) => name === column) ?? []
    if (values.length === 1) return [column, values[0] as string]
  }
  return undefined
}

const RANGED = ['latency', 'total_tokens', 'cost'] as const

function valuesOf(values: readonly string[]): readonly string[] {
  if (!Array.isArray(values) || values.length > MOST_VALUES) refuse(`a filter takes a list of at most ${MOST_VALUES} values`)
  return values.map((value) => cleanText(value))
}

function endsOf({ min, max }: { min?: number | undefined; max?: number | undefined }) {
  for (const end of [min, max]) if (end !== undefined && !isAmount(end)) refuse('an end of a range must be a number from 0')
  return { min, max }
}

/** A page as engines read it. */
export interface PackedQuery {
  filter: PackedFilter
  by: LogSort
  isDescending: boolean
  limit: number
  offset: number
  after: LogQuery['after']
}

/** Checks a page. Throws StoreError. */
export function packQuery({ filter, sort = { by: 'timestamp', order: 'desc' }, limit, offset = 0, after }: LogQuery): PackedQuery {
  if (!isWithin(limit, 1, MOST_LISTED)) refuse(`a page has from 1 to ${MOST_LISTED} records`)
  if (!isWithin(offset, 0, MAX_OFFSET)) refuse(`an offset is from 0 to ${MAX_OFFSET}; narrow the filter, or go on behind the last record`)
  if (after && (sort.by !== 'timestamp' || !isId(after.id) || !isTime(after.timestamp)))
    refuse('a page goes on behind a record where the sort is by timestamp alone')
  const isDescending = oneOf(['asc', 'desc'] as const, sort.order, 'order') === 'desc'
  return { filter: packFilter(filter), by: oneOf(LOG_SORTS, sort.by, 'sort'), isDescending, limit, offset, after }
}

/** A summary as engines read it. */
export interface PackedSummary {
  filter: PackedFilter
  by: readonly LogDimension[]
  bucketMs: number | undefined
  sums: readonly LogNumber[]
}

/** Checks a summary. Throws StoreError. */
export function packSummary({ filter, by = [], bucketMs, sums = [] }: LogSummaryQuery): PackedSummary {
  if (by.length > MOST_DIMENSIONS) refuse(`at most ${MOST_DIMENSIONS} columns to group by`)
  if (bucketMs !== undefined && !(isWithin(bucketMs, MINUTE_MS, 400 * 86_400_000) && bucketMs % MINUTE_MS === 0))
    refuse('a span of time must be of whole minutes, at most 400 days')
  const dimensions = [...LOG_TEXTS, 'latency_class'] as const
  return {
    filter: packFilter(filter),
    by: by.map((name) => oneOf(dimensions, name, 'column')),
    bucketMs,
    sums: [...new Set(sums)].map((name) => oneOf(LOG_NUMBERS, name, 'number')),
  }
}

/** Adds groups up that come in parts; refuses more than a reader could use. */
export class LogGroups {
  readonly #groups = new Map<string, LogGroup>()

  /** Throws StoreError where there are too many groups. */
  add({ at, by, requests, sums }: LogGroup): void {
    const key = JSON.stringify([at, ...by])
    const group = this.#groups.get(key)
    if (!group) {
      if (this.#groups.size === MOST_GROUPS) throw tooManyGroups()
      this.#groups.set(key, { at, by, requests, sums: { ...sums } })
      return
    }
    group.requests += requests
    for (const name of Object.keys(sums) as LogNumber[]) group.sums[name] = (group.sums[name] ?? 0) + (sums[name] ?? 0)
  }

  /** By time, then by the values; null first. */
  sorted(): LogGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.at ?? 0) - (b.at ?? 0) || compareValues(a.by, b.by))
  }
}

function compareValues(a: LogGroup['by'], b: LogGroup['by']): number {
  const place = a.findIndex((value, index) => value !== b[index])
  const [one = null, other = null] = [a[place], b[place]]
  if (one === null || other === null) return one === other ? 0 : one === null ? -1 : 1
  return one < other ? -1 : 1
}

/** Checks the ids of a removal. Throws StoreError. */
export function checkRemoved(ids: readonly string[]): readonly string[] {
  if (!Array.isArray(ids) || ids.length > MOST_REMOVED) refuse(`at most ${MOST_REMOVED} records are removed at once`)
  return ids.filter(isId)
}

/** Checks the arguments of a sweep. Throws StoreError. */
export function checkSweep(before: number, most: number): void {
  if (!isTime(before) || !isWithin(most, 1, MOST_REMOVED)) refuse(`a sweep takes a time, and from 1 to ${MOST_REMOVED} records`)
}

/** The refusal of a summary that comes to more than MOST_GROUPS. */
export function tooManyGroups(): StoreError {
  return new StoreError('corrupt', 'the summary has too many groups; take longer spans or narrow the filter')
}

/** The refusal of a query that has looked for too long. */
export function tooSlow(): StoreError {
  return new StoreError('unavailable', `the log was searched for ${LOG_QUERY_MS} ms without an end; narrow the span of time or the filter`)
}

function packEntry([name, value]: readonly [string, string]): string {
  return JSON.stringify([cleanText(name, 128), cleanText(value)])
}

/** What every engine can carry unchanged. */
function cleanText(text: unknown, most = MAX_TEXT): string {
  if (typeof text !== 'string') return refuse('a value of a log must be a text')
  return text.slice(0, most).replaceAll('\0', '\ufffd').toWellFormed()
}

function oneOf<Name extends string>(names: readonly Name[], name: unknown, what: string): Name {
  return names.find((each) => each === name) ?? refuse(`a log has no such ${what}; choose one of ${names.join(', ')}`)
}

function isTime(time: unknown): time is number {
  return isWithin(time, 0, MAX_TIME)
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function refuse(sentence: string): never {
  throw new StoreError('corrupt', sentence)
}
