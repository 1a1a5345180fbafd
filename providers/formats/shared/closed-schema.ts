import type { ResponseFormat } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'

/** The format of a Claude model's answer: https://docs.claude.com/en/docs/build-with-claude/structured-outputs. Undefined for free text. */
export function encodeResponseFormat(format: ResponseFormat | undefined): JsonObject | undefined {
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json-object') return { type: 'json_schema', schema: { type: 'object', additionalProperties: true } }
  return { type: 'json_schema', schema: closeObjects(format.schema) as JsonObject }
}

/** Keywords whose value is a schema or a list of schemas, and those whose value maps names to schemas. */
const NESTED = ['items', 'anyOf', 'allOf', 'oneOf', 'prefixItems', 'not']
const NAMED = ['properties', '$defs', 'definitions']

/**
 * The API wants every object closed. Where the client left that open, an answer that fits the closed schema also fits the
 * client's own.
 */
function closeObjects(schema: Json | undefined): Json | undefined {
  if (Array.isArray(schema)) return schema.map((entry: Json) => closeObjects(entry) as Json)
  if (!isObject(schema)) return schema
  const closed: JsonObject = { ...schema }
  for (const keyword of NESTED) if (closed[keyword] !== undefined) closed[keyword] = closeObjects(closed[keyword])
  for (const keyword of NAMED) {
    const named = closed[keyword]
    if (!isObject(named)) continue
    closed[keyword] = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, closeObjects(value)]))
  }
  if (isObject(schema.properties) && schema.additionalProperties === undefined) closed.additionalProperties = false
  return closed
}
