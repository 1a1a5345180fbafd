import type { Builtins } from '../../../core/config/builtins.ts'
import { plannedPlugins, vectorStores } from '../../../plugins/index.ts'
import { storeDrivers } from '../../../plugins/stores.ts'
import { plannedProviders, providers } from '../../../providers/index.ts'

/** The emitted JSON schema of config.json. */
export const SCHEMA_FILE = new URL('../../../core/config/schema.json', import.meta.url)

/** The built-ins of the product, and one plugin name. */
export const builtins: Builtins = {
  providers,
  planned: plannedProviders,
  plugins: [{ name: 'example' }],
  plannedPlugins,
  vectorStores,
  stores: storeDrivers,
}
