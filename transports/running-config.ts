import { existsSync, unwatchFile, watchFile } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isObject, type Json, type JsonObject } from '../core/canonical/json.ts'
import type { Builtins } from '../core/config/builtins.ts'
import { CONFIG_COLLECTIONS } from '../core/config/collections.ts'
import { type Environment, resolveEnv } from '../core/config/env.ts'
import { LiveConfig, type Opened, type Published } from '../core/config/live/live-config.ts'
import type { Rows } from '../core/config/live/rows.ts'
import { type Loaded, loadConfig } from '../core/config/load.ts'
import { ConfigError } from '../core/config/problems.ts'
import { folderOf, passphraseOf, storeChoice } from '../core/config/store-choice.ts'
import type { Log } from '../core/log.ts'
import { openSealing } from '../core/sealing/open-sealing.ts'
import { sealStore } from '../core/sealing/sealed-store.ts'
import type { Sealer } from '../core/sealing/sealer.ts'
import { sweepSecrets } from '../core/sealing/sweep.ts'
import { chooseDriver } from '../core/stores/choice.ts'
import { memoryKeyValue } from '../core/stores/memory-values.ts'
import { migrateSchema } from '../core/stores/schema.ts'
import { type ConfigStore, type KeyValueStore, type StoreDriver, StoreError } from '../core/stores/stores.ts'
import { type StoreThread, startStoreThread } from '../core/threads/store-thread.ts'
import type { RunningLogs } from './running-logs.ts'

/** What a process's configuration is opened with. */
export interface RunningConfigOptions {
  /** config.json; undefined: there is none. */
  file: string | undefined
  /** The file, or what stands for it, as it was read and checked. */
  read: Loaded
  appDir: string | undefined
  env: Environment
  builtins: Builtins
  drivers: readonly StoreDriver[]
  /** The module that every thread runs. */
  entry: URL
  log: Log
  logLevel: string
  logStyle?: 'json' | 'pretty' | undefined
  /** Told when the store does not answer at the start: it is asked again, with pauses, until it does. */
  onWaiting(reason: string): void
}

/** The configuration of a running process. */
export interface RunningConfig {
  live: LiveConfig
  loaded: Opened
  /** For sessions and the like. */
  keyValue: KeyValueStore
  /** Absent: the file alone rules. */
  store: OpenStore | undefined
  /** Absent: no log of requests is kept. */
  logs: RunningLogs | undefined
  /** Reads the file again and takes it over where it is right as a whole; else logs what is wrong. */
  reload(): Promise<void>
}

/** The original's database, in its folder. */
const BIFROST_FILE = 'config.db'
/** Changes of other machines and other programs are looked for so often, where nothing tells of them sooner. Milliseconds. */
const POLL_MS = 500
/** The file is looked at so often: its content, whatever an editor or a mounted volume does to it. Milliseconds. */
const WATCH_MS = 1000
/** A changed file that the store did not take is tried again after so long. Milliseconds. */
const RELOAD_AGAIN_MS = 2000
/** Channel on which machines tell each other of changes. */
const CHANNEL = 'config'
/** Pauses between attempts at a store that does not answer, in milliseconds; the last one stays. */
const PAUSES_MS: readonly number[] = [250, 500, 1000, 2000, 5000]

/** Opens the store, brings it up to date, and merges the file into it. Rejects with a ConfigError, StoreError or SealingError that says what to do. */
export async function openRunningConfig(options: RunningConfigOptions): Promise<RunningConfig> {
  const { file, env, builtins, log } = options
  const tree = treeOf(options.read)
  const store = await openStore(tree, options)
  const folder = folderOf(options)
  const load = (part: JsonObject) => loadConfig({ config: part, env, builtins, folder, isStored: true })
  try {
    const { live, loaded } = await answered(async () => {
      // A new one for each attempt: half of what was read may have gone when the store answers again.
      const next = new LiveConfig({ load, builtins, env, store: store?.config, log, now: Date.now })
      return { live: next, loaded: await next.open(tree, checkedFor(options)) }
    }, options)
    return {
      live,
      loaded,
      keyValue: store?.hasKeyValue ? store.thread.keyValue : memoryKeyValue(Date.now),
      store,
      logs: await openLogs(tree, options, live),
      async reload() {
        const { problems, source: next } = loadConfig({ file, env, builtins })
        if (problems.length > 0 || !isObject(next))
          return log.error({ file, problems }, 'the changed configuration file is not taken over; what ran before runs on')
        await live.reload(next)
        log.info({ file }, 'the changed configuration file was taken over')
      },
    }
  } catch (error) {
    await store?.thread.stop()
    throw error
  }
}

function treeOf({ source, problems }: Loaded): JsonObject {
  if (isObject(source)) return source
  throw new ConfigError(problems)
}

/** What the check made of the file, where the running gateway would make the same of it: where plugins' paths start from the same folder. */
function checkedFor({ read: { tables, secrets }, ...options }: RunningConfigOptions): Opened | undefined {
  const { file } = options
  return tables && file !== undefined && folderOf(options) === dirname(resolve(file)) ? { tables, secrets } : undefined
}

interface OpenStore {
  thread: StoreThread
  config: ConfigStore
  hasKeyValue: boolean
  /** Other machines are told of changes, and tell of theirs. */
  hasNotices: boolean
}

async function openStore(tree: JsonObject, options: RunningConfigOptions): Promise<OpenStore | undefined> {
  const choice = storeChoice(tree, options)
  if (!choice) return undefined
  const { drivers, entry, log, logLevel, logStyle, env } = options
  const driver = chooseDriver(drivers, choice.type, 'openConfig')
  if ('problem' in driver) throw new ConfigError([`config_store.type: ${driver.problem}`])
  // Only a folder that Bifrost has used needs what knows its database.
  const takeover = existsSync(join(choice.folder, BIFROST_FILE)) ? await import('../core/takeover/at-start.ts') : undefined
  const config = driver.config.parse(takeover ? await takeover.besideBifrost(choice.config, choice.folder) : choice.config)
  const chosen = { type: choice.type, config }
  const shared = valueChoice(tree, options)
  const keyValue = shared ?? (driver.openKeyValue ? chosen : undefined)
  const setup = { config: chosen, keyValue, notices: shared, folder: choice.folder, collections: CONFIG_COLLECTIONS }
  const thread = startStoreThread({ entry, setup, log, logLevel, logStyle })
  try {
    const raw = thread.config
    await answered(() => raw.ping(), options)
    const passphrase = passphraseOf(tree, env)
    if (passphrase === undefined)
      log.warn('no encryption key is set (encryption_key or BIFROST_ENCRYPTION_KEY): secrets lie in the store in plain text')
    const sealer = await answered(() => openSealing(raw, { passphrase, now: Date.now() }), options)
    void sealPlain(raw, sealer, log)
    const sealed = sealStore(raw, sealer)
    const context = { folder: choice.folder, collections: CONFIG_COLLECTIONS, log, now: Date.now }
    await answered(() => migrateSchema(sealed, { backup: driver.backup && (async () => driver.backup?.(config, context)) }), options)
    const validity = { builtins: options.builtins, env }
    await takeover?.takeOverAtStart(choice.folder, {
      ...{ store: sealed, log, now: Date.now(), passphrase, validity },
      ...takeoverNames(options),
    })
    return { thread, config: sealed, hasKeyValue: keyValue !== undefined, hasNotices: shared !== undefined }
  } catch (error) {
    await thread.stop()
    throw error
  }
}

/** `key_value_store`: what machines share besides the configuration. */
function valueChoice(tree: JsonObject, { drivers, env }: RunningConfigOptions): { type: string; config: unknown } | undefined {
  const block = resolveEnv((tree.key_value_store ?? {}) as Json, env).value
  if (!isObject(block) || block.enabled !== true) return undefined
  const driver = drivers.find(({ type }) => type === block.type)
  return driver && { type: driver.type, config: driver.config.parse(block.config ?? {}) }
}

/** Only where a log is kept needs what keeps it. */
async function openLogs(tree: JsonObject, options: RunningConfigOptions, live: LiveConfig): Promise<RunningLogs | undefined> {
  if (tree.logs_store === undefined) return undefined
  const { openRunningLogs } = await import('./running-logs.ts')
  return openRunningLogs({ ...options, tree, folder: folderOf(options), client: () => live.entities.get('settings', 'client') })
}

/** Names that the takeover of a former database goes by. */
function takeoverNames({ builtins }: RunningConfigOptions) {
  const keyUrls = builtins.providers.flatMap(({ name, keyUrl, keyModelName }) => (keyUrl && !keyModelName ? [[name, keyUrl] as const] : []))
  return { keyUrls: Object.fromEntries(keyUrls), plugins: new Set(builtins.plugins.map(({ name }) => name)) }
}

/** Waits for the store for as long as it takes: without it nobody's virtual key is known, and an open gateway is no way out. */
async function answered<T>(ask: () => Promise<T>, { onWaiting, log }: RunningConfigOptions): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== 'unavailable') throw error
      if (attempt === 0) onWaiting(error.message)
      const pauseMs = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] as number
      log.warn({ reason: error.message, pauseMs }, 'the configuration store does not answer; it is asked again')
      await wait(pauseMs)
    }
  }
}

/** Seals beside the start what lies in the open since before there was a key. */
async function sealPlain(raw: ConfigStore, sealer: Sealer, log: Log): Promise<void> {
  try {
    const { sealed, left, againInMs } = await sweepSecrets(raw, sealer, Date.now())
    if (sealed > 0) log.info({ sealed, left }, 'secrets that lay in the open were sealed')
    if (againInMs !== undefined) setTimeout(() => void sealPlain(raw, sealer, log), againInMs).unref()
  } catch (error) {
    log.error({ err: error }, 'secrets could not be sealed; the next start tries again')
  }
}

/** Brings every change to the data threads, wherever it comes from: this process's own writes, the file, other machines. Returns how to stop. */
export async function followConfig(
  { live, store, reload }: RunningConfig,
  { file, publish, log }: { file: string | undefined; publish(rows: Rows): Promise<Published>; log: Log },
): Promise<() => void> {
  const notices = store?.hasNotices ? store.thread.notices : undefined
  live.attach(async (rows) => {
    const published = await publish(rows)
    notices
      ?.publish(CHANNEL, '')
      .catch((error: unknown) => log.warn({ err: error }, 'other machines were not told of a change; they find it by themselves'))
    return published
  })
  const refresh = createRefresh(live, log)
  const timer = store && setInterval(refresh, POLL_MS)
  let again: NodeJS.Timeout | undefined
  const onChange = () => {
    clearTimeout(again)
    reload().catch((error: unknown) => {
      log.error({ err: error, file }, 'the changed configuration file is not taken over; it is tried again')
      again = setTimeout(onChange, RELOAD_AGAIN_MS).unref()
    })
  }
  if (file !== undefined)
    watchFile(file, { interval: WATCH_MS, persistent: false }, (now, before) => now.mtimeMs !== before.mtimeMs && onChange())
  const stopListening = await notices?.subscribe(CHANNEL, refresh, refresh).catch(() => undefined)
  return () => {
    clearInterval(timer)
    clearTimeout(again)
    stopListening?.()
    if (file !== undefined) unwatchFile(file)
  }
}

/** One look at the store at a time; that it is gone is said once, and that it is back. */
function createRefresh(live: LiveConfig, log: Log): () => void {
  let isBusy = false
  let isLost = false
  return () => {
    if (isBusy) return
    isBusy = true
    live
      .refresh()
      .then(
        () => {
          if (isLost) log.info('the configuration store answers again')
          isLost = false
        },
        (error: unknown) => {
          if (!isLost) log.error({ err: error }, 'the configuration store does not answer; what is configured is served on')
          isLost = true
        },
      )
      .finally(() => {
        isBusy = false
      })
  }
}
