import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { CONFIG_COLLECTIONS, type ConfigCollection } from './collections.ts'
import type { Path } from './problems.ts'

/** One entity of a configuration, as written. */
export interface Entity {
  collection: string
  /** Empty where it has none, which is the schema's business. */
  id: string
  body: JsonObject
  /** Where it stands in the file. */
  path: Path
}

/** What rules ask about the other entities. */
export interface Lookup {
  get(collection: string, id: string): JsonObject | undefined
  ids(collection: string): Iterable<string>
  /** Ids of the entities of a collection whose field is this text. */
  idsBy(collection: string, field: string, text: string): readonly string[]
}

const EXTRA: readonly ConfigCollection[] = [
  { name: 'access_profiles', path: ['access_profiles', '*'], idField: 'id' },
  { name: 'roles', path: ['governance', 'roles', '*'], idField: 'id' },
]
const COLLECTIONS = [...CONFIG_COLLECTIONS, ...EXTRA].filter(({ path }) => path.includes('*'))

/** All entities of a configuration, in the order of the file; what is no object is passed over. A key's body has its `provider` besides. */
export function entitiesOf(tree: Json): Entity[] {
  return COLLECTIONS.flatMap((collection) => {
    const found: Entity[] = []
    walk(tree, { collection, path: [], rest: collection.path, found })
    return found
  })
}

interface Walk {
  collection: ConfigCollection
  path: Path
  rest: readonly string[]
  found: Entity[]
}

function walk(node: Json | undefined, { collection, path, rest, found }: Walk): void {
  const [step, ...deeper] = rest
  if (step === undefined) {
    if (isObject(node)) found.push(toEntity(collection, node, path))
  } else if (step !== '*') {
    if (isObject(node)) walk(node[step], { collection, path: [...path, step], rest: deeper, found })
  } else if (Array.isArray(node)) {
    for (const [index, item] of node.entries()) walk(item as Json, { collection, path: [...path, index], rest: deeper, found })
  } else if (isObject(node) && !Array.isArray(node)) {
    for (const [name, item] of Object.entries(node)) walk(item, { collection, path: [...path, name], rest: deeper, found })
  }
}

function toEntity({ name: collection, idField }: ConfigCollection, node: JsonObject, path: Path): Entity {
  const body = collection === 'keys' ? { provider: String(path[1]), ...node } : node
  return { collection, id: idField === undefined ? String(path.at(-1)) : idOf(node, idField), body, path }
}

/** The id, or the name where there is none (D5). */
function idOf(node: JsonObject, idField: string): string {
  const id = node[idField] ?? node.name
  return typeof id === 'string' ? id : ''
}

/** An index of entities. Built in one pass; what is asked by a field is indexed at the first question. */
export function indexEntities(entities: Iterable<Pick<Entity, 'collection' | 'id' | 'body'>>): Lookup {
  const collections = new Map<string, Map<string, JsonObject>>()
  for (const { collection, id, body } of entities) {
    const known = collections.get(collection) ?? new Map<string, JsonObject>()
    collections.set(collection, known)
    if (!known.has(id)) known.set(id, body)
  }
  const indexes = new Map<string, Map<string, string[]>>()
  return {
    get: (collection, id) => collections.get(collection)?.get(id),
    ids: (collection) => collections.get(collection)?.keys() ?? [],
    idsBy(collection, field, text) {
      const key = `${collection}.${field}`
      const index = indexes.get(key) ?? byField(collections.get(collection), field)
      indexes.set(key, index)
      return index.get(text) ?? []
    },
  }
}

function byField(bodies: ReadonlyMap<string, JsonObject> | undefined, field: string): Map<string, string[]> {
  const index = new Map<string, string[]>()
  for (const [id, body] of bodies ?? []) {
    const text = body[field]
    if (typeof text !== 'string') continue
    const ids = index.get(text)
    if (ids) ids.push(id)
    else index.set(text, [id])
  }
  return index
}
