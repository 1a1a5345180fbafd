/** What is asked of a table of many entries by their ids. A Map is one. */
export interface ReadonlyTable<T> extends Iterable<[string, T]> {
  readonly size: number
  get(id: string): T | undefined
  has(id: string): boolean
  keys(): Iterable<string>
  values(): Iterable<T>
}

/** A table that can be changed. */
export interface Table<T> extends ReadonlyTable<T> {
  set(id: string, value: T): unknown
  delete(id: string): boolean
}

/** Entries of a shard, on average. Splitting one takes some 20 us. */
const SHARD_ENTRIES = 128
const DIGEST_UNITS = 8
/** As a signed number: larger ones are no small integers. */
const FNV_OFFSET = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

/**
 * A Map for very many entries, which grows in small steps: one Map that passes a power of two is built anew, which stalls its thread for 20 to 80 ms
 * among 100,000 entries. This one lies in many small Maps, one of which is split in two for every SHARD_ENTRIES entries that come (linear hashing).
 * Up to so many it keeps their order, and beyond that none. Who visits entries while others come and go sees each one that stays at least once.
 */
export class ShardedMap<T> implements Table<T> {
  readonly #hash: (id: string) => number
  readonly #shards: Map<string, T>[] = [new Map()]
  #size = 0
  /** Shards below this one have been split in the current round; it is the next. */
  #split = 0
  /** Shards at the beginning of the round, less one: a power of two less one. */
  #mask = 0

  /** `hash`: where an id belongs, as 32 bits of which the low ones differ most. */
  constructor(hash: (id: string) => number = hashText) {
    this.#hash = hash
  }

  get size(): number {
    return this.#size
  }

  get(id: string): T | undefined {
    return this.#shardOf(id).get(id)
  }

  has(id: string): boolean {
    return this.#shardOf(id).has(id)
  }

  set(id: string, value: T): this {
    const shard = this.#shardOf(id)
    const before = shard.size
    shard.set(id, value)
    if (shard.size === before) return this
    this.#size++
    if (this.#size > this.#shards.length * SHARD_ENTRIES) this.#grow()
    return this
  }

  delete(id: string): boolean {
    const isGone = this.#shardOf(id).delete(id)
    if (isGone) this.#size--
    return isGone
  }

  *keys(): Generator<string> {
    for (const shard of this.#shards) yield* shard.keys()
  }

  *values(): Generator<T> {
    for (const shard of this.#shards) yield* shard.values()
  }

  *[Symbol.iterator](): Generator<[string, T]> {
    for (const shard of this.#shards) yield* shard
  }

  #shardOf(id: string): Map<string, T> {
    return this.#shards[this.#mask === 0 && this.#split === 0 ? 0 : this.#placeOf(id)] as Map<string, T>
  }

  #placeOf(id: string): number {
    const hash = this.#hash(id)
    const place = hash & this.#mask
    return place < this.#split ? hash & (this.#mask * 2 + 1) : place
  }

  /** Splits one shard: about half of its entries go to a new one at the end, where whoever is visiting still comes by. */
  #grow(): void {
    const from = this.#shards[this.#split] as Map<string, T>
    const bit = this.#mask + 1
    const [stay, go] = [new Map<string, T>(), new Map<string, T>()]
    for (const [id, value] of from) (this.#hash(id) & bit ? go : stay).set(id, value)
    this.#shards[this.#split] = stay
    this.#shards.push(go)
    this.#split++
    if (this.#split < bit) return
    this.#mask = this.#mask * 2 + 1
    this.#split = 0
  }
}

/** FNV-1a over UTF-16 units. Ids are the operator's: nobody else chooses what collides. */
export function hashText(id: string): number {
  return hashFrom(id, 0)
}

/** The same of a digest in hex, whose last units are as good as all of them: a look-up by one is on every request's way. */
export function hashDigest(digest: string): number {
  return hashFrom(digest, Math.max(0, digest.length - DIGEST_UNITS))
}

function hashFrom(text: string, start: number): number {
  let hash = FNV_OFFSET
  for (let at = start; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME)
  // The low bits choose the shard, and those of FNV know little of what stands high in a unit.
  return hash ^ (hash >>> 15)
}
