import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import type { SnapshotPatch, SnapshotTables, TableName } from '../../snapshot.ts'
import type { Loaded } from '../load.ts'
import { type Entity, treeOf } from './documents.ts'
import { type Entities, type Held, plainBody } from './entities.ts'

/** A change of the tables, without a version yet. */
export type Rows = Pick<SnapshotPatch, 'set' | 'delete'>

/** Reads a configuration that is made of documents: nothing has to be complete, and what lacks its environment variable is off. */
export type LoadTree = (tree: JsonObject) => Loaded

/** What is in the tables of documents of a collection, and which documents one of its rows is made of. */
interface Source {
  table: TableName
  /** Id of the row that the document belongs to. */
  row(entity: Entity): string
  /** Documents that the row is made of; none: there is no such row. */
  parts(entities: Entities, row: string): (Held | undefined)[]
}

const alone = (collection: string, table: TableName): Source => ({
  table,
  row: ({ id }) => id,
  parts: (entities, row) => [entities.get(collection, row)],
})

const providers = (row: Source['row']): Source => ({
  table: 'providers',
  row,
  parts: (entities, name) => [entities.get('providers', name), ...(entities.get('providers', name) ? entities.keysOf(name) : [])],
})

/** By collection; a collection without a row here is kept and shown, and no data thread needs it. */
const SOURCES: Readonly<Record<string, Source>> = {
  settings: alone('settings', 'client'),
  providers: providers(({ id }) => id),
  keys: providers(({ body }) => String(body.provider)),
  plugins: alone('plugins', 'plugins'),
}

/** The rows that changed documents are part of, read anew. `problems`: what is wrong with the documents; then nothing may change. */
export function rowsOf(entities: Entities, changed: readonly Entity[], load: LoadTree): { rows: Rows; problems: string[] } {
  const set: [TableName, string, unknown][] = []
  const deleted: [TableName, string][] = []
  const problems: string[] = []
  const seen = new Set<string>()
  for (const entity of changed) {
    const source = SOURCES[entity.collection]
    if (!source || (entity.collection === 'settings' && entity.id !== 'client')) continue
    const row = source.row(entity)
    if (seen.has(`${source.table}\0${row}`)) continue
    seen.add(`${source.table}\0${row}`)
    const parts = source.parts(entities, row).filter((part) => part !== undefined)
    const loaded = load(treeOf(parts.map(asWritten)))
    problems.push(...loaded.problems)
    const value = (loaded.tables?.[source.table] as Map<string, unknown> | undefined)?.get(row)
    if (value === undefined) deleted.push([source.table, row])
    else set.push([source.table, row, value])
  }
  return { rows: { set, delete: deleted }, problems }
}

/** All tables, from all documents. */
export function tablesOf(entities: Entities, rest: JsonObject, load: LoadTree): { tables: SnapshotTables | undefined; problems: string[] } {
  const loaded = load(treeOf([...entities].map(asWritten), rest))
  return { tables: loaded.tables, problems: loaded.problems }
}

function asWritten({ collection, id, body }: Held): Entity {
  return { collection, id, body: plainBody(body) }
}

/** Whether a text stands for a variable of the environment. */
export function isReference(value: Json | undefined): value is string {
  return typeof value === 'string' && value.startsWith('env.')
}

/** Names of environment variables that a body needs and that are missing. */
export function missingVariables(body: Json | undefined, env: Readonly<Record<string, string | undefined>>): string[] {
  if (isReference(body)) return (env[body.slice(4)] ?? '') === '' ? [body.slice(4)] : []
  if (Array.isArray(body)) return body.flatMap((item: Json) => missingVariables(item, env))
  return isObject(body) ? Object.values(body).flatMap((value) => missingVariables(value, env)) : []
}
