import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import { unifyStop } from '../shared/stop-reason.ts'

const REASONS: Readonly<Record<string, StopReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  ERROR_LIMIT: 'length',
  TOOL_CALL: 'tool-calls',
  ERROR_TOXIC: 'content-filter',
}

/** Finish reasons by which an answer says that there is none. */
export const FAILURES: ReadonlySet<unknown> = new Set(['ERROR', 'TIMEOUT'])

/** A finish reason in the neutral vocabulary. */
export function decodeStop(reason: unknown): Stop {
  return unifyStop(typeof reason === 'string' ? reason : undefined, REASONS)
}
