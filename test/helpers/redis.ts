import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../bench/target.ts'
import { listening } from './mongo.ts'
import { sendSignal } from './signal.ts'

const isInstalled = spawnSync('redis-server', ['--version']).status === 0

/** Whether a test may start a server of its own. */
export const HAS_REDIS = isInstalled

/** Why there is none. */
export const NO_REDIS = 'Redis: skipped, redis-server is not installed'

/** A server that a test owns. */
export interface RedisServer {
  port: number
  /** Sends SIGKILL and waits for its end. */
  kill(): Promise<void>
  /** Sends a signal, such as SIGSTOP, which has its effect when this resolves. */
  signal(name: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  end(): Promise<void>
}

/** Starts a server on a free port that keeps what it acknowledged; `args` go to redis-server besides. `port` 0 in them means that it speaks TLS alone. */
export async function startRedis(args: (port: number) => readonly string[] = (port) => ['--port', String(port)]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  const start = async () => {
    const keep = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--bind', '127.0.0.1']
    server = spawn('redis-server', [...keep, ...args(port)], { stdio: ['ignore', 'pipe', 'ignore'] })
    let said = ''
    server.stdout?.on('data', (text) => {
      said = `${said}${text}`.slice(-2000)
    })
    await listening(port, server, () => said)
  }
  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  await start()
  return {
    port,
    kill,
    signal: (name) => sendSignal(server, name),
    start,
    async end() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
