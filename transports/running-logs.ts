import { setTimeout as wait } from 'node:timers/promises'
import { isObject, type Json, type JsonObject } from '../core/canonical/json.ts'
import { type Environment, resolveEnv } from '../core/config/env.ts'
import { ConfigError } from '../core/config/problems.ts'
import type { Log } from '../core/log.ts'
import { chooseDriver } from '../core/stores/choice.ts'
import { LogQueue } from '../core/stores/log-queue.ts'
import { keepRetention } from '../core/stores/log-retention.ts'
import type { LogStore, StoreDriver } from '../core/stores/stores.ts'
import { startStoreThread } from '../core/threads/store-thread.ts'

/** Days that records stay where nothing is said. */
const DEFAULT_DAYS = 365
/** How long the last records may take at the end, in milliseconds. */
const LAST_WRITES_MS = 2000

/** What the log of requests is opened with. */
export interface RunningLogsOptions {
  /** The configuration as it is written. */
  tree: JsonObject
  env: Environment
  /** Folder for files. */
  folder: string
  drivers: readonly StoreDriver[]
  /** The module that every thread runs. */
  entry: URL
  log: Log
  logLevel: string
  logStyle?: 'json' | 'pretty' | undefined
  /** The `client` block as it stands. Asked at every sweep. */
  client(): JsonObject | undefined
}

/** The log of requests while the process runs. */
export interface RunningLogs {
  /** For those who look back. */
  store: LogStore
  /** For those who write. */
  queue: LogQueue
  /** Writes what waits and ends the log's thread; for good. */
  stop(): Promise<void>
}

/**
 * Opens the store of `logs_store`, in a thread of its own, and keeps its retention; undefined: there is none. Nothing waits for it: where it does not
 * answer the gateway starts and serves, and the store is there once it answers. Throws ConfigError.
 */
export function openRunningLogs(options: RunningLogsOptions): RunningLogs | undefined {
  const { tree, env, folder, drivers, entry, logLevel, logStyle } = options
  const log = options.log.child({ store: 'logs' })
  const block = resolveEnv((tree.logs_store ?? {}) as Json, env).value
  if (!isObject(block) || block.enabled !== true) return undefined
  const driver = chooseDriver(drivers, String(block.type), 'openLogs')
  if ('problem' in driver) throw new ConfigError([`logs_store.type: ${driver.problem}`])
  const logs = { type: driver.type, config: driver.config.parse(block.config ?? {}) }
  // A thread of its own: a search through gigabytes delays no change of the configuration.
  const thread = startStoreThread({ entry, setup: { logs, folder, collections: [] }, log, logLevel, logStyle })
  const { logs: store } = thread
  const pause = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal, ref: false })
  const queue = new LogQueue({ append: (records) => store.append(records), log, now: () => performance.now(), pause })
  const days = () => retentionDays(options.client(), block)
  const stopSweeping = keepRetention({ store, days, log, now: Date.now, pause, random: Math.random })
  return {
    store,
    queue,
    async stop() {
      stopSweeping()
      await Promise.race([queue.close(), wait(LAST_WRITES_MS, undefined, { ref: false })])
      await thread.stop()
    },
  }
}

/** `client.log_retention_days` goes first, then `logs_store.retention_days`, where 0 keeps everything (C9). */
export function retentionDays(client: JsonObject | undefined, { retention_days: older }: JsonObject): number {
  const days = client?.log_retention_days ?? older
  return typeof days === 'number' ? days : DEFAULT_DAYS
}
