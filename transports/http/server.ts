import type { TlsMaterial } from '../../core/config/edge.ts'
import type { Edge, Incoming, Route } from '../../core/edge.ts'
import { ERRORS, GatewayError } from '../../core/errors.ts'
import type { ClientSettings } from '../../core/snapshot.ts'
import { type BodyHost, BodyReader, type BodySink, bodyTooLarge, EMPTY } from './body.ts'
import { type BodyBudget, createBodyBudget } from './budget.ts'
import { corsHeaders, preflightHeaders, VARY } from './cors.ts'
import { ACCEPTED, codingOf, DecodeQueue, DecodingSink } from './decode.ts'
import { Exchange } from './exchange.ts'
import { openListeners } from './listen.ts'
import { HttpReply, type ReplyHost } from './reply.ts'
import { allowedMethods, routesByPath } from './routes.ts'
import { type Asked, type Listening, takeSnapshot } from './snapshot.ts'
import { type Clock, Sweep, systemClock } from './sweep.ts'
import { TIMING, type Timing } from './timing.ts'
import { type App, createApp, type HttpRequest, type HttpResponse } from './uws.ts'

/** The settings that the edge goes by. */
export type EdgeLimits = Pick<
  ClientSettings,
  | 'maxRequestBodyBytes'
  | 'maxBufferedBodyBytes'
  | 'requestBodyTimeoutMs'
  | 'allowedOrigins'
  | 'allowedHeaders'
  | 'trustedProxies'
  | 'proxyProtocol'
  | 'maxConnections'
>

/** What a server needs to know. */
export interface HttpServerOptions {
  edge: Edge
  routes: readonly Route[]
  /** The settings of now; asked once per request. */
  limits(): EdgeLimits
  /** Speaks TLS with this. */
  tls?: TlsMaterial | undefined
  /** Counts open connections where `maxConnections` holds: over all threads. Not counted and not limited without it. */
  gauge?: ConnectionGauge | undefined
  /** This thread's share of the memory for bodies. Default: all of `maxBufferedBodyBytes`. */
  budget?: BodyBudget | undefined
  /** Told the number of open connections whenever it changes. */
  onConnectionCount?: ((count: number) => void) | undefined
  timing?: Partial<Timing> | undefined
  clock?: Clock | undefined
}

/** How many connections are open, over all threads of the process. */
export interface ConnectionGauge {
  /** Adds (or, with -1, takes away) one and gives the sum after it. */
  add(change: 1 | -1): number
}

/** The HTTP server of one thread. It listens by an acceptor in the main thread, or by itself. */
export interface HttpServer {
  /** For `Acceptor.add`. */
  readonly descriptor: unknown
  /** Listens in this thread; resolves to the port. Errors are sentences for the operator. */
  listenDirect(host: string, port: number): Promise<number>
  /** From now on answers say `Connection: close`. */
  setDraining(): void
  /** Open connections, idle ones included. */
  connections(): number
  /** Requests whose answer has not ended. */
  requests(): number
  /** Ends all connections at once and stops listening. */
  close(): void
}

interface Shared extends ReplyHost, BodyHost {
  readonly options: HttpServerOptions
  readonly listening: Listening
  readonly decodes: DecodeQueue
  requests: number
}

/** Makes the server of this thread. It serves once an acceptor has its descriptor, or after `listenDirect`. */
export function createServer(options: HttpServerOptions): HttpServer {
  const app = createApp(options.tls)
  const shared = createShared(options)
  let connections = 0
  let stopListening = (): void => {}
  const countConnection = (response: HttpResponse, change: number): void => {
    connections += change
    options.onConnectionCount?.(connections)
    const open = options.gauge?.add(change > 0 ? 1 : -1) ?? 0
    const most = change > 0 && options.gauge ? options.limits().maxConnections : 0
    if (most > 0 && open > most) turnAway(response)
  }
  app.filter(countConnection)
  registerRoutes(app, shared)
  return {
    descriptor: app.getDescriptor(),
    async listenDirect(host, port) {
      const listeners = await openListeners(app, [host], port)
      stopListening = listeners.close
      return listeners.port
    },
    setDraining() {
      shared.isDraining = true
    },
    connections: () => connections,
    requests: () => shared.requests,
    close() {
      stopListening()
      app.close()
    },
  }
}

function createShared(options: HttpServerOptions): Shared {
  const timing = { ...TIMING, ...options.timing }
  const shared: Shared = {
    options,
    timing,
    listening: { isSecure: options.tls !== undefined, trust: options.limits },
    decodes: new DecodeQueue(),
    sweep: new Sweep(options.clock ?? systemClock, timing.sweepMs),
    budget: options.budget ?? createBodyBudget(() => options.limits().maxBufferedBodyBytes),
    isDraining: false,
    requests: 0,
    onReplyDone(reply) {
      shared.requests--
      if (reply.heldBudget > 0) shared.budget.give(reply.heldBudget)
    },
  }
  return shared
}

/** Answers a connection over the limit before it asks, and ends it. In the native dialect: nobody knows yet what it would ask. */
function turnAway(response: HttpResponse): void {
  const { type } = ERRORS.GW_OVERLOADED
  const error = { message: 'the gateway has too many connections (client.max_connections); try again', type, code: 'GW_OVERLOADED' }
  response.writeStatus('503 Service Unavailable').writeHeader('Content-Type', 'application/json').writeHeader('Retry-After', '1')
  response.end(JSON.stringify({ error }), true)
}

type Register = (pattern: string, handler: (response: HttpResponse, request: HttpRequest) => void) => App
type Opening = (incoming: Incoming, reply: HttpReply, shared: Shared) => Exchange

/** All routes of the gateway, with what follows from each path: HEAD, OPTIONS, 405, and 404 for the rest. */
function registerRoutes(app: App, shared: Shared): void {
  const byMethod: Record<Route['method'] | 'HEAD' | 'OPTIONS', Register> = {
    GET: app.get.bind(app) as Register,
    POST: app.post.bind(app) as Register,
    PUT: app.put.bind(app) as Register,
    DELETE: app.del.bind(app) as Register,
    PATCH: app.patch.bind(app) as Register,
    HEAD: app.head.bind(app) as Register,
    OPTIONS: app.options.bind(app) as Register,
  }
  for (const [path, routes] of routesByPath(shared.options.routes)) {
    const [first] = routes
    if (first === undefined) continue
    const allow = allowedMethods(routes).join(', ')
    for (const route of routes) {
      byMethod[route.method](path, serve(shared, { route, method: route.method }, openRoute))
      if (route.method === 'GET') byMethod.HEAD(path, serve(shared, { route, method: 'HEAD' }, openRoute))
    }
    byMethod.OPTIONS(path, serve(shared, { route: first, method: 'OPTIONS' }, openOptions(allow)))
    app.any(path, serve(shared, { route: first, method: undefined }, openWrongMethod(allow)))
  }
  app.any('/*', serve(shared, { route: NO_ROUTE, method: undefined }, openUnknown))
}

/** The one handler of all routes. A throw before `onAborted`, or out of the callback, would end the process. */
function serve(shared: Shared, asked: Asked, open: Opening): (response: HttpResponse, request: HttpRequest) => void {
  const read = { ...asked, listening: shared.listening }
  return (response, request) => {
    response.onAborted(() => reply.onClientGone())
    const reply = new HttpReply(response, shared, asked.method === 'HEAD' || (asked.method === undefined && request.getMethod() === 'head'))
    shared.requests++
    try {
      const incoming = takeSnapshot(response, request, read)
      if (incoming === undefined) {
        reply.destroy()
        return
      }
      addCorsHeaders(incoming, reply, shared)
      receive(response, reply, { incoming, shared, open })
    } catch {
      reply.destroy()
    } finally {
      reply.isInCallback = false
    }
  }
}

interface Arrival {
  incoming: Incoming
  shared: Shared
  open: Opening
}

/** Lets the head decide, then reads the body if one is declared. A refusal waits for the first bytes: a body that is all there keeps the connection. */
function receive(response: HttpResponse, reply: HttpReply, { incoming, shared, open }: Arrival): void {
  const limits = shared.options.limits()
  let exchange: Exchange
  let sink: BodySink
  let refusal: { error: unknown } | undefined
  try {
    exchange = open(incoming, reply, shared)
    sink = decoded(exchange, reply, { incoming, shared })
    if ((incoming.contentLength ?? 0) > limits.maxRequestBodyBytes) refusal = { error: bodyTooLarge(limits.maxRequestBodyBytes) }
  } catch (error) {
    exchange = new Exchange(shared.options.edge, reply, incoming)
    sink = exchange
    refusal = { error }
  }
  if (incoming.contentLength === 0) {
    if (refusal === undefined) exchange.onBody(EMPTY)
    else exchange.onRefusal(refusal.error)
    return
  }
  const rules = { declared: incoming.contentLength, maxBytes: limits.maxRequestBodyBytes, timeoutMs: limits.requestBodyTimeoutMs }
  new BodyReader(response, reply, { host: shared, rules, sink }).read(refusal)
}

/** Where the body goes as it came, or by way of its decoder. Throws GW_UNSUPPORTED_ENCODING. */
function decoded(exchange: Exchange, reply: HttpReply, { incoming, shared }: Omit<Arrival, 'open'>): BodySink {
  const header = incoming.headers.get('content-encoding')
  if (header === undefined || incoming.contentLength === 0) return exchange
  try {
    const coding = codingOf(header)
    if (coding === undefined) return exchange
    const { budget, decodes: queue, options } = shared
    return new DecodingSink(exchange, { coding, maxBytes: options.limits().maxRequestBodyBytes, budget, queue, reply })
  } catch (error) {
    reply.addHeader('Accept-Encoding', ACCEPTED)
    throw error
  }
}

const openRoute: Opening = (incoming, reply, shared) => {
  const exchange = new Exchange(shared.options.edge, reply, incoming)
  exchange.context = shared.options.edge.identify(incoming)
  return exchange
}

/** A preflight needs no credential; it says nothing that is secret. */
function openOptions(allow: string): Opening {
  return (incoming, reply, shared) => {
    const exchange = new Exchange(shared.options.edge, reply, incoming)
    const limits = shared.options.limits()
    const origin = incoming.headers.get('origin')
    if (origin !== undefined && corsHeaders(origin, limits) === undefined) {
      throw new GatewayError('GW_REQUEST_BLOCKED', { reason: 'this origin is not allowed (client.allowed_origins)' })
    }
    const headers = origin === undefined ? [] : preflightHeaders(limits)
    exchange.answer = () => reply.send(200, [...headers, ['Allow', allow]], '')
    return exchange
  }
}

function openWrongMethod(allow: string): Opening {
  return ({ method, path }, reply) => {
    reply.addHeader('Allow', allow)
    throw new GatewayError('GW_METHOD_NOT_ALLOWED', { method, path, allow })
  }
}

/** Stands in a snapshot where no row matched. */
const NO_ROUTE: Route = { method: 'GET', path: '/*', operation: 'none', format: 'openai-chat', isNative: true }

const openUnknown: Opening = ({ path }) => {
  throw new GatewayError('GW_ROUTE_NOT_FOUND', { path })
}

function addCorsHeaders(incoming: Incoming, reply: HttpReply, shared: Shared): void {
  const origin = incoming.headers.get('origin')
  if (origin === undefined) return
  const lines = corsHeaders(origin, shared.options.limits()) ?? [VARY]
  for (const [name, value] of lines) reply.addHeader(name, value)
}
