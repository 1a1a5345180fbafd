import type { ChatResponse, Part } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { encodeBlock } from './encode-blocks.ts'
import { STOP_REASONS } from './response.ts'
import { NAME } from './types.ts'

/** A whole answer as a message: https://docs.claude.com/en/api/messages. The first choice; the API has no others. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const [choice] = response.choices
  const parts = choice?.parts ?? []
  const content = parts.map(encodeBlock).filter((block) => block !== undefined)
  return {
    ...messageHead(response, options),
    content,
    ...encodeStop(choice?.stop, parts),
    usage: encodeUsage(response.usage, response.serviceTier),
    ...choice?.extra?.[NAME],
  }
}

/** The fields that a message has before anything was said. */
export function messageHead({ id, model }: { id: string; model: string }, options: ReplyOptions): JsonObject {
  return { id: id || options.id, type: 'message', role: 'assistant', model: model || options.model }
}

const WORDS: Readonly<Record<StopReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  refusal: 'refusal',
  pause: 'pause_turn',
  compaction: 'compaction',
  error: 'end_turn',
  other: 'end_turn',
}

/** Why it stopped, in Anthropic's words: its own word where it wrote one. A refusal among the parts is a reason to stop. */
export function encodeStop(
  stop: Stop | undefined,
  parts: readonly Pick<Part, 'type'>[],
): { stop_reason: string; stop_sequence: string | null } {
  const { reason = 'stop', raw, sequence } = stop ?? {}
  const isOwn = raw !== undefined && Object.hasOwn(STOP_REASONS, raw) && STOP_REASONS[raw] === reason
  const isRefused = reason === 'stop' && parts.some(({ type }) => type === 'refusal')
  const word = isRefused ? 'refusal' : sequence !== undefined && reason === 'stop' ? 'stop_sequence' : WORDS[reason]
  return { stop_reason: isOwn ? raw : word, stop_sequence: sequence ?? null }
}

/** Usage as Anthropic tells it: the input without what came from and went to the cache. Zeros where nothing was told, because clients add up. */
export function encodeUsage(usage: Usage | undefined, serviceTier?: string): JsonObject {
  if (usage?.raw?.format === NAME) return usage.raw.value
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage ?? {}
  return {
    input_tokens: Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cacheReadTokens,
    output_tokens: outputTokens,
    ...(usage?.reasoningTokens !== undefined && { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
    ...(usage?.searchQueries !== undefined && { server_tool_use: { web_search_requests: usage.searchQueries } }),
    ...(serviceTier !== undefined && { service_tier: serviceTier === 'default' ? 'standard' : serviceTier }),
  }
}
