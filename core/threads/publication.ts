import { setTimeout as wait } from 'node:timers/promises'

/** What became of a change of the configuration. */
export interface ChangePublished {
  version: number
  /** All threads had it in place in time. */
  acknowledged: boolean
  /** What threads could not take over of it, a sentence each; absent: nothing. */
  problems?: readonly string[] | undefined
  /** Where they were late: resolves with the same, empty for nothing, once all have it in place or have ended. Never rejects. */
  late?: Promise<readonly string[]> | undefined
}

/** Waits so long for what all threads say of a change. `answers` never rejects. */
export async function publication(
  version: number,
  answers: Promise<readonly (readonly string[])[]>,
  patienceMs: number,
): Promise<ChangePublished> {
  const problems = answers.then((all) => [...new Set(all.flat())])
  const inTime = new AbortController()
  const timeout = wait(patienceMs, undefined, { signal: inTime.signal }).catch(() => undefined)
  const known = await Promise.race([problems, timeout])
  inTime.abort()
  if (known === undefined) return { version, acknowledged: false, late: problems }
  return { version, acknowledged: true, ...(known.length > 0 && { problems: known }) }
}
