import { isObject, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count } from '../shared/usage.ts'
import { NAME } from './types.ts'

/**
 * Usage in one vocabulary. Anthropic's `input_tokens` excludes what was read from and written to the cache, ours includes
 * it: https://docs.claude.com/en/docs/build-with-claude/prompt-caching. Undefined where the value is no object.
 */
export function decodeUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const cacheRead = count(value.cache_read_input_tokens)
  const cacheWrite = count(value.cache_creation_input_tokens)
  const usage: Usage = {
    inputTokens: (count(value.input_tokens) ?? 0) + (cacheRead ?? 0) + (cacheWrite ?? 0),
    outputTokens: count(value.output_tokens) ?? 0,
  }
  if (cacheRead !== undefined) usage.cacheReadTokens = cacheRead
  if (cacheWrite !== undefined) usage.cacheWriteTokens = cacheWrite
  addNested(usage, 'cacheWrite5mTokens', value.cache_creation, 'ephemeral_5m_input_tokens')
  addNested(usage, 'cacheWrite1hTokens', value.cache_creation, 'ephemeral_1h_input_tokens')
  addNested(usage, 'reasoningTokens', value.output_tokens_details, 'thinking_tokens')
  addNested(usage, 'searchQueries', value.server_tool_use, 'web_search_requests')
  usage.raw = { format: NAME, value }
  return usage
}

/**
 * Usage of `message_start` brought up to date by `message_delta`, whose counts are cumulative. The later one wins even when
 * it is lower (a compaction leaves less input), except that 0 or nothing never hides a count that was reported.
 */
export function mergeUsage(earlier: JsonObject | undefined, later: JsonObject): JsonObject {
  if (!earlier) return later
  const merged: JsonObject = { ...earlier }
  for (const [field, value] of Object.entries(later)) {
    if (value !== null && value !== 0) merged[field] = value
    else if (merged[field] === undefined) merged[field] = value
  }
  return merged
}

/** The service tier in OpenAI's words, which are the common ones; `priority` and `batch` are the same in both. */
export function decodeServiceTier(usage: unknown): string | undefined {
  const tier = isObject(usage) ? usage.service_tier : undefined
  if (typeof tier !== 'string') return undefined
  return tier === 'standard' ? 'default' : tier
}

/**
 * Usage as Anthropic tells it: the input without what came from and went to the cache. Zeros where nothing was told, because
 * clients read the counts unasked; its own report as it came.
 */
export function encodeUsage(usage: Usage | undefined, serviceTier: string | undefined): JsonObject {
  if (usage?.raw?.format === NAME) return { input_tokens: 0, output_tokens: 0, ...usage.raw.value }
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage ?? {}
  return withoutUndefined<JsonObject>({
    input_tokens: Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cacheReadTokens,
    cache_creation: encodeWrites(usage),
    output_tokens: outputTokens,
    output_tokens_details: usage?.reasoningTokens === undefined ? undefined : { thinking_tokens: usage.reasoningTokens },
    server_tool_use: usage?.searchQueries === undefined ? undefined : { web_search_requests: usage.searchQueries },
    service_tier: serviceTier === 'default' ? 'standard' : serviceTier,
  })
}

function encodeWrites(usage: Usage | undefined): JsonObject | undefined {
  const { cacheWrite5mTokens, cacheWrite1hTokens } = usage ?? {}
  if (cacheWrite5mTokens === undefined && cacheWrite1hTokens === undefined) return undefined
  return { ephemeral_5m_input_tokens: cacheWrite5mTokens ?? 0, ephemeral_1h_input_tokens: cacheWrite1hTokens ?? 0 }
}

type Share = 'cacheWrite5mTokens' | 'cacheWrite1hTokens' | 'reasoningTokens' | 'searchQueries'

function addNested(usage: Usage, share: Share, holder: unknown, field: string): void {
  const tokens = isObject(holder) ? count(holder[field]) : undefined
  if (tokens !== undefined) usage[share] = tokens
}
