import type { Clock } from '../../core/deadlines.ts'

/** A clock that moves only when told. Intervals run once per move, as after a busy event loop. */
export interface ManualClock extends Clock {
  advance(ms: number): void
  /** Moves on by `stepMs` at every turn of the event loop until the promise settles: time limits and pauses pass without waiting. */
  drive<T>(promise: Promise<T>, stepMs?: number): Promise<T>
}

/** Starts at one second: zero would hide a time that nobody set. */
export function manualClock(): ManualClock {
  let now = 1_000
  const ticks = new Set<() => void>()
  const clock: ManualClock = {
    now: () => now,
    every(_ms, tick) {
      ticks.add(tick)
      return () => ticks.delete(tick)
    },
    advance(ms) {
      now += ms
      for (const tick of [...ticks]) tick()
    },
    async drive(promise, stepMs = 10) {
      let isSettled = false
      const settled = promise.finally(() => {
        isSettled = true
      })
      settled.catch(() => {})
      while (!isSettled) {
        await turn()
        clock.advance(stepMs)
      }
      return settled
    },
  }
  return clock
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Resolves once `condition` holds, looking at each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
