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

/** This many digits in a row may be a number that a double changes, and so may what follows; a text like one costs only the slower parser. */
const WIDE_DIGITS = 16
const WIDE_EXPONENT = /\d[eE]\+?\d{3}/

/** Parses at the speed of JSON.parse, by `parseExact` only where the text may hold a number that asks for it. Throws SyntaxError. */
export function parseFaithfully(text: string): unknown {
  return hasWideDigits(text) || WIDE_EXPONENT.test(text) ? parseExact(text) : JSON.parse(text)
}

/** Looks at every sixteenth character: one of them is in any run of so many digits. A pattern that looks at all costs as much as parsing. */
function hasWideDigits(text: string): boolean {
  for (let at = WIDE_DIGITS - 1; at < text.length; at += WIDE_DIGITS) {
    if (!isDigit(text, at)) continue
    let start = at
    let end = at + 1
    while (isDigit(text, start - 1)) start--
    while (isDigit(text, end)) end++
    if (end - start >= WIDE_DIGITS) return true
  }
  return false
}

/** False before the beginning and behind the end. */
function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0x30 && code <= 0x39
}

function keepSource(_key: string, value: unknown, { source }: { source: string }): unknown {
  if (typeof value !== 'number') return value
  const isFaithful = Number.isSafeInteger(value) || (Number.isFinite(value) && !/^-?\d+$/.test(source))
  return isFaithful ? value : rawJSON(source)
}
