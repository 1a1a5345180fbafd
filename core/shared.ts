/** How many providers, and how many keys, have counters in shared memory. */
export const SHARED_SLOTS = 4096

/** Int32 columns, each of SHARED_SLOTS; the 64-bit column follows them, so their number times 4 x SHARED_SLOTS is a multiple of 8. */
const COLUMNS = ['inFlight', 'queued', 'room', 'waiting', 'health', 'process'] as const
const COLUMN_BYTES = SHARED_SLOTS * Int32Array.BYTES_PER_ELEMENT

/** A process-wide counter per provider that never passes the limit given with each call. */
export interface InFlight {
  /** Takes a place and says true, or changes nothing and says false. */
  tryTake(slot: number, limit: number): boolean
  /** Gives a place back and wakes who waits for one, in any thread. Once per place taken. */
  give(slot: number): void
  count(slot: number): number
}

/** How many requests wait for a place, per provider, over all threads. */
export interface Queue {
  tryEnter(slot: number, limit: number): boolean
  leave(slot: number): void
  count(slot: number): number
}

/** Until when a key is left alone, in epoch milliseconds; 0: not at all. Never shortened by `set`: the later time wins. */
export interface CoolDown {
  until(slot: number): number
  set(slot: number, until: number): void
  clear(slot: number): void
}

/** What is known of a key, as key-status.ts writes it; 0: nothing yet. */
export interface Health {
  status(slot: number): number
  set(slot: number, status: number): void
}

/** How many client connections are open. */
export interface Connections {
  /** Adds (or, with -1, takes away) one and gives the sum after it. */
  add(change: 1 | -1): number
  count(): number
}

/** Counters of the process as a whole, by their place in their column. */
const OPEN_CONNECTIONS = 0

/** The counters that all threads share. Slots are indexes below SHARED_SLOTS; others throw RangeError. */
export interface Shared {
  inFlight: InFlight
  queue: Queue
  coolDown: CoolDown
  health: Health
  connections: Connections
  /**
   * Calls `onRoom` when a place of the provider may be free, first come first served within a thread. `onRoom` tries to take
   * the place and says whether it did; while it says false it stays first in line. Never called before this returns.
   * Returns how to leave the line. `onRoom` must not throw.
   */
  waitForRoom(slot: number, onRoom: () => boolean): () => void
}

/** Memory for the counters of one gateway process; send it to each thread. */
export function createShared(): SharedArrayBuffer {
  return new SharedArrayBuffer(COLUMNS.length * COLUMN_BYTES + SHARED_SLOTS * BigInt64Array.BYTES_PER_ELEMENT)
}

/** One thread's view of the counters. Open it once per thread: the line of waiters lives in the view. */
export function openShared(buffer: SharedArrayBuffer): Shared {
  const column = (name: (typeof COLUMNS)[number]) => new Int32Array(buffer, COLUMNS.indexOf(name) * COLUMN_BYTES, SHARED_SLOTS)
  const inFlight = column('inFlight')
  const queued = column('queued')
  const room = column('room')
  const waiting = column('waiting')
  const health = column('health')
  const process = column('process')
  return {
    inFlight: {
      tryTake: (slot, limit) => addBelow(inFlight, slot, limit),
      give(slot) {
        Atomics.sub(inFlight, slot, 1)
        Atomics.add(room, slot, 1)
        if (Atomics.load(waiting, slot) > 0) Atomics.notify(room, slot, 1)
      },
      count: (slot) => Atomics.load(inFlight, slot),
    },
    queue: {
      tryEnter: (slot, limit) => addBelow(queued, slot, limit),
      leave: (slot) => void Atomics.sub(queued, slot, 1),
      count: (slot) => Atomics.load(queued, slot),
    },
    coolDown: openCoolDown(new BigInt64Array(buffer, COLUMNS.length * COLUMN_BYTES, SHARED_SLOTS)),
    health: {
      status: (slot) => Atomics.load(health, slot),
      set: (slot, status) => void Atomics.store(health, slot, status),
    },
    connections: {
      add: (change) => Atomics.add(process, OPEN_CONNECTIONS, change) + change,
      count: () => Atomics.load(process, OPEN_CONNECTIONS),
    },
    waitForRoom: openRoom(room, waiting),
  }
}

/** By compare-and-swap: adding first and taking back would let a second thread see a full house that is not full. */
function addBelow(column: Int32Array, slot: number, limit: number): boolean {
  let count = Atomics.load(column, slot)
  while (count < limit) {
    const seen = Atomics.compareExchange(column, slot, count, count + 1)
    if (seen === count) return true
    count = seen
  }
  return false
}

/** 64 bits, because epoch milliseconds need 41; BigInt, because a plain float may be read half written. */
function openCoolDown(times: BigInt64Array): CoolDown {
  return {
    until: (slot) => Number(Atomics.load(times, slot)),
    set(slot, until) {
      const next = BigInt(Math.ceil(until))
      let current = Atomics.load(times, slot)
      while (current < next) {
        const seen = Atomics.compareExchange(times, slot, current, next)
        if (seen === current) return
        current = seen
      }
    },
    clear: (slot) => void Atomics.store(times, slot, 0n),
  }
}

interface Waiter {
  onRoom: () => boolean
}

function openRoom(room: Int32Array, waiting: Int32Array): Shared['waitForRoom'] {
  const lines = new Map<number, Set<Waiter>>()

  function serve(slot: number, line: Set<Waiter>): void {
    for (const waiter of line) {
      if (!waiter.onRoom()) return
      if (line.delete(waiter)) Atomics.sub(waiting, slot, 1)
    }
  }

  /** Serves the line, then sleeps until the next `give`. A `give` between the two has changed the word that is waited on. */
  function pump(slot: number, line: Set<Waiter>): void {
    for (;;) {
      const seen = Atomics.load(room, slot)
      serve(slot, line)
      if (line.size === 0) {
        lines.delete(slot)
        // The wake-up may have been meant for a waiter that left: pass it on, or another thread's sleeps for ever.
        if (Atomics.load(waiting, slot) > 0) Atomics.notify(room, slot, 1)
        return
      }
      const wait = Atomics.waitAsync(room, slot, seen)
      if (wait.async) {
        void wait.value.then(() => pump(slot, line))
        return
      }
    }
  }

  return (slot, onRoom) => {
    const waiter: Waiter = { onRoom }
    const known = lines.get(slot)
    const line = known ?? new Set<Waiter>()
    line.add(waiter)
    Atomics.add(waiting, slot, 1)
    if (!known) {
      lines.set(slot, line)
      queueMicrotask(() => pump(slot, line))
    }
    return () => {
      if (line.delete(waiter)) Atomics.sub(waiting, slot, 1)
    }
  }
}
