import type { Collection, IndexDescription } from 'mongodb'
import type { JsonObject } from '../../core/canonical/json.ts'
import {
  collectionNamed,
  fieldConflict,
  isId,
  KEEP_REMOVED_MS,
  MOST_CHANGES,
  type Packed,
  packDocument,
  SWEEP_EVERY_MS,
  unpackBody,
  versionConflict,
} from '../../core/stores/checks.ts'
import {
  type ConfigStore,
  type Collection as Declared,
  type Expected,
  STORE_SETTLE_MS,
  type StoreContext,
  type Stored,
  type StoreError,
} from '../../core/stores/stores.ts'
import { type Connection, isDuplicate, isRefusal, type Kept } from './connection.ts'

/** Collections of ours begin so; with one `_` more, those of the store itself. */
const PREFIX = 'bifrost_'
const COUNTERS = `${PREFIX}_counters`
/** A write that took longer than this from its number to its end takes another one: readers may have given up on the first. */
const LATE_MS = STORE_SETTLE_MS / 3
const SWEEP_AT_ONCE = 1000

/** A document in the database. Its body is a text, so that no name or value in it means anything to the server. */
interface Entry extends Kept {
  version: number
  change: number
  /** Epoch milliseconds. */
  at: number
  /** A removal stays in place of its document: one write does it, and no crash can leave half of one. */
  removed: boolean
  body: string | null
  /** Copies of the unique fields. Of a removal values that nothing else can have, because there are no partial indexes. */
  unique: Record<string, string>
}

interface Counter extends Kept {
  value: number
}

type Place = Pick<Stored, 'collection' | 'id'>

interface MongoContext extends Pick<StoreContext, 'collections' | 'now'> {
  /** For tests. */
  lateMs?: number | undefined
}

interface Target {
  collection: Collection<Entry>
  place: Place
}

/** The configuration in a database of MongoDB or a relative: single documents, changed by their version; no transaction. */
export class MongoConfigStore implements ConfigStore {
  readonly #connection: Connection
  readonly #collections: readonly Declared[]
  readonly #now: () => number
  readonly #lateMs: number
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(connection: Connection, { collections, now, lateMs = LATE_MS }: MongoContext) {
    this.#connection = connection
    this.#collections = collections.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    this.#now = now
    this.#lateMs = lateMs
  }

  async readPage(after: Place | undefined, limit: number): Promise<Stored[]> {
    const page: Stored[] = []
    for (const declared of this.#collections) {
      if (page.length >= limit) break
      if (after && declared.name < after.collection) continue
      const collection = await this.#collection(declared)
      const behind = after && declared.name === after.collection ? { _id: { $gt: after.id } } : {}
      const query = collection.find({ removed: false, ...behind }, { sort: { removed: 1, _id: 1 }, limit: limit - page.length })
      const entries = await this.#connection.attempt(() => query.toArray())
      page.push(...entries.map((entry) => storedOf(declared.name, entry)))
    }
    return page
  }

  async read(name: string, id: string): Promise<Stored | undefined> {
    const collection = await this.#collection(collectionNamed(this.#collections, name))
    const entry = isId(id) ? await this.#connection.attempt(() => collection.findOne({ _id: id })) : null
    return entry && !entry.removed ? storedOf(name, entry) : undefined
  }

  async write(name: string, id: string, body: JsonObject, { version }: Expected): Promise<Stored> {
    const declared = collectionNamed(this.#collections, name)
    return this.#put(declared, { id, packed: packDocument(declared, id, body), expected: version })
  }

  async remove(name: string, id: string, { version }: Expected): Promise<Stored> {
    const declared = collectionNamed(this.#collections, name)
    if (version === 0 || !isId(id)) throw versionConflict({ collection: name, id: String(id) }, version || 1, 0)
    return this.#put(declared, { id, packed: undefined, expected: version })
  }

  /** Of each collection the oldest changes, by its index; the oldest of these all. */
  async changesSince(change: number): Promise<Stored[]> {
    const all = await Promise.all(
      this.#collections.map(async (declared) => {
        const collection = await this.#collection(declared)
        const query = collection.find({ change: { $gt: change } }, { sort: { change: 1 }, limit: MOST_CHANGES })
        return (await this.#connection.attempt(() => query.toArray())).map((entry) => storedOf(declared.name, entry))
      }),
    )
    return all
      .flat()
      .sort((a, b) => a.change - b.change)
      .slice(0, MOST_CHANGES)
  }

  async latestChange(): Promise<number> {
    return this.#counter('change', 0)
  }

  async oldestChange(): Promise<number> {
    return this.#counter('oldest', 1)
  }

  ping(): Promise<void> {
    return this.#connection.ping()
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  async #put(declared: Declared, write: { id: string; packed: Packed | undefined; expected: number }): Promise<Stored> {
    const { id, packed, expected } = write
    const place = { collection: declared.name, id }
    const collection = await this.#collection(declared)
    const before = await this.#connection.attempt(() => collection.findOne({ _id: id }, { projection: { version: 1, removed: 1 } }))
    const actual = before && !before.removed ? before.version : 0
    // Before a number is taken: a write that fails with one is a gap that readers wait for.
    if (actual !== expected) throw versionConflict(place, expected, actual)
    const startedAt = performance.now()
    const entry: Entry = {
      _id: id,
      version: (before?.version ?? 0) + 1,
      change: await this.#nextChange(),
      at: this.#now(),
      removed: packed === undefined,
      body: packed?.text ?? null,
      unique: uniqueOf(declared, id, packed),
    }
    await this.#swap({ collection, place }, before, entry)
    if (performance.now() - startedAt >= this.#lateMs) entry.change = await this.#renumber(collection, entry)
    await this.#sweep()
    return storedOf(declared.name, entry)
  }

  /** Replaces what was read, unless someone else did since. */
  async #swap({ collection, place }: Target, before: Pick<Entry, 'version' | 'removed'> | null, entry: Entry): Promise<void> {
    const { _id, ...fields } = entry
    try {
      if (before === null) return void (await this.#connection.attempt(() => collection.insertOne(entry)))
      const filter = { _id, version: before.version, removed: before.removed }
      const { matchedCount } = await this.#connection.attempt(() => collection.updateOne(filter, { $set: fields }))
      if (matchedCount === 0) throw versionConflict(place, before.removed ? 0 : before.version, undefined)
    } catch (error) {
      if (isDuplicate(error))
        throw (await this.#owner({ collection, place }, entry, error)) ?? versionConflict(place, entry.version - 1, undefined)
      // FerretDB tells of a taken value in an update as of a failure of its own.
      throw (isRefusal((error as StoreError).cause) && (await this.#owner({ collection, place }, entry, error))) || error
    }
  }

  /** Which unique field is another's. Asked, because relatives of MongoDB do not all say which index a write ran into. */
  async #owner({ collection, place }: Target, entry: Entry, cause: unknown): Promise<StoreError | undefined> {
    for (const [field, value] of Object.entries(entry.unique)) {
      const owner = await this.#connection.attempt(() => collection.findOne({ [`unique.${field}`]: value }, { projection: { _id: 1 } }))
      if (owner && owner._id !== entry._id) return fieldConflict(place.collection, field, cause)
    }
    return undefined
  }

  /** The number is taken before the document is written, so that a reader can see that one is missing; see STORE_SETTLE_MS. */
  async #nextChange(): Promise<number> {
    const counters = await this.#connection.collection<Counter>(COUNTERS)
    // The one before, for mongo-java-server hands out the one after while others go on changing it.
    const options = { upsert: true, returnDocument: 'before' } as const
    const before = await this.#connection.upsert(() => counters.findOneAndUpdate({ _id: 'change' }, { $inc: { value: 1 } }, options))
    return (before?.value ?? 0) + 1
  }

  async #renumber(collection: Collection<Entry>, { _id, version }: Entry): Promise<number> {
    const change = await this.#nextChange()
    await this.#connection.attempt(() => collection.updateOne({ _id, version }, { $set: { change } }))
    return change
  }

  async #counter(name: string, start: number): Promise<number> {
    const counters = await this.#connection.collection<Counter>(COUNTERS)
    const counter = await this.#connection.attempt(() => counters.findOne({ _id: name }))
    return counter?.value ?? start
  }

  /** Forgets removals whose time is over, now and then. That they are forgotten is said first. */
  async #sweep(): Promise<void> {
    const now = this.#now()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    for (const declared of this.#collections) {
      const collection = await this.#collection(declared)
      const old = { removed: true, at: { $lt: now - KEEP_REMOVED_MS } }
      const gone = await this.#connection.attempt(() =>
        collection.find(old, { projection: { change: 1 }, sort: { removed: 1, at: 1 }, limit: SWEEP_AT_ONCE }).toArray(),
      )
      if (gone.length === 0) continue
      const counters = await this.#connection.collection<Counter>(COUNTERS)
      const value = Math.max(...gone.map(({ change }) => change)) + 1
      await this.#connection.upsert(() => counters.updateOne({ _id: 'oldest' }, { $max: { value } }, { upsert: true }))
      await this.#connection.attempt(() => collection.deleteMany({ _id: { $in: gone.map(({ _id }) => _id) }, ...old }))
    }
  }

  #collection(declared: Declared): Promise<Collection<Entry>> {
    return this.#connection.collection<Entry>(PREFIX + declared.name, indexesOf(declared))
  }
}

/** The indexes of a collection; every query of this file is served by one of them or by `_id` (a test proves it). */
export function indexesOf({ unique = [] }: Declared): IndexDescription[] {
  return [
    { name: 'change', key: { change: 1 } },
    { name: 'page', key: { removed: 1, _id: 1 } },
    { name: 'sweep', key: { removed: 1, at: 1 } },
    ...unique.map((field) => ({ name: `unique_${field}`, key: { [`unique.${field}`]: 1 } as const, unique: true })),
  ]
}

/** As JSON texts, which any engine keeps as they are; what marks a removal begins as no JSON text does. */
function uniqueOf({ unique = [] }: Declared, id: string, packed: Packed | undefined): Record<string, string> {
  if (!packed) return Object.fromEntries(unique.map((field) => [field, `removed ${id}`]))
  return Object.fromEntries(packed.unique.map(([field, value]) => [field, JSON.stringify(value)]))
}

function storedOf(collection: string, { _id: id, version, change, body }: Entry): Stored {
  return { collection, id, version, change, body: body === null ? undefined : unpackBody(body, collection, id) }
}
