/** Any JSON value. Objects may hold `undefined`, which JSON.stringify leaves out. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** A JSON object. */
export interface JsonObject {
  [key: string]: Json | undefined
}

/** Whether a value is a JSON object: not null, not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same object without its undefined fields, so that "not said" also holds for `in` and for comparisons. */
export function withoutUndefined<T extends object>(value: T): T {
  for (const name in value) if (value[name] === undefined) delete value[name]
  return value
}
