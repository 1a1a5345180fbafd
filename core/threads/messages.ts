import type { MessagePort } from 'node:worker_threads'
import type { TlsMaterial } from '../config/edge.ts'
import type { Surface } from '../edge.ts'
import type { ProviderModels } from '../models.ts'
import type { LoadedPlugin } from '../plugin/loader.ts'
import type { SnapshotPatch } from '../snapshot.ts'
import type { CredentialReply, CredentialRequest } from './credential-calls.ts'
import type { StoreNotice, StoreReply, StoreRequest, StoreSetup } from './store-messages.ts'

/** A request that is answered on the main thread (`at: 'control'`), as data. */
export interface ControlRequest {
  id: number
  route: string
  method: string
  path: string
  query: string
  headers: readonly (readonly [string, string])[]
  body: Uint8Array | null
  /** Who asks, and by what, as trusted proxies say it (Incoming). */
  clientAddress: string
  scheme: 'http' | 'https'
}

/** Its answer. */
export interface ControlReply {
  id: number
  status: number
  headers: readonly (readonly [string, string])[]
  body: string | Uint8Array
}

/** Everything that crosses threads. Data or addresses, never a closure. */
export type Message =
  /** data -> main: the uWebSockets.js app of this thread can take connections. */
  | { type: 'ready'; descriptor: unknown }
  | { type: 'failed'; problems: readonly string[] }
  /** main -> data: the snapshot, whole (in slices, the last says so) or a change. */
  | { type: 'patch'; patch: SnapshotPatch; isLast: boolean }
  /** data -> main: every entry up to this version is in place, but for what could not be taken over (`problems`, sentences); the plugins that serve it. */
  | { type: 'ack'; version: number; problems?: readonly string[]; plugins?: readonly LoadedPlugin[] | undefined }
  /** main -> data: answer with `Connection: close` from now on. */
  | { type: 'drain' }
  /**
   * main -> data: end when idle, or at `deadline` (epoch milliseconds). Idle is: no request runs (`closeIdle`, connections
   * without one are cut), else: no connection is left.
   */
  | { type: 'stop'; deadline: number; closeIdle: boolean }
  /** data -> main: no connection is left and the thread is about to end. */
  | { type: 'stopped' }
  /** main -> data: serve new connections with this certificate; then, once none goes to the servers before it: let these end. */
  | { type: 'renew-tls'; tls: TlsMaterial }
  | { type: 'retire-tls' }
  /** data -> main: what the acceptor hands connections to from now on; absent where the certificate could not be used. */
  | { type: 'tls-renewed'; descriptor?: unknown }
  /** main -> data -> main: what these providers have. */
  | { type: 'models-request'; id: number; providers: readonly string[] }
  | { type: 'models-reply'; id: number; models: readonly ProviderModels[] }
  | { type: 'heartbeat'; at: number }
  | { type: 'control-request'; request: ControlRequest }
  | { type: 'control-reply'; reply: ControlReply }
  /** data -> main -> data: a minted credential. */
  | { type: 'credential-request'; request: CredentialRequest }
  | { type: 'credential-reply'; reply: CredentialReply }
  /** main -> store -> main: a call of a store. */
  | { type: 'store-request'; request: StoreRequest }
  | { type: 'store-reply'; reply: StoreReply }
  /** store -> main: what a subscription has heard. */
  | { type: 'store-notice'; notice: StoreNotice }
  /** data -> main: counters since the last delta. */
  | { type: 'metrics'; delta: Readonly<Record<string, number>> }

interface CommonStart {
  /** Index among threads of its role; a replacement takes a new one. */
  index: number
  logLevel: string
  logStyle?: 'json' | 'pretty' | undefined
  /** Data threads speak TLS with this. */
  tls?: TlsMaterial | undefined
  /** The listeners of the process; as long as it lives, whatever the configuration says later. The main one alone unless said. */
  surfaces?: readonly Surface[] | undefined
  /** By this word the listener of `client.http2_port` is known, and believed about its clients. */
  bridgeWord?: string | undefined
  port: MessagePort
}

/** What a data thread is started with. */
export interface DataThreadStart extends CommonStart {
  role: 'data'
  /** How many data threads serve: each may use its share of what the process may use. */
  threads: number
  /** Shared counters (core/shared.ts). */
  shared: SharedArrayBuffer
}

/** What the store thread is started with. */
export interface StoreThreadStart extends CommonStart {
  role: 'store'
  store: StoreSetup
}

/** What a thread is started with. */
export type ThreadStart = DataThreadStart | StoreThreadStart
