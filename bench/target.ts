import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Route, SCENARIOS, type Scenario } from './load/scenarios.ts'

const START_TIMEOUT_MS = 10_000

/** A server under measurement. */
export interface Target {
  name: string
  route: Route
  port(scenario: Scenario): number
  /** Process whose whole tree is accounted. */
  root: number
  stop(): Promise<void>
}

/** The fake provider in a process of its own; as a target it is what added latency is measured against. */
export async function startProvider(): Promise<Target> {
  const child = fork(path('./upstream.ts'), ['--port', '0'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { name: 'direct', route: 'plain', port: () => port, root: child.pid ?? 0, stop: () => stopProcess(child) }
}

/** The gateway by its own start command: one data thread, no plugins, every dialect behind the fake provider. */
export async function startGateway(folder: string, upstreamPort: number): Promise<Target> {
  const port = await freePort()
  const file = join(folder, 'config.json')
  writeFileSync(file, JSON.stringify(gatewayConfig(upstreamPort)))
  const flags = ['--config', file, '--port', String(port), '--threads', '1', '--log-level', 'error', '--app-dir', folder]
  const child = spawn(process.execPath, [path('../transports/launcher.ts'), ...flags], { stdio: ['ignore', 'ignore', 'inherit'] })
  await untilListening(port, child)
  return { name: 'gateway', route: 'gateway', port: () => port, root: child.pid ?? 0, stop: () => stopProcess(child) }
}

function gatewayConfig(upstreamPort: number): object {
  const provider = (name: string): object => ({
    keys: [{ name: `bench-${name}`, value: `sk-bench-${name}-0123456789abcdef`, models: ['*'], weight: 1 }],
    network_config: { base_url: `http://127.0.0.1:${upstreamPort}` },
  })
  return {
    providers: Object.fromEntries([...new Set(SCENARIOS.map((scenario) => scenario.provider))].map((name) => [name, provider(name)])),
  }
}

/** A proxy that somebody else started: `--target name=port:pid`. */
export function foreignTarget(text: string): Target {
  const match = /^([\w-]+)=(\d+):(\d+)$/.exec(text)
  if (match === null) throw new Error(`--target should be name=port:pid, got ${text}`)
  const [, name = '', port, pid] = match
  return { name, route: 'plain', port: () => Number(port), root: Number(pid), stop: async () => {} }
}

/**
 * A port of 127.0.0.1 that nothing listens on, below those that systems give out by themselves: whoever takes it later, and takes it again after
 * a restart, does not find it taken by a connection.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Waits until something listens there; throws when the process ends first or ten seconds have passed. */
export async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode} instead of listening on ${port}`)
    if (await isListening(port)) return
    await sleep(20)
  }
  throw new Error(`${child.spawnfile} does not listen on ${port}`)
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const answered = new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  const isOpen = await answered
  socket.destroy()
  return isOpen
}

/** Ends a process that we started and waits for it. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
