import type { Filter, IndexDescription } from 'mongodb'
import type { PackedFilter } from '../../core/stores/log-checks.ts'
import { LOG_INDEXED, LOG_SORTS } from '../../core/stores/log-records.ts'
import type { Kept } from './connection.ts'

/** A record in the database, without its body. */
export interface LogEntry extends Kept {
  /** Epoch milliseconds. */
  timestamp: number
  /** Whole days, hours and minutes since the epoch: relatives of MongoDB's do not calculate what they group by. */
  day: number
  hour: number
  minute: number
  /** Empty lists and nulls are missing where FerretDB inserted them. */
  engines?: readonly string[]
  /** Each entry one JSON text, so that no name means anything to the server. */
  metadata?: readonly string[]
  summary?: string | null
  [column: string]: unknown
}

/** A record's body, apart: what reads many records reads none of it. */
export interface BodyEntry extends Kept {
  timestamp: number
  body: string
}

/** The indexes of records; every query begins with one of them, in the order of its sort (a test proves it). */
export const LOG_INDEXES: readonly IndexDescription[] = [
  ...LOG_SORTS.map((name) => ({ name, key: { [name]: 1, _id: 1 } as const })),
  ...LOG_INDEXED.map((name) => ({ name: `${name}_timestamp`, key: { [name]: 1, timestamp: 1, _id: 1 } as const })),
]

/** The indexes of bodies. */
export const BODY_INDEXES: readonly IndexDescription[] = [{ name: 'timestamp', key: { timestamp: 1 } }]

/** A filter as the server reads it: every value is a text or a number (`packFilter`), none can be an operator. */
export function filterOf({ from, before, is, engines, ranges, metadata, isCostMissing, text }: PackedFilter): Filter<LogEntry> {
  const conditions: Filter<LogEntry>[] = [
    ...is.map(([name, values]) => ({ [name]: values.length === 1 ? keptText(values[0] as string) : { $in: values.map(keptText) } })),
    ...(engines ? [{ engines: { $in: [...engines] } }] : []),
    ...ranges.map(([name, { min = 0, max = Number.MAX_VALUE }]) => ({ [name]: { $gte: min, $lte: max } })),
    ...metadata.map((entry) => ({ metadata: entry })),
    ...(isCostMissing ? [{ cost: null }] : []),
    ...(text === undefined ? [] : [{ summary: { $regex: literal(text), $options: 'i' } }]),
  ]
  const times = { ...(from !== undefined && { $gte: from }), ...(before !== undefined && { $lt: before }) }
  return { ...(Object.keys(times).length > 0 && { timestamp: times }), ...(conditions.length > 0 && { $and: conditions }) }
}

/** A text as it is kept in a column: mongo-java-server takes one that begins with `$` for an expression where it is grouped by. */
export function keptText(text: string): string {
  return /^[$\\]/.test(text) ? `\\${text}` : text
}

/** The text that was kept. */
export function shownText(text: string): string {
  return text.startsWith('\\') ? text.slice(1) : text
}

/** A text as an expression that finds it as it stands. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
