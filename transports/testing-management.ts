import type { Builtins } from '../core/config/builtins.ts'
import { CONFIG_COLLECTIONS } from '../core/config/collections.ts'
import type { Environment } from '../core/config/env.ts'
import { LiveConfig } from '../core/config/live/live-config.ts'
import type { LoadTree } from '../core/config/live/rows.ts'
import type { Gateway } from '../core/gateway.ts'
import { keyStatus } from '../core/key-status.ts'
import type { Shared } from '../core/shared.ts'
import { placeRows } from '../core/slots.ts'
import type { Snapshot } from '../core/snapshot-tables.ts'
import { memoryConfigStore } from '../core/stores/memory.ts'
import { memoryKeyValue } from '../core/stores/memory-values.ts'
import type { ConfigStore, KeyValueStore } from '../core/stores/stores.ts'
import type { ControlRoute } from '../core/threads/control.ts'
import type { ControlCalls } from '../core/threads/control-calls.ts'
import type { ThreadLog } from '../core/threads/guard.ts'
import { publication } from '../core/threads/publication.ts'
import { createAdmin } from './admin/index.ts'
import { controlRoutes } from './control-routes.ts'

/** How a gateway for tests is managed. */
export interface TestManagement {
  /** Where the configuration is kept; null: nowhere, as where the file alone rules. In memory unless said. */
  store?: ConfigStore | null | undefined
  /** Where sessions are kept; in memory unless said. */
  sessions?: KeyValueStore | undefined
  /** How long a write waits for its change to be in place; 9 s unless said. */
  patienceMs?: number | undefined
}

const PATIENCE_MS = 9000

/** What the running configuration of a test is made of. */
export interface ManagedOptions {
  management: TestManagement
  load: LoadTree
  builtins: Builtins
  env: Environment
  log: ThreadLog
  now(): number
}

/** The running configuration of a gateway for tests, over the store that it names. */
export function createLive({ management, ...options }: ManagedOptions): LiveConfig {
  const { store = memoryConfigStore({ collections: CONFIG_COLLECTIONS, now: options.now }) } = management
  return new LiveConfig({ ...options, store: store ?? undefined })
}

/** The parts of a gateway in one thread that the management API works on. */
export interface ManagedParts {
  live: LiveConfig
  core: Gateway
  snapshot: Snapshot
  shared: Shared
}

/** Brings changes to the gateway as the main thread does, and answers the routes that are at home there. */
export function manage({ live, core, snapshot, shared }: ManagedParts, options: ManagedOptions): ControlCalls['ask'] {
  let applied: Promise<readonly string[]> = Promise.resolve([])
  live.attach(async ({ set, delete: deleted }) => {
    const version = snapshot.version + 1
    const patch = { version, set: placeRows({ set, delete: deleted }, snapshot.tables.providers, shared), delete: deleted }
    snapshot.apply(patch)
    // One after the other, as in a data thread.
    applied = applied.then(() => core.apply(patch).then(() => [], problemsOf))
    return publication(
      version,
      applied.then((problems) => [problems]),
      options.management.patienceMs ?? PATIENCE_MS,
    )
  })
  const { now, env, log, builtins, management } = options
  const status = (id: string) => {
    const key = [...snapshot.tables.providers.values()].flatMap(({ keys }) => keys).find((each) => each.id === id)
    return key && keyStatus(shared, key, now())
  }
  const facts = { version: 'test', isDraining: false, threads: 1, phases: {}, pingStore: undefined }
  const routes: Record<string, ControlRoute> = {
    ...controlRoutes(() => ({ ...facts, snapshotVersion: snapshot.version })),
    ...createAdmin({
      config: live,
      builtins,
      sessions: management.sessions ?? memoryKeyValue(now),
      keyStatus: status,
      plugins: () => core.plugins.plugins,
      listModels: (providers) => core.listModels(providers),
      version: facts.version,
      ...{ env, log, now },
    }).routes,
  }
  return async (request) => {
    const route = routes[request.route] as ControlRoute
    return { id: 0, ...(await route({ ...request, id: 0 })) }
  }
}

function problemsOf(error: unknown): readonly string[] {
  const { problems } = error as { problems?: readonly string[] }
  return problems ?? [error instanceof Error ? error.message : String(error)]
}
