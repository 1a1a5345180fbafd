import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../bench/target.ts'
import { sendSignal } from './signal.ts'

const TOOL = fileURLToPath(new URL('../../../shared/tools/mongo-up', import.meta.url))
/** The first start of an engine builds it: minutes, in milliseconds. */
const BUILD_MS = 600_000

/** Servers that the tests run on: the one that MONGODB_URL names, or both engines of the tool; none where there is neither. */
export const MONGO_ENGINES: readonly string[] = process.env.MONGODB_URL ? ['url'] : existsSync(TOOL) ? ['java', 'ferretdb'] : []

/** Why there are none. */
export const NO_MONGO = 'MongoDB: skipped, neither MONGODB_URL nor the tool that starts a server is there'

/** A server that a test may own. */
export interface MongoServer {
  url: string
  /** Ends it at once, by SIGKILL where the engine then keeps what it acknowledged (the Java one writes once a second); undefined: it is not ours. */
  kill: (() => Promise<void>) | undefined
  /** Sends a signal, such as SIGSTOP, which has its effect when this resolves. */
  signal(name: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** Stops it for good. */
  end(): Promise<void>
}

/** Starts a server of this engine, with data of its own. The first start of all may take minutes. */
export async function startMongo(engine: string): Promise<MongoServer> {
  if (engine === 'url') return foreign(process.env.MONGODB_URL ?? '')
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-mongo-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  const start = async () => {
    server = spawn(TOOL, ['--foreground', '--port', String(port), '--engine', engine, '--dir', folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    server.stderr?.on('data', (text) => {
      said = `${said}${text}`.slice(-2000)
    })
    await listening(port, server, () => said)
  }
  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    server.kill(engine === 'java' ? 'SIGTERM' : 'SIGKILL')
    await once(server, 'exit')
  }
  await start()
  const end = async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  }
  return { url: `mongodb://127.0.0.1:${port}/`, kill, signal: (name) => sendSignal(server, name), start, end }
}

/** A server that the tests may use and not touch. */
function foreign(url: string): MongoServer {
  return { url, kill: undefined, signal: async () => {}, start: async () => {}, end: async () => {} }
}

/** How long a test's set-up may take, in milliseconds. */
export const MONGO_START_MS = BUILD_MS

/** Waits until the process listens there. Rejects where it ends before, with what it said. */
export async function listening(port: number, server: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    if (server.exitCode !== null || server.signalCode !== null) throw new Error(`the server did not start: ${said()}`)
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
