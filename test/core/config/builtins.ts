import { z } from 'zod'
import type { Builtins } from '../../../core/config/builtins.ts'
import { plannedPlugins, vectorStores } from '../../../plugins/index.ts'
import { plannedProviders, providers } from '../../../providers/index.ts'

/** The emitted JSON schema of config.json. */
export const SCHEMA_FILE = new URL('../../../core/config/schema.json', import.meta.url)

/** Kinds of stores, as drivers of the product declare them. */
const stores = [
  { type: 'sqlite', config: z.strictObject({ path: z.string().min(1).default('config.db') }) },
  { type: 'mongodb', config: z.strictObject({ url: z.string().min(1), db_name: z.string().min(1).default('bifrost') }) },
  { type: 'memory', config: z.strictObject({}) },
]

/** The built-ins of the product, one plugin name, and kinds of stores. */
export const builtins: Builtins = {
  providers,
  planned: plannedProviders,
  plugins: [{ name: 'example' }],
  plannedPlugins,
  vectorStores,
  stores,
}
