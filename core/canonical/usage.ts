import type { JsonObject } from './json.ts'

/**
 * Tokens of one answer. `inputTokens` always includes what was read from and written to a cache, and `outputTokens`
 * always includes reasoning; the shares are stated beside them. A field that the provider did not report is absent, never 0.
 */
export interface Usage {
  inputTokens: number
  outputTokens: number
  totalTokens?: number | undefined
  cacheReadTokens?: number | undefined
  cacheWriteTokens?: number | undefined
  cacheWrite5mTokens?: number | undefined
  cacheWrite1hTokens?: number | undefined
  reasoningTokens?: number | undefined
  inputAudioTokens?: number | undefined
  outputAudioTokens?: number | undefined
  acceptedPredictionTokens?: number | undefined
  rejectedPredictionTokens?: number | undefined
  /** Server-side searches that the provider bills beside tokens. */
  searchQueries?: number | undefined
  /** The provider's own usage object, re-emitted only to the format that wrote it. */
  raw?: { format: string; value: JsonObject } | undefined
}
