import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { readTls, type TlsMaterial } from '../core/config/edge.ts'
import type { Loaded } from '../core/config/load.ts'
import { ConfigError } from '../core/config/problems.ts'
import type { Surface } from '../core/edge.ts'
import { createLog, type Log } from '../core/log.ts'
import type { Mint } from '../core/mint.ts'
import { createRedactor } from '../core/redact.ts'
import type { ClientSettings, SnapshotTables, TlsSettings } from '../core/snapshot.ts'
import { type Control, startControl } from '../core/threads/control.ts'
import { threadCount } from '../core/threads/count.ts'
import { containErrors } from '../core/threads/guard.ts'
import { controlRoutes } from './control-routes.ts'
import type { Http2Bridge } from './http2.ts'
import type { LauncherNotice } from './launcher.ts'
import { type CreateAcceptor, type Listeners, listenerPlans, openListeners } from './listeners.ts'
import { parseServeOptions, type ServeOptions } from './options.ts'
import { packageVersion } from './package-version.ts'
import { baseUrl, startText } from './start-text.ts'
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
  const loaded = parts.load(configFile(options))
  if (!loaded.tables) return end(BAD_CONFIG, ['the configuration has problems:', ...loaded.problems.map((problem) => `  ${problem}`)])
  const log = createLog({ level: options.logLevel, style: options.logStyle, redactor: createRedactor(loaded.secrets) })
  containErrors(log, () => false)
  for (const notice of loaded.notices) log.info(notice)
  clock.mark('configuration')
  await serve({ parts, options, tables: loaded.tables, log, clock })
}

interface Start {
  parts: ProcessParts
  options: ServeOptions
  tables: SnapshotTables
  log: Log
  clock: Phases
}

async function serve(start: Start): Promise<void> {
  const { parts, options, tables, log, clock } = start
  let control: Control | undefined
  const version = packageVersion()
  const client = tables.client.get('client')
  const routes = controlRoutes(() => ({
    version,
    isDraining: control?.isDraining ?? false,
    threads: control?.threads ?? 0,
    snapshotVersion: control?.version ?? 0,
    phases: clock.phases,
  }))
  try {
    const tls = materialOf(client?.tls)
    control = await startControl({
      entry: parts.entry,
      spare: parts.spare,
      threads: threadCount(options.threads ?? client?.threads ?? 'auto', availableParallelism()),
      tables,
      log,
      logLevel: options.logLevel,
      logStyle: options.logStyle,
      tls,
      routes,
      mint: parts.createMint(log),
      onBroken: (reason) => abandon(log, reason),
      silenceMs: parts.silenceMs,
    })
    clock.mark('threads')
    const listeners = await openListeners(parts.createAcceptor, listenerPlans(options, client), tls)
    control.serve(listeners)
    const http2 = await openHttp2(options.hosts, client, listeners.ports.public ?? 0)
    clock.mark('listening')
    if (http2) log.info({ port: http2.port }, 'HTTP/2 is served')
    const unwatch = tls && client?.tls ? renewOnChange(control, log, { settings: client.tls, current: tls }) : undefined
    const closeOthers = () => {
      unwatch?.()
      return http2?.close()
    }
    obeySignals(control, log, { times: { delayMs: client?.drainDelayMs ?? 0, graceMs: client?.graceMs ?? 0 }, closeOthers })
    notify({ type: 'ready', port: listeners.ports.public ?? 0 })
    announce(start, listeners, { version, threads: control.threads })
  } catch (error) {
    await control?.stop({ delayMs: 0, graceMs: 0 })
    const listed = (error as { problems?: readonly string[] }).problems
    return end(BAD_CONFIG, listed ?? [error instanceof Error ? error.message : String(error)])
  }
}

/** Says where the gateway is to be found: to whoever started it, and to the log. */
function announce({ parts, options, tables, log, clock }: Start, { ports }: Listeners, facts: { version: string; threads: number }): void {
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
async function openHttp2(hosts: readonly string[], client: ClientSettings | undefined, mainPort: number): Promise<Http2Bridge | undefined> {
  const port = client?.http2Port
  if (port === undefined) return undefined
  const { startHttp2Bridge } = await import('./http2.ts')
  const own = hosts.filter((host) => !host.startsWith('unix:')).map((host) => (host === 'localhost' ? '127.0.0.1' : host))
  const [first] = hosts as [string]
  const near: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1', localhost: '127.0.0.1' }
  const place = first.startsWith('unix:') ? { socketPath: first.slice('unix:'.length) } : { host: near[first] ?? first, port: mainPort }
  const target = { ...place, isSecure: client?.tls !== undefined }
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
  if (config !== undefined || appDir === undefined) return config
  const file = join(appDir, 'config.json')
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
