import { performance } from 'node:perf_hooks'
import { asGatewayError, type Context, type Execute } from './context.ts'
import { createCredentials } from './credentials.ts'
import { type Clock, Deadlines, systemClock } from './deadlines.ts'
import type { Edge, Incoming, Reply } from './edge.ts'
import { GatewayError } from './errors.ts'
import type { Format } from './format.ts'
import type { Outcome } from './hooks/hooks.ts'
import { identify, requestId } from './identify.ts'
import type { Log } from './log.ts'
import { createMint, type Mint } from './mint.ts'
import { listModels, modelsByKey, type ProviderModels } from './models.ts'
import { call, handle, qualified } from './pipeline.ts'
import { type LoadedPlugins, loadPlugins } from './plugin/loader.ts'
import type { Plugin } from './plugin/plugin.ts'
import { currentScope, escapedError, runOutOfScope } from './plugin/scope.ts'
import { PluginSets } from './plugin/sets.ts'
import type { Redactor } from './redact.ts'
import { createRegistry, type RegistryOptions } from './registry.ts'
import { errorBody, errorHead, replyError } from './reply.ts'
import { Roster } from './roster.ts'
import type { Runtime } from './runtime.ts'
import type { Shared } from './shared.ts'
import type { ClientSettings, PluginSettings, SnapshotPatch, SnapshotTables } from './snapshot.ts'
import { StreamPool } from './stream/pool.ts'
import { createUpstreamClient } from './upstream/index.ts'
import { destinationOf } from './upstream/target.ts'
import type { UpstreamClient } from './upstream/types.ts'

/** What a gateway is made of: the configuration, the lists of what is built in, and what tests inject. */
export interface GatewayOptions extends RegistryOptions {
  /** Patched in place by their owner. */
  tables: SnapshotTables
  shared: Shared
  plugins: readonly Plugin[]
  /** Folder that plugins' relative paths are looked up from. */
  folder?: string | undefined
  log: Log
  /** Of the log: is told of credentials that are minted. */
  redactor?: Pick<Redactor, 'add' | 'forget'> | undefined
  clock?: Clock | undefined
  random?: (() => number) | undefined
  wallClock?: (() => number) | undefined
  upstream?: UpstreamClient | undefined
  /** The process's mint; one of its own unless said. */
  mint?: Mint | undefined
  /** Threads of the translation pool; 0, the default: none. */
  poolThreads?: number | undefined
  /** Event-loop utilisation of the thread; measured unless said. */
  utilisation?: (() => number) | undefined
  /** A handler that reads `ctx.request` undeclared: an error in tests, a warning in production. */
  undeclaredRead?: 'throw' | 'warn' | undefined
}

/** The pipeline of one data thread. */
export interface Gateway {
  edge: Edge
  runtime: Runtime
  /** Those that serve now. */
  readonly plugins: LoadedPlugins
  /** The tables hold the patch already. Rejects with a ConfigError where its plugins do not load: those before them serve on. */
  apply(patch: SnapshotPatch): Promise<void>
  /** What these providers have, by each of their keys. Never rejects. */
  listModels(providers: readonly string[]): Promise<ProviderModels[]>
  drain(): void
  close(): Promise<void>
  /** Ends the request in whose context an error escaped; false when there is none. */
  endEscaped(error: unknown): boolean
}

/** Dialect of errors on paths that belong to no route. */
const NATIVE_FORMAT = 'openai-chat'
const UTILISATION_MS = 1_000

/** Boots a gateway: registry, plugins, runtime. Rejects with a ConfigError that lists every problem. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const registry = createRegistry(options)
  const { tables, shared, log, folder } = options
  const deadlines = new Deadlines(options.clock ?? systemClock)
  const load = (settings: readonly PluginSettings[]) => loadPlugins({ settings, builtins: options.plugins, log, folder, deadlines })
  const plugins = await PluginSets.open(load, [...tables.plugins.values()])
  const upstream = options.upstream ?? createUpstreamClient()
  const running = new Roster<Context>()
  const random = options.random ?? Math.random
  const wallClock = options.wallClock ?? Date.now
  const { authenticators } = options
  const mint = options.mint ?? createMint({ authenticators, deadlines, log, wallClock, random })
  const runtime: Runtime = {
    tables,
    client: () => tables.client.get('client') as ClientSettings,
    registry,
    shared,
    upstream,
    credentials: createCredentials({ authenticators, mint, clock: deadlines.clock, wallClock, redactor: options.redactor }),
    deadlines,
    log,
    pool: options.poolThreads ? new StreamPool(options.poolThreads) : undefined,
    callers: (ctx) => plugins.callers(ctx.operation, ctx.plugins),
    random,
    wallClock,
    utilisation: options.utilisation ?? trackUtilisation(deadlines.clock),
    finished(ctx, outcome) {
      const set = plugins.enter(ctx.plugins)
      leave(ctx)
      void finished(runtime, ctx, outcome).then(() => plugins.leave(set))
    },
  }
  const leave = (ctx: Context): void => {
    if (ctx.place === undefined) return
    running.delete(ctx)
    if (ctx.plugins) plugins.leave(ctx.plugins)
  }
  preconnect(runtime)
  return assemble(runtime, plugins, { ...options, running, leave })
}

/** `network_config.preconnect`: connections that the first requests need not wait for. */
function preconnect({ tables, registry, upstream }: Runtime): void {
  for (const settings of tables.providers.values()) {
    if (settings.network.preconnect === 0) continue
    const entry = registry.provider(settings.entry)
    const keys = settings.isKeyless ? [undefined] : settings.keys.filter((key) => key.enabled)
    for (const key of keys) upstream.preconnect(destinationOf(registry, { settings, entry }, key).target, settings.network.preconnect)
  }
}

function assemble(runtime: Runtime, plugins: PluginSets, options: Running): Gateway {
  const { running } = options
  const edge = createEdge(runtime, plugins, options)
  return {
    edge,
    runtime,
    get plugins() {
      return plugins.current
    },
    async apply({ set, delete: deleted }) {
      if ([...set, ...deleted].some(([table]) => table === 'plugins')) await plugins.change([...runtime.tables.plugins.values()])
    },
    listModels: (providers) => modelsByKey(runtime, edge.identify(ownQuestion()), providers),
    drain() {},
    async close() {
      running.forEach((ctx) => ctx.abort(new GatewayError('GW_SHUTTING_DOWN')))
      runtime.upstream.close()
      await runtime.pool?.close()
      await plugins.close()
    },
    endEscaped(error) {
      const ctx = escapedError(error)
      if (!ctx) return false
      const scope = currentScope()
      ctx.abort(new GatewayError('GW_PLUGIN', { plugin: scope?.plugin ?? 'unknown', hook: scope?.hook ?? 'unknown' }, { cause: error }))
      return true
    },
  }
}

/** What is under way, and how a request leaves it: once. */
interface Running extends GatewayOptions {
  running: Roster<Context>
  leave(ctx: Context): void
}

function createEdge(runtime: Runtime, plugins: PluginSets, { running, leave, ...options }: Running): Edge {
  const onUndeclaredRead = undeclaredReader(runtime, options.undeclaredRead ?? 'warn')
  const execute: Execute = (parent, request) => runOutOfScope(() => call(runtime, parent, request))
  return {
    identify(incoming) {
      const ctx = identify(runtime, incoming)
      ctx.onUndeclaredRead = onUndeclaredRead
      ctx.execute = execute
      return ctx
    },
    handle(ctx, body, reply) {
      running.add(ctx)
      ctx.plugins = plugins.enter()
      const work = ctx.operation === 'list_models' ? replyModels(runtime, ctx, reply) : handle(runtime, ctx, body, reply)
      void work.then((isStreaming) => isStreaming || leave(ctx))
    },
    refuse: (error, reply, incoming) => refuse(runtime, error, reply, incoming),
  }
}

/** A request of the gateway's own, for what needs one and has no client. */
function ownQuestion(): Incoming {
  const route = { method: 'GET', path: '/v1/models', operation: 'list_models', format: NATIVE_FORMAT, isOpen: true } as const
  const nobody = { remoteAddress: '', clientAddress: '', scheme: 'http' } as const
  return { route, method: 'GET', path: route.path, query: '', headers: new Map(), contentLength: 0, ...nobody }
}

async function replyModels(runtime: Runtime, ctx: Context, reply: Reply): Promise<void> {
  try {
    reply.onAbort(() => ctx.abort())
    if (ctx.named) return await replyModel(runtime, ctx, reply, ctx.named.model)
    const query = new URLSearchParams(ctx.incoming.query)
    const data = await listModels(runtime, ctx, query.get('provider') ?? undefined)
    const headers = [['content-type', 'application/json'] as const, ['x-request-id', ctx.id] as const]
    const list = ctx.inbound.inbound?.encodeModels?.(data.map(({ id }) => id)) ?? { object: 'list', data }
    reply.send(200, headers, JSON.stringify(list))
  } catch (error) {
    replyError(runtime, ctx, error, reply)
  }
}

/** One model: of the route's own provider, unless it names another. */
async function replyModel(runtime: Runtime, ctx: Context, reply: Reply, name: string): Promise<void> {
  const id = qualified(runtime, name, ctx.incoming.route.provider)
  const models = await listModels(runtime, ctx, id.slice(0, id.indexOf('/')))
  if (!models.some((model) => model.id === id)) throw new GatewayError('GW_NOT_FOUND', { what: `model ${name}` })
  const headers = [['content-type', 'application/json'] as const, ['x-request-id', ctx.id] as const]
  reply.send(200, headers, JSON.stringify(ctx.inbound.inbound?.encodeModel?.(id) ?? { id, object: 'model' }))
}

/** An error before there is a Context: in the route's dialect. */
function refuse(runtime: Runtime, error: unknown, reply: Reply, incoming: Incoming | undefined): void {
  const id = requestId(incoming)
  if (!(error instanceof GatewayError)) runtime.log.error({ id, err: error }, 'request failed before it was read')
  const failure = error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id }, { cause: error })
  const format: Format = runtime.registry.format(incoming?.route.format ?? NATIVE_FORMAT)
  reply.send(failure.status, errorHead(format, failure, id), errorBody(format, failure))
}

async function finished(runtime: Runtime, ctx: Context, outcome: Outcome): Promise<void> {
  const { postHook } = runtime.callers(ctx)
  try {
    await postHook?.(outcome, ctx)
  } catch (error) {
    runtime.log.warn({ id: ctx.id, err: asGatewayError(error, ctx) }, 'postHook failed after a stream')
  }
}

function undeclaredReader(runtime: Runtime, mode: 'throw' | 'warn'): (plugin: string) => void {
  const warned = new Set<string>()
  return (plugin) => {
    if (mode === 'throw') throw new Error(`plugin ${plugin} reads ctx.request without needs: 'canonical'`)
    if (warned.has(plugin)) return
    warned.add(plugin)
    runtime.log.warn({ plugin }, "reads ctx.request without needs: 'canonical', which ends passthrough for its requests")
  }
}

/** Event-loop utilisation of the last second, measured when asked and at most that often. */
function trackUtilisation(clock: Clock): () => number {
  let before = performance.eventLoopUtilization()
  let measuredAt = clock.now()
  let last = 0
  return () => {
    const now = clock.now()
    if (now - measuredAt < UTILISATION_MS) return last
    const current = performance.eventLoopUtilization()
    last = performance.eventLoopUtilization(current, before).utilization
    before = current
    measuredAt = now
    return last
  }
}
