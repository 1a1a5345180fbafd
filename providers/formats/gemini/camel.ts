import type { JsonObject } from '../../../core/canonical/json.ts'

/** An object with its own fields in camel case: Google's APIs take both spellings (protobuf's JSON). Values stay as they are. */
export function camel(value: JsonObject): JsonObject {
  for (const name in value)
    if (name.includes('_')) return Object.fromEntries(Object.entries(value).map(([key, entry]) => [camelCase(key), entry]))
  return value
}

function camelCase(name: string): string {
  return name.replace(/(?<=.)_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
