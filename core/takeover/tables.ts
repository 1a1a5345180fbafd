import { isObject, type Json, type JsonObject } from '../canonical/json.ts'

/** A row as a driver gives it: cells by column. Columns that a release did not have are absent. */
export type Row = Readonly<Record<string, unknown>>
/** Rows by table. */
export type Rows = Readonly<Record<string, readonly Row[]>>

/** Tables that are read. A database of an early 1.4 lacks some. */
export const TABLES = [
  'migrations',
  'config_providers',
  'config_keys',
  'config_client',
  'config_plugins',
  'config_mcp_clients',
  'config_vector_store',
  'config_log_store',
  'framework_configs',
  'governance_config',
  'governance_budgets',
  'governance_rate_limits',
  'governance_customers',
  'governance_teams',
  'governance_virtual_keys',
  'governance_virtual_key_provider_configs',
  'governance_virtual_key_provider_config_keys',
  'governance_virtual_key_mcp_configs',
  'governance_model_configs',
  'routing_rules',
  'routing_targets',
  'oauth_configs',
  'oauth_tokens',
  'folders',
  'prompts',
  'prompt_versions',
  'prompt_version_messages',
  'prompt_sessions',
  'prompt_session_messages',
] as const
/** One of TABLES. */
export type Table = (typeof TABLES)[number]

/** Tables without which a database is not one of Bifrost's. */
export const MARKS: readonly Table[] = ['migrations', 'config_providers', 'config_keys', 'governance_virtual_keys']
/** Migrations of 1.5: where one has run, empty lists already allow nothing, and the rules for 1.4 would open what is closed. */
export const LATER_MIGRATIONS: readonly string[] = [
  'add_allow_all_keys_to_provider_config',
  'backfill_empty_virtual_key_configs',
  'backfill_allowed_models_wildcard',
]

/** Why a database cannot be taken over: a sentence for the operator. Never holds a secret. */
export class TakeoverError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TakeoverError'
  }
}

/** The rows of a table; none where it is absent. */
export function rowsOf(rows: Rows, table: Table): readonly Row[] {
  return rows[table] ?? []
}

/** A cell as text; undefined for NULL and the empty text, which stands for "not set". */
export function text(row: Row, column: string): string | undefined {
  const cell = row[column]
  if (cell === null || cell === undefined || cell === '') return undefined
  return cell instanceof Date ? cell.toISOString() : String(cell)
}

/** A cell as a number; PostgreSQL gives large ones as text. */
export function number(row: Row, column: string): number | undefined {
  const cell = text(row, column)
  const value = cell === undefined ? Number.NaN : Number(cell)
  return Number.isFinite(value) ? value : undefined
}

/** A cell as a boolean: 0 and 1, or PostgreSQL's own. */
export function flag(row: Row, column: string): boolean | undefined {
  const cell = text(row, column)?.toLowerCase()
  return cell === undefined ? undefined : ['1', '1.0', 'true', 't'].includes(cell)
}

/** A cell that holds JSON; undefined for NULL, the empty text and JSON's null. Throws TakeoverError. */
export function json(row: Row, column: string): Json | undefined {
  const cell = text(row, column)
  if (cell === undefined) return undefined
  try {
    return (JSON.parse(cell) as Json) ?? undefined
  } catch {
    throw new TakeoverError(`column ${column} of row ${text(row, 'id') ?? '?'} is not JSON; the database is damaged`)
  }
}

/** A cell that holds a JSON object; undefined for anything else. */
export function object(row: Row, column: string): JsonObject | undefined {
  const value = json(row, column)
  return isObject(value) ? value : undefined
}

/** A cell that holds a list of texts; undefined where it holds no list. */
export function names(row: Row, column: string): string[] | undefined {
  const value = json(row, column)
  return Array.isArray(value) ? value.map(String) : undefined
}

/** A cell as an instant in RFC 3339, to the millisecond; undefined for NULL and the zero time of Go. */
export function instant(row: Row, column: string): string | undefined {
  const cell = text(row, column)
  if (cell === undefined) return undefined
  const [, day, time = '00:00:00', fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)[T ]?(\d\d:\d\d:\d\d)?(?:\.(\d+))?\s*(Z|[+-]\d\d(?::?\d\d)?)?/.exec(cell) ?? []
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T${time}.${`${fraction}000`.slice(0, 3)}${zoneText(zone)}`)
  return Number.isNaN(at) || at < 0 ? undefined : new Date(at).toISOString()
}

function zoneText(zone: string): string {
  if (zone === 'Z') return zone
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3) || '00'}`
}

/** When a row was made and last changed. */
export function stamps(row: Row): JsonObject {
  return { created_at: instant(row, 'created_at'), updated_at: instant(row, 'updated_at') }
}

/** An object without its undefined fields and without empty objects. */
export function compact(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && !(isObject(value) && Object.keys(value).length === 0)),
  )
}
