import { setTimeout as wait } from 'node:timers/promises'
import type { HeaderList } from '../core/edge.ts'
import type { ControlRoute } from '../core/threads/control.ts'

const JSON_HEADERS: HeaderList = [['content-type', 'application/json']]

/** What the main thread's own routes tell. Read at each request. */
export interface ProcessFacts {
  version: string
  isDraining: boolean
  threads: number
  snapshotVersion: number
  /** Durations of the start, in milliseconds (D22). */
  phases: Readonly<Record<string, number>>
  /** Asks the configuration store for a sign of life; undefined: there is none, or it is not to be asked. */
  pingStore: (() => Promise<void>) | undefined
  /** The same of the store of logs. */
  pingLogs?: (() => Promise<void>) | undefined
}

/** The routes that the main thread answers, by operation. */
export function controlRoutes(facts: () => ProcessFacts): Record<string, ControlRoute> {
  return {
    async health() {
      const { isDraining, pingStore, pingLogs } = facts()
      const [pings, logs] = await Promise.all([pingStore ? answers(pingStore) : 'disabled', pingLogs && answers(pingLogs)])
      const status = isDraining ? 'draining' : pings === 'failed' ? 'unavailable' : 'ok'
      // Requests are served without a log: that one is gone is told, and takes no machine out of its pool.
      return reply(status === 'ok' ? 200 : 503, { status, components: { db_pings: pings, ...(logs && { log_pings: logs }) } })
    },
    version() {
      const { version, threads, snapshotVersion, phases } = facts()
      const rounded = Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms)]))
      return reply(200, { version, threads, snapshot_version: snapshotVersion, start_ms: rounded })
    },
  }
}

/** A store that takes longer than this is no help to a request that waits for the answer. Milliseconds. */
const PING_MS = 2000

async function answers(ping: () => Promise<void>): Promise<'ok' | 'failed'> {
  const late = new AbortController()
  const isLate = wait(PING_MS, 'failed' as const, { signal: late.signal }).catch(() => 'failed' as const)
  const ok = ping()
    .then(() => 'ok' as const)
    .catch(() => 'failed' as const)
  return Promise.race([ok, isLate]).finally(() => late.abort())
}

function reply(status: number, body: object) {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(body) }
}
