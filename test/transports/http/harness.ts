import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Context } from '../../../core/context.ts'
import type { Edge, Incoming, Reply, Route } from '../../../core/edge.ts'
import { GatewayError } from '../../../core/errors.ts'
import { createServer, type EdgeLimits, type HttpServer, type HttpServerOptions } from '../../../transports/http/server.ts'
import type { Clock } from '../../../transports/http/sweep.ts'

/** One request that reached `handle`. */
export interface Handled {
  incoming: Incoming
  body: Buffer
  reply: Reply
}

export interface Harness {
  port: number
  server: HttpServer
  handled: Handled[]
  refused: { code: string; incoming: Incoming | undefined }[]
}

export type HarnessOptions = Partial<Omit<HttpServerOptions, 'edge' | 'limits'>> & {
  limits?: Partial<EdgeLimits>
  identify?: (incoming: Incoming) => void
  handle?: (handled: Handled) => void
}

export const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/echo', operation: 'echo', format: 'openai-chat' },
  { method: 'GET', path: '/thing', operation: 'thing', format: 'openai-chat' },
  { method: 'GET', path: '/both/:id', operation: 'read', format: 'openai-chat' },
  { method: 'DELETE', path: '/both/:id', operation: 'remove', format: 'openai-chat' },
]

export const LIMITS: EdgeLimits = {
  maxRequestBodyBytes: 1_000_000,
  maxBufferedBodyBytes: 4_000_000,
  requestBodyTimeoutMs: 60_000,
  allowedOrigins: [],
  allowedHeaders: [],
  trustedProxies: [],
  proxyProtocol: false,
  maxConnections: 0,
}

/** A server on a free port with an edge that records, and echoes unless told otherwise. Closed when the test ends. */
export async function serveEdge(options: HarnessOptions = {}): Promise<Harness> {
  const handled: Handled[] = []
  const refused: Harness['refused'] = []
  const edge: Edge = {
    identify(incoming) {
      options.identify?.(incoming)
      return { incoming } as Context
    },
    handle(context, body, reply) {
      const entry = { incoming: context.incoming, body, reply }
      handled.push(entry)
      if (options.handle) options.handle(entry)
      else reply.send(200, [['Content-Type', 'text/plain']], `${entry.incoming.method} ${body.toString('latin1')}`)
    },
    refuse(error, reply, incoming) {
      const code = error instanceof GatewayError ? error.code : 'UNKNOWN'
      const status = error instanceof GatewayError ? error.status : 500
      refused.push({ code, incoming })
      reply.send(status, [['Content-Type', 'application/json']], JSON.stringify({ error: { code, message: String(error) } }))
    },
  }
  const { limits, identify: _identify, handle: _handle, ...rest } = options
  const server = createServer({
    routes: ROUTES,
    ...rest,
    timing: { sweepMs: 5, lingerQuietMs: 20, ...options.timing },
    edge,
    limits: () => ({ ...LIMITS, ...limits }),
  })
  const port = await server.listenDirect('127.0.0.1', 0)
  onTestFinished(() => server.close())
  return { port, server, handled, refused }
}

/** A client that says exactly what it is told. */
export class RawClient {
  readonly socket: Socket
  received = ''
  isClosed = false
  readonly #watchers = new Set<() => void>()

  constructor(target: { port: number; host?: string } | { path: string }) {
    this.socket = connect('path' in target ? { path: target.path } : { host: '127.0.0.1', ...target })
    this.socket.on('data', (data) => {
      this.received += data.toString('latin1')
      this.#notify()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isClosed = true
      this.#notify()
    })
    onTestFinished(() => {
      this.socket.destroy()
    })
  }

  write(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Resolves with all that came once it holds `wanted`; rejects when the connection closes first. */
  until(wanted: string | RegExp): Promise<string> {
    const has = (): boolean => (typeof wanted === 'string' ? this.received.includes(wanted) : wanted.test(this.received))
    return this.#when(has, () => new Error(`closed before ${wanted}: ${JSON.stringify(this.received)}`))
  }

  /** Resolves with all that came when the connection is closed. */
  closed(): Promise<string> {
    return this.#when(() => this.isClosed)
  }

  #when(isReached: () => boolean, fail?: () => Error): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!isReached() && !this.isClosed) return
        this.#watchers.delete(check)
        if (isReached() || !fail) resolve(this.received)
        else reject(fail())
      }
      this.#watchers.add(check)
      check()
    })
  }

  #notify(): void {
    for (const check of [...this.#watchers]) check()
  }
}

/** Text of a request head; `lines` without their line ends. */
export function head(start: string, ...lines: string[]): string {
  return [`${start} HTTP/1.1`, 'Host: gateway', ...lines, '', ''].join('\r\n')
}

/** A clock that moves when told; intervals run once per `advance`, as after a busy event loop. */
export function manualClock(): Clock & { advance(ms: number): void; running(): number } {
  let now = 1
  const intervals = new Set<() => void>()
  return {
    now: () => now,
    every(_ms, run) {
      intervals.add(run)
      return () => intervals.delete(run)
    },
    advance(ms) {
      now += ms
      for (const run of [...intervals]) run()
    },
    running: () => intervals.size,
  }
}

/** A promise and the function that resolves it. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>()
  return { promise, resolve }
}
