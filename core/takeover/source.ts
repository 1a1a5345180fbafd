import { readPostgres } from './postgres-source.ts'
import { readSqlite } from './sqlite-source.ts'
import type { Rows } from './tables.ts'

/** Where a database is, without what signs in to it; for reports and the log. */
export function sourceName(from: string): string {
  if (!isPostgres(from)) return from
  const url = URL.parse(from)
  return url ? `postgres://${url.host}${url.pathname}` : 'postgres://'
}

/** The rows of the database at a path or a `postgres://` URL. Rejects with TakeoverError. */
export function readRows(from: string): Promise<Rows> {
  return isPostgres(from) ? readPostgres(from) : readSqlite(from)
}

function isPostgres(from: string): boolean {
  return /^postgres(ql)?:\/\//.test(from)
}
