import { isObject, type JsonObject } from '../../../core/canonical/json.ts'

/** A count of tokens: a number that is finite and not negative; undefined for everything else a provider may send. */
export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** A nested object of a usage report, or undefined. */
export function details(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined
}
