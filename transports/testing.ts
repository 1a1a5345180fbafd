import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../core/canonical/json.ts'
import type { Environment } from '../core/config/env.ts'
import type { LiveConfig } from '../core/config/live/live-config.ts'
import { loadConfig } from '../core/config/load.ts'
import { ConfigError } from '../core/config/problems.ts'
import type { Clock } from '../core/deadlines.ts'
import { createGateway as createCore, type Gateway } from '../core/gateway.ts'
import { createLog, type LogLevel } from '../core/log.ts'
import type { Plugin } from '../core/plugin/plugin.ts'
import type { Provider } from '../core/provider.ts'
import { createRedactor } from '../core/redact.ts'
import { createShared, openShared } from '../core/shared.ts'
import type { ClientSettings, PluginSettings } from '../core/snapshot.ts'
import { Snapshot, slices } from '../core/snapshot-tables.ts'
import { type ControlCalls, withControlRoutes } from '../core/threads/control-calls.ts'
import type { UpstreamClient } from '../core/upstream/types.ts'
import { builtins as builtinPlugins, plannedPlugins, vectorStores } from '../plugins/index.ts'
import { authenticators } from '../providers/auth/index.ts'
import { formats } from '../providers/formats/index.ts'
import { plannedProviders, providers } from '../providers/index.ts'
import { createServer } from './http/server.ts'
import { ROUTES } from './routes.ts'
import { createLive, manage, type TestManagement } from './testing-management.ts'

export type { TestManagement } from './testing-management.ts'

/** A configuration, and what tests inject. */
export interface TestGatewayOptions {
  /** What config.json would say. Without it the gateway serves `demo/hello` alone. */
  config?: JsonObject | undefined
  /** Serves the management API, over a store in memory unless said. Without it `/api/*` and `/health` answer 200 and nothing more. */
  management?: boolean | TestManagement | undefined
  /** What `env.NAME` is read from; the process's environment unless said. */
  env?: Environment | undefined
  /** Registry entries besides the gateway's own. */
  providers?: readonly Provider[] | undefined
  /** Plugins to load as they are, without a file. */
  plugins?: readonly Plugin[] | undefined
  /** Folder that plugins' relative paths are looked up from. */
  folder?: string | undefined
  logLevel?: LogLevel | undefined
  /** Receives the log's lines. */
  onLog?: ((line: string) => void) | undefined
  clock?: Clock | undefined
  random?: (() => number) | undefined
  wallClock?: (() => number) | undefined
  /** What reaches the providers; a client of its own unless said. */
  upstream?: UpstreamClient | undefined
  /** Threads of the pool that translates streams while `utilisation` is above 0.7; 0 unless said. */
  poolThreads?: number | undefined
  /** Event-loop utilisation, 0..1; measured unless said. */
  utilisation?: (() => number) | undefined
}

/** A gateway in this process, with one thread, on a free port of 127.0.0.1. */
export interface TestGateway {
  /** `http://127.0.0.1:port`. */
  url: string
  port: number
  core: Gateway
  /** The running configuration; undefined without `management`. */
  live: LiveConfig | undefined
  /** POSTs a JSON body; GETs without one. */
  fetch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  close(): Promise<void>
}

/**
 * Starts a gateway for tests and plugin authors: the real pipeline and transport, without threads and without a launcher.
 * A handler that reads `ctx.request` undeclared throws here. Rejects with a ConfigError that lists every problem.
 */
export async function createGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const entries = [...providers, ...(options.providers ?? [])]
  const plugins = [...builtinPlugins, ...(options.plugins ?? [])]
  const builtins = { providers: entries, planned: plannedProviders, plugins: builtinPlugins, plannedPlugins, vectorStores }
  const { env = process.env, folder, onLog } = options
  const config = options.config ?? {}
  const loaded = loadConfig({ config, env, builtins })
  if (!loaded.tables) throw new ConfigError(loaded.problems)
  const redactor = createRedactor(loaded.secrets)
  const level = options.logLevel ?? (onLog ? 'info' : 'silent')
  const log = createLog({ level, redactor, destination: onLog && { write: onLog } })
  const managed = options.management
    ? {
        management: options.management === true ? {} : options.management,
        load: (part: JsonObject) => loadConfig({ config: part, env, builtins, folder, isStored: true }),
        ...{ builtins, env, log, now: options.wallClock ?? Date.now },
      }
    : undefined
  const live = managed && createLive(managed)
  const tables = live ? (await live.open(config)).tables : loaded.tables
  for (const plugin of options.plugins ?? []) tables.plugins.set(plugin.name, asRow(plugin))
  const snapshot = new Snapshot()
  for (const { patch } of slices(tables, 1)) snapshot.apply(patch)
  const shared = openShared(createShared())
  const core = await createCore({
    ...options,
    ...{ tables: snapshot.tables, shared, formats, providers: entries, authenticators, plugins, log, redactor },
    undeclaredRead: 'throw',
  })
  const ask = live && managed ? manage({ live, core, snapshot, shared }, managed) : askNobody
  return { ...(await listen(core, ask)), live }
}

/** Without management: what routes of the main thread answer. */
const askNobody: ControlCalls['ask'] = async () => ({
  id: 0,
  status: 200,
  headers: [['content-type', 'application/json']],
  body: JSON.stringify({ status: 'ok', components: { db_pings: 'disabled' } }),
})

async function listen(core: Gateway, ask: ControlCalls['ask']): Promise<Omit<TestGateway, 'live'>> {
  const { tables } = core.runtime
  const edge = withControlRoutes(core.edge, ask)
  const server = createServer({ edge, routes: ROUTES, limits: () => tables.client.get('client') as ClientSettings })
  const port = await server.listenDirect('127.0.0.1', 0)
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    core,
    fetch: (path, body, headers = {}) =>
      fetch(url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': randomUUID(), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    async close() {
      await core.close()
      server.close()
    },
  }
}

function asRow(plugin: Plugin): PluginSettings {
  return { name: plugin.name, placement: 'post_builtin', order: 0, config: {} }
}
