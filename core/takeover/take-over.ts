import { isDeepStrictEqual } from 'node:util'
import { inBatches } from '../batches.ts'
import type { JsonObject } from '../canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../config/collections.ts'
import { type ConfigStore, type Stored, StoreError } from '../stores/stores.ts'
import type { TakenDocument } from './documents.ts'

/** Where a store keeps that a takeover has been done. */
export const TAKEOVER_MARK = { collection: 'meta', id: 'takeover' } as const

/**
 * What becomes of a document: `new`; `same` as in the store; `replaces` an older one; `kept`: the store's is newer or of unknown age; `taken`: another
 * document has its name.
 */
export type Fate = 'new' | 'same' | 'replaces' | 'kept' | 'taken'

/** A document and what becomes of it. */
export interface Planned extends TakenDocument {
  fate: Fate
  /** The version in the store; 0: there is none. */
  version: number
}

const PAGE = 500
/** Writes at once; what refers to others waits until those are written. */
const AT_ONCE = 64
/** A document that others keep writing is given up after so many tries. */
const TRIES = 5

/** What would become of each document, from one pass over the store. `store` opens what is sealed. */
export async function planTakeover(store: ConfigStore, documents: readonly TakenDocument[]): Promise<Planned[]> {
  const known = await readAll(store)
  const taken = takenFields(known.values())
  return documents.map((document) => {
    const planned = planOne(document, known.get(keyOf(document)))
    if (planned.fate !== 'new') return planned
    const isTaken = uniqueFields(document).some((field) => taken.has(field))
    for (const field of isTaken ? [] : uniqueFields(document)) taken.add(field)
    return isTaken ? { ...planned, fate: 'taken' } : planned
  })
}

/**
 * Writes what is planned, then the mark. Ids are those of the source and documents are compared before they are written: killed at any write and
 * run again it ends the same, and once more it changes nothing. Resolves with what became of each; that differs from the plan only where others
 * wrote meanwhile.
 */
export async function carryOut(store: ConfigStore, plan: readonly Planned[], mark: JsonObject): Promise<Planned[]> {
  const done: Planned[] = []
  for (const collection of new Set(plan.map((planned) => planned.collection))) {
    const own = plan.filter((planned) => planned.collection === collection)
    for (const planned of await inBatches(own, AT_ONCE, (each) => carryOutOne(store, each))) done.push(planned)
  }
  await writeMark(store, mark)
  return done
}

async function carryOutOne(store: ConfigStore, planned: Planned): Promise<Planned> {
  const { collection, id, body } = planned
  let current = planned
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (current.fate !== 'new' && current.fate !== 'replaces') return current
    try {
      await store.write(collection, id, body, { version: current.version })
      return current
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== 'conflict') throw error
      if (error.field !== undefined) return { ...current, fate: 'taken' }
      current = planOne(planned, await store.read(collection, id))
    }
  }
  return { ...current, fate: 'kept' }
}

async function writeMark(store: ConfigStore, mark: JsonObject): Promise<void> {
  const stored = await store.read(TAKEOVER_MARK.collection, TAKEOVER_MARK.id)
  if (stored?.body && stored.body.from === mark.from) return
  await store.write(TAKEOVER_MARK.collection, TAKEOVER_MARK.id, mark, { version: stored?.body ? stored.version : 0 })
}

function planOne({ collection, id, body }: TakenDocument, stored: Stored | undefined): Planned {
  if (!stored?.body) return { collection, id, body, fate: 'new', version: 0 }
  return { collection, id, body, fate: fateBeside(body, stored.body), version: stored.version }
}

function fateBeside(body: JsonObject, stored: JsonObject): Fate {
  if (isDeepStrictEqual(plain(body), plain(stored))) return 'same'
  const [ours, theirs] = [body.updated_at, stored.updated_at]
  return typeof ours === 'string' && typeof theirs === 'string' && Date.parse(ours) > Date.parse(theirs) ? 'replaces' : 'kept'
}

function plain(body: JsonObject): unknown {
  return JSON.parse(JSON.stringify(body))
}

async function readAll(store: ConfigStore): Promise<Map<string, Stored>> {
  const known = new Map<string, Stored>()
  let after: Stored | undefined
  for (;;) {
    const page = await store.readPage(after, PAGE)
    for (const stored of page) if (stored.body) known.set(keyOf(stored), stored)
    after = page.at(-1)
    if (page.length < PAGE) return known
  }
}

function takenFields(stored: Iterable<Stored>): Set<string> {
  return new Set([...stored].flatMap(({ collection, id, body }) => (body ? uniqueFields({ collection, id, body }) : [])))
}

function uniqueFields({ collection, body }: TakenDocument): string[] {
  const { unique = [] } = CONFIG_COLLECTIONS.find(({ name }) => name === collection) ?? {}
  return unique.map((field) => JSON.stringify([collection, field, body[field]]))
}

function keyOf({ collection, id }: { collection: string; id: string }): string {
  return JSON.stringify([collection, id])
}
