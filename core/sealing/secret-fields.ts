import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { CONFIG_COLLECTIONS, SETTINGS, SETTINGS_BLOCKS } from '../config/collections.ts'

/** What becomes of one secret: the value to put in its place. `path` are the names and places that lead to it. */
export type OnSecret = (value: Json, path: readonly string[]) => Json

const BY_COLLECTION: ReadonlyMap<string, readonly (readonly string[])[]> = new Map(
  CONFIG_COLLECTIONS.flatMap(({ name, secrets }) => (secrets ? [[name, pathsOf(secrets)] as const] : [])),
)
const BY_BLOCK: ReadonlyMap<string, readonly (readonly string[])[]> = new Map(
  Object.entries(SETTINGS_BLOCKS).flatMap(([id, { secrets }]) => (secrets ? [[id, pathsOf(secrets)] as const] : [])),
)

function pathsOf(secrets: readonly string[]): string[][] {
  return secrets.map((path) => path.split('.'))
}

/** The paths of secrets in a document, in steps; `*` is every field or element. */
export function secretPaths(collection: string, id: string): readonly (readonly string[])[] {
  return (collection === SETTINGS ? BY_BLOCK.get(id) : BY_COLLECTION.get(collection)) ?? []
}

/** The body with each of its secrets replaced by what `onSecret` answers. Empty values and `env.NAME` are no secrets. The body itself stays, and is the answer where there is nothing to replace. */
export function mapSecrets(collection: string, id: string, body: JsonObject, onSecret: OnSecret): JsonObject {
  return mapSecretFields(collection, id, body, (value, path) => (isSecret(value) ? onSecret(value, path) : value))
}

/** The same for every field that may hold a secret, whatever it holds. */
export function mapSecretFields(collection: string, id: string, body: JsonObject, onField: OnSecret): JsonObject {
  let mapped: Json = body
  for (const path of secretPaths(collection, id)) mapped = mapAt(mapped, path, [], onField)
  return mapped as JsonObject
}

function mapAt(node: Json, path: readonly string[], taken: readonly string[], onSecret: OnSecret): Json {
  const [step, ...rest] = path
  if (step === undefined) return onSecret(node, taken)
  if (Array.isArray(node)) {
    return step === '*' ? node.map((item: Json, index) => mapAt(item, rest, [...taken, String(index)], onSecret)) : node
  }
  if (!isObject(node)) return node
  const names = step === '*' ? Object.keys(node) : Object.hasOwn(node, step) ? [step] : []
  let mapped: JsonObject | undefined
  for (const name of names) {
    const value = node[name]
    const next = value === undefined ? value : mapAt(value, rest, [...taken, name], onSecret)
    if (next === value) continue
    mapped ??= { ...node }
    // Assigning a field named __proto__ would set the copy's prototype instead.
    Object.defineProperty(mapped, name, { value: next, enumerable: true, writable: true, configurable: true })
  }
  return mapped ?? node
}

function isSecret(value: Json): boolean {
  if (value === null || value === '') return false
  return typeof value !== 'string' || !/^env\.[A-Za-z_]\w*$/.test(value)
}
