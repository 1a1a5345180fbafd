import type { TlsMaterial } from '../core/config/edge.ts'
import type { Surface } from '../core/edge.ts'
import type { ClientSettings } from '../core/snapshot.ts'
import type { Acceptor } from '../core/threads/control.ts'
import type { ServeOptions } from './options.ts'
import { surfacesOf } from './surfaces.ts'

/** Opens one listener (http/acceptor.ts). */
export type CreateAcceptor = (init: {
  hosts: readonly string[]
  port: number
  tls?: TlsMaterial | undefined
}) => Promise<Acceptor & { readonly port: number }>

/** Where a listener listens. */
export interface ListenerPlan {
  surface: Surface
  hosts: readonly string[]
  port: number
}

/** The listeners that the flags and settings ask for. Those beside the main one listen on its addresses, without unix sockets. */
export function listenerPlans({ hosts, port }: Pick<ServeOptions, 'hosts' | 'port'>, client: ClientSettings | undefined): ListenerPlan[] {
  const addresses = hosts.filter((host) => !host.startsWith('unix:'))
  const near = addresses.length > 0 ? addresses : ['localhost']
  return surfacesOf(client ?? {}).map((surface) => {
    if (surface === 'public') return { surface, hosts, port }
    return { surface, hosts: near, port: (surface === 'admin' ? client?.adminPort : client?.metricsPort) ?? 0 }
  })
}

/** The listeners of the gateway, as one acceptor: a data thread's descriptor holds one for each, by the listener's name. */
export interface Listeners extends Acceptor {
  readonly ports: Readonly<Partial<Record<Surface, number>>>
}

/** Opens them in order. Rejects with a sentence where one cannot be had; none is left open then. */
export async function openListeners(
  create: CreateAcceptor,
  plans: readonly ListenerPlan[],
  tls: TlsMaterial | undefined,
): Promise<Listeners> {
  const opened = new Map<Surface, Acceptor & { readonly port: number }>()
  const close = () => opened.forEach((acceptor) => acceptor.close())
  try {
    for (const { surface, hosts, port } of plans) opened.set(surface, await create({ hosts, port, tls }).catch(explain(surface)))
  } catch (error) {
    close()
    throw error
  }
  const each = (descriptor: unknown, run: (acceptor: Acceptor, own: unknown) => void) => {
    const bySurface = descriptor as Readonly<Record<string, unknown>>
    for (const [surface, acceptor] of opened) run(acceptor, bySurface[surface])
  }
  return {
    ports: Object.fromEntries([...opened].map(([surface, { port }]) => [surface, port])),
    add: (descriptor) => each(descriptor, (acceptor, own) => acceptor.add(own)),
    remove: (descriptor) => each(descriptor, (acceptor, own) => acceptor.remove(own)),
    close,
  }
}

/** The main listener's sentence speaks of --port and --host, which are not what is wrong with another. */
function explain(surface: Surface): (error: unknown) => never {
  return (error) => {
    if (surface === 'public') throw error
    throw new Error(`client.${surface}_port: ${error instanceof Error ? error.message.replace(/ with --(port|host)/, '') : String(error)}`)
  }
}
