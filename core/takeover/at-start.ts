import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { JsonObject } from '../canonical/json.ts'
import type { Log } from '../log.ts'
import { backupSqlite } from '../stores/sqlite-backup.ts'
import type { ConfigStore } from '../stores/stores.ts'
import { checkDocuments, type Validity } from './check-documents.ts'
import { type ReadOptions, readBifrost } from './read-bifrost.ts'
import { reportOf, reportText, type TakeoverReport } from './report.ts'
import { readRows, sourceName } from './source.ts'
import { isBifrostFile } from './sqlite-source.ts'
import { carryOut, planTakeover, TAKEOVER_MARK } from './take-over.ts'

/** What a takeover is done with. `store` opens and seals (`sealStore`). */
export interface TakeoverOptions extends ReadOptions {
  store: ConfigStore
  /** Epoch milliseconds. */
  now: number
  isDryRun?: boolean | undefined
  /** Where given, the report says what this gateway would refuse. */
  validity?: Validity | undefined
}

/** Reads the database at `from` and writes it into the store; a dry run reports the same and writes nothing. Rejects with TakeoverError and StoreError. */
export async function takeOver(from: string, options: TakeoverOptions): Promise<TakeoverReport> {
  const { store, now, isDryRun, validity } = options
  const { documents, notes } = await readBifrost(await readRows(from), options)
  const plan = await planTakeover(store, documents)
  const name = sourceName(from)
  const mark: JsonObject = { from: name, at: new Date(now).toISOString(), documents: documents.length }
  const invalid = validity ? checkDocuments(documents, validity) : []
  return reportOf(name, isDryRun ? plan : await carryOut(store, plan, mark), { ...notes, invalid })
}

/** Name of the original's database in its folder. */
const FOUND = 'config.db'

/**
 * Takes over a database of Bifrost's that lies in the gateway's folder (D1): once, after a copy of the file, with the report in the log. Undefined:
 * there is none, or it has been done. Killed at any step, the next start goes on.
 */
export async function takeOverAtStart(folder: string, options: TakeoverOptions & { log: Log }): Promise<TakeoverReport | undefined> {
  const { store, log } = options
  const file = join(folder, FOUND)
  if (!(await isBifrostFile(file))) return undefined
  if ((await store.read(TAKEOVER_MARK.collection, TAKEOVER_MARK.id))?.body) return undefined
  const copy = `${file}.before-takeover`
  if (!existsSync(copy)) await backupSqlite(file, copy)
  log.info({ file, backup: copy }, 'found a database of Bifrost 1.4, taking it over; its copy holds whatever secrets it holds in the open')
  const report = await takeOver(file, options)
  log.info({ takeover: report.written }, reportText(report))
  return report
}

/**
 * The settings of an embedded store that would lie in a database of Bifrost's, as its own configuration names it: the same with another file beside
 * it. Anything else as it is.
 */
export async function besideBifrost(config: JsonObject, folder: string | undefined): Promise<JsonObject> {
  if (typeof config.path !== 'string') return config
  const file = resolve(folder ?? '.', config.path)
  return (await isBifrostFile(file)) ? { ...config, path: join(dirname(file), 'bifrost.db') } : config
}
