import { type ConfigStore, type Stored, StoreError } from './stores.ts'

/** Where a store keeps the version of what lies in it. */
export const SCHEMA_MARK = { collection: 'meta', id: 'schema' } as const

/** One step from a version of the documents to the next. */
export interface SchemaMigration {
  /** The version that it leads to; steps are without gaps. */
  to: number
  /** For the log. */
  name: string
  /**
   * By versioned writes, and such that it can be killed anywhere and run again, beside another process that does the same, and over documents
   * that a later step has been at: there is no lock that would outlive a kill. A conflict runs it again.
   */
  run(store: ConfigStore): Promise<void>
}

/** The version that documents are written in without any step. */
const FIRST_VERSION = 1

/** Steps, in order. The documents of today are version 1. */
export const SCHEMA_MIGRATIONS: readonly SchemaMigration[] = []

/** A step that meets another writer is begun anew so many times. */
const TRIES = 10

/** What migrating needs. */
export interface SchemaOptions {
  migrations?: readonly SchemaMigration[]
  /** Called once before the first step, where there is one to take. */
  backup?: (() => Promise<void>) | undefined
  /** Told of each step that was taken. */
  onStep?: (migration: SchemaMigration) => void
}

/**
 * Brings the documents of a store up to date; resolves with the version they have then. `store` opens what is sealed. Killed at any write and run
 * again it goes on. Rejects with StoreError: `corrupt` where a later version of the gateway wrote the store.
 */
export async function migrateSchema(store: ConfigStore, options: SchemaOptions = {}): Promise<number> {
  const { migrations = SCHEMA_MIGRATIONS, backup, onStep } = options
  const latest = FIRST_VERSION + migrations.length
  let mark = await readMark(store)
  if (!mark) {
    const isEmpty = await hasNoDocuments(store)
    mark = (await writeMark(store, isEmpty ? latest : FIRST_VERSION, 0)) ?? (await readMark(store))
  }
  let version = versionOf(mark)
  if (version > latest) {
    throw new StoreError(
      'corrupt',
      `the store was written by a later version of the gateway (schema ${version}, this one knows ${latest}); start that one, or a backup`,
    )
  }
  if (version < latest) await backup?.()
  while (version < latest) {
    const migration = migrations.find(({ to }) => to === version + 1)
    if (!migration) throw new StoreError('corrupt', `there is no migration from schema ${version} to ${version + 1}`)
    await runStep(store, migration)
    // Where another process was first, its mark counts.
    mark = (await writeMark(store, migration.to, mark?.version ?? 0)) ?? (await readMark(store))
    version = versionOf(mark)
    onStep?.(migration)
  }
  return version
}

async function runStep(store: ConfigStore, { run }: SchemaMigration): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run(store)
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== 'conflict' || tries === TRIES) throw error
    }
  }
}

async function readMark(store: ConfigStore): Promise<Stored | undefined> {
  const mark = await store.read(SCHEMA_MARK.collection, SCHEMA_MARK.id)
  return mark?.body ? mark : undefined
}

function versionOf(mark: Stored | undefined): number {
  const version = mark?.body?.version
  if (typeof version === 'number' && Number.isInteger(version) && version >= FIRST_VERSION) return version
  throw new StoreError('corrupt', 'the version of the store (meta/schema) cannot be read; restore it from a backup')
}

/** Undefined: another process has written it meanwhile. */
async function writeMark(store: ConfigStore, version: number, expected: number): Promise<Stored | undefined> {
  try {
    return await store.write(SCHEMA_MARK.collection, SCHEMA_MARK.id, { version }, { version: expected })
  } catch (error) {
    if (error instanceof StoreError && error.fault === 'conflict') return undefined
    throw error
  }
}

/** What the store keeps for itself is no document of anybody's. */
async function hasNoDocuments(store: ConfigStore): Promise<boolean> {
  let after: Stored | undefined
  for (;;) {
    const page = await store.readPage(after, 100)
    if (page.some(({ collection }) => collection !== SCHEMA_MARK.collection)) return false
    after = page.at(-1)
    if (page.length < 100) return true
  }
}
