import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { isObject, type Json, type JsonObject } from '../core/canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../core/config/collections.ts'
import { type Environment, resolveEnv } from '../core/config/env.ts'
import { parseJsonText } from '../core/config/json-text.ts'
import type { Log } from '../core/log.ts'
import { KEYRING } from '../core/sealing/keyring.ts'
import { openSealing } from '../core/sealing/open-sealing.ts'
import { sealStore } from '../core/sealing/sealed-store.ts'
import { createSealer } from '../core/sealing/sealer.ts'
import { migrateSchema } from '../core/store-schema.ts'
import type { ConfigStore, StoreContext, StoreDriver } from '../core/stores.ts'
import { besideBifrost } from '../core/takeover/at-start.ts'

/** Which store a command works on, and how it is reached. */
export interface TargetOptions {
  /** A configuration file that names the store. */
  config: string | undefined
  /** Folder with a `config.json`, or with the embedded store. */
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

/** Kind of store that a folder has unless its configuration says another. */
const EMBEDDED = 'sqlite'
/** Kind of store that keeps nothing. */
const FLEETING = 'memory'

/** Opens the store that a configuration names, or the embedded one of a folder. A dry run makes no file. Rejects with TargetError and StoreError. */
export async function openTarget(options: TargetOptions, isDryRun = false): Promise<Target> {
  const { appDir, drivers, log, now } = options
  const file = options.config ?? (appDir === undefined ? undefined : existing(join(appDir, 'config.json')))
  const tree = file === undefined ? {} : readConfiguration(file)
  const { type, config } = storeBlock(tree, options)
  const driver = drivers.find((each) => each.type === type && each.openConfig !== undefined && type !== FLEETING)
  if (!driver?.openConfig) throw new TargetError(`config_store.type "${type}" keeps no configuration; ${choices(drivers)}`)
  const folder = appDir ?? (file === undefined ? undefined : dirname(resolve(file)))
  const parsed = driver.config.safeParse(await besideBifrost(config, folder))
  if (!parsed.success) throw new TargetError(`config_store.config: ${parsed.error.issues.map(({ message }) => message).join('; ')}`)
  const context: StoreContext = { folder, collections: CONFIG_COLLECTIONS, log, now }
  const passphrase = passphraseOf(tree, options.env)
  const opener = isDryRun && isMissing(type, parsed.data, folder) ? drivers.find((each) => each.type === FLEETING) : driver
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

function storeBlock(tree: JsonObject, { appDir, config: file, env }: TargetOptions): { type: string; config: JsonObject } {
  const block = tree.config_store
  if (block === undefined) {
    if (appDir === undefined)
      throw new TargetError(
        `${file === undefined ? 'say where the store is' : `${file} names no config_store`}: --app-dir DIR, or a --config FILE that has one`,
      )
    return { type: EMBEDDED, config: {} }
  }
  const { value, problems } = resolveEnv(block as Json, env)
  if (problems.length > 0) throw new TargetError(`config_store: ${problems[0]}`)
  const { enabled, type, config } = isObject(value) ? value : {}
  if (enabled !== true) throw new TargetError('config_store.enabled is false: there is no store to write to')
  return { type: typeof type === 'string' ? type : EMBEDDED, config: isObject(config) ? config : {} }
}

function passphraseOf(tree: JsonObject, env: Environment): string | undefined {
  if (tree.encryption_key === undefined || tree.encryption_key === '') return env.BIFROST_ENCRYPTION_KEY
  const { value, problems } = resolveEnv(tree.encryption_key, env)
  if (problems.length > 0) throw new TargetError(`encryption_key: ${problems[0]}`)
  return String(value)
}

function isMissing(type: string, config: unknown, folder: string | undefined): boolean {
  const path = isObject(config) && typeof config.path === 'string' ? config.path : 'bifrost.db'
  return type === EMBEDDED && !existsSync(resolve(folder ?? '.', path))
}

function choices(drivers: readonly StoreDriver[]): string {
  const types = drivers.filter(({ type, openConfig }) => openConfig && type !== FLEETING).map(({ type }) => `"${type}"`)
  return `choose ${types.join(' or ')}`
}
