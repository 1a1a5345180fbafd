import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import type { ReadonlyTable } from '../../sharded-map.ts'
import type { SnapshotPatch, SnapshotTables, TableName } from '../../snapshot.ts'
import { CONFIG_COLLECTIONS, SETTINGS, SETTINGS_BLOCKS } from '../collections.ts'
import type { Environment } from '../env.ts'
import type { Loaded } from '../load.ts'
import { type Path, pathText } from '../problems.ts'
import { culprits } from './culprits.ts'
import { type Document, treeOf } from './documents.ts'
import { type Held, type HeldEntities, plainBody } from './held.ts'

/** A change of the tables, without a version yet. */
export type Rows = Pick<SnapshotPatch, 'set' | 'delete'>

/** Reads a configuration that is made of documents (LoadOptions.isStored). */
export type LoadTree = (tree: JsonObject) => Loaded

/** What rows are read with. */
export interface RowOptions {
  load: LoadTree
  env: Environment
}

/** What is in the tables of documents of a collection, and which documents one of its rows is made of. */
interface Source {
  table: TableName
  /** Id of the row that the document belongs to. */
  row(entity: Document): string
  /** Documents that the row is made of; none: there is no such row. */
  parts(entities: HeldEntities, row: string): (Held | undefined)[]
}

const alone = (collection: string, table: TableName): Source => ({
  table,
  row: ({ id }) => id,
  parts: (entities, row) => [entities.held(collection, row)],
})

const providers = (row: Source['row']): Source => ({
  table: 'providers',
  row,
  parts: (entities, name) => [entities.held('providers', name), ...(entities.held('providers', name) ? entities.keysOf(name) : [])],
})

/** By collection; a collection without a row here is kept and shown, and no data thread needs it. */
const SOURCES: Readonly<Record<string, Source>> = {
  settings: { table: 'client', row: () => 'client', parts: (entities) => CLIENT_PARTS.map((id) => entities.held('settings', id)) },
  providers: providers(({ id }) => id),
  keys: providers(({ body }) => String(body.provider)),
  plugins: alone('plugins', 'plugins'),
  virtual_keys: alone('virtual_keys', 'virtualKeys'),
  teams: alone('teams', 'teams'),
  customers: alone('customers', 'customers'),
  business_units: alone('business_units', 'businessUnits'),
}
/** Blocks that `ClientSettings` are made of. */
const CLIENT_PARTS = ['client', 'auth_config']

/** The rows that changed documents are part of, read anew. `problems`: what is wrong with the documents; then nothing may change. */
export function rowsOf(entities: HeldEntities, changed: readonly Document[], options: RowOptions): { rows: Rows; problems: string[] } {
  const reading = { set: [] as [TableName, string, unknown][], delete: [] as [TableName, string][], problems: [] as string[] }
  const seen = new Set<string>()
  for (const document of changed) {
    const source = sourceOf(document)
    if (!source) continue
    const row = source.row(document)
    const name = `${source.table}\0${row}`
    if (!seen.has(name)) readRow(source, row, { entities, options, reading })
    seen.add(name)
    if (document.collection === 'virtual_keys') forgetValue(document, reading)
  }
  const { problems, ...rows } = reading
  return { rows, problems }
}

/** Undefined: no row is made of the document. */
function sourceOf({ collection, id }: Document): Source | undefined {
  return collection === SETTINGS && !CLIENT_PARTS.includes(id) ? undefined : SOURCES[collection]
}

interface Reading {
  set: [TableName, string, unknown][]
  delete: [TableName, string][]
  problems: string[]
}

function readRow(
  { table, parts }: Source,
  row: string,
  { entities, options, reading }: { entities: HeldEntities; options: RowOptions; reading: Reading },
): void {
  const documents = parts(entities, row).filter((part) => part !== undefined)
  const loaded = options.load(treeOf(documents.map((held) => asWritten(held, options.env))))
  reading.problems.push(...loaded.problems)
  const value = (loaded.tables?.[table] as ReadonlyTable<unknown> | undefined)?.get(row)
  if (value === undefined) reading.delete.push([table, row])
  else reading.set.push([table, row, value])
  if (table === 'virtualKeys') for (const [hash, id] of loaded.tables?.virtualKeyIds ?? []) reading.set.push(['virtualKeyIds', hash, id])
}

/** Deletions go first, so that a value that stayed is there afterwards. */
function forgetValue({ body }: Document, reading: Reading): void {
  if (typeof body.value_hash === 'string') reading.delete.push(['virtualKeyIds', body.value_hash])
}

/**
 * What the schemas say of a document, among those that share its row, with paths relative to the document (`body` where it is the whole). What
 * it refers to is checked beside (checkEntity).
 */
export function problemsIn(entities: HeldEntities, document: Document, options: RowOptions): string[] {
  const source = sourceOf(document)
  const parts = source?.parts(entities, source.row(document)) ?? [entities.held(document.collection, document.id)]
  const documents = parts.filter((part) => part !== undefined).map((held) => asWritten(held, options.env))
  const place = pathText(placeOf(entities, document))
  return options
    .load(treeOf(documents))
    .problems.map((problem) => (isAt(problem, place) ? inDocument(problem.slice(place.length)) : problem))
}

function isAt(problem: string, place: string): boolean {
  return problem.startsWith(place) && /^[.[:]/.test(problem.slice(place.length))
}

function inDocument(problem: string): string {
  return problem.startsWith(':') ? `body${problem}` : problem.replace(/^\./, '')
}

/** Where a document stands in a file that has nothing but its row. */
function placeOf(entities: HeldEntities, { collection, id, body }: Document): Path {
  if (collection === SETTINGS) return SETTINGS_BLOCKS[id]?.path ?? []
  if (collection === 'providers') return ['providers', id]
  if (collection === 'keys') {
    const provider = String(body.provider)
    return ['providers', provider, 'keys', entities.keysOf(provider).findIndex((key) => key.id === id)]
  }
  return (CONFIG_COLLECTIONS.find(({ name }) => name === collection)?.path ?? []).map((step) => (step === '*' ? 0 : step))
}

/** Virtual keys whose rows were made already: among 100,000 of them most of a start would go into making them twice. */
export interface KnownKeys {
  tables: SnapshotTables
  same: ReadonlySet<Held>
}

/**
 * All tables, from all documents. A document that is wrong (an older gateway took it, or somebody else wrote it) serves nobody and keeps nobody
 * else from being served: `leftOut` says why. Without tables the problems are of no document.
 */
export function tablesOf(
  entities: HeldEntities,
  rest: JsonObject,
  { load, env, known }: RowOptions & { known?: KnownKeys | undefined },
): { loaded: Loaded; leftOut: readonly string[] } {
  const leftOut: string[] = []
  let held = [...entities].filter((each) => !known?.same.has(each))
  for (;;) {
    const documents = held.map((each) => asWritten(each, env))
    const loaded = load(treeOf(documents, rest))
    const wrong = loaded.tables ? new Set<Held>() : culprits(loaded.problems, held)
    if (wrong.size === 0) return { loaded: known ? withKnown(loaded, known) : loaded, leftOut }
    leftOut.push(...loaded.problems)
    held = held.filter((each) => !wrong.has(each))
  }
}

function withKnown(loaded: Loaded, { tables: made, same }: KnownKeys): Loaded {
  const { tables } = loaded
  if (!tables) return loaded
  for (const { id, body } of same) {
    const [row, hash] = [made.virtualKeys.get(id), body.value_hash]
    if (row) tables.virtualKeys.set(id, row)
    if (typeof hash === 'string' && made.virtualKeyIds.get(hash) === id) tables.virtualKeyIds.set(hash, id)
  }
  return loaded
}

/** A document as config.json would have it. What lacks its environment variable is off, so that it keeps nothing else from being served. */
function asWritten({ collection, id, body }: Held, env: Environment): Document {
  const plain = plainBody(body)
  const off = SWITCHES[collection]
  if (off === undefined || missingVariables(plain, env).length === 0) return { collection, id, body: plain }
  const { value: _, ...others } = plain
  return { collection, id, body: { ...(collection === 'virtual_keys' ? others : plain), [off]: false } }
}
/** The field that turns an entity off. */
const SWITCHES: Readonly<Record<string, string>> = { keys: 'enabled', plugins: 'enabled', virtual_keys: 'is_active' }

/** Names of environment variables that a body needs and that are missing. */
export function missingVariables(body: Json | undefined, env: Environment): string[] {
  if (typeof body === 'string') return body.startsWith('env.') && (env[body.slice(4)] ?? '') === '' ? [body.slice(4)] : []
  if (Array.isArray(body)) return body.flatMap((item: Json) => missingVariables(item, env))
  return isObject(body) ? Object.values(body).flatMap((value) => missingVariables(value, env)) : []
}
