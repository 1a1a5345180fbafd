import type { JsonObject } from '../../canonical/json.ts'
import { hashDigest, type ReadonlyTable, ShardedMap, type Table } from '../../sharded-map.ts'
import { freeze } from '../../snapshot-tables.ts'
import { SETTINGS } from '../collections.ts'
import type { Lookup } from '../entities.ts'
import { BUDGET_OWNERS } from '../governance/limits.ts'
import type { Document } from './documents.ts'

/** A document that is held in memory, as the store has it; both numbers are 0 without a store. Its secrets are in the open; frozen. */
export interface Held extends Document {
  version: number
  change: number
}

/** Fields of a body that the gateway keeps for itself: not of config.json, and not shown but where an API says so. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['config_hash', 'created_at', 'updated_at', 'value_hash'])

/** A body as config.json would write it. */
export function plainBody(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !BOOKKEEPING.has(name)))
}

/** Fields by which writes ask for others: among 100,000 virtual keys a look at each would take 50 ms. */
const INDEXED: readonly string[] = ['name', 'value', ...Object.keys(BUDGET_OWNERS)]
/** Collections that are small, and whose order says something: in what order plugins are set up, or keys are tried. */
const FEW: ReadonlySet<string> = new Set([SETTINGS, 'providers', 'keys', 'plugins', 'routing_rules', 'mcp_clients'])

const NONE: ReadonlyTable<Held> = new Map()

/** Ids of entities that have a text in common: mostly one. */
type Ids = string | ShardedMap<true>

/** The whole configuration in memory, by collection and id. The main thread's alone. */
export class HeldEntities implements Lookup {
  readonly #collections = new Map<string, Table<Held>>()
  /** Ids by `collection.field` and text, for INDEXED fields. */
  readonly #named = new Map<string, ShardedMap<Ids>>()
  /** Ids of virtual keys by the hash of their value, so that one is found among many. */
  readonly #hashes = new ShardedMap<string>(hashDigest)
  /** Ids of keys by their provider, so that one edit among many keys reads its provider's alone. */
  readonly #keys = new Map<string, Set<string>>()

  held(collection: string, id: string): Held | undefined {
    return this.#collections.get(collection)?.get(id)
  }

  /** The body, for rules that ask about other entities. */
  get(collection: string, id: string): JsonObject | undefined {
    return this.held(collection, id)?.body
  }

  ids(collection: string): Iterable<string> {
    return this.all(collection).keys()
  }

  idsBy(collection: string, field: string, text: string): readonly string[] {
    if (INDEXED.includes(field)) return idsIn(this.#named.get(`${collection}.${field}`)?.get(text))
    return [...this.all(collection).values()].flatMap(({ id, body }) => (body[field] === text ? [id] : []))
  }

  /** In the order in which they came where they are few, and in any where there may be many. */
  all(collection: string): ReadonlyTable<Held> {
    return this.#collections.get(collection) ?? NONE
  }

  keysOf(provider: string): Held[] {
    return [...(this.#keys.get(provider) ?? [])].flatMap((id) => this.held('keys', id) ?? [])
  }

  /** The virtual key whose value has this hash. */
  virtualKeyBy(hash: string): Held | undefined {
    const id = this.#hashes.get(hash)
    return id === undefined ? undefined : this.held('virtual_keys', id)
  }

  set(held: Held): void {
    const { collection, id } = held
    this.#forget(collection, id)
    const known = this.#collections.get(collection) ?? (FEW.has(collection) ? new Map<string, Held>() : new ShardedMap<Held>())
    this.#collections.set(collection, known)
    known.set(id, freeze(held))
    for (const field of INDEXED) this.#index(held, field, withId)
    if (collection === 'keys') this.#keysFor(String(held.body.provider)).add(id)
    if (collection === 'virtual_keys' && typeof held.body.value_hash === 'string') this.#hashes.set(held.body.value_hash, id)
  }

  delete(collection: string, id: string): void {
    this.#forget(collection, id)
    this.#collections.get(collection)?.delete(id)
  }

  *[Symbol.iterator](): Iterator<Held> {
    for (const collection of this.#collections.values()) yield* collection.values()
  }

  #forget(collection: string, id: string): void {
    const known = this.held(collection, id)
    if (!known) return
    for (const field of INDEXED) this.#index(known, field, withoutId)
    if (collection === 'keys') this.#keysFor(String(known.body.provider)).delete(id)
    const hash = collection === 'virtual_keys' ? known.body.value_hash : undefined
    if (typeof hash === 'string' && this.#hashes.get(hash) === id) this.#hashes.delete(hash)
  }

  #index({ collection, id, body }: Held, field: string, change: (ids: Ids | undefined, id: string) => Ids | undefined): void {
    const text = body[field]
    if (typeof text !== 'string') return
    const place = `${collection}.${field}`
    const known = this.#named.get(place) ?? new ShardedMap<Ids>()
    this.#named.set(place, known)
    const ids = change(known.get(text), id)
    if (ids === undefined) known.delete(text)
    else known.set(text, ids)
  }

  #keysFor(provider: string): Set<string> {
    const known = this.#keys.get(provider)
    if (known) return known
    const made = new Set<string>()
    this.#keys.set(provider, made)
    return made
  }
}

function idsIn(ids: Ids | undefined): string[] {
  return ids === undefined ? [] : typeof ids === 'string' ? [ids] : [...ids.keys()]
}

function withId(ids: Ids | undefined, id: string): Ids {
  if (ids === undefined || ids === id) return id
  return typeof ids === 'string' ? new ShardedMap<true>().set(ids, true).set(id, true) : ids.set(id, true)
}

function withoutId(ids: Ids | undefined, id: string): Ids | undefined {
  if (ids === undefined || typeof ids === 'string') return ids === id ? undefined : ids
  ids.delete(id)
  return ids.size === 0 ? undefined : ids
}
