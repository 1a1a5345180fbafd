import type { Context } from './context.ts'
import type { Credentials } from './credentials.ts'
import type { Deadlines } from './deadlines.ts'
import type { HookCallers, Outcome } from './hooks/hooks.ts'
import type { Log } from './log.ts'
import type { Registry } from './registry.ts'
import type { Shared } from './shared.ts'
import type { ClientSettings, SnapshotTables } from './snapshot.ts'
import type { StreamPool } from './stream/pool.ts'
import type { UpstreamClient } from './upstream/types.ts'

/** What one data thread works with: made at boot by gateway.ts, handed to every stage of the pipeline. */
export interface Runtime {
  /** Patched in place; entries are replaced, never changed. */
  tables: SnapshotTables
  client(): ClientSettings
  registry: Registry
  shared: Shared
  upstream: UpstreamClient
  credentials: Credentials
  deadlines: Deadlines
  log: Log
  /** The translation pool of this thread; absent where the machine has no core to spare for one. */
  pool: StreamPool | undefined
  /** The plugins' handlers for a request: of those that it began with. */
  callers(ctx: Context): HookCallers
  /** A stream has ended: runs postHook, which may only record. Never throws. */
  finished(ctx: Context, outcome: Outcome): void
  /** 0 <= x < 1; injected for tests. */
  random(): number
  /** Milliseconds since 1970; injected for tests. */
  wallClock(): number
  /** Event-loop utilisation of this thread over the last second, 0..1. */
  utilisation(): number
}
