import { parentPort } from 'node:worker_threads'
import { containErrors, type ThreadLog } from './guard.ts'
import type { Message, ThreadStart } from './messages.ts'

/** Runs the store thread, at home of every database call: none yet, it only ends in order. */
export function runStoreThread({ start, log }: { start: ThreadStart; log: ThreadLog }): void {
  const { port } = start
  containErrors(log, () => false)
  port.on('message', (message: Message) => {
    if (message.type !== 'stop') return
    port.postMessage({ type: 'stopped' } satisfies Message)
    port.close()
    parentPort?.close()
  })
  port.postMessage({ type: 'ready', descriptor: undefined } satisfies Message)
}
