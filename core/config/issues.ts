import type { z } from 'zod'
import { isObject, type Json } from '../canonical/json.ts'
import { type Path, pathText, suggestion } from './problems.ts'
import { refusalOf } from './root.ts'

type Issue = z.core.$ZodIssue

/** One thing that a schema found. */
export interface Problem {
  path: Path
  message: string
}

/** What a schema found, as sentences: `providers.openai.keys[0].modles: unknown key; did you mean "models"?`. No values. */
export function issueSentences(issues: readonly Issue[], schema: z.core.$ZodType, tree: Json): string[] {
  return issueProblems(issues, schema, tree).map(({ path, message }) => `${pathText(path) || 'the file'}: ${message}`)
}

/** The same with paths apart, for answers that show a field beside its problem. */
export function issueProblems(issues: readonly Issue[], schema: z.core.$ZodType, tree: Json): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path
    if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey([...path, name], schema))
    if (issue.code === 'invalid_union') return unionProblems(issue, schema, tree)
    return [{ path, message: sentence(issue, valueAt(tree, path)) }]
  })
}

/** A choice says what it takes; where the value is an object, the choice that takes objects says what is wrong inside. */
function unionProblems(issue: Extract<Issue, { code: 'invalid_union' }>, schema: z.core.$ZodType, tree: Json): Problem[] {
  const path = issue.path as Path
  const value = valueAt(tree, path)
  const inner = isObject(value)
    ? issue.errors.find((issues) => issues.every((each) => each.path.length > 0 || each.code === 'unrecognized_keys'))
    : []
  if (inner === undefined || inner.length === 0) return [{ path, message: sentence(issue, value) }]
  return issueProblems(
    inner.map((each) => ({ ...each, path: [...issue.path, ...each.path] }) as Issue),
    schema,
    tree,
  )
}

function unknownKey(path: Path, schema: z.core.$ZodType): Problem {
  const message = refusalOf(path) ?? `unknown key${suggestion(String(path.at(-1)), namesAt(schema, path.slice(0, -1)))}`
  return { path, message }
}

function sentence(issue: Issue, value: Json | undefined): string {
  if (value === undefined && issue.code !== 'custom') return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${ARTICLES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.map((item) => JSON.stringify(item)).join(', ')}`
    case 'too_small':
      if (issue.origin === 'array') return `needs at least ${issue.minimum === 1 ? 'one entry' : `${issue.minimum} entries`}`
      return issue.origin === 'string'
        ? 'must not be empty'
        : `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''}`
    case 'invalid_key':
      return issue.issues.some((inner) => inner.code === 'invalid_value') ? 'unknown name' : (issue.issues[0]?.message ?? 'bad name')
    case 'unrecognized_keys':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_union':
    case 'custom':
      return issue.message
  }
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

/** The value at a path; undefined where there is none. */
export function valueAt(tree: Json, path: Path): Json | undefined {
  let node: unknown = tree
  for (const step of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined
    node = (node as Record<string | number, unknown>)[step]
  }
  return node as Json | undefined
}

/** Names that an object at a path may have, as its schema says. */
function namesAt(schema: z.core.$ZodType, path: Path): string[] {
  let node = unwrapped(schema)
  for (const step of path) {
    const def = node?._zod.def as InnerDef | undefined
    node = unwrapped(def?.shape?.[step] ?? def?.element ?? def?.valueType)
  }
  return Object.keys((node?._zod.def as InnerDef | undefined)?.shape ?? {})
}

/** The parts of a zod definition that lead inward. */
interface InnerDef {
  shape?: Readonly<Record<string, z.core.$ZodType>>
  element?: z.core.$ZodType
  valueType?: z.core.$ZodType
  innerType?: z.core.$ZodType
}

function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const inner = (schema?._zod.def as InnerDef | undefined)?.innerType
  return inner === undefined ? schema : unwrapped(inner)
}
