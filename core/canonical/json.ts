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

/** The object that a text holds; undefined where it is no JSON, or another value. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * The object without its undefined fields, so that "not said" also holds for `in` and for comparisons. A copy where there are
 * any: `delete` would turn the object into a dictionary, which JSON.stringify reads at a third of the speed.
 */
export function withoutUndefined<T extends object>(value: T): T {
  for (const name in value) if (value[name] === undefined) return definedFields(value)
  return value
}

function definedFields<T extends object>(value: T): T {
  const copy = {} as T
  // A field of that name would set the copy's prototype.
  for (const name in value) if (value[name] !== undefined && name !== '__proto__') copy[name] = value[name]
  return copy
}

type Reviver = (this: unknown, key: string, value: unknown) => unknown
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** Parses; numbers that a double would change (large integers, and what overflows) keep their text, which JSON.stringify writes again. Throws SyntaxError. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, keepSource as Reviver)
}

/** A number that a double may change; a text like one costs only the slower parser. */
const WIDE_NUMBER = /\d{16}|\d[eE]\+?\d{3}/

/** Parses at the speed of JSON.parse, by `parseExact` only where the text may hold a number that asks for it. Throws SyntaxError. */
export function parseFaithfully(text: string): unknown {
  return WIDE_NUMBER.test(text) ? parseExact(text) : JSON.parse(text)
}

function keepSource(_key: string, value: unknown, { source }: { source: string }): unknown {
  if (typeof value !== 'number') return value
  const isFaithful = Number.isSafeInteger(value) || (Number.isFinite(value) && !/^-?\d+$/.test(source))
  return isFaithful ? value : rawJSON(source)
}
