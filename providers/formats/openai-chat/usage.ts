import { isObject, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count, details } from '../shared/usage.ts'
import { NAME } from './types.ts'

/** Reads a usage object (https://platform.openai.com/docs/api-reference/chat/object) with the dialects of compatible servers. */
export function decodeUsage(value: JsonObject): Usage {
  const input = details(value.prompt_tokens_details)
  const output = details(value.completion_tokens_details)
  const writes = details(input?.cached_write_token_details)
  const reasoningTokens = count(output?.reasoning_tokens) ?? count(value.reasoning_tokens)
  const inputTokens = count(value.prompt_tokens) ?? count(value.input_tokens) ?? 0
  const totalTokens = count(value.total_tokens)
  return withoutUndefined<Usage>({
    inputTokens,
    outputTokens: outputTokens(value, { inputTokens, totalTokens, reasoningTokens }),
    totalTokens,
    cacheReadTokens:
      count(input?.cached_tokens) ?? count(input?.cached_read_tokens) ?? count(value.prompt_cache_hit_tokens) ?? count(value.cached_tokens),
    cacheWriteTokens: count(input?.cache_write_tokens) ?? count(input?.cached_write_tokens),
    cacheWrite5mTokens: count(writes?.cached_write_tokens_5m),
    cacheWrite1hTokens: count(writes?.cached_write_tokens_1h),
    reasoningTokens,
    inputAudioTokens: count(input?.audio_tokens),
    outputAudioTokens: count(output?.audio_tokens),
    acceptedPredictionTokens: count(output?.accepted_prediction_tokens),
    rejectedPredictionTokens: count(output?.rejected_prediction_tokens),
    searchQueries: count(value.num_search_queries) ?? count(output?.num_search_queries),
    raw: { format: NAME, value },
  })
}

/** xAI counts reasoning beside the completion, everybody else inside; the total tells which. */
function outputTokens(
  value: JsonObject,
  facts: { inputTokens: number; totalTokens: number | undefined; reasoningTokens: number | undefined },
): number {
  const written = count(value.completion_tokens) ?? count(value.output_tokens) ?? 0
  const reasoning = facts.reasoningTokens ?? 0
  return reasoning > 0 && facts.totalTokens === facts.inputTokens + written + reasoning ? written + reasoning : written
}

/** Usage of an answer or an event: at its top, or where Groq keeps it. */
export function usageOf(body: JsonObject): JsonObject | undefined {
  if (isObject(body.usage)) return body.usage
  return isObject(body.x_groq) && isObject(body.x_groq.usage) ? body.x_groq.usage : undefined
}

/** Writes a usage object: the provider's own where it spoke this format. */
export function encodeUsage(usage: Usage): JsonObject {
  if (usage.raw?.format === NAME) return usage.raw.value
  return withoutUndefined<JsonObject>({
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.totalTokens ?? usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: encodeInputDetails(usage),
    completion_tokens_details: orNothing({
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: usage.outputAudioTokens,
      accepted_prediction_tokens: usage.acceptedPredictionTokens,
      rejected_prediction_tokens: usage.rejectedPredictionTokens,
      num_search_queries: usage.searchQueries,
    }),
  })
}

function encodeInputDetails(usage: Usage): JsonObject | undefined {
  return orNothing({
    cached_tokens: usage.cacheReadTokens,
    cached_write_tokens: usage.cacheWriteTokens,
    cached_write_token_details: orNothing({
      cached_write_tokens_5m: usage.cacheWrite5mTokens,
      cached_write_tokens_1h: usage.cacheWrite1hTokens,
    }),
    audio_tokens: usage.inputAudioTokens,
  })
}

function orNothing(value: JsonObject): JsonObject | undefined {
  const reported = withoutUndefined(value)
  return Object.keys(reported).length > 0 ? reported : undefined
}
