import { hashDigest, ShardedMap, type Table } from './sharded-map.ts'
import type { SnapshotPatch, SnapshotTables, TableName } from './snapshot.ts'

/**
 * Entries in one slice of the first whole. Structured clone costs about 5 us an entry to send and 8 us to receive (100,000
 * virtual keys: 0.5 and 0.8 s), so a slice blocks either side for some 2 ms, and stays below 5 ms on a slower machine.
 */
export const SLICE_ENTRIES = 256

/** Tables with nothing in them. */
export function emptyTables(): SnapshotTables {
  return {
    client: new Map(),
    providers: new Map(),
    plugins: new Map(),
    virtualKeys: new ShardedMap(),
    virtualKeyIds: new ShardedMap(hashDigest),
    teams: new ShardedMap(),
    customers: new ShardedMap(),
    businessUnits: new ShardedMap(),
  }
}

/** What one thread holds of the configuration. Entries are replaced, never changed: a request keeps the ones it resolved. */
export class Snapshot {
  readonly tables: SnapshotTables = emptyTables()
  /** Of the last patch applied; 0 before the first. */
  version = 0

  /** Takes the patch over at once; an id in both lists is there afterwards, and not taken out in between. */
  apply(patch: SnapshotPatch): void {
    const staying = new Set(patch.delete.length === 0 ? [] : patch.set.map(([table, id]) => `${table} ${id}`))
    for (const [table, id] of patch.delete) if (!staying.has(`${table} ${id}`)) this.#table(table).delete(id)
    for (const [table, id, value] of patch.set) this.#table(table).set(id, freeze(value))
    this.version = Math.max(this.version, patch.version)
  }

  /** Values come from the main thread, which checked them: the one place where their type is taken on trust. */
  #table(name: TableName): Table<unknown> {
    return this.tables[name] as Table<unknown>
  }
}

/** The whole of the tables as patches of at most SLICE_ENTRIES entries; the last one says so. There is always a last one. */
export function* slices(tables: SnapshotTables, version: number): Generator<{ patch: SnapshotPatch; isLast: boolean }> {
  let set: [TableName, string, unknown][] = []
  for (const name of Object.keys(tables) as TableName[]) {
    for (const [id, value] of tables[name]) {
      if (set.length === SLICE_ENTRIES) {
        yield { patch: { version, set, delete: [] }, isLast: false }
        set = []
      }
      set.push([name, id, value])
    }
  }
  yield { patch: { version, set, delete: [] }, isLast: true }
}

/** Freezes plain objects and lists through and through. Sets and Maps cannot be frozen; their type says read-only. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) freeze(inner)
  return value
}
