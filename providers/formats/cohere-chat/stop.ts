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

const WORDS: Readonly<Record<StopReason, string>> = {
  stop: 'COMPLETE',
  length: 'MAX_TOKENS',
  'tool-calls': 'TOOL_CALL',
  'content-filter': 'ERROR_TOXIC',
  refusal: 'ERROR_TOXIC',
  pause: 'COMPLETE',
  compaction: 'COMPLETE',
  error: 'ERROR',
  other: 'COMPLETE',
}

/**
 * Why it stopped, in the API's words: its own word where it wrote one. `hasCalls`: calls wait for the client; some providers name
 * another reason then, and clients run calls for this one alone.
 */
export function encodeStop(stop: Stop | undefined, hasCalls: boolean): string {
  const { reason = 'stop', raw, sequence } = stop ?? {}
  if (hasCalls && (reason === 'stop' || reason === 'other')) return 'TOOL_CALL'
  if (raw !== undefined && Object.hasOwn(REASONS, raw) && REASONS[raw] === reason) return raw
  return reason === 'stop' && sequence !== undefined ? 'STOP_SEQUENCE' : WORDS[reason]
}
