import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'

/** Keywords whose value is a schema or a list of them. */
const NESTED = ['items', 'anyOf', 'prefixItems']

/**
 * Google's own schema, a part of OpenAPI's (https://ai.google.dev/api/caching#Schema), as JSON Schema: types in lower case, `nullable` a
 * type more, bounds that came as text as numbers. What is JSON Schema already stays as it is.
 */
export function decodeSchema(schema: JsonObject): JsonObject {
  const { type, nullable, properties, propertyOrdering: _order, ...rest } = schema
  const decoded: JsonObject = { ...rest }
  for (const keyword of NESTED) if (decoded[keyword] !== undefined) decoded[keyword] = decodeNested(decoded[keyword])
  for (const [keyword, value] of Object.entries(decoded))
    if (/^(min|max)/.test(keyword) && typeof value === 'string') decoded[keyword] = Number(value)
  if (isObject(properties))
    decoded.properties = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, decodeNested(value)]))
  const named = typeof type === 'string' && type !== 'TYPE_UNSPECIFIED' ? type.toLowerCase() : undefined
  if (named !== undefined) decoded.type = nullable === true ? [named, 'null'] : named
  else if (type !== undefined && typeof type !== 'string') decoded.type = type
  return decoded
}

function decodeNested(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((entry: Json) => decodeNested(entry) as Json)
  return isObject(value) ? decodeSchema(value) : value
}
