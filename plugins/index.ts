import type { Plugin } from '../core/plugin/plugin.ts'

/** The plugins that come with the gateway. A row of `plugins[]` without a `path` names one of them. */
export const builtins: readonly Plugin[] = []

export { plannedPlugins, vectorStores } from './planned.ts'
