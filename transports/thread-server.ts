import type { TlsMaterial } from '../core/config/edge.ts'
import type { Edge, Surface } from '../core/edge.ts'
import type { Shared } from '../core/shared.ts'
import type { ClientSettings, SnapshotTables } from '../core/snapshot.ts'
import type { ThreadServer } from '../core/threads/data.ts'
import { createBodyBudget } from './http/budget.ts'
import { createServer, type HttpServer } from './http/server.ts'
import { ROUTES } from './routes.ts'
import { routesOn, surfacesOf } from './surfaces.ts'

/** What the servers of a data thread are made from. */
export interface ThreadServerOptions {
  edge: Edge
  tables: SnapshotTables
  /** Data threads; this one may hold its share of `client.max_buffered_body_mb`. */
  threads: number
  shared: Pick<Shared, 'connections'>
  tls?: TlsMaterial | undefined
}

/** Servers with one certificate: one for each listener, by its name. */
type Generation = ReadonlyMap<Surface, HttpServer>

/** Old certificates whose connections are waited for; the oldest beyond that are cut. */
const MAX_RETIRED = 16
/** How often it is looked whether the last connection under an old certificate has gone. */
const RETIRED_CHECK_MS = 1000

/** The HTTP servers of a data thread. Its descriptor holds one for each listener (listeners.ts). */
export function createThreadServer({ edge, tables, threads, shared, tls }: ThreadServerOptions): ThreadServer {
  const limits = () => tables.client.get('client') as ClientSettings
  const budget = createBodyBudget(() => Math.ceil(limits().maxBufferedBodyBytes / threads))
  const ports = limits()
  const open = (material: TlsMaterial | undefined): Generation =>
    new Map(
      surfacesOf(ports).map((surface) => {
        const gauge = surface === 'public' ? shared.connections : undefined
        return [surface, createServer({ edge, routes: routesOn(surface, ROUTES, ports), limits, budget, gauge, tls: material })]
      }),
    )
  return new ThreadServers(open, open(tls))
}

class ThreadServers implements ThreadServer {
  readonly #open: (tls: TlsMaterial) => Generation
  #current: Generation
  /** Oldest first. They get no new connection, and end with their last one. */
  readonly #retired: Generation[] = []
  #watch: NodeJS.Timeout | undefined

  constructor(open: (tls: TlsMaterial) => Generation, first: Generation) {
    this.#open = open
    this.#current = first
  }

  get descriptor(): Record<string, unknown> {
    return Object.fromEntries([...this.#current].map(([surface, server]) => [surface, server.descriptor]))
  }
  get connections(): number {
    return this.#servers.reduce((sum, server) => sum + server.connections(), 0)
  }
  get running(): number {
    return this.#servers.reduce((sum, server) => sum + server.requests(), 0)
  }
  get #servers(): HttpServer[] {
    return [...this.#retired, this.#current].flatMap((generation) => [...generation.values()])
  }

  drain(): void {
    for (const server of this.#servers) server.setDraining()
  }

  close(): void {
    clearInterval(this.#watch)
    for (const generation of [...this.#retired.splice(0), this.#current]) closeAll(generation)
  }

  renew(tls: TlsMaterial): Record<string, unknown> {
    const next = this.#open(tls)
    this.#retired.push(this.#current)
    this.#current = next
    return this.descriptor
  }

  retire(): void {
    for (const generation of this.#retired) for (const server of generation.values()) server.setDraining()
    for (const generation of this.#retired.splice(0, Math.max(0, this.#retired.length - MAX_RETIRED))) closeAll(generation)
    this.#watch ??= setInterval(() => this.#closeEmpty(), RETIRED_CHECK_MS).unref()
  }

  #closeEmpty(): void {
    const isEmpty = (generation: Generation) => [...generation.values()].every((server) => server.connections() === 0)
    for (const generation of this.#retired.filter(isEmpty)) {
      this.#retired.splice(this.#retired.indexOf(generation), 1)
      closeAll(generation)
    }
    if (this.#retired.length > 0) return
    clearInterval(this.#watch)
    this.#watch = undefined
  }
}

function closeAll(generation: Generation): void {
  for (const server of generation.values()) server.close()
}
