import type { Context } from './context.ts'

/** Header lines as plain data: lower-case names on the way in, any case on the way out. */
export type HeaderList = readonly (readonly [string, string])[]

/** What a transport copied of a request before its callback returned. Nothing of the transport's own objects is in it. */
export interface Incoming {
  /** The row of the endpoint table that matched. */
  route: Route
  /** Upper case. */
  method: string
  /** Without the query. */
  path: string
  query: string
  /** Lower-case names; a name that came twice holds both values joined by `, `. */
  headers: ReadonlyMap<string, string>
  /** The other end of the connection; empty for a unix socket. Read at first use, which must come before the answer; so are the next two. */
  readonly remoteAddress: string
  /** The client's address: the connection's, or what a proxy of `client.trusted_proxies` says. */
  readonly clientAddress: string
  /** What the client spoke: by such a proxy's word, or on the connection itself. */
  readonly scheme: 'http' | 'https'
  /** Declared length of the body; undefined when chunked, 0 when there is none. */
  contentLength: number | undefined
}

/** A listener of the gateway, by what it is for. */
export type Surface = 'public' | 'admin' | 'metrics'

/** An endpoint as data (transports/routes.ts). */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  /** uWebSockets.js pattern: `/v1/files/:id`. */
  path: string
  /** What it does: an operation of the pipeline, or the name of a control handler. */
  operation: string
  /** The client's dialect: a format's name. Also the dialect of errors. */
  format: string
  /** `control`: answered on the main thread, as data. */
  at?: 'control' | undefined
  /**
   * Which listener serves it: the main one unless said; `admin` and `metrics` that of `client.admin_port` and `client.metrics_port`
   * where these are set, else the main one too; `all` every one.
   */
  surface?: Surface | 'all' | undefined
  /** No credential is asked for (health). */
  isOpen?: boolean | undefined
  /** Provider of models that name none: each SDK prefix has its own. */
  provider?: string | undefined
  /** The path names the model (Inbound.readPath). */
  namesModel?: boolean | undefined
  /** Native `/v1` routes carry `extra_fields` in the body (D23). */
  isNative?: boolean | undefined
}

/** Where an answer goes. One per request; made by the transport. No method throws, also after the client has left. */
export interface Reply {
  /** The client has gone: nothing that is written arrives. */
  readonly isAborted: boolean
  /** Called once, at once when the client has gone already. Only the last function set is called. */
  onAbort(listener: () => void): void
  /** A whole answer. Each header passes the transport's check for CR, LF, NUL and non-latin1 (a bad one is left out). */
  send(status: number, headers: HeaderList, body: string | Uint8Array): void
  /** Head of a streamed answer. */
  start(status: number, headers: HeaderList): void
  /** False: the client is slow; stop until `onDrain`. The bytes must stay as they are until the end of the event loop's turn. */
  write(chunk: string | Uint8Array): boolean
  onDrain(listener: () => void): void
  end(): void
  /** Cuts the connection, so that the client sees a broken answer and not a clean end. */
  destroy(): void
}

/** What a transport calls. */
export interface Edge {
  /** At header time, before the body is read. Throws GatewayError to refuse. Synchronous. */
  identify(incoming: Incoming): Context
  /** With the whole body. Never throws, never rejects; every path ends in the reply. */
  handle(ctx: Context, body: Buffer, reply: Reply): void
  /** Answers an error in the dialect of the route (or of the native API where no route matched). */
  refuse(error: unknown, reply: Reply, incoming: Incoming | undefined): void
}
