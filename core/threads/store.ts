import { parentPort } from 'node:worker_threads'
import type { Log } from '../log.ts'
import type { StoreDriver } from '../stores/stores.ts'
import { containErrors } from './guard.ts'
import type { Message, StoreThreadStart } from './messages.ts'
import { createStoreDesk } from './store-desk.ts'

const HEARTBEAT_MS = 1000

/** What the store thread is made from. */
export interface StoreThreadParts {
  start: StoreThreadStart
  log: Log
  drivers: readonly StoreDriver[]
}

/** Runs the store thread, at home of every database call. */
export function runStoreThread({ start, log, drivers }: StoreThreadParts): void {
  const { port, store: setup } = start
  const post = (message: Message) => port.postMessage(message)
  containErrors(log, () => false)
  const context = { folder: setup.folder, collections: setup.collections, log, now: Date.now }
  const desk = createStoreDesk({ setup, drivers, context, log, post: (notice) => post({ type: 'store-notice', notice }) })
  const heartbeat = setInterval(() => post({ type: 'heartbeat', at: performance.now() }), HEARTBEAT_MS)
  const stop = async () => {
    clearInterval(heartbeat)
    await desk.close()
    post({ type: 'stopped' })
    port.close()
    parentPort?.close()
  }
  port.on('message', (message: Message) => {
    if (message.type === 'store-request') void desk.answer(message.request).then((reply) => post({ type: 'store-reply', reply }))
    else if (message.type === 'stop') void stop()
  })
  post({ type: 'ready', descriptor: undefined })
}
