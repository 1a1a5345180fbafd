import type { z } from 'zod'
import type { JsonObject } from '../canonical/json.ts'
import type { Provider } from '../provider.ts'

/** A provider that is known by name and not served by this version. */
export interface PlannedProvider {
  name: string
  /** The environment variable that would create it. */
  envKey?: string | undefined
}

/** A kind of store, by the `type` that the configuration names, with the schema of the block's `config`. */
export interface StoreType {
  type: string
  config: z.ZodType
  /** What it can be used for; a kind that keeps vectors has none of these. */
  openConfig?: unknown
  openLogs?: unknown
  openKeyValue?: unknown
}

/** A plugin that is known by name and not served by this version, with the schema of its config. */
export interface PlannedPlugin {
  name: string
  config: z.ZodType
  /** Why a configuration that turns it on cannot start; undefined: it can, and the plugin has no effect. */
  refusal?: (config: JsonObject) => string | undefined
}

/** What a configuration may refer to by name. Brought by the caller: the core knows no provider and no plugin by name. */
export interface Builtins {
  providers: readonly Provider[]
  planned?: readonly PlannedProvider[] | undefined
  plugins: readonly { name: string }[]
  plannedPlugins?: readonly PlannedPlugin[] | undefined
  /** Kinds that keep the configuration, logs or values. None: `config_store` and `logs_store` cannot be enabled. */
  stores?: readonly StoreType[] | undefined
  /** Kinds that keep vectors, known and not served by this version. */
  vectorStores?: readonly StoreType[] | undefined
}

/** Makes something from built-ins once for each list of them: schemas cost milliseconds to make and to use for the first time. */
export function perBuiltins<T>(make: (builtins: Builtins) => T): (builtins: Builtins) => T {
  const made = new WeakMap<Builtins, T>()
  return (builtins) => {
    const known = made.get(builtins)
    if (known !== undefined) return known
    const fresh = make(builtins)
    made.set(builtins, fresh)
    return fresh
  }
}
