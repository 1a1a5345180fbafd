import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import type { Call } from './call.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { Resolver } from './dns.ts'
import { type Target, UpstreamFault } from './types.ts'

/** What all pools of one client share. */
export interface Shared {
  /** Milliseconds of a monotonic clock. */
  now(): number
  resolver: Resolver
  /** TLS sessions by pool key: they outlive the pool's connections, which is when they are of use. */
  sessions: Map<string, Buffer>
  scratch: Buffer
  /** Calls that may wait for a connection, per target. */
  maxWaiting: number
  isClosed: boolean
  /** Runs `task` outside any request's async context, which a socket would otherwise keep alive as long as itself. */
  detach(task: () => void): void
  /** A connection is being opened: deadlines must be watched. */
  watch(): void
}

const IDLE_MS = 60_000
/** So that changes in DNS take effect. */
const AGE_MS = 600_000
/** The server's own idle limit, less the time that a request may be on its way. */
const KEEP_ALIVE_MARGIN_MS = 1000
const SESSIONS_KEPT = 500

/** Connections to one target, the latest used first, and the line of calls that wait for one. */
export class Pool implements ConnectionOwner {
  readonly target: Target
  readonly hostLine: string
  /** When it last had something to do, on the shared clock. */
  usedAt: number
  private readonly key: string
  private readonly shared: Shared
  private readonly connections = new Set<Connection>()
  private readonly idle: Connection[] = []
  private readonly waiting: Call[] = []
  private context: SecureContext | undefined
  private proxyContext: SecureContext | undefined

  constructor(key: string, target: Target, shared: Shared) {
    this.key = key
    this.target = target
    this.shared = shared
    this.usedAt = shared.now()
    this.hostLine = `host: ${target.host}\r\naccept-encoding: identity\r\n`
  }

  get open(): number {
    return this.connections.size
  }

  get idleCount(): number {
    return this.idle.length
  }

  get isEmpty(): boolean {
    return this.connections.size === 0 && this.waiting.length === 0
  }

  /** Sends the call on the connection used last, on a new one, or puts it in the line. */
  begin(call: Call): void {
    const connection = this.takeIdle()
    if (connection) connection.start(call)
    else if (this.connections.size < this.target.maxConnections) this.connect(call)
    else if (this.waiting.length < this.shared.maxWaiting) this.waiting.push(call)
    else this.refuse(call)
  }

  /** Takes an aborted call out of the line. */
  readonly forget = (call: Call): void => {
    const index = this.waiting.indexOf(call)
    if (index >= 0) this.waiting.splice(index, 1)
  }

  /** Opens connections until there are `count`. */
  preconnect(count: number): void {
    const wanted = Math.min(count, this.target.maxConnections)
    while (this.connections.size < wanted) this.connect(undefined)
  }

  release(connection: Connection, keepAliveMs: number): void {
    const now = this.shared.now()
    const idleMs = keepAliveMs < 0 ? IDLE_MS : Math.min(IDLE_MS, keepAliveMs - KEEP_ALIVE_MARGIN_MS)
    connection.deadline = Math.min(now + idleMs, connection.bornAt + AGE_MS)
    const next = connection.deadline > now ? this.waiting.shift() : undefined
    if (next) connection.start(next)
    else if (connection.deadline <= now || this.shared.isClosed) connection.close()
    else this.idle.push(connection)
  }

  remove(connection: Connection, replay: Call | undefined): void {
    this.connections.delete(connection)
    const index = this.idle.lastIndexOf(connection)
    if (index >= 0) this.idle.splice(index, 1)
    if (replay) {
      replay.isReplayed = true
      this.connect(replay)
    }
    while (this.waiting.length > 0 && this.connections.size < this.target.maxConnections) this.connect(this.waiting.shift())
  }

  /** Ends what is past its time: connecting, or idle. */
  sweep(now: number): void {
    for (const connection of this.connections) {
      if (connection.deadline > now) continue
      if (connection.isConnecting) connection.timeOutConnect()
      else if (connection.isIdle) connection.close()
    }
  }

  closeIdle(): void {
    for (const connection of [...this.connections]) if (connection.call === undefined) connection.close()
  }

  dialOptions() {
    return {
      target: this.target,
      resolver: this.shared.resolver,
      context: this.trust(),
      proxyContext: this.proxyTrust(),
      session: this.target.protocol === 'https:' ? this.shared.sessions.get(this.key) : undefined,
      scratch: this.shared.scratch,
    }
  }

  onSession(session: Buffer | undefined): void {
    const { sessions } = this.shared
    sessions.delete(this.key)
    if (session === undefined) return
    sessions.set(this.key, session)
    const oldest = sessions.size > SESSIONS_KEPT ? sessions.keys().next().value : undefined
    if (oldest !== undefined) sessions.delete(oldest)
  }

  private connect(call: Call | undefined): void {
    const now = this.shared.now()
    const connection = new Connection(this, now, call)
    this.usedAt = now
    this.connections.add(connection)
    this.shared.watch()
    this.shared.detach(() => connection.open())
  }

  private takeIdle(): Connection | undefined {
    const now = this.idle.length > 0 ? this.shared.now() : 0
    for (let connection = this.idle.pop(); connection; connection = this.idle.pop()) {
      if (connection.deadline > now && connection.isAlive) return connection
      connection.close()
    }
    return undefined
  }

  private refuse(call: Call): void {
    const fault = new UpstreamFault(
      'connect',
      `all ${this.target.maxConnections} connections are busy and ${this.waiting.length} calls wait`,
      true,
    )
    process.nextTick(() => call.fail(fault))
  }

  private trust(): SecureContext | undefined {
    if (this.target.protocol === 'https:') this.context ??= contextOf(this.target)
    return this.context
  }

  private proxyTrust(): SecureContext | undefined {
    if (this.target.proxy?.url.protocol === 'https:') this.proxyContext ??= contextOf({ caCertPem: this.target.proxy.caCertPem })
    return this.proxyContext
  }
}

/** Trusts what the process trusts, and `caCertPem` besides; shows the client's certificate where there is one. */
function contextOf({ caCertPem, clientCertPem, clientKeyPem }: Partial<Target>): SecureContext {
  return createSecureContext({
    ...(caCertPem === undefined ? {} : { ca: [...getCACertificates('default'), caCertPem] }),
    ...(clientCertPem === undefined ? {} : { cert: clientCertPem, key: clientKeyPem }),
  })
}
