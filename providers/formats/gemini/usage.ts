import { isObject } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count } from '../shared/usage.ts'
import { NAME } from './types.ts'

/**
 * `usageMetadata` in one vocabulary: https://ai.google.dev/api/generate-content#UsageMetadata. Candidates are told without
 * thoughts, ours include them; what tools put into the prompt is counted beside it. Undefined where nothing is counted.
 */
export function decodeUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const prompt = count(value.promptTokenCount)
  const answer = count(value.candidatesTokenCount)
  const thoughts = count(value.thoughtsTokenCount)
  if (prompt === undefined && answer === undefined && thoughts === undefined) return undefined
  const usage: Usage = {
    inputTokens: (prompt ?? 0) + (count(value.toolUsePromptTokenCount) ?? 0),
    outputTokens: (answer ?? 0) + (thoughts ?? 0),
  }
  const cached = count(value.cachedContentTokenCount)
  if (cached !== undefined) usage.cacheReadTokens = cached
  if (thoughts !== undefined) usage.reasoningTokens = thoughts
  const heard = audioTokens(value.promptTokensDetails)
  if (heard !== undefined) usage.inputAudioTokens = heard
  const spoken = audioTokens(value.candidatesTokensDetails)
  if (spoken !== undefined) usage.outputAudioTokens = spoken
  usage.raw = { format: NAME, value }
  return usage
}

function audioTokens(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined
  return count(details.find((entry) => isObject(entry) && entry.modality === 'AUDIO')?.tokenCount)
}
