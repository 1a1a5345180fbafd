import { inBatches } from '../../batches.ts'
import type { Json, JsonObject } from '../../canonical/json.ts'
import { GatewayError } from '../../errors.ts'
import type { SnapshotTables } from '../../snapshot.ts'
import { isId } from '../../stores/checks.ts'
import { type ConfigStore, STORE_SETTLE_MS, type Stored, StoreError } from '../../stores/stores.ts'
import type { ThreadLog } from '../../threads/guard.ts'
import type { ChangePublished } from '../../threads/publication.ts'
import type { Builtins } from '../builtins.ts'
import { CONFIG_COLLECTIONS } from '../collections.ts'
import type { Environment } from '../env.ts'
import { virtualKeyHash } from '../governance/settings.ts'
import { ConfigError, pathText } from '../problems.ts'
import { checkEntity } from '../rules/index.ts'
import { type Document, documentsOf, hashOf, restOf } from './documents.ts'
import { type Held, HeldEntities, plainBody } from './held.ts'
import { type LoadTree, missingVariables, problemsIn, type Rows, rowsOf, tablesOf } from './rows.ts'

/** What happened to a change: its version, whether all threads had it in place in time, and what they could not take over (a plugin that does not load). */
export type Published = ChangePublished

/** What the running configuration is made of. */
export interface LiveOptions {
  load: LoadTree
  builtins: Builtins
  env: Environment
  /** Absent: the file alone rules, and nothing can be written. Its documents' secrets come in the open (core/sealing). */
  store?: ConfigStore | undefined
  log: ThreadLog
  /** Milliseconds since 1970. */
  now(): number
}

/** What the running configuration begins with: the tables, and texts that must never be logged. */
export interface Opened {
  tables: SnapshotTables
  secrets: readonly string[]
}

/** The next body of a document, from what stands there; undefined removes it. Throws a GatewayError to refuse. Called again where another writer was first. */
export type Edit = (current: Held | undefined) => JsonObject | undefined

/** A document as it is to be; without a body it is to go. */
interface Change {
  collection: string
  id: string
  body: JsonObject | undefined
}

const UNSERVED = 'a document of the configuration cannot be served'
/** Several writers on one document: each loses at most so often before it gives up. */
const MOST_TRIES = 10
const PAGE = 500
/** Documents of a file that are under way to the store: it commits together what waits together, while as many are made ready for it. */
const MERGED_AT_ONCE = 200
/** Changes that a store tells at once. */
const MOST_CHANGES = 1000

/**
 * The running configuration, at home in the main thread: all documents in memory, each change checked as the file would be, written to the
 * store, and brought to the data threads as rows. Changes are made one after the other.
 */
export class LiveConfig {
  readonly entities = new HeldEntities()
  readonly #options: LiveOptions
  #rest: JsonObject = {}
  #publish: ((rows: Rows) => Promise<Published>) | undefined
  #working: Promise<unknown> = Promise.resolve()
  /** All changes up to this number are in memory, but for `#gaps`. */
  #seen = 0
  /** Numbers below `#seen` that have not come yet, and since when they are missed. */
  readonly #gaps = new Map<number, number>()

  constructor(options: LiveOptions) {
    this.#options = options
  }

  get isWritable(): boolean {
    return this.#options.store !== undefined
  }

  /**
   * Reads the store and merges the file into it: an entity of the file that has changed since it was last merged wins, else the store's
   * does. The file has been checked by itself. Resolves with the tables; rejects with a ConfigError that lists what is wrong, or a StoreError.
   * `checked`: what the file's check made of it, which is not made again of what stands so.
   */
  async open(file: JsonObject, checked?: Opened): Promise<Opened> {
    this.#rest = restOf(file)
    const { store } = this.#options
    if (store) for (const stored of await this.#readAll(store)) this.#put(stored)
    const documents = documentsOf(file)
    await this.#merge(documents, [])
    if (!store && checked) return checked
    const known = checked && { tables: checked.tables, same: sameKeys(documents, this.entities) }
    const { loaded, leftOut } = tablesOf(this.entities, this.#rest, { ...this.#options, known })
    if (!loaded.tables) throw new ConfigError(loaded.problems)
    for (const problem of leftOut) this.#options.log.error({ problem }, UNSERVED)
    return { tables: loaded.tables, secrets: loaded.secrets }
  }

  /** From now on changes go to the data threads. */
  attach(publish: (rows: Rows) => Promise<Published>): void {
    this.#publish = publish
  }

  /**
   * Changes one document. Rejects with GW_NO_STORE where the file alone rules, a ConfigError where the document would be wrong,
   * GW_STORE_UNAVAILABLE, GW_CONFLICT; then nothing has changed. Resolves when the data threads have it.
   */
  write(collection: string, id: string, edit: Edit): Promise<Published & { held: Held | undefined }> {
    return this.#oneByOne(() => this.#write(collection, id, edit))
  }

  /** Whether the document could stand so, now: throws a ConfigError with its problems, and changes nothing. */
  check(collection: string, id: string, body: JsonObject): void {
    if (!this.isWritable) throw new GatewayError('GW_NO_STORE')
    this.#check({ collection, id, body })
  }

  /** The file has changed: takes over what is right as a whole; rejects with a ConfigError else, and nothing has changed. */
  reload(file: JsonObject): Promise<void> {
    return this.#oneByOne(async () => {
      const changed: Document[] = []
      try {
        await this.#merge(documentsOf(file), changed)
      } finally {
        // Also where the store was lost in the middle: what is written holds.
        await this.#takeOver(changed)
      }
    })
  }

  /** Takes over what other machines have written since. Rejects with a StoreError. */
  refresh(): Promise<void> {
    return this.#oneByOne(async () => {
      const { store } = this.#options
      if (!store) return
      if ((await store.latestChange()) === this.#seen && this.#gaps.size === 0) return
      await this.#takeOver(await this.#catchUp(store))
    })
  }

  #oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#working.then(work)
    this.#working = done.catch(() => {})
    return done
  }

  async #write(collection: string, id: string, edit: Edit): Promise<Published & { held: Held | undefined }> {
    const { store } = this.#options
    if (!store) throw new GatewayError('GW_NO_STORE')
    for (let tries = 1; ; tries++) {
      const before = this.entities.held(collection, id)
      const edited = edit(before)
      // What the gateway keeps for itself nobody else writes.
      const body = edited && plainBody(edited)
      this.#check({ collection, id, body })
      try {
        if (before && body === undefined) await this.#noteRemoval(store, before)
        const held = await this.#store(store, { collection, id, body }, before)
        const published = await this.#takeOver([{ collection, id, body: before?.body ?? body ?? {} }])
        return { ...published, held }
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        if (error.fault !== 'conflict') throw new GatewayError('GW_STORE_UNAVAILABLE', { reason: error.message }, { cause: error })
        if (error.field !== undefined || tries === MOST_TRIES) throw conflict(error, { collection, id })
        await this.#takeOver(await this.#catchUp(store))
      }
    }
  }

  /** What the rules and the schemas say with the change in place. Throws a ConfigError, with paths relative to the document; leaves everything as it was. */
  #check({ collection, id, body }: Change): void {
    if (body === undefined) return
    if (!isId(id) || id === '__proto__') throw new ConfigError(['id: is too long, or holds what no id can'])
    const missing = missingVariables(body, this.#options.env)
    if (missing.length > 0) throw new ConfigError(missing.map((name) => `body: the environment variable ${name} is not set, or empty`))
    const document = { collection, id, body: plainBody(body) }
    const wrong = checkEntity(document, { lookup: this.entities, builtins: this.#options.builtins })
    const before = this.entities.held(collection, id)
    this.#put({ ...document, version: 0, change: 0 })
    const problems = problemsIn(this.entities, document, this.#options)
    if (before) this.entities.set(before)
    else this.entities.delete(collection, id)
    const all = [...wrong.map(({ path, message }) => `${pathText(path) || 'body'}: ${message}`), ...problems]
    if (all.length > 0) throw new ConfigError([...new Set(all)])
  }

  async #store(store: ConfigStore, { collection, id, body }: Change, before: Held | undefined): Promise<Held | undefined> {
    const expected = { version: before?.version ?? 0 }
    if (body === undefined && !before) return undefined
    const stored =
      body === undefined
        ? await store.remove(collection, id, expected)
        : await store.write(collection, id, this.#stamped({ collection, id, body }, before), expected)
    this.#note(stored)
    this.#put(stored)
    return this.entities.held(collection, id)
  }

  /** With what the store keeps besides: times, and the fields that must be unique. */
  #stamped({ collection, id, body }: Document, before: Held | undefined): JsonObject {
    const now = new Date(this.#options.now()).toISOString()
    const stamped: JsonObject = {
      ...this.#merged({ collection, id }, before),
      ...body,
      created_at: before?.body.created_at ?? now,
      updated_at: now,
    }
    if (NAMED.has(collection)) stamped.name = body.name ?? id
    if (collection === 'virtual_keys') stamped.value_hash = virtualKeyHash(this.#valueOf(body) ?? `none:${id}`)
    return stamped
  }

  #valueOf({ value }: JsonObject): string | undefined {
    if (typeof value !== 'string' || value === '') return undefined
    return (value.startsWith('env.') ? this.#options.env[value.slice(4)] : value)?.trim()
  }

  #put({ collection, id, body, version, change }: Omit<Held, 'body'> & { body: JsonObject | undefined }): void {
    if (body === undefined) this.entities.delete(collection, id)
    else this.entities.set({ collection, id, body, version, change })
  }

  /** Brings the rows of changed documents to the threads. */
  async #takeOver(changed: readonly Document[]): Promise<Published> {
    if (changed.length === 0 || !this.#publish) return { version: 0, acknowledged: true }
    const { rows, problems } = rowsOf(this.entities, changed, this.#options)
    for (const problem of problems) this.#options.log.error({ problem }, UNSERVED)
    return this.#publish(rows)
  }

  /** Every document of the store. What changes meanwhile has a higher number than is then seen. */
  async #readAll(store: ConfigStore): Promise<Stored[]> {
    const seen = await store.latestChange()
    const all: Stored[] = []
    for (let isFull = true; isFull; ) {
      const page = await store.readPage(all.at(-1), PAGE)
      all.push(...page)
      isFull = page.length === PAGE
    }
    this.#seen = seen
    this.#gaps.clear()
    return all
  }

  /** File-only: what the file says replaces everything. */
  #replace(wanted: readonly Document[], changed: Document[]): void {
    const next = new Map(wanted.map((entity) => [keyOf(entity), entity]))
    for (const held of [...this.entities]) {
      const entity = next.get(keyOf(held))
      if (entity && hashOf(plainBody(entity.body)) === hashOf(plainBody(held.body))) next.delete(keyOf(held))
      else if (!entity) {
        this.entities.delete(held.collection, held.id)
        changed.push(held)
      }
    }
    for (const entity of next.values()) {
      changed.push(this.entities.held(entity.collection, entity.id) ?? entity)
      this.entities.set({ ...entity, body: this.#stamped(entity, undefined), version: 0, change: 0 })
    }
  }

  /** Writes what the file has new or changed since it was last merged; `changed` is told of each as it stood before. */
  async #merge(wanted: readonly Document[], changed: Document[]): Promise<void> {
    const { store, log } = this.#options
    if (!store) return this.#replace(wanted, changed)
    await inBatches(wanted, MERGED_AT_ONCE, (entity) => this.#mergeOne(store, entity, changed))
    if (changed.length > 0) log.info({ entities: changed.length }, 'the file was merged into the store')
  }

  /** Machines that start together merge the same file: who comes second finds it done. */
  async #mergeOne(store: ConfigStore, entity: Document, changed: Document[]): Promise<void> {
    const { collection, id } = entity
    const body = { ...entity.body, config_hash: hashOf(entity.body) }
    for (let tries = 1; ; tries++) {
      const before = this.entities.held(collection, id)
      if (this.#merged(entity, before).config_hash === body.config_hash) return
      try {
        await this.#store(store, { collection, id, body }, before)
        return void changed.push(before ?? entity)
      } catch (error) {
        if (!(error instanceof StoreError) || error.fault !== 'conflict' || tries === MOST_TRIES) throw error
        changed.push(...(await this.#catchUp(store)))
        if (error.field !== undefined && this.entities.held(collection, id)?.body.config_hash !== body.config_hash)
          throw new ConfigError([`${collection} "${id}": its ${error.field} is that of another one in the store`])
      }
    }
  }

  /** What the file last said of an entity stays known when somebody else changes or removes it: else the same file would win again. */
  #merged(entity: Pick<Document, 'collection' | 'id'>, held: Held | undefined): { config_hash?: Json } {
    const hash = (held ?? this.entities.held(META, removalOf(entity)))?.body.config_hash
    return hash === undefined ? {} : { config_hash: hash }
  }

  /** What the file brought and the API removes stays away until the file says something else of it. */
  async #noteRemoval(store: ConfigStore, { collection, id, body: { config_hash: hash } }: Held): Promise<void> {
    const mark = removalOf({ collection, id })
    if (hash === undefined) return
    await this.#store(store, { collection: META, id: mark, body: { config_hash: hash } }, this.entities.held(META, mark))
  }

  async #catchUp(store: ConfigStore): Promise<Document[]> {
    const known = Math.min(this.#seen, ...this.#gaps.keys()) - (this.#gaps.size > 0 ? 1 : 0)
    if (known < (await store.oldestChange()) - 1) return this.#readAgain(store)
    const changed: Document[] = []
    for (let from = known, isFull = true; isFull; ) {
      const changes = await store.changesSince(from)
      for (const stored of changes) {
        const document = this.#learn(stored)
        if (document) changed.push(document)
      }
      from = changes.at(-1)?.change ?? from
      isFull = changes.length >= MOST_CHANGES
    }
    this.#forgetGaps()
    return changed
  }

  /** Takes a change over; undefined where it is known. */
  #learn(stored: Stored): Document | undefined {
    this.#note(stored)
    const { collection, id } = stored
    const before = this.entities.held(collection, id)
    if (before && before.change >= stored.change) return undefined
    this.#put(stored)
    return { collection, id, body: before?.body ?? this.entities.held(collection, id)?.body ?? {} }
  }

  /** Too much was missed: all pages again. Until they are there, what was known stands. */
  async #readAgain(store: ConfigStore): Promise<Document[]> {
    const stored = await this.#readAll(store)
    const now = new Set(stored.map(keyOf))
    const gone = [...this.entities].filter((held) => !now.has(keyOf(held)))
    for (const { collection, id } of gone) this.entities.delete(collection, id)
    const changed = stored.flatMap((next): Document[] => {
      const before = this.entities.held(next.collection, next.id)
      if (before?.change === next.change) return []
      this.#put(next)
      return [before ?? { collection: next.collection, id: next.id, body: next.body ?? {} }]
    })
    return [...gone, ...changed]
  }

  /** Numbers are given before documents are written: one that is passed over may yet come. */
  #note({ change }: Stored): void {
    this.#gaps.delete(change)
    const now = this.#options.now()
    for (let missing = this.#seen + 1; missing < change; missing++) this.#gaps.set(missing, now)
    this.#seen = Math.max(this.#seen, change)
  }

  #forgetGaps(): void {
    const oldest = this.#options.now() - STORE_SETTLE_MS
    for (const [change, since] of this.#gaps) if (since < oldest) this.#gaps.delete(change)
  }
}

/** Virtual keys that stand as the file says. */
function sameKeys(documents: readonly Document[], entities: HeldEntities): Set<Held> {
  const same = new Set<Held>()
  for (const { collection, id, body } of documents) {
    const held = collection === 'virtual_keys' ? entities.held(collection, id) : undefined
    // The store names one that has no name in the file. Fields in another order only mean that it is read again.
    if (held && JSON.stringify(plainBody(held.body)) === JSON.stringify({ ...body, name: body.name ?? id })) same.add(held)
  }
  return same
}

const META = 'meta'
/** Collections whose documents have a unique name. */
const NAMED = new Set(CONFIG_COLLECTIONS.filter(({ unique }) => unique?.includes('name')).map(({ name }) => name))

function keyOf({ collection, id }: Pick<Document, 'collection' | 'id'>): string {
  return `${collection}\0${id}`
}

/** The document by which a removal is remembered. */
function removalOf({ collection, id }: Pick<Document, 'collection' | 'id'>): string {
  return `removed:${collection}/${id}`
}

function conflict(error: StoreError, { collection, id }: { collection: string; id: string }): GatewayError {
  const what = error.field === undefined ? 'was changed by somebody else again and again' : `has a ${error.field} that another one has`
  return new GatewayError('GW_CONFLICT', { reason: `${collection} "${id}" ${what}` }, { cause: error })
}
