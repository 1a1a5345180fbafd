import type { Route, Surface } from '../core/edge.ts'
import type { EdgeSettings } from '../core/snapshot.ts'

type Ports = Pick<EdgeSettings, 'adminPort' | 'metricsPort'>

/** The listeners that the settings ask for; the main one is always there. */
export function surfacesOf({ adminPort, metricsPort }: Ports): Surface[] {
  return ['public', ...(adminPort === undefined ? [] : ['admin' as const]), ...(metricsPort === undefined ? [] : ['metrics' as const])]
}

/** The rows that a listener serves; what it does not serve is unknown to it, and answered with 404. */
export function routesOn(surface: Surface, routes: readonly Route[], ports: Ports): Route[] {
  const surfaces = surfacesOf(ports)
  return routes.filter(({ surface: wanted = 'public' }) => {
    if (wanted === 'all') return true
    return (surfaces.includes(wanted) ? wanted : 'public') === surface
  })
}
