import type { Part } from '../../../core/canonical/chat.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import { unifyStop } from '../shared/stop-reason.ts'

/** https://docs.claude.com/en/api/handling-stop-reasons */
const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  pause_turn: 'pause',
  refusal: 'refusal',
  compaction: 'compaction',
}

/** What clients are told; where it is undefined they get the provider's own word. */
const WORDS: Readonly<Record<StopReason, string | undefined>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  refusal: 'refusal',
  pause: 'pause_turn',
  compaction: 'compaction',
  error: undefined,
  other: undefined,
}

/** A stop reason with the sequence that matched. */
export function decodeStop(reason: unknown, sequence: unknown): Stop {
  const stop = unifyStop(typeof reason === 'string' ? reason : undefined, STOP_REASONS)
  if (typeof sequence === 'string') stop.sequence = sequence
  return stop
}

/** What an answer holds that tells why it stopped. */
export interface Said {
  refusal: boolean
  call: boolean
}

/** What of `Said` the parts are. */
export function says(parts: readonly Part[]): Said {
  return {
    refusal: parts.some((part) => part.type === 'refusal'),
    call: parts.some((part) => part.type === 'tool-call' && part.kind !== 'server'),
  }
}

/**
 * Why it stopped, in Anthropic's words: the provider's own where it is one of them. Some vendors say of calls and of refusals
 * that the answer just ended, and clients of this API go by the reason.
 */
export function encodeStop(stop: Stop | undefined, said: Said): { stop_reason: string; stop_sequence: string | null } {
  const { reason = 'stop', raw, sequence } = stop ?? {}
  const isOwn = raw !== undefined && Object.hasOwn(STOP_REASONS, raw) && STOP_REASONS[raw] === reason
  return { stop_reason: isOwn ? raw : wordFor(reason, { raw, sequence, said }), stop_sequence: sequence ?? null }
}

function wordFor(
  reason: StopReason,
  { raw, sequence, said }: { raw?: string | undefined; sequence?: string | undefined; said: Said },
): string {
  if (reason === 'stop' && said.refusal) return 'refusal'
  if (reason === 'stop' && said.call) return 'tool_use'
  if (reason === 'stop' && sequence !== undefined) return 'stop_sequence'
  // A word that reads like one of theirs may be newer than this table.
  return WORDS[reason] ?? (raw !== undefined && /^[a-z_]+$/.test(raw) ? raw : 'end_turn')
}
