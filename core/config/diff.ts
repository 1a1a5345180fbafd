import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { Builtins } from './builtins.ts'
import { CONFIG_COLLECTIONS } from './collections.ts'
import { type Entity, entitiesOf } from './entities.ts'
import { valueAt } from './issues.ts'
import { type Path, pathText } from './problems.ts'
import { rootSchema } from './root.ts'
import { SECRET_NAME } from './secrets.ts'

/** One field that differs. Values are JSON texts; undefined: there is none, or `isSecret` and not shown. */
export interface FieldDiff {
  path: string
  before: string | undefined
  after: string | undefined
  isSecret: boolean
}

/** One entity or block that differs. */
export interface EntityDiff {
  /** Name of the collection, or of the block that stands alone. */
  collection: string
  /** Empty for a block. */
  id: string
  kind: 'added' | 'removed' | 'changed'
  /** Of a change. */
  fields: FieldDiff[]
}

/**
 * What differs between two configurations of today by meaning: entities by their ids, whatever their order; defaults filled in; lists of
 * names as sets. References to the environment are compared as they stand. No secret is in the result.
 */
export function diffConfigs(before: JsonObject, after: JsonObject, builtins: Builtins): EntityDiff[] {
  const [one, other] = [split(withDefaults(before, builtins)), split(withDefaults(after, builtins))]
  const found: EntityDiff[] = []
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    const [from, to] = [one.get(key), other.get(key)]
    const { collection, id } = (from ?? to) as Entity
    if (from === undefined || to === undefined) {
      found.push({ collection, id, kind: from === undefined ? 'added' : 'removed', fields: [] })
      continue
    }
    const fields = differences(from.body, to.body).map((difference) => toField(collection, difference))
    if (fields.length > 0) found.push({ collection, id, kind: 'changed', fields })
  }
  return found
}

/** Defaults filled in. A reference to the environment where a number or a URL belongs steps aside meanwhile; what is still wrong stays as written. */
function withDefaults(tree: JsonObject, builtins: Builtins): JsonObject {
  const schema = rootSchema(builtins)
  const copy = structuredClone(tree)
  const issues = schema.safeParse(copy).error?.issues ?? []
  const aside: [Path, Json][] = []
  for (const issue of issues) {
    const path = issue.path as Path
    const value = valueAt(copy, path)
    if (typeof value === 'string' && value.startsWith('env.')) aside.push([path, value])
  }
  for (const [path] of aside) put(copy, path, undefined)
  const result = schema.safeParse(copy)
  if (!result.success) return tree
  const filled = result.data as JsonObject
  for (const [path, value] of aside) put(filled, path, value)
  return filled
}

function put(tree: JsonObject, path: Path, value: Json | undefined): void {
  const holder = valueAt(tree, path.slice(0, -1))
  if (typeof holder === 'object' && holder !== null) (holder as Record<string | number, Json | undefined>)[path.at(-1) as string] = value
}

/** Entities by collection and id, and what is left of the blocks without them. */
function split(tree: JsonObject): Map<string, Entity> {
  const parts = new Map<string, Entity>()
  for (const entity of entitiesOf(tree)) {
    const body = entity.collection === 'providers' ? without(entity.body, 'keys') : entity.body
    parts.set(`${entity.collection} ${entity.id}`, { ...entity, body })
  }
  const rest = structuredClone(tree)
  for (const { path } of CONFIG_COLLECTIONS) if (path.includes('*')) put(rest, path.slice(0, path.indexOf('*')), undefined)
  for (const [name, block] of Object.entries(rest)) {
    if (name === '$schema' || block === undefined) continue
    parts.set(`${name} `, { collection: name, id: '', body: isObject(block) ? block : { [name]: block }, path: [name] })
  }
  return parts
}

function without(body: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = body
  return rest
}

interface Difference {
  path: Path
  before: Json | undefined
  after: Json | undefined
}

function differences(before: Json | undefined, after: Json | undefined, path: Path = []): Difference[] {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...names].flatMap((name) => differences(before[name], after[name], [...path, name]))
  }
  const [one, other] = [byKey(before), byKey(after)]
  if (one && other) return differences(one, other, path)
  return canonical(before) === canonical(after) ? [] : [{ path, before, after }]
}

const KEYS = ['provider', 'provider_name', 'mcp_client_name', 'mcp_client_id', 'id', 'name', 'reset_duration']

/** A list of objects as a record by what names them; undefined where nothing does, or a name appears twice. */
function byKey(list: Json | undefined): JsonObject | undefined {
  if (!Array.isArray(list)) return undefined
  const items = list as readonly Json[]
  const key = KEYS.find((name) => items.length > 0 && items.every((item) => isObject(item) && typeof item[name] === 'string'))
  if (items.length === 0) return {}
  if (key === undefined) return undefined
  const named = Object.fromEntries(items.map((item) => [String((item as JsonObject)[key]), item]))
  return Object.keys(named).length === items.length ? named : undefined
}

/** Text that two values share when they mean the same: lists of names in one order, fields in one order, null and absence alike. */
function canonical(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) {
    const texts = (value as readonly Json[]).map(canonical)
    return `[${(value as readonly Json[]).every((item) => typeof item === 'string') ? texts.sort() : texts}]`
  }
  if (!isObject(value)) return JSON.stringify(value)
  const fields = Object.keys(value).sort()
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`
}

function toField(collection: string, { path, before, after }: Difference): FieldDiff {
  const secrets = CONFIG_COLLECTIONS.find(({ name }) => name === collection)?.secrets ?? []
  const isSecret = isSecretPath(path, secrets) || [before, after].some((value) => value !== undefined && holdsSecret(value, path, secrets))
  const text = (value: Json | undefined) => (isSecret || value === undefined ? undefined : JSON.stringify(value))
  return { path: pathText(path), before: text(before), after: text(after), isSecret }
}

function isSecretPath(path: Path, secrets: readonly string[]): boolean {
  if (path.some((step) => typeof step === 'string' && SECRET_NAME.test(step))) return true
  return secrets.some((secret) => secret.split('.').every((step, index) => step === '*' || step === path[index]))
}

/** Whether a value has a credential in it: a field by its name, or the user part of a URL. */
function holdsSecret(value: Json, path: Path, secrets: readonly string[]): boolean {
  if (typeof value === 'string') return /\/\/[^/\s]*@/.test(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([name, inner]) => isSecretPath([...path, name], secrets) || holdsSecret(inner as Json, [...path, name], secrets),
  )
}
