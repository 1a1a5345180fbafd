import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions, ReplyError } from 'ioredis'
import type { Log } from '../../core/log.ts'
import { StoreError } from '../../core/stores/stores.ts'
import type { RedisConfig } from './index.ts'

/** Longest a command may take, and a connection may be away before commands are refused at once, in milliseconds. */
const PATIENCE_MS = 2000
/** Longest pause between attempts to connect, in milliseconds. */
const LONGEST_PAUSE_MS = 1000
const DEFAULT_PORT = 6379

/** A client of one server or of a cluster. */
export type Client = Redis | Cluster

/** A connection that is kept up. Commands are never queued for longer than 2 s: a lost Redis refuses, and does not hang. */
export interface Link {
  readonly client: Client
  /** Runs a command. Rejects with StoreError. */
  run<Result>(command: (client: Client) => Promise<Result>): Promise<Result>
  /** Called whenever the connection is there; `isAgain`: it was lost before. */
  onReady(listener: (isAgain: boolean) => void): void
  close(): void
}

/** Begins to connect, and goes on whenever the connection is lost. */
export function openLink(config: RedisConfig, log: Log): Link {
  return new RedisLink(createClient(config), log)
}

class RedisLink implements Link {
  readonly client: Client
  readonly #log: Log
  readonly #listeners: ((isAgain: boolean) => void)[] = []
  #downSince: number | undefined = performance.now()
  #isClosed = false
  #wasReady = false
  #hasComplained = false
  #lastError = 'not connected yet'

  constructor(client: Client, log: Log) {
    this.client = client
    this.#log = log
    client.on('error', (error: Error) => this.#onError(error))
    client.on('ready', () => this.#onReady())
    client.on('close', () => {
      this.#downSince ??= performance.now()
    })
    client.connect().catch((error: Error) => this.#onError(error))
  }

  async run<Result>(command: (client: Client) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new StoreError('unavailable', 'the store is closed')
    if (this.#downSince !== undefined) await this.#untilReady(this.#downSince + PATIENCE_MS - performance.now())
    try {
      return await command(this.client)
    } catch (error) {
      throw storeError(error as Error)
    }
  }

  onReady(listener: (isAgain: boolean) => void): void {
    this.#listeners.push(listener)
    if (this.#downSince === undefined) listener(false)
  }

  close(): void {
    this.#isClosed = true
    this.client.disconnect()
  }

  /** A connection that was lost a moment ago is usually back at once. */
  #untilReady(leftMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = () => {
        this.client.off('ready', ready)
        reject(new StoreError('unavailable', `Redis does not answer: ${this.#lastError}`))
      }
      const timer = setTimeout(refuse, Math.max(0, leftMs))
      const ready = () => {
        clearTimeout(timer)
        resolve()
      }
      this.client.setMaxListeners(0)
      this.client.once('ready', ready)
    })
  }

  #onReady(): void {
    this.#downSince = undefined
    if (this.#hasComplained) this.#log.info('Redis answers again')
    this.#hasComplained = false
    const isAgain = this.#wasReady
    this.#wasReady = true
    for (const listener of this.#listeners) listener(isAgain)
  }

  /** Once per outage: it tries again every second. */
  #onError(error: Error): void {
    this.#lastError = error.message
    if (this.#hasComplained || this.#isClosed) return
    this.#hasComplained = true
    this.#log.warn({ err: error }, 'Redis does not answer')
  }
}

function createClient(config: RedisConfig): Client {
  const { nodes, ...options } = addressOf(config)
  const common = {
    ...options,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    keepAlive: 10_000,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectionName: 'bifrost',
    retryStrategy: pauseMs,
    // After a failover the old primary refuses writes: another look at the address finds the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions
  if (!config.cluster_mode) return new Redis({ ...common, ...nodes[0] })
  const { db: _, retryStrategy: __, lazyConnect, enableOfflineQueue, ...redisOptions } = common
  return new Cluster(nodes, {
    lazyConnect,
    enableOfflineQueue,
    redisOptions,
    clusterRetryStrategy: pauseMs,
    slotsRefreshTimeout: PATIENCE_MS,
    // Certificates are made out to names, which the nodes' own list does not always give.
    dnsLookup: (address, done) => done(null, address),
  })
}

function pauseMs(attempt: number): number {
  return Math.min(attempt * 100, LONGEST_PAUSE_MS)
}

interface Address {
  nodes: { host: string; port: number }[]
  db: number
  username?: string
  password?: string
  tls?: ConnectionOptions
}

function addressOf({ addr, url, username, password, db, use_tls, insecure_skip_verify, ca_cert_pem }: RedisConfig): Address {
  const parsed = url === undefined ? undefined : new URL(url)
  const names = parsed ? [parsed.host] : (addr ?? '').split(',')
  const tls = { rejectUnauthorized: !insecure_skip_verify, ...(ca_cert_pem !== undefined && { ca: ca_cert_pem }) }
  const user = username ?? decodeURIComponent(parsed?.username ?? '')
  const secret = password ?? decodeURIComponent(parsed?.password ?? '')
  return {
    nodes: names.map(nodeOf),
    db: db ?? Number(parsed?.pathname.slice(1) || 0),
    ...(user !== '' && { username: user }),
    ...(secret !== '' && { password: secret }),
    ...((use_tls || parsed?.protocol === 'rediss:') && { tls }),
  }
}

function nodeOf(address: string): { host: string; port: number } {
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(address.trim()) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? DEFAULT_PORT) }
}

function storeError(error: Error): StoreError {
  if (error instanceof StoreError) return error
  const isWrong = error instanceof ReplyError && /not an integer|WRONGTYPE/.test(error.message)
  return isWrong
    ? new StoreError('corrupt', 'the value of this key is no counter', { cause: error })
    : new StoreError('unavailable', `Redis: ${error.message}`, { cause: error })
}
