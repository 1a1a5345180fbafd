import { dirname, resolve } from 'node:path'
import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { StoreDriver } from '../stores/stores.ts'
import { type Environment, resolveEnv } from './env.ts'

/** Folder of the configuration and the data where none is said, below the working directory. */
export const DEFAULT_FOLDER = 'data'

/** Where a gateway keeps its configuration. */
export interface StoreChoice {
  type: string
  /** Not yet read by the kind's schema; `env.` references are filled in. */
  config: JsonObject
  /** Folder for files. */
  folder: string
}

/** What a choice is made from. */
export interface ChoiceOptions {
  /** The configuration file; undefined: there is none. */
  file: string | undefined
  /** `--app-dir`. */
  appDir: string | undefined
  env: Environment
  /** Kinds of stores; one of them is the embedded one. */
  drivers: readonly Pick<StoreDriver, 'type' | 'isEmbedded'>[]
}

/** Where the configuration's files and data lie: `--app-dir`, else beside its file, else `data`. */
export function folderOf({ file, appDir }: Pick<ChoiceOptions, 'file' | 'appDir'>): string {
  return resolve(appDir ?? (file === undefined ? DEFAULT_FOLDER : dirname(file)))
}

/**
 * The store that a configuration (which has been checked) asks for: the one of `config_store`; without a file the embedded one, so that what is set
 * up by the management API is kept; undefined where a file alone rules.
 */
export function storeChoice(tree: JsonObject, options: ChoiceOptions): StoreChoice | undefined {
  const folder = folderOf(options)
  const block = resolveEnv((tree.config_store ?? {}) as Json, options.env).value
  const { enabled, type, config } = isObject(block) ? block : {}
  const embedded = options.drivers.find(({ isEmbedded }) => isEmbedded)?.type ?? ''
  if (enabled === true) return { type: typeof type === 'string' ? type : embedded, config: isObject(config) ? config : {}, folder }
  return options.file === undefined && enabled === undefined ? { type: embedded, config: {}, folder } : undefined
}

/** `encryption_key`, else BIFROST_ENCRYPTION_KEY; undefined: none is set. */
export function passphraseOf(tree: JsonObject, env: Environment): string | undefined {
  const { encryption_key: key } = tree
  const text = key === undefined || key === '' ? env.BIFROST_ENCRYPTION_KEY : String(resolveEnv(key, env).value ?? '')
  return text === '' ? undefined : text
}
