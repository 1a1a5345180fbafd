/** Where requests go: one connection pool per distinct target. Made once per provider and key URL, not per request. */
export interface Target {
  /** Name in errors and logs. */
  provider: string
  protocol: 'http:' | 'https:'
  hostname: string
  port: number
  /** `host:port` as the Host header says it. */
  host: string
  /** Path prefix of the base URL, without a trailing slash. */
  prefix: string
  /** Path of a unix socket (`unix:///run/vllm.sock`), then hostname and port only name it. */
  socketPath?: string | undefined
  proxy?:
    | { type: 'http' | 'socks5'; url: URL; username?: string | undefined; password?: string | undefined; caCertPem?: string | undefined }
    | undefined
  caCertPem?: string | undefined
  /** Shown to the target where it asks, never to the proxy; both or neither. */
  clientCertPem?: string | undefined
  clientKeyPem?: string | undefined
  insecureSkipVerify: boolean
  /** Addresses of clouds' metadata services may be reached; refused unless true. */
  allowsMetadata?: boolean | undefined
  connectTimeoutMs: number
  maxConnections: number
}

/** One request. Header names are lower-case and clean (checked by `cleanHeader`); Host, Content-Length and Connection are the client's. */
export interface UpstreamRequest {
  method: string
  /** Path with the prefix, and the query. */
  path: string
  /** A frozen list is taken for one that comes again: it is written once. */
  headers: readonly (readonly [string, string])[]
  /** Pieces are written in order, uncopied. */
  body: readonly Uint8Array[]
  /** Most bytes of the whole answer after decoding; streams are not bounded by it. */
  maxResponseBytes: number
  /** A connect, TLS or reset fault before a head says so by `onError`; time limits are the caller's (it calls `abort`). */
}

/** What opening a connection waits for: the name's address, the connection, or the handshake. */
export type DialPhase = 'name' | 'connection' | 'handshake'

/** Why an upstream call failed. `TLS` faults are not retried. `isReplayable`: no byte of an answer was read. `internal`: the call could not be begun, by our own fault. */
export class UpstreamFault extends Error {
  readonly kind: 'connect' | 'connect-timeout' | 'tls' | 'reset' | 'protocol' | 'too-large' | 'encoding' | 'internal'
  readonly isReplayable: boolean
  /** Of a connect-timeout: what had not come. */
  phase: DialPhase | undefined
  constructor(kind: UpstreamFault['kind'], message: string, isReplayable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'UpstreamFault'
    this.kind = kind
    this.isReplayable = isReplayable
  }
}

/** Headers of an answer as they came: names lower-case, repeated names repeated. */
export interface UpstreamHead {
  status: number
  headers: readonly (readonly [string, string])[]
}

/** Receives one answer. Called on the data thread, never after `abort`. Exactly one of `onEnd` and `onError` ends it. */
export interface UpstreamHandler {
  onHead(head: UpstreamHead): void
  /** Decoded body bytes. The buffer belongs to the handler until it returns; copy what must live longer. */
  onData(chunk: Buffer): void
  onEnd(): void
  onError(fault: UpstreamFault): void
}

/** A call under way. */
export interface UpstreamCall {
  /** Ends it at once: the socket is destroyed unless the answer was complete. No further callback. Idempotent. */
  abort(): void
  /** Stops and resumes reading from the socket. */
  pause(): void
  resume(): void
}

/** The only way out of the process. Whether our HTTP/1.1 client or another stands behind it is nobody's business. */
export interface UpstreamClient {
  open(target: Target, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall
  /** Connections now: for tests, metrics and the drain. */
  stats(): { open: number; idle: number; busy: number }
  /** Opens connections ahead (`network_config.preconnect`). */
  preconnect(target: Target, count: number): void
  /** Closes idle sockets; busy ones end with their call. */
  close(): void
}
