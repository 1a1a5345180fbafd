import { type Json, type JsonObject, parseObject } from '../canonical/json.ts'
import { type Collection, StoreError } from './stores.ts'

/** Longest id, in UTF-16 units. */
const MAX_ID = 1024
/** Longest body as JSON, in UTF-16 units: below what one document of any engine may hold. */
const MAX_BODY = 4 * 1024 * 1024
/** Longest value of a KeyValueStore, in UTF-16 units. */
const MAX_VALUE = 1024 * 1024
/** Longest key of a KeyValueStore, in UTF-16 units. */
const MAX_KEY = 1024
/** Longest time to live, in milliseconds: 400 days. */
const MAX_TTL_MS = 400 * 86_400_000

/** Removals stay known for so long, in milliseconds: twice what the contract promises. */
export const KEEP_REMOVED_MS = 2 * 86_400_000
/** What has expired is swept once in this time, in milliseconds. */
export const SWEEP_EVERY_MS = 3_600_000
/** Most changes that `changesSince` gives at once. */
export const MOST_CHANGES = 1000

/** A body as engines keep it. */
export interface Packed {
  /** JSON. */
  text: string
  /** Unique fields with their values. */
  unique: readonly (readonly [field: string, value: string])[]
}

/** The collections of a store by name; one that was never declared is a mistake of the caller and throws StoreError. */
export function collectionNamed(collections: readonly Collection[], name: string): Collection {
  const collection = collections.find((each) => each.name === name)
  if (!collection) throw new StoreError('corrupt', `the store has no collection ${JSON.stringify(name)}`)
  return collection
}

/** Whether a text can be an id: 1 to 1,024 characters, well-formed, without NUL. No engine is asked for another. */
export function isId(id: unknown): id is string {
  return isText(id, MAX_ID) && id.length > 0
}

/** What every engine can carry unchanged. */
function isText(text: unknown, most: number): text is string {
  return typeof text === 'string' && text.length <= most && text.isWellFormed() && !text.includes('\0')
}

/** Checks a document before it is written. Throws StoreError. */
export function packDocument({ name, unique = [] }: Collection, id: unknown, body: JsonObject): Packed {
  if (!isId(id)) throw new StoreError('corrupt', `${name}: an id must be a text of 1 to ${MAX_ID} characters, without NUL`)
  const text = JSON.stringify(body)
  if (text.length > MAX_BODY) throw new StoreError('corrupt', `${name}: ${idText(id)} is larger than ${MAX_BODY / 1024 / 1024} MiB`)
  return { text, unique: unique.map((field) => [field, uniqueText(body[field], { name, field })] as const) }
}

function uniqueText(value: Json | undefined, { name, field }: { name: string; field: string }): string {
  if (typeof value !== 'string') throw new StoreError('corrupt', `${name}: every document needs a text in ${field}`)
  return value
}

/** Reads a body that an engine kept. Throws StoreError `corrupt`. */
export function unpackBody(text: unknown, collection: string, id: string): JsonObject {
  const body = typeof text === 'string' ? parseObject(text) : undefined
  if (!body) throw new StoreError('corrupt', `${collection}: the body of ${idText(id)} cannot be read; restore it from a backup`)
  return body
}

/** The refusal of a write whose document is at another version; `actual` 0: there is none. */
export function versionConflict(place: { collection: string; id: string }, expected: number, actual: number | undefined): StoreError {
  const name = `${place.collection}: ${idText(place.id)}`
  const version = actual === undefined ? 'has changed' : `is at version ${actual}`
  if (expected === 0) return new StoreError('conflict', `${name} exists already`)
  return new StoreError('conflict', actual === 0 ? `${name} does not exist` : `${name} ${version}, not ${expected}; read it again`)
}

/** The refusal of a write whose unique field is another document's. The value may be a secret's hash and is not repeated. */
export function fieldConflict(collection: string, field: string, cause?: unknown): StoreError {
  return new StoreError('conflict', `${collection}: another document has this ${field}`, { field, cause })
}

function idText(id: string): string {
  return JSON.stringify(id.length > 100 ? `${id.slice(0, 100)}...` : id)
}

/** Checks the arguments of a KeyValueStore's call. Throws StoreError. */
export function checkEntry(key: unknown, entry: { value?: string | undefined; ttlMs?: number; amount?: number } = {}): void {
  const { value, ttlMs = 1, amount = 0 } = entry
  if (!isText(key, MAX_KEY) || key.length === 0) refuse(`a key must be a text of 1 to ${MAX_KEY} characters, without NUL`)
  if (value !== undefined && !isText(value, MAX_VALUE)) refuse(`a value must be a text of ${MAX_VALUE} characters at most, without NUL`)
  if (!(ttlMs >= 1 && ttlMs <= MAX_TTL_MS)) refuse(`a time to live must be from 1 to ${MAX_TTL_MS} ms`)
  if (!Number.isSafeInteger(amount)) refuse('an amount must be a whole number')
}

function refuse(sentence: string): never {
  throw new StoreError('corrupt', sentence)
}

/** A counter's value. Throws StoreError where the text is none. */
export function counterOf(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || text.trim() === '') throw new StoreError('corrupt', 'the value of this key is no counter')
  return value
}
