import { SHARED_SLOTS, type Shared } from './shared.ts'
import type { KeySettings, ProviderSettings, SnapshotPatch } from './snapshot.ts'

/** Where the counters of providers and keys are, after a change of the configuration. */
export interface SlotAssignment {
  /** With their slots and their keys' slots: frozen copies, sorted by name. */
  providers: ProviderSettings[]
  /** Slots of keys that had none before. Clear them (`clearKeySlots`) before any thread is told of the keys. */
  newKeySlots: number[]
}

/** What was there before a change. */
export interface SlotsBefore {
  providers: ReadonlyMap<string, ProviderSettings>
  /** Whether requests of a provider that is gone still hold a place of this slot; a new provider gets another one then. */
  isBusy(slot: number): boolean
}

const NOTHING: SlotsBefore = { providers: new Map(), isBusy: () => false }

/**
 * Gives every provider (by name) and every key (by provider and id) a slot in shared memory, below SHARED_SLOTS. Who is there
 * keeps the one it has, as long as it is there: requests under way count by it. Who comes gets one that nobody has and nobody had just
 * before, later ones first, because a request that began with a key that is gone may still write to that key's. At a first
 * start they are numbered from 0 in the order of names. Throws a RangeError where there are more than SHARED_SLOTS of either.
 */
export function assignSlots(providers: readonly ProviderSettings[], before: SlotsBefore = NOTHING): SlotAssignment {
  const sorted = [...providers].sort(byName)
  const known = [...before.providers.values()]
  const slots = allocate(
    sorted.map(({ name }) => name),
    new Map(known.map(({ name, slot }) => [name, slot])),
    before.isBusy,
  )
  const keysBefore = new Map(known.flatMap(({ name, keys }) => keys.map((key) => [nameOf(name, key), key.slot] as const)))
  const names = sorted.flatMap(({ name, keys }) => [...keys].sort(byName).map((key) => nameOf(name, key)))
  const keySlots = allocate(names, keysBefore)
  return {
    providers: sorted.map((provider) => {
      const keys = provider.keys.map((key) => Object.freeze({ ...key, slot: keySlots.get(nameOf(provider.name, key)) as number }))
      return Object.freeze({ ...provider, keys: Object.freeze(keys), slot: slots.get(provider.name) as number })
    }),
    newKeySlots: names.filter((name) => !keysBefore.has(name)).map((name) => keySlots.get(name) as number),
  }
}

/** Forgets what was known of keys that had these slots. A provider's counters are never cleared: what is under way gives its places back. */
export function clearKeySlots({ coolDown, health }: Pick<Shared, 'coolDown' | 'health'>, slots: readonly number[]): void {
  for (const slot of slots) {
    coolDown.clear(slot)
    health.set(slot, 0)
  }
}

/** The rows of a change with providers and keys in their places; keys that come find nothing in theirs. `before`: the providers as they stand. */
export function placeRows(
  { set, delete: deleted }: Pick<SnapshotPatch, 'set' | 'delete'>,
  before: ReadonlyMap<string, ProviderSettings>,
  shared: Pick<Shared, 'inFlight' | 'coolDown' | 'health'>,
): SnapshotPatch['set'] {
  if (!set.some(([table]) => table === 'providers')) return set
  const next = new Map(before)
  for (const [table, name] of deleted) if (table === 'providers') next.delete(name)
  for (const [table, name, value] of set) if (table === 'providers') next.set(name, value as ProviderSettings)
  const isBusy = (slot: number) => shared.inFlight.count(slot) > 0
  const { providers, newKeySlots } = assignSlots([...next.values()], { providers: before, isBusy })
  clearKeySlots(shared, newKeySlots)
  const placed = new Map(providers.map((provider) => [provider.name, provider]))
  return set.map(([table, id, value]) => [table, id, table === 'providers' ? placed.get(id) : value])
}

function allocate(names: readonly string[], before: ReadonlyMap<string, number>, isBusy?: (slot: number) => boolean): Map<string, number> {
  const slots = new Map(names.flatMap((name) => (before.has(name) ? [[name, before.get(name) as number] as const] : [])))
  const free = names.length === slots.size ? [] : freeSlots(new Set(slots.values()), new Set(before.values()), isBusy)
  let next = 0
  for (const name of names) {
    if (slots.has(name)) continue
    const slot = free[next++]
    if (slot === undefined) throw new RangeError(`there is room for ${SHARED_SLOTS} providers and ${SHARED_SLOTS} keys`)
    slots.set(name, slot)
  }
  return slots
}

/** The best first: after the last one in use, then from the beginning; then those that this change sets free, and busy ones. */
function freeSlots(kept: ReadonlySet<number>, had: ReadonlySet<number>, isBusy: (slot: number) => boolean = () => false): number[] {
  const start = had.size === 0 ? 0 : Math.max(...had) + 1
  const inOrder = Array.from({ length: SHARED_SLOTS }, (_, at) => (start + at) % SHARED_SLOTS).filter((slot) => !kept.has(slot))
  const rank = (slot: number): number => (isBusy(slot) ? 2 : had.has(slot) ? 1 : 0)
  const ranked = inOrder.map((slot) => ({ slot, rank: rank(slot) }))
  return ranked.sort((one, other) => one.rank - other.rank).map(({ slot }) => slot)
}

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1
}

function nameOf(provider: string, { id }: KeySettings): string {
  return `${provider}\0${id}`
}
