import type { SQLInputValue } from 'node:sqlite'
import { narrowest, type PackedFilter } from '../../core/stores/log-checks.ts'
import { TIME_INDEX } from './log-layout.ts'

/** A condition in SQL with its values. */
export interface Condition {
  sql: string
  values: SQLInputValue[]
}

/** Which rows, and by which index they are found. */
export interface Source {
  /** `log_records r`, with its index. */
  from: string
  /** What the index serves, besides the time. */
  narrow: Condition
  /** Everything. */
  whole: Condition
  /** Whether summaries are read. */
  isSearch: boolean
}

/** A filter as SQL. Column names come from the core's own tables, everything else goes as a value. */
export function sourceOf(filter: PackedFilter): Source {
  const narrow = narrowest(filter)
  const conditions: Condition[] = [
    ...filter.is.map(([name, values]) => anyOf(`r.${name}`, values)),
    ...(filter.engines ? [anyListed('r.engines', filter.engines)] : []),
    ...filter.ranges.map(([name, { min = 0, max = Number.MAX_VALUE }]) => ({ sql: `r.${name} BETWEEN ? AND ?`, values: [min, max] })),
    ...filter.metadata.map((entry) => anyListed('r.metadata', [entry])),
    ...(filter.isCostMissing ? [{ sql: 'r.cost IS NULL', values: [] }] : []),
    ...(filter.text === undefined ? [] : [contains(filter.text)]),
  ]
  return {
    from: `log_records r INDEXED BY ${narrow ? `log_records_${narrow[0]}` : TIME_INDEX}`,
    narrow: narrow ? { sql: `r.${narrow[0]} = ?`, values: [narrow[1]] } : EVERYTHING,
    whole: all(conditions),
    isSearch: filter.text !== undefined,
  }
}

const EVERYTHING: Condition = { sql: 'TRUE', values: [] }

function all(conditions: readonly Condition[]): Condition {
  if (conditions.length === 0) return EVERYTHING
  return { sql: conditions.map(({ sql }) => sql).join(' AND '), values: conditions.flatMap(({ values }) => values) }
}

/** A list goes as one value, so that there are not as many statements as lengths. */
function anyOf(column: string, values: readonly string[]): Condition {
  if (values.length === 1) return { sql: `${column} = ?`, values: [values[0] as string] }
  return { sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] }
}

function anyListed(column: string, values: readonly string[]): Condition {
  const listed = `SELECT 1 FROM json_each(${column}) AS kept WHERE kept.value IN (SELECT value FROM json_each(?))`
  return { sql: `EXISTS (${listed})`, values: [JSON.stringify(values)] }
}

/** By instr and not by LIKE: no character of the text means anything. */
function contains(text: string): Condition {
  return { sql: 'instr(lower((SELECT t.summary FROM log_texts t WHERE t.seq = r.seq)), lower(?)) > 0', values: [text] }
}
