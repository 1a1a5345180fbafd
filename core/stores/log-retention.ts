import type { ThreadLog } from '../threads/guard.ts'
import type { LogStore } from './stores.ts'

const DAY_MS = 86_400_000
/** Records of one step: a step is short, and writes come between two of them. */
const STEP = 500
const STEP_PAUSE_MS = 50
/** Between two sweeps, in milliseconds. */
const EVERY_MS = 3_600_000
/** The same where the store did not answer. */
const AGAIN_MS = 60_000

/** How long a log is kept. */
export interface RetentionOptions {
  store: Pick<LogStore, 'sweep'>
  /** Days that records stay; 0: for ever. Asked at every sweep. */
  days(): number
  log: ThreadLog
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after so many milliseconds, or rejects when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>
  /** From 0 up to 1: machines that share a store sweep at different times. */
  random(): number
}

/** Removes what is too old, at once and every hour, in small steps. Returns how to stop. */
export function keepRetention(options: RetentionOptions): () => void {
  const { log, pause, random } = options
  const stopping = new AbortController()
  const run = async () => {
    for (let isLost = false; ; ) {
      const failure = await sweepOld(options, stopping.signal)
      if (failure && !isLost) log.warn({ err: failure }, 'old records of the log could not be removed; it is tried again')
      isLost = failure !== undefined
      await pause((isLost ? AGAIN_MS : EVERY_MS) * (1 + random() / 4), stopping.signal)
    }
  }
  run().catch((error: unknown) => {
    if (!stopping.signal.aborted) log.error({ err: error }, 'old records of the log are not removed any more')
  })
  return () => stopping.abort()
}

/** Resolves with the store's failure, if there was one. */
async function sweepOld({ store, days, log, now, pause }: RetentionOptions, signal: AbortSignal): Promise<unknown> {
  const kept = days()
  if (kept === 0) return undefined
  const before = Math.floor(now() - kept * DAY_MS)
  if (before < 0) return undefined
  let removed = 0
  try {
    for (let step = STEP; step === STEP; ) {
      step = await store.sweep(before, STEP)
      removed += step
      if (step === STEP) await pause(STEP_PAUSE_MS, signal)
    }
  } catch (error) {
    signal.throwIfAborted()
    return error
  }
  if (removed > 0) log.info({ removed, days: kept }, 'old records of the log were removed')
  return undefined
}
