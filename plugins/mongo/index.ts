import { z } from 'zod'
import { defineStoreDriver } from '../../core/stores/stores.ts'

/** MongoDB and its relatives: one database, for as many machines as there are. */
export const mongoDriver = defineStoreDriver({
  type: 'mongodb',
  config: z.strictObject({
    url: z
      .string()
      .regex(/^mongodb(?:\+srv)?:\/\/./, 'must begin with mongodb:// or mongodb+srv://')
      .describe('Where the server is, with user and password; usually `env.NAME`.'),
    db_name: z
      .string()
      .regex(/^[^/\\. "$*<>:|?\0]{1,63}$/, 'must be a name of 1 to 63 characters without any of /\\. "$*<>:|?')
      .describe('The database. The gateway keeps its collections in it under names that begin with `bifrost_`.'),
  }),
  async openConfig(config, context) {
    const [{ openConnection }, { MongoConfigStore }] = await Promise.all([import('./connection.ts'), import('./config-store.ts')])
    return new MongoConfigStore(openConnection(config), context)
  },
  async openLogs(config) {
    const [{ openConnection }, { MongoLogStore }] = await Promise.all([import('./connection.ts'), import('./log-store.ts')])
    return new MongoLogStore(openConnection(config))
  },
  async openKeyValue(config, context) {
    const [{ openConnection }, { MongoKeyValue }] = await Promise.all([import('./connection.ts'), import('./key-value.ts')])
    return new MongoKeyValue(openConnection(config), context)
  },
})
