import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../bench/target.ts'
import { isAlive, type LaunchedGateway, launchGateway, watch } from './gateway-process.ts'
import { NO_KEYS, pidsOf } from './real-gateway.ts'

export const MAIN = fileURLToPath(new URL('../../transports/main.ts', import.meta.url))
const LAUNCH = fileURLToPath(new URL('./launch.ts', import.meta.url))
const LOOK_AGAIN_MS = 10

/** A status and what came with it: JSON where it is JSON, else the text. */
export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  body: any
}

/** A gateway as its operators and its clients reach it. */
export interface StoreGateway extends LaunchedGateway {
  /** `api('POST /api/providers', {...})`. */
  api(line: string, body?: object, headers?: Record<string, string>): Promise<Answer>
  /** A chat on a connection of its own, by this virtual key. */
  chat(model: string, virtualKey?: string, headers?: Record<string, string>): Promise<Answer>
  /** SIGTERM, and the end of both processes. */
  stop(): Promise<void>
  /** SIGKILL, and the end of both processes. */
  end(): Promise<void>
}

/** A folder for data, removed by the function that comes with it. */
export function dataFolder(files: Record<string, object | string> = {}): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-store-'))
  for (const [name, content] of Object.entries(files)) writeConfig(folder, content, name)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Writes a configuration, or a text, into a folder. */
export function writeConfig(folder: string, content: object | string, name = 'config.json'): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
}

/** Starts transports/main.ts under the real launcher, with one data thread unless `args` say more. */
export async function storeGateway(
  folder: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<StoreGateway> {
  const flags = ['--app-dir', folder, '--threads', '1', ...args]
  const gateway = await launchGateway({ main: MAIN, args: flags, env: { ...NO_KEYS, BIFROST_ENCRYPTION_KEY: '', ...env } })
  return withCalls(gateway)
}

/** Starts it where it cannot serve yet: on a port that is known beforehand. `ready` resolves once it serves. */
export async function waitingGateway(
  folder: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<StoreGateway & { ready: Promise<unknown> }> {
  const port = await freePort()
  const flags = ['--app-dir', folder, '--threads', '1', '--host', '127.0.0.1', '--port', String(port), ...args]
  const child = spawn(process.execPath, [LAUNCH, MAIN, ...flags], {
    env: { ...process.env, ...NO_KEYS, BIFROST_ENCRYPTION_KEY: '', ...env },
    detached: true,
  })
  const watched = watch(child)
  const ready = watched.waitFor(/the gateway serves/)
  ready.catch(() => {})
  const gateway = withCalls({ ...watched, url: `http://127.0.0.1:${port}`, pid: 0 })
  return {
    ...gateway,
    ready,
    async end() {
      // The gateway's own id is in its output only once it serves: the group is ended.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
      await watched.exited
    },
  }
}

/** Adds what operators and clients do. */
export function withCalls(gateway: LaunchedGateway): StoreGateway {
  const { url, launcher, exited, output } = gateway
  return {
    ...gateway,
    api(line, body, headers) {
      const [method = 'GET', path = '/'] = line.split(' ')
      return ask(`${url}${path}`, { method, headers, body })
    },
    chat: (model, virtualKey, headers) =>
      ask(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...(virtualKey !== undefined && { 'x-bf-vk': virtualKey }), ...headers },
        body: { model, messages: [{ role: 'user', content: 'Hello!' }] },
      }),
    async stop() {
      launcher.kill('SIGTERM')
      await exited
    },
    async end() {
      launcher.kill('SIGKILL')
      for (const pid of pidsOf(output())) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
      await exited
    },
  }
}

/** Asks once, on a connection of its own. Rejects where the connection is lost. */
export function ask(
  url: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string> | undefined; body?: object | undefined } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false, headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: jsonOrText(text) }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Asks again and again until the answer is as wanted, and resolves with it and the milliseconds that it took. Rejects with the last answer after `withinMs`. */
export async function until<T>(
  probe: () => Promise<T>,
  isWanted: (value: T) => boolean,
  withinMs = 10_000,
): Promise<{ value: T; ms: number }> {
  const start = performance.now()
  for (;;) {
    const value = await probe()
    const ms = performance.now() - start
    if (isWanted(value)) return { value, ms }
    if (ms > withinMs) throw new Error(`not within ${withinMs} ms, at last: ${JSON.stringify(value)?.slice(0, 500)}`)
    await pause(LOOK_AGAIN_MS)
  }
}
