import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'

/** Containers as they grow. */
type Container = { [key: string]: Json } | Json[]

/** One step of a path: `.name`, `['any name']` or `[0]`. */
const STEP = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y
/** Most entries of a list that pieces may name: a higher place is a fault, and a list with that many holes an attack. */
const MAX_INDEX = 100_000

/**
 * Adds pieces of a call's arguments to what came before:
 * https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Content#PartialArg. Each names its place by a JSON path;
 * text of the same place goes on. Pieces that cannot be placed are passed over. `args` is changed.
 */
export function addPartialArgs(args: JsonObject, pieces: unknown): void {
  if (!Array.isArray(pieces)) return
  for (const piece of pieces) {
    const path = isObject(piece) ? readPath(piece.jsonPath) : undefined
    if (path && path.length > 0) place(args as Container, path, piece as JsonObject)
  }
}

function readPath(written: unknown): (string | number)[] | undefined {
  if (typeof written !== 'string' || !written.startsWith('$')) return undefined
  const path: (string | number)[] = []
  STEP.lastIndex = 1
  while (STEP.lastIndex < written.length) {
    const step = STEP.exec(written)
    if (!step) return undefined
    const [, name, index, single, double] = step
    if (index === undefined) path.push(name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1'))
    else if (Number(index) > MAX_INDEX) return undefined
    else path.push(Number(index))
  }
  return path
}

function place(root: Container, path: readonly (string | number)[], piece: JsonObject): void {
  let container = root
  for (const [depth, key] of path.entries()) {
    const next = path[depth + 1]
    const known = get(container, key)
    if (next === undefined) return set(container, key, valueIn(piece, known))
    if (typeof known === 'object' && known !== null) container = known as Container
    else {
      const created: Container = typeof next === 'number' ? [] : {}
      set(container, key, created as Json)
      container = created
    }
  }
}

function valueIn({ stringValue, numberValue, boolValue }: JsonObject, known: Json | undefined): Json {
  if (typeof stringValue === 'string') return typeof known === 'string' ? known + stringValue : stringValue
  return numberValue ?? boolValue ?? null
}

function get(container: Container, key: string | number): Json | undefined {
  return Object.hasOwn(container, key) ? (container as Record<string | number, Json>)[key] : undefined
}

/** As own data, whatever the name: `__proto__` is one like others. */
function set(container: Container, key: string | number, value: Json): void {
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true })
}
