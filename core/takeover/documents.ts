import type { JsonObject } from '../canonical/json.ts'
import { compact, type Row, type Rows, rowsOf, stamps, type Table, text } from './tables.ts'

/** A document to be written. */
export interface TakenDocument {
  collection: string
  id: string
  body: JsonObject
}

/** A document made of a row: its fields, with when the row was made and changed. Undefined fields are left out. */
export function documentOf(collection: string, id: string, row: Row, fields: JsonObject): TakenDocument {
  return { collection, id, body: compact({ ...fields, ...stamps(row) }) }
}

/** Rows of a table by what one of their columns says, each group in the order of the rows. */
export function groupBy(rows: Rows, table: Table, column: string): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rowsOf(rows, table)) {
    const key = text(row, column)
    if (key === undefined) continue
    const known = groups.get(key)
    if (known) known.push(row)
    else groups.set(key, [row])
  }
  return groups
}

/** A list without one element is left out. */
export function some<T>(list: readonly T[]): T[] | undefined {
  return list.length > 0 ? [...list] : undefined
}
