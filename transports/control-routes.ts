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
}

/** The routes that the main thread answers, by operation. */
export function controlRoutes(facts: () => ProcessFacts): Record<string, ControlRoute> {
  return {
    health() {
      const { isDraining } = facts()
      return reply(isDraining ? 503 : 200, { status: isDraining ? 'draining' : 'ok', components: { db_pings: 'disabled' } })
    },
    version() {
      const { version, threads, snapshotVersion, phases } = facts()
      const rounded = Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms)]))
      return reply(200, { version, threads, snapshot_version: snapshotVersion, start_ms: rounded })
    },
  }
}

function reply(status: number, body: object) {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(body) }
}
