import { hash } from 'node:crypto'
import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import { CONFIG_COLLECTIONS, SETTINGS, SETTINGS_BLOCKS } from '../collections.ts'
import { type Entity, entitiesOf } from '../entities.ts'
import { keyId } from '../provider-settings.ts'

/** An entity as a document that is not (yet) in a store. */
export type Document = Omit<Entity, 'path'>

const KEPT = new Set(CONFIG_COLLECTIONS.map(({ name }) => name))

/**
 * A configuration (config.json, version 2, `env.` references as written) as documents. Blocks that say where the store is, or that only the
 * file can set, are no documents. Entities without a name or an id are left out: the schema has refused them.
 */
export function documentsOf(tree: JsonObject): Document[] {
  const entities = entitiesOf(tree).filter(({ collection, id }) => KEPT.has(collection) && (id !== '' || collection === 'keys'))
  return [...settingsOf(tree), ...entities.map(toDocument)]
}

/** The configuration that documents stand for: what `documentsOf` takes apart. `rest`: the blocks that are no documents. */
export function treeOf(entities: Iterable<Document>, rest: JsonObject = {}): JsonObject {
  const tree = structuredClone(rest) as JsonObject
  const keys: Document[] = []
  for (const entity of entities) {
    if (entity.collection === 'keys') keys.push(entity)
    else place(tree, entity)
  }
  for (const key of keys) placeKey(tree, key)
  return tree
}

/** The blocks of a configuration that are no documents. */
export function restOf(tree: JsonObject): JsonObject {
  const {
    providers: _,
    plugins: __,
    client: ___,
    framework: ____,
    proxy_config: _____,
    auth_config: ______,
    governance,
    mcp,
    ...rest
  } = tree
  const others = { governance: without(governance, GOVERNANCE), mcp: without(mcp, MCP) }
  return { ...rest, ...Object.fromEntries(Object.entries(others).filter(([, block]) => Object.keys(block).length > 0)) }
}

const GOVERNANCE = fieldsOf('governance')
const MCP = fieldsOf('mcp')

/** Fields of a block that are documents. */
function fieldsOf(name: string): Set<string> {
  const paths = [...CONFIG_COLLECTIONS, ...Object.values(SETTINGS_BLOCKS)].map(({ path }) => path)
  return new Set(paths.filter(([first]) => first === name).map(([, second]) => second as string))
}

function without(block: Json | undefined, names: ReadonlySet<string>): JsonObject {
  return isObject(block) ? Object.fromEntries(Object.entries(block).filter(([name]) => !names.has(name))) : {}
}

/** What a document's text says, whatever the order of its fields: two files that mean the same have the same hash. SHA-256, hex. */
export function hashOf(body: JsonObject): string {
  return hash('sha256', JSON.stringify(sorted(body)), 'hex')
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

function settingsOf(tree: JsonObject): Document[] {
  return Object.entries(SETTINGS_BLOCKS).flatMap(([id, { path }]) => {
    // The original also reads this one from the top.
    const body = at(tree, path) ?? (id === 'auth_config' ? tree.auth_config : undefined)
    return isObject(body) ? [{ collection: SETTINGS, id, body }] : []
  })
}

function toDocument({ collection, id, body }: Entity): Document {
  if (collection === 'keys') return { collection, id: keyId(String(body.provider), body), body }
  if (collection !== 'providers') return { collection, id, body }
  const { keys: _, ...rest } = body
  return { collection, id, body: rest }
}

function at(tree: JsonObject, path: readonly string[]): Json | undefined {
  let node: Json | undefined = tree
  for (const name of path) node = isObject(node) ? node[name] : undefined
  return node
}

function place(tree: JsonObject, { collection, id, body }: Document): void {
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

function placeKey(tree: JsonObject, { id, body: { provider, ...body } }: Document): void {
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
