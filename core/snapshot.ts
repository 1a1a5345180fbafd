import type { JsonObject } from './canonical/json.ts'
import type { Table } from './sharded-map.ts'

/** An allow-list: deny by default, `["*"]` is all (seed 2, breaking change 1). */
export interface AllowList {
  all: boolean
  names: ReadonlySet<string>
}

/** One credential of a provider, as configured and resolved. Frozen. */
export interface KeySettings {
  id: string
  name: string
  provider: string
  /** The secret; empty where the provider allows it. Never logged, never sent to a client. */
  value: string
  models: AllowList
  blacklistedModels: AllowList
  /** Requested model name -> the provider's id. */
  aliases: Readonly<Record<string, string>>
  /** null: out of weighted choice (D3). */
  weight: number | null
  enabled: boolean
  /** The URL of providers whose keys bring one (ollama, sgl, vllm), without a trailing slash. */
  url?: string | undefined
  /** The one model this key serves (vllm). */
  modelName?: string | undefined
  /** The provider's own block of the key (its region, its project), read by the entry's schema. */
  config: Readonly<JsonObject>
  /** Index of its cool-down in shared memory. */
  slot: number
}

/** Times in milliseconds. */
export interface NetworkSettings {
  baseUrl?: string | undefined
  extraHeaders: Readonly<Record<string, string>>
  /** Beta flags by how they begin, lower case, the longest first: sent or not, whatever the entry says. */
  betaOverrides: readonly (readonly [prefix: string, isSent: boolean])[]
  requestTimeoutMs: number
  connectTimeoutMs: number
  streamIdleTimeoutMs: number
  maxRetries: number
  retryBackoffInitialMs: number
  retryBackoffMaxMs: number
  maxConnsPerHost: number
  enforceHttp2: boolean
  insecureSkipVerify: boolean
  caCertPem?: string | undefined
  /** The gateway's own certificate, for providers that ask for one; both or neither. The key is a secret. */
  clientCertPem?: string | undefined
  clientKeyPem?: string | undefined
  preconnect: number
  /** Addresses of clouds' metadata services may be reached. */
  allowsMetadata: boolean
}

/** The proxy that a provider is reached through. */
export interface ProxySettings {
  type: 'none' | 'http' | 'socks5' | 'environment'
  url?: string | undefined
  username?: string | undefined
  password?: string | undefined
  caCertPem?: string | undefined
}

/** A configured provider. Frozen. */
export interface ProviderSettings {
  name: string
  /** Name of the registry entry behind it: its own, or the base type of a custom provider. */
  entry: string
  network: NetworkSettings
  proxy: ProxySettings
  concurrency: number
  bufferSize: number
  sendBackRawRequest: boolean
  sendBackRawResponse: boolean
  isKeyless: boolean
  /** null: all; else only these request types (`chat_completion`, `chat_completion_stream`, `list_models`). */
  allowedRequests: ReadonlySet<string> | null
  pathOverrides: Readonly<Record<string, string>>
  keys: readonly KeySettings[]
  /** Index of its in-flight and queue counters in shared memory. */
  slot: number
}

/** Where the certificate and the key are: paths of files, or PEM texts. */
export interface TlsSettings {
  cert: string
  key: string
}

/** How connections are taken. */
export interface EdgeSettings {
  /** Absent: plain HTTP. */
  tls?: TlsSettings | undefined
  /** Addresses and ranges that are believed about the client; `unix` for the peers of unix sockets. */
  trustedProxies: readonly string[]
  proxyProtocol: boolean
  /** Absent: these routes are on the main port. */
  adminPort?: number | undefined
  metricsPort?: number | undefined
  /** Of the main port, over all threads; 0: no limit. */
  maxConnections: number
}

/** The `client` block, with defaults filled in. Frozen. */
export interface ClientSettings extends EdgeSettings {
  threads: 'auto' | number
  dropExcessRequests: boolean
  maxRequestBodyBytes: number
  maxResponseBytes: number
  maxBufferedBodyBytes: number
  requestBodyTimeoutMs: number
  requestDeadlineMs: number
  /** Absent: no listener for HTTP/2. */
  http2Port?: number | undefined
  streamCommitAfterMs: number
  maxStreamDurationMs: number
  drainDelayMs: number
  graceMs: number
  requiredHeaders: readonly string[]
  allowedOrigins: readonly string[]
  allowedHeaders: readonly string[]
  headerAllowlist: ReadonlySet<string>
  headerDenylist: ReadonlySet<string>
  shouldDropParams: boolean
  /** Requests need a virtual key, or somebody who has signed in (`takesAdmin`). */
  asksForCredential: boolean
  /** Where a credential is asked for, that of the management API is one. */
  takesAdmin: boolean
  /** Paths that need no credential: exact, or with a trailing `*`. */
  whitelistedRoutes: readonly string[]
}

/** A plugin to load: a built-in by `name`, or a third party's by `path`. */
export interface PluginSettings {
  name: string
  /** File URL of a third-party module; absent for a built-in. */
  path?: string | undefined
  placement: 'pre_builtin' | 'builtin' | 'post_builtin'
  order: number
  config: JsonObject
}

/** What a virtual key may do with one provider. */
export interface VirtualKeyProvider {
  provider: string
  /** null: out of weighted choice and of automatic fallbacks (D3). */
  weight: number | null
  allowedModels: AllowList
  blacklistedModels: AllowList
  /** Ids or names of the provider's keys. */
  keyIds: AllowList
  /** Budgets that it names or holds; those that name it as their owner are found by the budget. */
  budgetIds: readonly string[]
  rateLimitId?: string | undefined
}

/** What a virtual key may do with one MCP client. */
export interface VirtualKeyMcp {
  /** Name or id of the client, as the configuration says it. */
  client: string
  tools: AllowList
}

/** A virtual key without its value, which only `virtualKeyIds` knows, by its hash. Frozen. */
export interface VirtualKeySettings {
  id: string
  name: string
  isActive: boolean
  /** Milliseconds since 1970; absent: never. */
  expiresAt?: number | undefined
  /** At most one of team and customer. */
  teamId?: string | undefined
  customerId?: string | undefined
  accessProfileId?: string | undefined
  /** Each provider at most once; one that is not here is denied. */
  providers: readonly VirtualKeyProvider[]
  /** Each client at most once; one that is not here is denied. */
  mcpClients: readonly VirtualKeyMcp[]
  isCalendarAligned: boolean
  budgetIds: readonly string[]
  rateLimitId?: string | undefined
}

/** A customer or business unit: a name with limits. Frozen. */
export interface OwnerSettings {
  id: string
  name: string
  isCalendarAligned: boolean
  budgetIds: readonly string[]
  rateLimitId?: string | undefined
}
/** A customer. Frozen. */
export type CustomerSettings = OwnerSettings
/** A business unit. Frozen. */
export type BusinessUnitSettings = OwnerSettings

/** A team. Frozen. */
export interface TeamSettings extends OwnerSettings {
  customerId?: string | undefined
  businessUnitId?: string | undefined
}

/** What each thread holds of the configuration: patched entry by entry; each entry frozen; plain data only. Tables may have very many entries, Maps few. */
export interface SnapshotTables {
  client: Map<'client', ClientSettings>
  providers: Map<string, ProviderSettings>
  plugins: Map<string, PluginSettings>
  /** By id. */
  virtualKeys: Table<VirtualKeySettings>
  /** SHA-256 of a virtual key's value, in hex -> its id. */
  virtualKeyIds: Table<string>
  teams: Table<TeamSettings>
  customers: Table<CustomerSettings>
  businessUnits: Table<BusinessUnitSettings>
}
/** The name of a table. */
export type TableName = keyof SnapshotTables

/** A change of the snapshot. `set` and `delete` hold [table, id(, value)]; applied in order, at once. */
export interface SnapshotPatch {
  version: number
  set: readonly (readonly [TableName, string, unknown])[]
  delete: readonly (readonly [TableName, string])[]
}
