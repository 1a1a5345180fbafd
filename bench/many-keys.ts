// `node bench/many-keys.ts [--keys 100000] [--edits 50]`: what one edit among many virtual keys costs the data threads, and the start.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, stopProcess } from './target.ts'

const START_TIMEOUT_MS = 300_000
/** An edit, or a look, and what it does to the threads lie within this window. Milliseconds. */
const WINDOW_MS = 150
const PATH = '/api/governance/virtual-keys'

/** In each data thread: the longest delay of its event loop since the file was last emptied, told on a request of ours. */
const PROBE = `
import { definePlugin } from 'bifrost-node'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { appendFileSync } from 'node:fs'

export default definePlugin({
  name: 'probe',
  setup() {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    return {
      hooks: {
        preRequest(ctx) {
          const file = ctx.header('x-probe')
          if (!file) return
          appendFileSync(file, delay.max / 1e6 + '\\n')
          delay.reset()
        },
      },
    }
  },
})
`

interface Bench {
  port: number
  folder: string
  /** Asks the one data thread for its longest delay since it was last asked. Milliseconds. */
  longestDelay(): Promise<number>
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keys: { type: 'string', default: '100000' }, edits: { type: 'string', default: '50' } } })
  const [keys, edits] = [Number(values.keys), Number(values.edits)]
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-keys-'))
  let child: ChildProcess | undefined
  try {
    for (const [name, hasStore] of [
      ['file', false],
      ['file into a new store', true],
      ['store', true],
    ] as const) {
      writeFiles(folder, keys, hasStore)
      const port = await freePort()
      const started = performance.now()
      child = start(folder, port)
      await untilServing(port, child)
      report(`start, ${name}`, [performance.now() - started])
      if (name === 'store') await measureEdits({ port, folder, longestDelay: () => longestDelay(port, folder) }, edits)
      await stopProcess(child)
    }
  } finally {
    if (child) await stopProcess(child)
    rmSync(folder, { recursive: true, force: true })
  }
}

function writeFiles(folder: string, keys: number, hasStore: boolean): void {
  const virtualKeys = Array.from({ length: keys }, (_, index) => ({
    id: `vk-${index}`,
    value: `sk-bf-bench-${index}`,
    provider_configs: [{ provider: 'demo', allowed_models: ['*'], key_ids: ['*'], weight: 1 }],
  }))
  const config = {
    client: { shutdown: { drain_delay_seconds: 0 } },
    providers: { demo: {} },
    governance: { virtual_keys: virtualKeys },
    plugins: [{ name: 'probe', enabled: true, path: './probe.ts' }],
    ...(hasStore && { config_store: { enabled: true, type: 'sqlite' } }),
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'probe.ts'), PROBE)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
}

function start(folder: string, port: number): ChildProcess {
  const launcher = fileURLToPath(new URL('../transports/launcher.ts', import.meta.url))
  const flags = ['--app-dir', folder, '--port', String(port), '--threads', '1', '--log-level', 'error']
  return spawn(process.execPath, [launcher, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function untilServing(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
    if ((await ask(port, 'GET', '/health').catch(() => 0)) === 200) return
    await pause(20)
  }
  throw new Error('the gateway does not serve')
}

/** By kind: what an edit of it asks for, in its turn. Of `--keys 131060` each thread's tables pass a power of two under way. */
const EDITS: Readonly<Record<string, (turn: number) => readonly [method: string, path: string, body?: object]>> = {
  change: (turn) => ['PUT', `${PATH}/vk-${turn * 7}`, { description: `edit ${turn}` }],
  add: (turn) => ['POST', PATH, { id: `added-${turn}`, name: `added ${turn}`, provider_configs: [{ provider: 'demo', key_ids: ['*'] }] }],
  remove: (turn) => ['DELETE', `${PATH}/vk-${turn * 7 + 3}`],
}

/** Windows with an edit of each kind and with a look at a key take turns: all cross to the main thread and back, and have the same neighbours. */
async function measureEdits({ port, longestDelay: longest }: Bench, edits: number): Promise<void> {
  const delays = new Map<string, number[]>()
  const answered: number[] = []
  const window = async (kind: string, [method, path, body]: readonly [string, string, object?]) => {
    await longest()
    const began = performance.now()
    const status = await ask(port, method, path, body)
    if (status !== 200) throw new Error(`${method} ${path} got ${status}`)
    if (method !== 'GET') answered.push(performance.now() - began)
    await pause(WINDOW_MS)
    delays.set(kind, [...(delays.get(kind) ?? []), await longest()])
  }
  for (let turn = 0; turn < edits; turn++) {
    await window('look', ['GET', `${PATH}/vk-${turn * 7}`])
    for (const [kind, edit] of Object.entries(EDITS)) await window(kind, edit(turn))
  }
  for (const [kind, ms] of delays) report(`longest delay of the data thread, ${kind}`, ms)
  report('answer to an edit', answered)
}

async function longestDelay(port: number, folder: string): Promise<number> {
  const file = join(folder, 'delays')
  writeFileSync(file, '')
  const body = { model: 'demo/hello', messages: [{ role: 'user', content: 'Hello!' }] }
  const status = await ask(port, 'POST', '/v1/chat/completions', body, { 'x-probe': file, 'x-bf-vk': 'sk-bf-bench-1' })
  if (status !== 200) throw new Error(`the probe got ${status}`)
  return Math.max(...readFileSync(file, 'utf8').trim().split('\n').map(Number))
}

function ask(port: number, method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, method, path, headers: { 'content-type': 'application/json', ...headers } },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
      },
    )
    asked.on('error', reject)
    asked.end(body && JSON.stringify(body))
  })
}

function report(name: string, ms: readonly number[]): void {
  const sorted = ms.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)
  process.stdout.write(
    ms.length === 1 ? `${name}: ${at(0)} ms\n` : `${name}: median ${at(0.5)}, 9 of 10 below ${at(0.9)}, most ${at(1)} ms (${ms.length})\n`,
  )
}

await main()
