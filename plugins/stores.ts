import { memoryDriver } from '../core/stores/memory.ts'
import type { StoreDriver } from '../core/stores/stores.ts'
import { mongoDriver } from './mongo/index.ts'
import { redisDriver } from './redis/index.ts'
import { sqliteDriver } from './sqlite/index.ts'

/** Kinds of stores by the `type` that the configuration names. Their clients are loaded when one is opened, and not before. */
export const storeDrivers: readonly StoreDriver[] = [memoryDriver, sqliteDriver, mongoDriver, redisDriver]
