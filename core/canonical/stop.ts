/**
 * Why a choice ended, in one vocabulary for all formats:
 * `stop` natural end or stop sequence, `length` token limit, `tool-calls` the model waits for tool results,
 * `content-filter` a filter or guardrail cut it, `refusal` the model declined, `pause` the provider asks to be
 * called again (Anthropic `pause_turn`), `compaction` context was compacted, `error` the provider gave up, `other` anything newer.
 */
export type StopReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'refusal' | 'pause' | 'compaction' | 'error' | 'other'

/** A stop reason with the provider's own word, and the stop sequence that matched, where the provider tells it. */
export interface Stop {
  reason: StopReason
  raw?: string | undefined
  sequence?: string | undefined
}
