import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count, details } from '../shared/usage.ts'
import { NAME } from './types.ts'

/** `usage.tokens`, or what was billed where the tokens are not told: https://docs.cohere.com/reference/chat#response.body.usage */
export function decodeUsage(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined
  const tokens = details(value.tokens)
  const billed = details(value.billed_units)
  const input = count(tokens?.input_tokens) ?? count(billed?.input_tokens)
  const output = count(tokens?.output_tokens) ?? count(billed?.output_tokens)
  if (input === undefined && output === undefined) return undefined
  const cached = count(value.cached_tokens)
  return {
    inputTokens: input ?? 0,
    outputTokens: output ?? 0,
    ...(cached !== undefined && { cacheReadTokens: cached }),
    raw: { format: NAME, value },
  }
}

/** Usage as the API tells it. Zeros where nothing was told, because SDKs want the tokens. */
export function encodeUsage(usage: Usage | undefined): JsonObject {
  if (usage?.raw?.format === NAME) return usage.raw.value
  const tokens = { input_tokens: usage?.inputTokens ?? 0, output_tokens: usage?.outputTokens ?? 0 }
  const cached = usage?.cacheReadTokens
  const units = usage?.searchQueries === undefined ? tokens : { ...tokens, search_units: usage.searchQueries }
  return { billed_units: units, tokens, ...(cached !== undefined && { cached_tokens: cached }) }
}
