import type { JsonObject } from '../../../../core/canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../../../../core/config/collections.ts'
import type { Environment } from '../../../../core/config/env.ts'
import { LiveConfig } from '../../../../core/config/live/live-config.ts'
import type { Rows } from '../../../../core/config/live/rows.ts'
import { loadConfig } from '../../../../core/config/load.ts'
import type { SnapshotTables } from '../../../../core/snapshot.ts'
import { Snapshot, slices } from '../../../../core/snapshot-tables.ts'
import { memoryConfigStore } from '../../../../core/stores/memory.ts'
import type { ConfigStore } from '../../../../core/stores/stores.ts'
import { builtins } from '../builtins.ts'

export { builtins } from '../builtins.ts'

/** A running configuration with the tables that a data thread would have. */
export interface Running {
  live: LiveConfig
  tables: SnapshotTables
  published: Rows[]
  lines: string[]
}

export const newStore = (): ConfigStore => memoryConfigStore({ collections: CONFIG_COLLECTIONS, now: Date.now })

/** Opens one over a store (or none: the file alone rules), and keeps its tables as a data thread does. `isChecked`: with what the file's check made of it, as a start does. */
export async function running(
  file: JsonObject,
  {
    store,
    env = {},
    now = Date.now,
    isChecked = false,
  }: { store?: ConfigStore | undefined; env?: Environment; now?: () => number; isChecked?: boolean } = {},
): Promise<Running> {
  const lines: string[] = []
  const say = (...args: unknown[]) => void lines.push(JSON.stringify(args))
  const load = (config: JsonObject) => loadConfig({ config, env, builtins, memoryBytes: 8e9, isStored: true })
  const live = new LiveConfig({ load, builtins, env, store, log: { info: say, warn: say, error: say }, now })
  const checked = isChecked ? loadConfig({ config: file, env, builtins, memoryBytes: 8e9 }) : undefined
  const { tables } = await live.open(file, checked?.tables && { ...checked, tables: checked.tables })
  const snapshot = new Snapshot()
  for (const { patch } of slices(tables, 1)) snapshot.apply(patch)
  const published: Rows[] = []
  live.attach(async (rows) => {
    published.push(rows)
    snapshot.apply({ version: snapshot.version + 1, ...rows })
    return { version: snapshot.version, acknowledged: true }
  })
  return { live, tables: snapshot.tables, published, lines }
}

/** Tables without what only the place in memory decides. */
export function comparable({ providers, ...tables }: SnapshotTables): unknown {
  const sorted = <T>(map: Map<string, T>) => [...map].sort(([one], [other]) => (one < other ? -1 : 1))
  const withoutSlots = [...providers].map(([name, provider]) => [
    name,
    { ...provider, slot: 0, keys: provider.keys.map((key) => ({ ...key, slot: 0 })).sort((one, other) => (one.id < other.id ? -1 : 1)) },
  ])
  const others = Object.entries(tables).map(([name, map]) => [name, sorted(map as Map<string, unknown>)])
  return { ...Object.fromEntries(others), providers: sorted(new Map(withoutSlots as [string, unknown][])) }
}
