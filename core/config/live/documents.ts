import { createHash } from 'node:crypto'
import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import { CONFIG_COLLECTIONS, type ConfigCollection, SETTINGS, SETTINGS_BLOCKS } from '../collections.ts'
import { keyId } from '../provider-settings.ts'

/** A document that is not (yet) in a store. */
export interface Entity {
  collection: string
  id: string
  body: JsonObject
}

/** Collections whose entities stand in lists below a block of their own, by name. */
const LISTS: readonly ConfigCollection[] = CONFIG_COLLECTIONS.filter(
  ({ path, name }) => path.at(-1) === '*' && name !== 'providers' && name !== 'keys',
)

/**
 * A configuration (config.json, version 2, `env.` references as written) as documents. Blocks that say where the store is, or that only the
 * file can set, are no documents. Entities without a name or an id are left out: the schema has refused them.
 */
export function documentsOf(tree: JsonObject): Entity[] {
  return [...settingsOf(tree), ...providersOf(tree), ...LISTS.flatMap((collection) => listed(tree, collection))]
}

/** The configuration that documents stand for: what `documentsOf` takes apart. `rest`: the blocks that are no documents. */
export function treeOf(entities: Iterable<Entity>, rest: JsonObject = {}): JsonObject {
  const tree = structuredClone(rest) as JsonObject
  const keys: Entity[] = []
  for (const entity of entities) {
    if (entity.collection === 'keys') keys.push(entity)
    else place(tree, entity)
  }
  for (const key of keys) placeKey(tree, key)
  return tree
}

/** The blocks of a configuration that are no documents. */
export function restOf(tree: JsonObject): JsonObject {
  const { providers: _, plugins: __, client: ___, framework: ____, proxy_config: _____, governance, mcp, ...rest } = tree
  const others = { governance: without(governance, GOVERNANCE), mcp: without(mcp, MCP) }
  return { ...rest, ...Object.fromEntries(Object.entries(others).filter(([, block]) => Object.keys(block).length > 0)) }
}

const GOVERNANCE = new Set(['auth_config', ...LISTS.filter(({ path }) => path[0] === 'governance').map(({ path }) => path[1] as string)])
const MCP = new Set(['tool_manager_config', 'client_configs'])

function without(block: Json | undefined, names: ReadonlySet<string>): JsonObject {
  return isObject(block) ? Object.fromEntries(Object.entries(block).filter(([name]) => !names.has(name))) : {}
}

/** What a document's text says, whatever the order of its fields: two files that mean the same have the same hash. SHA-256, hex. */
export function hashOf(body: JsonObject): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(body)))
    .digest('hex')
}

function sorted(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((item: Json) => sorted(item) ?? null)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  )
}

function settingsOf(tree: JsonObject): Entity[] {
  return Object.entries(SETTINGS_BLOCKS).flatMap(([id, { path }]) => {
    const body = at(tree, path)
    return isObject(body) ? [{ collection: SETTINGS, id, body }] : []
  })
}

function providersOf(tree: JsonObject): Entity[] {
  return Object.entries(isObject(tree.providers) ? tree.providers : {}).flatMap(([provider, block]) => {
    if (!isObject(block)) return []
    const { keys, ...body } = block
    const own = list(keys).map((key): Entity => ({ collection: 'keys', id: keyId(provider, key), body: { ...key, provider } }))
    return [{ collection: 'providers', id: provider, body }, ...own]
  })
}

function listed(tree: JsonObject, { name: collection, path, idField = 'id' }: ConfigCollection): Entity[] {
  return list(at(tree, path.slice(0, -1))).flatMap((body) => {
    const id = body[idField] ?? (collection === 'mcp_clients' ? body.name : undefined)
    return typeof id === 'string' && id !== '' ? [{ collection, id, body }] : []
  })
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function at(tree: JsonObject, path: readonly string[]): Json | undefined {
  let node: Json | undefined = tree
  for (const name of path) node = isObject(node) ? node[name] : undefined
  return node
}

function place(tree: JsonObject, { collection, id, body }: Entity): void {
  const path = collection === SETTINGS ? SETTINGS_BLOCKS[id]?.path : CONFIG_COLLECTIONS.find(({ name }) => name === collection)?.path
  if (!path || path.length === 0) return
  const steps = path.filter((step) => step !== '*')
  const last = steps.at(-1) as string
  let node = tree
  for (const step of steps.slice(0, -1)) node = block(node, step)
  if (collection === SETTINGS) node[last] = body
  else if (collection === 'providers') block(node, last)[id] = { ...body }
  else append(node, last, body)
}

function placeKey(tree: JsonObject, { id, body: { provider, ...body } }: Entity): void {
  const providers = isObject(tree.providers) ? tree.providers : {}
  const owner = typeof provider === 'string' ? providers[provider] : undefined
  if (!isObject(owner)) return
  append(owner, 'keys', { id, ...body })
}

function append(node: JsonObject, name: string, body: JsonObject): void {
  node[name] ??= []
  ;(node[name] as Json[]).push(body)
}

function block(node: JsonObject, name: string): JsonObject {
  if (!isObject(node[name])) node[name] = {}
  return node[name] as JsonObject
}
