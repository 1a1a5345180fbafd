import { randomUUID } from 'node:crypto'
import { Context, type Identity } from './context.ts'
import type { Incoming } from './edge.ts'
import { GatewayError } from './errors.ts'
import type { Format, NamedByPath } from './format.ts'
import type { Operation } from './provider.ts'
import type { Runtime } from './runtime.ts'
import type { ClientSettings } from './snapshot.ts'
import { HOP_HEADER } from './upstream/target.ts'
import { findVirtualKey, isWhitelisted } from './virtual-key.ts'

const LIST: Operation = 'list_models'

/** A request may pass this many gateways: a base URL that leads back here must end. */
const MAX_HOPS = 5
/** What a client may choose as a request id: visible ASCII, so that it can stand in any log line and header. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** An empty, `.` or `..` part of a model's name in a path: another spelling of some path, and no model's name. */
const ODD_SEGMENT = /(?:^|\/)\.{0,2}(?:\/|$)/

/**
 * Decides at header time, before the body is read, whether a request may come in. Synchronous and from the snapshot alone.
 * Throws GW_MISSING_HEADERS, GW_BODY_TOO_LARGE, GW_LOOP, GW_ROUTE_NOT_FOUND, GW_VIRTUAL_KEY_REQUIRED, GW_VIRTUAL_KEY_UNKNOWN,
 * GW_VIRTUAL_KEY_BLOCKED.
 */
export function identify(runtime: Runtime, incoming: Incoming): Context {
  const client = runtime.client()
  // The management API is left out: who asked for a header too many could not take it back.
  if (client.requiredHeaders.length > 0 && !incoming.route.isOpen && incoming.route.at !== 'control')
    checkRequired(client.requiredHeaders, incoming)
  if (incoming.contentLength !== undefined && incoming.contentLength > client.maxRequestBodyBytes) {
    throw new GatewayError('GW_BODY_TOO_LARGE', { limit: client.maxRequestBodyBytes })
  }
  const hops = incoming.headers.get(HOP_HEADER)
  const depth = hops === undefined ? 0 : Number.parseInt(hops, 10) || 0
  if (depth >= MAX_HOPS) throw new GatewayError('GW_LOOP', { depth })
  const dialect = runtime.registry.format(incoming.route.format)
  const named = incoming.route.namesModel ? readPath(dialect, incoming) : undefined
  return new Context({
    id: requestId(incoming),
    incoming,
    operation: named?.operation ?? (incoming.route.operation as Operation),
    inbound: named?.format === undefined ? dialect : runtime.registry.format(named.format),
    named,
    client,
    identity: identityOf(runtime, incoming, client),
    startedAt: runtime.deadlines.clock.now(),
    depth,
  })
}

const ANONYMOUS: Identity = Object.freeze({})
const ADMIN: Identity = Object.freeze({ needsAdmin: true })

/** Who asks: the owner of a virtual key; where one is asked for and missing, who has signed in, if that is enough. */
function identityOf({ tables, wallClock }: Runtime, { route, path, headers }: Incoming, client: ClientSettings): Identity {
  if (route.isOpen || route.at === 'control') return ANONYMOUS
  const virtualKey = findVirtualKey(tables, headers, wallClock)
  if (virtualKey) return { virtualKey }
  if (!client.asksForCredential || isWhitelisted(path, client.whitelistedRoutes)) return ANONYMOUS
  if (client.takesAdmin && (headers.has('authorization') || headers.has('cookie'))) return ADMIN
  throw new GatewayError('GW_VIRTUAL_KEY_REQUIRED')
}

function readPath(inbound: Format, { path, query, route }: Incoming): NamedByPath {
  const named = inbound.inbound?.readPath?.(path, query)
  // What is known of a model is asked for by GET, and nothing else is.
  if ((named?.operation === LIST) !== (route.operation === LIST)) throw new GatewayError('GW_ROUTE_NOT_FOUND', { path })
  if (!named || ODD_SEGMENT.test(named.model)) throw new GatewayError('GW_ROUTE_NOT_FOUND', { path })
  return named
}

function checkRequired(required: readonly string[], incoming: Incoming): void {
  const missing = required.filter((name) => !incoming.headers.has(name.toLowerCase()))
  if (missing.length > 0) throw new GatewayError('GW_MISSING_HEADERS', { names: missing.join(', ') })
}

/** The client's `x-request-id` where it is fit for a header, else a new one. */
export function requestId(incoming: Incoming | undefined): string {
  const given = incoming?.headers.get('x-request-id')
  return given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()
}
