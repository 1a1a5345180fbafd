import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { type Environment, resolveEnv } from '../../core/config/env.ts'

/** What is set of a block, and what its schema fills in for the rest. References to the environment stay as they are written. */
export function inForce(schema: z.ZodType, set: JsonObject, env: Environment): JsonObject {
  const read = schema.safeParse(resolveEnv(set, env).value)
  const filled = read.success ? read.data : schema.parse({})
  return over(JSON.parse(JSON.stringify(filled)) as JsonObject, set)
}

function over(filled: JsonObject, set: JsonObject): JsonObject {
  const merged: JsonObject = { ...filled }
  for (const [name, value] of Object.entries(set)) {
    const below = filled[name]
    merged[name] = isObject(value) && isObject(below) ? over(below, value) : value
  }
  return merged
}

/**
 * What is set by what was sent: a field that was not set, and comes as it is in force, was only read and sent back. It stays unset, so that it follows the
 * defaults of later versions.
 */
export function onlySet(sent: JsonObject, set: JsonObject, force: JsonObject): JsonObject {
  const fields = Object.entries(sent).flatMap(([name, value]): [string, Json][] => {
    if (value === undefined) return []
    const [before, shown] = [set[name], force[name]]
    if (before === undefined && isDeepStrictEqual(value, shown)) return []
    return [[name, isObject(value) && isObject(shown) ? onlySet(value, isObject(before) ? before : {}, shown) : value]]
  })
  return Object.fromEntries(fields)
}
