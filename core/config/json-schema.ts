import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { Builtins } from './builtins.ts'
import { rootSchema } from './root.ts'

/** A value given as `{env_var: "env.NAME", from_env: true}`, or as the text `env.NAME` where a number or boolean stands. */
const DEFS = {
  envText: { type: 'string', pattern: '^env\\.[A-Za-z_][A-Za-z0-9_]*$', description: 'The value of an environment variable.' },
  envObject: {
    type: 'object',
    properties: { value: { type: 'string' }, env_var: { type: 'string' }, from_env: { type: 'boolean' } },
    required: ['env_var'],
    additionalProperties: false,
  },
}

/** JSON schema of config.json, from the same value that checks it. Editors read it; a test keeps schema.json current. */
export function emitJsonSchema(builtins: Builtins): JsonObject {
  const schema = z.toJSONSchema(rootSchema(builtins), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      if (path.includes('propertyNames')) return
      const kind = zodSchema._zod.def.type
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (kind === 'string') withEnv(jsonSchema, ['envObject', ...(jsonSchema.pattern === undefined ? [] : ['envText'])])
      else if (kind === 'number' || kind === 'boolean') withEnv(jsonSchema, ['envText', 'envObject'])
    },
  }) as JsonObject
  return { $id: 'bifrost-node/config.schema.json', ...schema, $defs: { ...(schema.$defs as JsonObject | undefined), ...DEFS } }
}

/** Lets a scalar also come from the environment: `{type: number}` becomes a choice, its description stays outside. */
function withEnv(schema: Record<string, unknown>, refs: readonly string[]): void {
  const { description, default: fallback, 'x-own': own, 'x-default': ownDefault, ...plain } = schema
  for (const name of Object.keys(schema)) delete schema[name]
  const around = { description, default: fallback, 'x-own': own, 'x-default': ownDefault }
  for (const [name, value] of Object.entries(around)) if (value !== undefined) schema[name] = value
  schema.anyOf = [plain, ...refs.map((name) => ({ $ref: `#/$defs/${name}` }))]
}

/** One setting as a row of a table. */
export interface ConfigRow {
  key: string
  type: string
  default: string
  meaning: string
}

/** The settings that the original gateway lacks (D28), for the README's table. */
export function ownSettings(builtins: Builtins): ConfigRow[] {
  const rows: ConfigRow[] = []
  walk(z.toJSONSchema(rootSchema(builtins), { io: 'input', unrepresentable: 'any' }) as JsonObject, '', rows)
  return rows
}

/** The same as a Markdown table. */
export function ownSettingsTable(builtins: Builtins): string {
  const lines = ownSettings(builtins).map((row) => `| \`${row.key}\` | ${row.type} | ${row.default} | ${row.meaning} |`)
  return ['| key | type | default | meaning |', '|---|---|---|---|', ...lines].join('\n')
}

function walk(node: JsonObject, key: string, rows: ConfigRow[]): void {
  if (node['x-own'] === true) rows.push(rowOf(node, key))
  for (const [name, inner] of Object.entries(isObject(node.properties) ? node.properties : {}))
    if (isObject(inner)) walk(inner, key === '' ? name : `${key}.${name}`, rows)
  if (isObject(node.additionalProperties)) walk(node.additionalProperties, `${key}.<name>`, rows)
  if (isObject(node.items)) walk(node.items, `${key}[]`, rows)
}

function rowOf(node: JsonObject, key: string): ConfigRow {
  return {
    key,
    type: typeText(node),
    default: String(node['x-default'] ?? JSON.stringify(node.default)),
    meaning: String(node.description ?? ''),
  }
}

function typeText(node: Json | undefined): string {
  if (!isObject(node)) return ''
  if (Array.isArray(node.anyOf)) return (node.anyOf as readonly Json[]).map(typeText).join(' or ')
  return node.const === undefined ? String(node.type) : `\`${String(node.const)}\``
}
