import type { ConfigStore, KeyValueStore, LogStore, Notices, StoreContext, StoreDriver } from '../../core/stores/stores.ts'
import { memoryLog } from './plugins.ts'

/** What a driver is given, where a test says nothing else. */
function contextWith(context: Partial<StoreContext>): StoreContext {
  return { folder: undefined, collections: [], log: memoryLog() as unknown as StoreContext['log'], now: Date.now, ...context }
}

/** Opens a store of the configuration by its driver, through the driver's own schema. */
export async function openedConfig(driver: StoreDriver, config: unknown, context: Partial<StoreContext> = {}): Promise<ConfigStore> {
  if (!driver.openConfig) throw new Error(`${driver.type} keeps no configuration`)
  return driver.openConfig(driver.config.parse(config), contextWith(context))
}

/** Opens a key-value store by its driver. */
export async function openedKeyValue(driver: StoreDriver, config: unknown, context: Partial<StoreContext> = {}): Promise<KeyValueStore> {
  if (!driver.openKeyValue) throw new Error(`${driver.type} keeps no values`)
  return driver.openKeyValue(driver.config.parse(config), contextWith(context))
}

/** Opens notices by their driver. */
export async function openedNotices(driver: StoreDriver, config: unknown, context: Partial<StoreContext> = {}): Promise<Notices> {
  if (!driver.openNotices) throw new Error(`${driver.type} carries no notices`)
  return driver.openNotices(driver.config.parse(config), contextWith(context))
}

/** Opens a store of logs by its driver. */
export async function openedLogs(driver: StoreDriver, config: unknown, context: Partial<StoreContext> = {}): Promise<LogStore> {
  if (!driver.openLogs) throw new Error(`${driver.type} keeps no logs`)
  return driver.openLogs(driver.config.parse(config), contextWith(context))
}
