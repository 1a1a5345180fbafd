import { AsyncLocalStorage } from 'node:async_hooks'
import { Call } from './call.ts'
import { type LookupAll, Resolver } from './dns.ts'
import { Pool, type Shared } from './pool.ts'
import { isSafePath } from './request.ts'
import { type Target, type UpstreamCall, type UpstreamClient, UpstreamFault, type UpstreamHandler, type UpstreamRequest } from './types.ts'

/** Everything has a default; tests bring their own clock, timer and names. */
export interface UpstreamClientOptions {
  /** Milliseconds of a monotonic clock. */
  now?: () => number
  /** Calls `tick` every `ms` until the returned function is called; must not keep the process alive. */
  every?: (ms: number, tick: () => void) => () => void
  /** All addresses of a name; `dns.lookup` by default. */
  lookupAll?: LookupAll
  /** Calls that may wait for a connection, per target. */
  maxWaiting?: number
}

const SWEEP_MS = 100
const SCRATCH_BYTES = 65_536
const MAX_WAITING = 5000
const POOLS_KEPT = 64
const POOL_UNUSED_MS = 600_000

/** Our HTTP/1.1 client. One per thread: connections, names and TLS sessions are shared by all its targets. */
export function createUpstreamClient(options: UpstreamClientOptions = {}): UpstreamClient {
  return new Http1Client(options)
}

class Http1Client implements UpstreamClient {
  private readonly shared: Shared
  private readonly every: (ms: number, tick: () => void) => () => void
  private readonly pools = new Map<string, Pool>()
  /** Targets are made again with each change of the configuration; equal ones share a pool. */
  private readonly keys = new WeakMap<Target, string>()
  private stopSweep: (() => void) | undefined

  constructor(options: UpstreamClientOptions) {
    const now = options.now ?? (() => performance.now())
    this.every = options.every ?? everyUnreferenced
    this.shared = {
      now,
      resolver: new Resolver(now, options.lookupAll),
      sessions: new Map(),
      scratch: Buffer.allocUnsafeSlow(SCRATCH_BYTES),
      maxWaiting: options.maxWaiting ?? MAX_WAITING,
      isClosed: false,
      detach: AsyncLocalStorage.snapshot(),
      watch: () => {
        this.stopSweep ??= this.every(SWEEP_MS, () => this.sweep())
      },
    }
  }

  open(target: Target, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const pool = this.poolOf(target)
    const call = new Call(request, handler, pool.forget)
    if (isSafePath(request.path)) pool.begin(call)
    else process.nextTick(() => call.fail(new UpstreamFault('protocol', 'the path of the request is not valid in HTTP', false)))
    return call
  }

  stats(): { open: number; idle: number; busy: number } {
    let open = 0
    let idle = 0
    for (const pool of this.pools.values()) {
      open += pool.open
      idle += pool.idleCount
    }
    return { open, idle, busy: open - idle }
  }

  preconnect(target: Target, count: number): void {
    this.poolOf(target).preconnect(count)
  }

  /** Calls are still served afterwards, each on a connection that ends with it: what is in flight may need a retry. */
  close(): void {
    this.shared.isClosed = true
    for (const pool of this.pools.values()) pool.closeIdle()
  }

  private poolOf(target: Target): Pool {
    let key = this.keys.get(target)
    if (key === undefined) {
      key = keyOf(target)
      this.keys.set(target, key)
    }
    return this.pools.get(key) ?? this.makePool(key, target)
  }

  private makePool(key: string, target: Target): Pool {
    if (this.pools.size >= POOLS_KEPT) this.dropUnused()
    const pool = new Pool(key, target, this.shared)
    this.pools.set(key, pool)
    return pool
  }

  private dropUnused(): void {
    const before = this.shared.now() - POOL_UNUSED_MS
    for (const [key, pool] of this.pools) if (pool.isEmpty && pool.usedAt < before) this.pools.delete(key)
  }

  private sweep(): void {
    const now = this.shared.now()
    let open = 0
    for (const pool of this.pools.values()) {
      pool.sweep(now)
      open += pool.open
    }
    if (open > 0) return
    this.stopSweep?.()
    this.stopSweep = undefined
  }
}

/** Everything that makes two targets need different connections. */
function keyOf(target: Target): string {
  const { proxy } = target
  return JSON.stringify([
    target.provider,
    target.protocol,
    target.hostname,
    target.port,
    target.host,
    target.socketPath,
    target.caCertPem,
    target.clientCertPem,
    target.clientKeyPem,
    target.insecureSkipVerify,
    target.allowsMetadata,
    target.connectTimeoutMs,
    target.maxConnections,
    proxy && [proxy.type, proxy.url.href, proxy.username, proxy.password, proxy.caCertPem],
  ])
}

function everyUnreferenced(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms)
  timer.unref()
  return () => clearInterval(timer)
}
