import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count } from '../shared/usage.ts'
import { NAME } from './types.ts'

/**
 * Usage in one vocabulary. `inputTokens` of the API excludes what was read from and written to the cache, ours includes it:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html. Undefined where the value is no object.
 */
export function decodeUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const cacheRead = count(value.cacheReadInputTokens) ?? count(value.cacheReadInputTokenCount)
  const cacheWrite = count(value.cacheWriteInputTokens) ?? count(value.cacheWriteInputTokenCount)
  const usage: Usage = {
    inputTokens: (count(value.inputTokens) ?? 0) + (cacheRead ?? 0) + (cacheWrite ?? 0),
    outputTokens: count(value.outputTokens) ?? 0,
  }
  if (cacheRead !== undefined) usage.cacheReadTokens = cacheRead
  if (cacheWrite !== undefined) usage.cacheWriteTokens = cacheWrite
  addCacheDetails(usage, value.cacheDetails)
  usage.raw = { format: NAME, value }
  return usage
}

function addCacheDetails(usage: Usage, details: unknown): void {
  for (const entry of Array.isArray(details) ? details.filter(isObject) : []) {
    const tokens = count(entry.inputTokens)
    if (tokens !== undefined && entry.ttl === '5m') usage.cacheWrite5mTokens = tokens
    if (tokens !== undefined && entry.ttl === '1h') usage.cacheWrite1hTokens = tokens
  }
}

/** Usage as the API tells it: the input without what came from and went to the cache. Zeros where nothing was told, because clients add up. */
export function encodeUsage(usage: Usage | undefined): JsonObject {
  if (usage?.raw?.format === NAME) return usage.raw.value
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens, cacheWriteTokens } = usage ?? {}
  const details = cacheDetails(usage)
  return {
    inputTokens: Math.max(0, inputTokens - (cacheReadTokens ?? 0) - (cacheWriteTokens ?? 0)),
    outputTokens,
    totalTokens: usage?.totalTokens ?? inputTokens + outputTokens,
    ...(cacheReadTokens !== undefined && { cacheReadInputTokens: cacheReadTokens }),
    ...(cacheWriteTokens !== undefined && { cacheWriteInputTokens: cacheWriteTokens }),
    ...(details.length > 0 && { cacheDetails: details }),
  }
}

function cacheDetails(usage: Usage | undefined): JsonObject[] {
  const written = [
    { ttl: '1h', inputTokens: usage?.cacheWrite1hTokens },
    { ttl: '5m', inputTokens: usage?.cacheWrite5mTokens },
  ]
  return written.filter(({ inputTokens }) => inputTokens !== undefined)
}
