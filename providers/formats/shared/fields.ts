import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'

/** Reads a field's value or throws GW_INVALID_REQUEST naming `param`, the field's path. */
export type Read<Value> = (value: Json, param: string) => Value

/** Refuses a request. `param` is the field's path (`messages[2].content[0].type`). */
export function bad(param: string, reason: string): never {
  throw new GatewayError('GW_INVALID_REQUEST', { param, reason })
}

/** A field that may be left out or null. */
export function optional<Value>(value: Json | undefined, param: string, read: Read<Value>): Value | undefined {
  return value === undefined || value === null ? undefined : read(value, param)
}

/** A field that must be there. */
export function required<Value>(value: Json | undefined, param: string, read: Read<Value>): Value {
  return value === undefined || value === null ? bad(param, 'is required') : read(value, param)
}

/** A text, which may be empty. */
export const string: Read<string> = (value, param) => (typeof value === 'string' ? value : bad(param, 'must be a string'))

/** A text with something in it. */
export const filled: Read<string> = (value, param) => string(value, param) || bad(param, 'must not be empty')

/** True or false, never a word for it. */
export const boolean: Read<boolean> = (value, param) => (typeof value === 'boolean' ? value : bad(param, 'must be true or false'))

/** A number that JSON can hold. */
export const number: Read<number> = (value, param) =>
  typeof value === 'number' && Number.isFinite(value) ? value : bad(param, 'must be a number')

/** An object, not a list. */
export const object: Read<JsonObject> = (value, param) => (isObject(value) ? value : bad(param, 'must be an object'))

/** A list of anything. */
export const list: Read<readonly Json[]> = (value, param) => (Array.isArray(value) ? value : bad(param, 'must be a list'))

/** A list of texts. */
export const strings: Read<string[]> = (value, param) => list(value, param).map((item, index) => string(item, `${param}[${index}]`))

/** A whole number between two bounds. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Read<number> {
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return (value, param) => {
    const whole = number(value, param)
    return Number.isInteger(whole) && whole >= least && whole <= most ? whole : bad(param, `must be a whole number ${bounds}`)
  }
}

/** The fields of an object whose names are not in `known`; undefined when there are none. `__proto__` stays a plain key. */
export function unknownFields(value: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  let rest: [string, Json | undefined][] | undefined
  for (const name in value) {
    if (known.has(name)) continue
    rest ??= []
    rest.push([name, value[name]])
  }
  return rest && Object.fromEntries(rest)
}

/** Fields that are one value on both sides, by their names on the wire. */
export type SimpleFields<Target> = ReadonlyMap<string, readonly [keyof Target, Read<unknown>]>

/**
 * Reads the simple fields of `source` into `target` in one pass over what is there. Gives those that are neither simple nor `known`;
 * undefined when there are none. `path` stands before the names in errors.
 */
export function readFields<Target extends object>(
  target: Target,
  source: JsonObject,
  { simple, known, path = '' }: { simple: SimpleFields<Target>; known: ReadonlySet<string>; path?: string },
): JsonObject | undefined {
  let rest: [string, Json | undefined][] | undefined
  for (const name in source) {
    const value = source[name]
    const field = simple.get(name)
    if (field) {
      const said = optional(value, path + name, field[1])
      if (said !== undefined) target[field[0]] = said as Target[keyof Target]
    } else if (!known.has(name)) {
      rest ??= []
      rest.push([name, value])
    }
  }
  return rest && Object.fromEntries(rest)
}

/** Base64 with or without its padding, and nothing else: what providers refuse of images and documents. */
export const base64: Read<string> = (value, param) => {
  const written = filled(value, param)
  const isWhole = written.endsWith('=') ? written.length % 4 === 0 : written.length % 4 !== 1
  return isWhole && /^[A-Za-z0-9+/]+={0,2}$/.test(written) ? written : bad(param, 'is not base64')
}

/** One of a few words. */
export function word<Word extends string>(...words: readonly Word[]): Read<Word> {
  return (value, param) => (words.includes(value as Word) ? (value as Word) : bad(param, `must be one of ${words.join(', ')}`))
}
