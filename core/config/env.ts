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
 * `enabled: false` a missing variable is no problem: the field is left out.
 */
export function resolveEnv(tree: Json, env: Environment): Resolved {
  const resolved: Resolved = { value: null, problems: [], fromEnv: new Set(), unresolved: new Set() }
  resolved.value = walk(tree, [], { env, resolved, isEnabled: true }) ?? null
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

function walk(node: Json | undefined, path: Path, state: Walk): Json | undefined {
  if (typeof node === 'string') return node.startsWith('env.') ? lookUp(node, path, state) : node
  if (Array.isArray(node)) return node.map((item: Json, index) => walk(item, [...path, index], state) ?? null)
  if (!isObject(node)) return node
  if (isReference(node)) return reference(node, path, state)
  const inner = node.enabled === false ? { ...state, isEnabled: false } : state
  const filled: JsonObject = {}
  for (const [name, value] of Object.entries(node)) filled[name] = walk(value, [...path, name], inner)
  return filled
}

const REFERENCE_FIELDS = new Set(['value', 'env_var', 'from_env'])

function isReference(node: JsonObject): boolean {
  return ('env_var' in node || 'from_env' in node) && Object.keys(node).every((name) => REFERENCE_FIELDS.has(name))
}

function reference(node: JsonObject, path: Path, state: Walk): Json | undefined {
  const name = node.env_var
  const isFromEnv = node.from_env ?? (typeof name === 'string' && name !== '')
  if (isFromEnv !== true) return node.value ?? ''
  if (typeof name !== 'string') return lookUp('env.', path, state)
  return lookUp(name.startsWith('env.') ? name : `env.${name}`, path, state)
}

function lookUp(text: string, path: Path, { env, resolved, isEnabled }: Walk): string | undefined {
  const name = text.slice('env.'.length)
  const value = env[name]
  const place = pathText(path)
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
