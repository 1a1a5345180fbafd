import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count, details } from '../shared/usage.ts'
import { NAME } from './types.ts'

/** Usage of an answer (https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage). Undefined where the value is no object. */
export function decodeUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const cached = count(details(value.input_tokens_details)?.cached_tokens)
  const reasoning = count(details(value.output_tokens_details)?.reasoning_tokens)
  return {
    inputTokens: count(value.input_tokens) ?? 0,
    outputTokens: count(value.output_tokens) ?? 0,
    ...(cached !== undefined && { cacheReadTokens: cached }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
    raw: { format: NAME, value },
  }
}

/** Usage for the client, with the shares that strict clients want. */
export function encodeUsage(usage: Usage | undefined): JsonObject | null {
  if (!usage) return null
  if (usage.raw?.format === NAME) return usage.raw.value
  const { inputTokens, outputTokens, cacheReadTokens = 0, reasoningTokens = 0 } = usage
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheReadTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  }
}
