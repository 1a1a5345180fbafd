import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { Json } from '../core/canonical/json.ts'
import type { Builtins } from '../core/config/builtins.ts'
import { readTls, type TlsMaterial } from '../core/config/edge.ts'
import type { Loaded } from '../core/config/load.ts'
import { ConfigError } from '../core/config/problems.ts'
import { secretsIn } from '../core/config/secrets.ts'
import { DEFAULT_FOLDER } from '../core/config/store-choice.ts'
import type { Surface } from '../core/edge.ts'
import { createLog, type Log } from '../core/log.ts'
import type { Mint } from '../core/mint.ts'
import { createRedactor, type Redactor } from '../core/redact.ts'
import type { ClientSettings, SnapshotTables, TlsSettings } from '../core/snapshot.ts'
import type { StoreDriver } from '../core/stores/stores.ts'
import { type Control, startControl } from '../core/threads/control.ts'
import { threadCount } from '../core/threads/count.ts'
import { containErrors } from '../core/threads/guard.ts'
import { type AdminOptions, createAdmin } from './admin/index.ts'
import { controlRoutes, type ProcessFacts } from './control-routes.ts'
import type { Http2Bridge } from './http2.ts'
import type { LauncherNotice } from './launcher.ts'
import { type CreateAcceptor, type Listeners, listenerPlans, openListeners } from './listeners.ts'
import { parseServeOptions, type ServeOptions } from './options.ts'
import { packageVersion } from './package-version.ts'
import { followConfig, openRunningConfig, type RunningConfig } from './running-config.ts'
import { baseUrl, startText } from './start-text.ts'
import { surfacesOf } from './surfaces.ts'
import { type TlsWatchOptions, watchTls } from './tls-watch.ts'

/** Exit codes after which the launcher does not try again. */
const BAD_FLAGS = 2
const BAD_CONFIG = 78
/** Signals closer together than this are one: the terminal sends them to the whole group, launcher and npm pass them on. */
const SAME_SIGNAL_MS = 300
/** What a drain may take beyond delay and grace before it is cut. */
const STOP_SLACK_MS = 3000

/** What transports/main.ts brings together for the main thread. */
export interface ProcessParts {
  args: readonly string[]
  /** The module that every thread runs. */
  entry: URL
  /** A data thread that was spawned ahead, so that it loads its modules while the main thread loads its own. */
  spare?: Worker | undefined
  load(file: string | undefined): Loaded
  /** What a configuration may name, and kinds of stores it may be kept in; absent: the file alone rules, and there is no management API. */
  management?: { builtins: Builtins; drivers: readonly StoreDriver[] } | undefined
  /** Rejects with a sentence where it cannot listen. `localhost` is both families; port 0 takes a free one. */
  createAcceptor: CreateAcceptor
  /** Makes the process's mint of credentials. */
  createMint(log: Log): Mint
  /** Environment variables to name where nothing is configured; empty where something is. */
  keyVariables(tables: SnapshotTables): readonly string[]
  /** A data thread that is silent for so long hangs; 10 s unless said. */
  silenceMs?: number | undefined
}

/** Runs the main thread of the gateway's process until it ends. */
export async function runGatewayProcess(parts: ProcessParts): Promise<void> {
  const clock = createPhases()
  // Who read them may be gone: then there is nobody to tell.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const { options, problems } = parseServeOptions(parts.args, process.env)
  if (!options) return end(BAD_FLAGS, problems)
  const file = configFile(options)
  const loaded = parts.load(file)
  if (!loaded.tables) return end(BAD_CONFIG, ['the configuration has problems:', ...loaded.problems.map((problem) => `  ${problem}`)])
  const redactor = createRedactor(loaded.secrets)
  const log = createLog({ level: options.logLevel, style: options.logStyle, redactor })
  containErrors(log, () => false)
  for (const notice of loaded.notices) log.info(notice)
  clock.mark('configuration')
  await serve({ parts, options, file, read: { ...loaded, tables: loaded.tables }, log, redactor, clock })
}

interface Start {
  parts: ProcessParts
  options: ServeOptions
  /** config.json; undefined: there is none. */
  file: string | undefined
  /** What the file alone says. */
  read: Loaded & { tables: SnapshotTables }
  log: Log
  redactor: Redactor
  clock: Phases
}

async function serve(start: Start): Promise<void> {
  const { parts, options, log, clock } = start
  let control: Control | undefined
  let running: RunningConfig | undefined
  const version = packageVersion()
  const facts = () => ({
    version,
    isDraining: control?.isDraining ?? false,
    threads: control?.threads ?? 0,
    snapshotVersion: control?.version ?? 0,
    phases: clock.phases,
    ...pingsOf(running),
  })
  const early = createEarlyListeners(start)
  try {
    running = await openConfig(start, early.open)
    const tables = running?.loaded.tables ?? start.read.tables
    const client = tables.client.get('client')
    const tls = materialOf(client?.tls)
    const listModels = async (providers: readonly string[]) => control?.listModels(providers) ?? []
    const seen = { version, keyStatus: (id: string) => control?.keyStatus(id), plugins: () => control?.plugins() ?? [], listModels }
    const admin = running && adminOf(start, running, seen)
    const routes = { ...controlRoutes(facts), ...admin?.routes }
    const bridgeWord = client?.http2Port === undefined ? undefined : randomBytes(32).toString('hex')
    control = await startControl({
      entry: parts.entry,
      spare: parts.spare,
      threads: threadCount(options.threads ?? client?.threads ?? 'auto', availableParallelism()),
      tables,
      log,
      logLevel: options.logLevel,
      logStyle: options.logStyle,
      tls,
      bridgeWord,
      surfaces: surfacesOf(client ?? {}),
      routes,
      store: running && storesOf(running),
      mint: parts.createMint(log),
      onBroken: (reason) => abandon(log, reason),
      silenceMs: parts.silenceMs,
    })
    clock.mark('threads')
    const stopFollowing = running && (await follow(start, running, control))
    const listeners = (await early.opened) ?? (await openListeners(parts.createAcceptor, listenerPlans(options, client), tls))
    control.serve(listeners)
    const http2 = await openHttp2(options.hosts, client, { mainPort: listeners.ports.public ?? 0, word: bridgeWord })
    clock.mark('listening')
    if (http2) log.info({ port: http2.port }, 'HTTP/2 is served')
    const unwatch = tls && client?.tls ? renewOnChange(control, log, { settings: client.tls, current: tls }) : undefined
    const stopModels = admin?.followModels()
    const closeOthers = () => {
      unwatch?.()
      stopFollowing?.()
      stopModels?.()
      return http2?.close()
    }
    obeySignals(control, log, { times: { delayMs: client?.drainDelayMs ?? 0, graceMs: client?.graceMs ?? 0 }, closeOthers })
    notify({ type: 'ready', port: listeners.ports.public ?? 0 })
    announce({ ...start, tables }, listeners, { version, threads: control.threads })
  } catch (error) {
    if (control) await control.stop({ delayMs: 0, graceMs: 0 })
    else await (running && storesOf(running).stop())
    const listed = (error as { problems?: readonly string[] }).problems
    return end(BAD_CONFIG, listed ?? [error instanceof Error ? error.message : String(error)])
  }
}

/** Opens the configuration where it is more than a file. `listen` is called when the store does not answer yet. */
async function openConfig(
  { parts, options, file, read, log, redactor }: Start,
  listen: (reason: string) => void,
): Promise<RunningConfig | undefined> {
  if (!parts.management) return undefined
  const { logLevel, logStyle, appDir } = options
  const { builtins, drivers } = parts.management
  const running = await openRunningConfig({
    ...{ file, read, appDir, env: process.env, builtins, drivers, entry: parts.entry, log, logLevel, logStyle },
    onWaiting: listen,
  })
  for (const secret of running.loaded.secrets) redactor.add(secret)
  return running
}

/** While the store does not answer, the port does: with 503, so that whoever looks knows that this one is not ready. */
function createEarlyListeners({ parts, options, read, log }: Start) {
  const client = read.tables.client.get('client')
  const early: { opened: Promise<Listeners> | undefined; open(reason: string): void } = {
    opened: undefined,
    open(reason) {
      log.error({ reason }, 'the configuration store does not answer: nothing is served before it does')
      // It may have answered since, and be lost again.
      if (early.opened) return
      early.opened = openListeners(parts.createAcceptor, listenerPlans(options, client), materialOf(client?.tls))
      early.opened.catch(() => {})
    },
  }
  return early
}

/** What ends after the data threads. */
function storesOf({ store, logs }: RunningConfig): { stop(): Promise<void> } {
  return {
    async stop() {
      await Promise.all([store?.thread.stop(), logs?.stop()])
    },
  }
}

/** How health asks the stores. */
function pingsOf(running: RunningConfig | undefined): Pick<ProcessFacts, 'pingStore' | 'pingLogs'> {
  const { live, store, logs } = running ?? {}
  if (live?.entities.get('settings', 'client')?.disable_db_pings_in_health === true) return { pingStore: undefined, pingLogs: undefined }
  return { pingStore: store && (() => store.config.ping()), pingLogs: logs && (() => logs.store.ping()) }
}

function adminOf(
  { parts, log }: Start,
  running: RunningConfig,
  facts: Pick<AdminOptions, 'version' | 'keyStatus' | 'plugins' | 'listModels'>,
) {
  if (!parts.management) return undefined
  const { live: config, keyValue: sessions, logs } = running
  const own = { builtins: parts.management.builtins, env: process.env, log, now: Date.now }
  return createAdmin({ config, sessions, hasLogs: logs !== undefined, ...own, ...facts })
}

function follow({ file, log, redactor }: Start, running: RunningConfig, control: Control): Promise<() => void> {
  return followConfig(running, {
    file,
    log,
    publish(rows) {
      for (const [, , value] of rows.set) for (const secret of secretsIn(value as Json)) redactor.add(secret)
      return control.publish(rows)
    },
  })
}

/** Says where the gateway is to be found: to whoever started it, and to the log. */
function announce(
  { parts, options, tables, log, clock }: Start & { tables: SnapshotTables },
  { ports }: Listeners,
  facts: { version: string; threads: number },
): void {
  const client = tables.client.get('client')
  const { pid } = process
  const { phases } = clock
  const urls = (surface: Surface) =>
    listenerPlans(options, client)
      .filter((plan) => plan.surface === surface)
      .flatMap(({ hosts }) => hosts.map((host) => baseUrl(host, ports[surface] ?? 0, client?.tls !== undefined)))
  const others = Object.fromEntries((['admin', 'metrics'] as const).flatMap((name) => (name in ports ? [[name, urls(name)]] : [])))
  const text = { ...facts, pid, urls: urls('public'), others, phases, keyVariables: parts.keyVariables(tables) }
  process.stdout.write(startText(text))
  log.info({ pid, urls: text.urls, ...others, threads: facts.threads, phases }, 'the gateway serves')
}

/** Read once more than at the check: what is served is what lies there now. Throws with the problems where it is not usable any more. */
function materialOf(settings: TlsSettings | undefined): TlsMaterial | undefined {
  if (settings === undefined) return undefined
  const { material, problems } = readTls(settings)
  if (!material) throw new ConfigError(problems.map(({ field, message }) => `client.tls.${field}: ${message}`))
  return material
}

/** A new certificate in the files is served from the next connection on. */
function renewOnChange(control: Control, log: Log, watched: Pick<TlsWatchOptions, 'settings' | 'current'>): () => void {
  return watchTls({
    ...watched,
    onChange(material) {
      control.renewTls(material).then(
        () => log.info('a new certificate is served'),
        (error: unknown) => log.error({ err: error }, 'the new certificate is not served'),
      )
    },
    onBroken: (problems) => log.error({ problems }, 'the new certificate cannot be used; the old one is served on'),
  })
}

/** The listener beside the main one, which asks that one. */
async function openHttp2(
  hosts: readonly string[],
  client: ClientSettings | undefined,
  { mainPort, word }: { mainPort: number; word: string | undefined },
): Promise<Http2Bridge | undefined> {
  const port = client?.http2Port
  if (port === undefined) return undefined
  const { startHttp2Bridge } = await import('./http2.ts')
  const own = hosts.filter((host) => !host.startsWith('unix:')).map((host) => (host === 'localhost' ? '127.0.0.1' : host))
  const [first] = hosts as [string]
  const near: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1', localhost: '127.0.0.1' }
  const place = first.startsWith('unix:') ? { socketPath: first.slice('unix:'.length) } : { host: near[first] ?? first, port: mainPort }
  const target = { ...place, isSecure: client?.tls !== undefined, word }
  return startHttp2Bridge({ hosts: own.length > 0 ? own : ['127.0.0.1'], port, target })
}

interface SignalOptions {
  times: { delayMs: number; graceMs: number }
  /** Listeners that are not the control's. */
  closeOthers(): Promise<void> | undefined
}

/** TERM, INT and HUP drain, a second one forces; so does the end of the launcher's channel. USR2 replaces the data threads one by one. */
function obeySignals(control: Control, log: Log, { times, closeOthers }: SignalOptions): void {
  let lastSignalAt = Number.NEGATIVE_INFINITY
  const drain = async (reason: string) => {
    log.info({ reason, ...times }, 'the gateway drains')
    notify({ type: 'stopping' })
    const stopped = Promise.all([control.stop(times), closeOthers()])
    const isOrderly = await Promise.race([stopped.then(() => true), wait(times.delayMs + times.graceMs + STOP_SLACK_MS, false)])
    if (!isOrderly) return abandon(log, 'the drain took too long')
    log.info('the gateway has stopped')
    notify({ type: 'stopped' }, () => process.exit(0))
  }
  const onSignal = (signal: string) => {
    const now = performance.now()
    if (now - lastSignalAt < SAME_SIGNAL_MS) return
    lastSignalAt = now
    if (control.isDraining) abandon(log, `${signal} came a second time`)
    else void drain(signal)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal)
  process.on('disconnect', () => control.isDraining || void drain('the launcher is gone'))
  if (process.platform !== 'win32') process.on('SIGUSR2', () => void replaceThreads(control, log))
}

async function replaceThreads(control: Control, log: Log): Promise<void> {
  try {
    for (let position = 0; position < control.threads; position++) await control.replaceThread(position)
  } catch (error) {
    log.error({ err: error }, 'a data thread could not be replaced; the old one serves on')
  }
}

/** Ends this process at once: `process.exit` while a data thread serves aborts it, with a core dump where those are on. */
function abandon(log: Log, reason: string): void {
  log.error({ reason }, 'the gateway ends at once')
  process.kill(process.pid, 'SIGKILL')
}

function end(code: number, lines: readonly string[]): void {
  process.stderr.write(`bifrost: ${lines.join('\n')}\n`, () => process.exit(code))
}

function notify(notice: LauncherNotice, done?: () => void): void {
  if (process.connected && process.send) process.send(notice, undefined, undefined, () => done?.())
  else done?.()
}

function configFile({ config, appDir }: ServeOptions): string | undefined {
  if (config !== undefined) return config
  const file = join(appDir ?? DEFAULT_FOLDER, 'config.json')
  return existsSync(file) ? file : undefined
}

interface Phases {
  readonly phases: Readonly<Record<string, number>>
  /** Ends the phase of this name; the next one starts. */
  mark(name: string): void
}

/** Counts from the start of the process: what is over by now is Node's own start and the loading of modules. */
function createPhases(): Phases {
  let last = performance.now()
  const phases: Record<string, number> = { boot: last, total: last }
  return {
    phases,
    mark(name) {
      const now = performance.now()
      phases[name] = now - last
      phases.total = now
      last = now
    },
  }
}
