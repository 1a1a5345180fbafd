import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAlive, type LaunchedGateway, launchGateway } from './gateway-process.ts'

const MAIN = fileURLToPath(new URL('../../transports/main.ts', import.meta.url))

/** A plugin that breaks on request: by the header `x-test-break`, in the data thread that serves it. */
const BREAKER = `
import { definePlugin } from 'bifrost-node'

const WAYS = {
  timer() {
    setTimeout(() => {
      throw new Error('thrown outside any promise')
    }, 1)
    return new Promise(() => {})
  },
  heap() {
    const held = []
    for (;;) held.push(new Array(1e6).fill(held.length))
  },
  spin() {
    for (;;) Math.random()
  },
}

export default definePlugin({
  name: 'breaker',
  setup: () => ({ hooks: { preRequest: { async: true, handler: (ctx) => WAYS[ctx.header('x-test-break') ?? '']?.() } } }),
})
`

/** Keys that the machine may have, so that a gateway without a file has nothing configured. */
export const NO_KEYS = { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', GEMINI_API_KEY: '', MISTRAL_API_KEY: '' }

/** transports/main.ts under the real launcher, with files of its own. */
export interface RealGateway extends LaunchedGateway {
  folder: string
  /** Ends it at once, whatever state it is in, and removes its folder. */
  destroy(): Promise<void>
}

/** Starts it with this configuration, written to a folder of its own; with `hasBreaker` the breaking plugin is beside it. */
export async function realGateway({
  config = {},
  hasBreaker = false,
  args = [],
  env = {},
}: {
  config?: object
  hasBreaker?: boolean
  args?: string[]
  env?: Record<string, string>
}): Promise<RealGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-process-'))
  const plugins = hasBreaker ? [{ name: 'breaker', enabled: true, path: './breaker.ts' }] : []
  writeFileSync(join(folder, 'breaker.ts'), BREAKER)
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ plugins, ...config }))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const gateway = await launchGateway({ main: MAIN, args: ['--app-dir', folder, ...args], env: { ...NO_KEYS, ...env } })
    const destroy = async () => {
      gateway.launcher.kill('SIGKILL')
      for (const pid of pidsOf(gateway.output())) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
      await gateway.exited
      remove()
    }
    return { ...gateway, folder, destroy }
  } catch (error) {
    remove()
    throw error
  }
}

/** Of each start that the output tells of, in order. */
export function pidsOf(output: string): number[] {
  return [...output.matchAll(/\(pid (\d+), \d+ data/g)].map((match) => Number(match[1]))
}

/** The process id of the second start; waits until it serves. */
export async function secondPid({ waitFor }: LaunchedGateway): Promise<number> {
  return Number((await waitFor(/\(pid \d+,[^]*\(pid (\d+),[^]*the gateway serves/))[1])
}
