import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { type Path, pathText } from './problems.ts'

/** Environment variables by name, as process.env holds them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A configuration with its `env.NAME` values filled in. */
export interface Resolved {
  value: Json
  /** One sentence per variable that is missing. Never a value. */
  problems: string[]
  /** Paths of values that came from the environment, as text. */
  fromEnv: Set<string>
  /** Paths whose variable is missing: what is said about their values is noise. */
  unresolved: Set<string>
}

/**
 * Fills in `env.NAME` strings and the object form `{value, env_var, from_env}`, at any depth. Inside an object with
 * `enabled: false` a missing variable is no problem: the field is left out. What names no variable is in the value as it is in the tree, not copied.
 */
export function resolveEnv(tree: Json, env: Environment): Resolved {
  const resolved: Resolved = { value: null, problems: [], fromEnv: new Set(), unresolved: new Set() }
  resolved.value = walk(tree, undefined, { env, resolved, isEnabled: true }) ?? null
  return resolved
}

/** A text from the environment as the number or boolean it spells; undefined when it spells neither. */
export function coerceText(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}

interface Walk {
  env: Environment
  resolved: Resolved
  isEnabled: boolean
}

/** Where a walk is: most places are never named. */
interface Place {
  step: string | number
  parent: Place | undefined
}

function pathOf(place: Place | undefined): Path {
  const path: (string | number)[] = []
  for (let at = place; at; at = at.parent) path.unshift(at.step)
  return path
}

function walk(node: Json | undefined, place: Place | undefined, state: Walk): Json | undefined {
  if (typeof node === 'string') return node.startsWith('env.') ? lookUp(node, place, state) : node
  if (Array.isArray(node)) return walkList(node as readonly Json[], place, state)
  if (!isObject(node)) return node
  if (isReference(node)) return reference(node, place, state)
  const inner = node.enabled === false ? { ...state, isEnabled: false } : state
  let filled: JsonObject | undefined
  for (const [name, value] of Object.entries(node)) {
    const next = typeof value === 'object' || typeof value === 'string' ? walk(value, { step: name, parent: place }, inner) : value
    if (next === value) continue
    filled ??= { ...node }
    filled[name] = next
  }
  return filled ?? node
}

function walkList(list: readonly Json[], place: Place | undefined, state: Walk): Json {
  let filled: Json[] | undefined
  for (const [index, item] of list.entries()) {
    const next = walk(item, { step: index, parent: place }, state) ?? null
    if (next === item) continue
    filled ??= [...list]
    filled[index] = next
  }
  return filled ?? (list as Json)
}

const REFERENCE_FIELDS = new Set(['value', 'env_var', 'from_env'])

function isReference(node: JsonObject): boolean {
  return ('env_var' in node || 'from_env' in node) && Object.keys(node).every((name) => REFERENCE_FIELDS.has(name))
}

function reference(node: JsonObject, place: Place | undefined, state: Walk): Json | undefined {
  const name = node.env_var
  const isFromEnv = node.from_env ?? (typeof name === 'string' && name !== '')
  if (isFromEnv !== true) return node.value ?? ''
  if (typeof name !== 'string') return lookUp('env.', place, state)
  return lookUp(name.startsWith('env.') ? name : `env.${name}`, place, state)
}

function lookUp(text: string, at: Place | undefined, { env, resolved, isEnabled }: Walk): string | undefined {
  const name = text.slice('env.'.length)
  const value = env[name]
  const place = pathText(pathOf(at))
  if (value !== undefined && value !== '') {
    resolved.fromEnv.add(place)
    return value
  }
  if (!isEnabled) return undefined
  resolved.unresolved.add(place)
  resolved.problems.push(
    /^[A-Za-z_]\w*$/.test(name)
      ? `${place}: the environment variable ${name} is not set, or empty`
      : `${place}: "env." must be followed by the name of an environment variable`,
  )
  return text
}
