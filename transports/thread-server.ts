import type { Edge } from '../core/edge.ts'
import type { ClientSettings, SnapshotTables } from '../core/snapshot.ts'
import type { ThreadServer } from '../core/threads/data.ts'
import { createBodyBudget } from './http/budget.ts'
import { createServer } from './http/server.ts'
import { ROUTES } from './routes.ts'

/** The HTTP server of a data thread; it may hold its share of `client.max_buffered_body_mb`. */
export function createThreadServer({ edge, tables, threads }: { edge: Edge; tables: SnapshotTables; threads: number }): ThreadServer {
  const limits = () => tables.client.get('client') as ClientSettings
  const budget = createBodyBudget(() => Math.ceil(limits().maxBufferedBodyBytes / threads))
  const server = createServer({ edge, routes: ROUTES, limits, budget })
  return {
    descriptor: server.descriptor,
    get connections() {
      return server.connections()
    },
    get running() {
      return server.requests()
    },
    drain: server.setDraining,
    close: server.close,
  }
}
