import type { ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { turn } from './clock.ts'

/** Sends a signal; SIGSTOP is waited for where the kernel tells (Linux): until then another thread of the process may go on and answer. */
export async function sendSignal(child: ChildProcess | undefined, name: NodeJS.Signals): Promise<void> {
  if (!child?.pid || !child.kill(name) || name !== 'SIGSTOP') return
  const tasks = `/proc/${child.pid}/task`
  while (existsSync(tasks) && !readdirSync(tasks).every((task) => isStopped(`${tasks}/${task}/stat`))) await turn()
}

/** A thread that has ended since is no longer in the way. */
function isStopped(file: string): boolean {
  try {
    const stat = readFileSync(file, 'utf8')
    return stat[stat.lastIndexOf(')') + 2] === 'T'
  } catch {
    return true
  }
}
