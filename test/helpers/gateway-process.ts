import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A gateway under its launcher, as a process of its own. */
export interface LaunchedGateway {
  launcher: ChildProcess
  /** Of the gateway's first start. */
  url: string
  pid: number
  /** What both processes wrote so far. */
  output(): string
  /** Resolves with the match once the output has it, also when it had it already. Rejects when the launcher ends without. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  exited: Promise<number | string>
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Starts the launcher over `main`, by default test/helpers/thread-main.ts, on a port that the system chooses. */
export async function launchGateway(
  options: { args?: string[]; env?: Record<string, string>; main?: string } = {},
): Promise<LaunchedGateway> {
  const main = options.main ?? file('./thread-main.ts')
  const child = spawn(process.execPath, [file('./launch.ts'), main, '--port', '0', ...(options.args ?? [])], {
    env: { ...process.env, ...options.env },
  })
  const gateway = watch(child)
  const [, pid] = await gateway.waitFor(/\(pid (\d+),/)
  const [, url] = await gateway.waitFor(/curl (https?:\/\/[^/]+)\/v1/)
  return { ...gateway, pid: Number(pid), url: String(url) }
}

/** Collects what a process writes. */
export function watch(child: ChildProcess): Pick<LaunchedGateway, 'launcher' | 'output' | 'waitFor' | 'exited'> {
  let text = ''
  let isOver = false
  const listeners = new Set<() => void>()
  const told = () => {
    for (const listener of listeners) listener()
  }
  const collect = (chunk: Buffer) => {
    text += chunk
    told()
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  const exited = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true
      told()
      resolve(code ?? String(signal))
    })
  })
  return {
    launcher: child,
    output: () => text,
    exited,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(text)
          if (!match && !isOver) return
          listeners.delete(look)
          if (match) resolve(match)
          else reject(new Error(`ended without ${pattern}:\n${text}`))
        }
        listeners.add(look)
        look()
      }),
  }
}

/** Whether a process of this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
