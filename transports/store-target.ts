import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isObject, type JsonObject } from '../core/canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../core/config/collections.ts'
import { type Environment, resolveEnv } from '../core/config/env.ts'
import { parseJsonText } from '../core/config/json-text.ts'
import { DEFAULT_FOLDER, passphraseOf, storeChoice } from '../core/config/store-choice.ts'
import type { Log } from '../core/log.ts'
import { KEYRING } from '../core/sealing/keyring.ts'
import { openSealing } from '../core/sealing/open-sealing.ts'
import { sealStore } from '../core/sealing/sealed-store.ts'
import { createSealer } from '../core/sealing/sealer.ts'
import { migrateSchema } from '../core/stores/schema.ts'
import type { ConfigStore, StoreContext, StoreDriver } from '../core/stores/stores.ts'
import { besideBifrost } from '../core/takeover/at-start.ts'

/** Which store a command works on, and how it is reached. */
export interface TargetOptions {
  /** A configuration file that names the store. */
  config: string | undefined
  /** Folder with a `config.json`, or with the embedded store; without either `data`, as for the gateway. */
  appDir: string | undefined
  env: Environment
  drivers: readonly StoreDriver[]
  log: Log
  now(): number
}

/** A store as a command gets it. */
export interface Target {
  /** As it lies there, sealed. */
  raw: ConfigStore
  /** The key of the configuration; undefined: none is set. */
  passphrase: string | undefined
  /** Copies it, where its driver can. */
  backup: (() => Promise<void>) | undefined
}

/** Why a command cannot work on a store: a sentence for the operator. */
export class TargetError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TargetError'
  }
}

/** Kind of store that keeps nothing. */
const FLEETING = 'memory'

/** Opens the store that a configuration names, or the embedded one of a folder. A dry run makes no file. Rejects with TargetError and StoreError. */
export async function openTarget(options: TargetOptions, isDryRun = false): Promise<Target> {
  const { drivers, env, log, now } = options
  const appDir = options.appDir ?? (options.config === undefined ? DEFAULT_FOLDER : undefined)
  const file = options.config ?? existing(join(appDir ?? '', 'config.json'))
  const tree = file === undefined ? {} : readConfiguration(file)
  for (const name of ['config_store', 'encryption_key']) {
    const [problem] = resolveEnv(tree[name] ?? null, env).problems
    if (problem !== undefined) throw new TargetError(`${name}: ${problem}`)
  }
  const choice = storeChoice(tree, { file, appDir, env, drivers })
  if (!choice) throw new TargetError(`${file}: config_store is off, and the file alone rules; enable one to write to`)
  const { type, config, folder } = choice
  const driver = drivers.find((each) => each.type === type && each.openConfig !== undefined && type !== FLEETING)
  if (!driver?.openConfig) throw new TargetError(`config_store.type "${type}" keeps no configuration; ${choices(drivers)}`)
  const parsed = driver.config.safeParse(await besideBifrost(config, folder))
  if (!parsed.success) throw new TargetError(`config_store.config: ${parsed.error.issues.map(({ message }) => message).join('; ')}`)
  const context: StoreContext = { folder, collections: CONFIG_COLLECTIONS, log, now }
  const passphrase = passphraseOf(tree, env)
  const opener = isDryRun && isMissing(driver, parsed.data, folder) ? drivers.find((each) => each.type === FLEETING) : driver
  const raw = await (opener?.openConfig ?? driver.openConfig).call(opener ?? driver, opener === driver ? parsed.data : {}, context)
  return { raw, passphrase, backup: driver.backup && (async () => driver.backup?.(parsed.data, context)) }
}

/** The store with bodies in the open, its documents up to date. A dry run makes no keyring and takes no steps. Rejects with SealingError and StoreError. */
export async function openSealed({ raw, passphrase, backup }: Target, now: number, isDryRun = false): Promise<ConfigStore> {
  const isNew = isDryRun && !(await raw.read(KEYRING.collection, KEYRING.id))?.body
  const store = sealStore(raw, isNew ? createSealer(undefined) : await openSealing(raw, { passphrase, now }))
  if (!isDryRun) await migrateSchema(store, { backup })
  return store
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined
}

function readConfiguration(file: string): JsonObject {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new TargetError(`${file} cannot be read: ${(error as Error).message}`)
  }
  const { value, problems } = parseJsonText(text)
  if (problems.length > 0 || !isObject(value)) throw new TargetError(`${file}: ${problems[0] ?? 'must be a JSON object'}`)
  return value
}

function isMissing({ isEmbedded }: StoreDriver, config: unknown, folder: string): boolean {
  const path = isObject(config) && typeof config.path === 'string' ? config.path : 'bifrost.db'
  return isEmbedded === true && !existsSync(resolve(folder, path))
}

function choices(drivers: readonly StoreDriver[]): string {
  const types = drivers.filter(({ type, openConfig }) => openConfig && type !== FLEETING).map(({ type }) => `"${type}"`)
  return `choose ${types.join(' or ')}`
}
