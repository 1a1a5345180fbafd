import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import type { ThreadStart } from './messages.ts'

/**
 * Starts a thread, which begins to load its modules at once. What it serves with comes by `sendStart`, so that a process may
 * start one before it knows its configuration.
 */
export function spawnThread(entry: URL, role: ThreadStart['role']): Worker {
  return new Worker(entry, { workerData: { role }, name: role })
}

/** Tells a thread what it serves with, once. */
export function sendStart(worker: Worker, start: ThreadStart): void {
  worker.postMessage(start, [start.port])
}

/** In the thread: its role, known from the beginning. */
export function threadRole(): ThreadStart['role'] {
  return (workerData as { role: ThreadStart['role'] }).role
}

/** In the thread: what it serves with. To be called before anything is awaited, or the message is missed. */
export async function receiveStart<Role extends ThreadStart['role']>(_role: Role): Promise<Extract<ThreadStart, { role: Role }>> {
  if (!parentPort) throw new Error('the main thread is told nothing')
  const [start] = (await once(parentPort, 'message')) as [Extract<ThreadStart, { role: Role }>]
  return start
}
