import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../core/canonical/json.ts'
import { loadConfig } from '../core/config/load.ts'
import { ConfigError } from '../core/config/problems.ts'
import type { Clock } from '../core/deadlines.ts'
import { createGateway as createCore, type Gateway } from '../core/gateway.ts'
import { createLog, type LogLevel } from '../core/log.ts'
import type { Plugin } from '../core/plugin.ts'
import { createRedactor } from '../core/redact.ts'
import { createShared, openShared } from '../core/shared.ts'
import type { ClientSettings, PluginSettings } from '../core/snapshot.ts'
import type { UpstreamClient } from '../core/upstream/types.ts'
import { builtins as builtinPlugins, plannedPlugins, vectorStores } from '../plugins/index.ts'
import { authenticators } from '../providers/auth/index.ts'
import { formats } from '../providers/formats/index.ts'
import { plannedProviders, providers } from '../providers/index.ts'
import { createServer } from './http/server.ts'
import { ROUTES } from './routes.ts'

/** A configuration, and what tests inject. */
export interface TestGatewayOptions {
  /** What config.json would say. Without it the gateway serves `demo/hello` alone. */
  config?: JsonObject | undefined
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
  /** POSTs a JSON body; GETs without one. */
  fetch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  close(): Promise<void>
}

/**
 * Starts a gateway for tests and plugin authors: the real pipeline and transport, without threads and without a launcher.
 * A handler that reads `ctx.request` undeclared throws here. Rejects with a ConfigError that lists every problem.
 */
export async function createGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const builtins = { providers, planned: plannedProviders, plugins: builtinPlugins, plannedPlugins, vectorStores }
  const loaded = loadConfig({ config: options.config ?? {}, env: process.env, builtins })
  const { tables } = loaded
  if (!tables) throw new ConfigError(loaded.problems)
  for (const plugin of options.plugins ?? []) tables.plugins.set(plugin.name, asRow(plugin))
  const onLog = options.onLog
  const redactor = createRedactor(loaded.secrets)
  const core = await createCore({
    tables,
    shared: openShared(createShared()),
    formats,
    providers,
    authenticators,
    plugins: [...builtinPlugins, ...(options.plugins ?? [])],
    folder: options.folder,
    log: createLog({
      level: options.logLevel ?? (onLog ? 'info' : 'silent'),
      redactor,
      destination: onLog && { write: onLog },
    }),
    redactor,
    clock: options.clock,
    random: options.random,
    wallClock: options.wallClock,
    upstream: options.upstream,
    poolThreads: options.poolThreads,
    utilisation: options.utilisation,
    undeclaredRead: 'throw',
  })
  return listen(core)
}

async function listen(core: Gateway): Promise<TestGateway> {
  const { tables } = core.runtime
  const edge: Gateway['edge'] = {
    ...core.edge,
    handle(ctx, body, reply) {
      if (ctx.incoming.route.at !== 'control') return core.edge.handle(ctx, body, reply)
      reply.send(200, [['content-type', 'application/json']], JSON.stringify({ status: 'ok', components: { db_pings: 'disabled' } }))
    },
  }
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
