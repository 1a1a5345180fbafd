import { type Row, type Rows, TABLES, TakeoverError } from './tables.ts'

/** Longest wait for a connection, in milliseconds. */
const CONNECT_MS = 10_000

/** The rows of a PostgreSQL database, read-only and as of one moment. `url`: `postgres://user:password@host/database`. Rejects with TakeoverError. */
export async function readPostgres(url: string): Promise<Rows> {
  const { Client } = await loadDriver()
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS })
  // Without a listener, a connection that is lost between queries would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const { rows: found } = await client.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false))',
    )
    const known = new Set(found.map(({ name }) => name))
    const rows: Record<string, Row[]> = {}
    for (const table of TABLES) {
      if (known.has(table)) rows[table] = (await client.query<Row>(`SELECT * FROM "${table}"`)).rows.sort(byId)
    }
    return rows
  } catch (error) {
    throw new TakeoverError(`the PostgreSQL database cannot be read: ${sentence(error, url)}`)
  } finally {
    await client.end().catch(() => {})
  }
}

async function loadDriver(): Promise<typeof import('pg')> {
  try {
    const module = await import('pg')
    return 'default' in module ? (module.default as typeof import('pg')) : module
  } catch {
    throw new TakeoverError('reading PostgreSQL needs the package "pg", which is not installed: npm install pg')
  }
}

/** Rows of a table lie in no order of their own; numbers come as numbers or as text. */
function byId(a: Row, b: Row): number {
  const [one, two] = [a.id ?? a.key ?? '', b.id ?? b.key ?? '']
  const difference = Number(one) - Number(two)
  if (!Number.isNaN(difference)) return difference
  return String(one) < String(two) ? -1 : String(one) > String(two) ? 1 : 0
}

/** What the driver says, without the password. */
function sentence(error: unknown, url: string): string {
  const { message, code } = error as { message?: string; code?: string }
  const said = message || code || 'no reason was given'
  const password = URL.parse(url)?.password
  if (!password) return said
  return said.replaceAll(password, '***').replaceAll(decodeURIComponent(password), '***')
}
