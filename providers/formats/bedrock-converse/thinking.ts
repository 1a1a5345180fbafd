import type { ChatRequest, Effort } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { encodeThinking, type ModelTraits } from '../shared/claude-thinking.ts'
import type { Family } from './family.ts'

/** The limit and the thinking of a request, as its model's family wants them. */
export interface ThinkingFields {
  /** Absent: as long as the model can. */
  maxTokens?: number | undefined
  /** Part of `additionalModelRequestFields`. */
  fields: JsonObject
  isThinking: boolean
  /** Nova at its most: takes neither a limit nor a temperature. */
  isFree?: boolean | undefined
}

/**
 * How much to think, in the words of the model's family: Claude's `thinking`, Nova's `reasoningConfig`, OpenAI's
 * `reasoning_effort`, and `reasoning_config` for the rest. Throws GW_INVALID_REQUEST for a budget that Claude refuses.
 */
export function encodeThinkingFields(
  request: ChatRequest,
  { family, traits, defaultMaxTokens }: { family: Family; traits: ModelTraits; defaultMaxTokens: number | undefined },
): ThinkingFields {
  const limit = request.maxOutputTokens ?? defaultMaxTokens
  if (!request.reasoning) return { maxTokens: limit, fields: {}, isThinking: false }
  if (family === 'nova') return novaFields(request, limit)
  if (family === 'openai') return { maxTokens: limit, fields: openaiFields(request), isThinking: false }
  const { maxTokens, thinking, effort } = encodeThinking(request, traits, defaultMaxTokens)
  const fields: JsonObject = {}
  if (thinking) fields[family === 'claude' ? 'thinking' : 'reasoning_config'] = thinking
  if (effort !== undefined) fields.output_config = { effort }
  // A budget needs a limit above it; else the model's own is the best one.
  const isThinking = thinking !== undefined && thinking.type !== 'disabled'
  return { maxTokens: thinking?.budget_tokens === undefined ? limit : maxTokens, fields, isThinking }
}

/** https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html */
function novaFields(request: ChatRequest, limit: number | undefined): ThinkingFields {
  const effort = effortOf(request, limit)
  if (effort === 'none') return { maxTokens: limit, fields: { reasoningConfig: { type: 'disabled' } }, isThinking: false }
  if (effort === undefined) return { maxTokens: limit, fields: {}, isThinking: false }
  const level = threeLevels(effort)
  const fields = { reasoningConfig: { type: 'enabled', maxReasoningEffort: level } }
  return level === 'high' ? { fields, isThinking: true, isFree: true } : { maxTokens: limit, fields, isThinking: true }
}

function openaiFields(request: ChatRequest): JsonObject {
  const effort = effortOf(request, request.maxOutputTokens)
  // These models always think.
  return effort === undefined ? {} : { reasoning_effort: effort === 'none' ? 'low' : threeLevels(effort) }
}

/** The effort that was asked for, or the one that a budget stands for: its share of the limit. */
function effortOf({ reasoning }: ChatRequest, limit: number | undefined): Effort | undefined {
  const budget = reasoning?.budgetTokens
  if (reasoning?.effort !== undefined || budget === undefined) return reasoning?.effort ?? (reasoning?.adaptive ? 'medium' : undefined)
  if (budget === 0) return 'none'
  const share = budget < 0 ? 0.5 : budget / (limit ?? 4096)
  return share <= 0.25 ? 'low' : share <= 0.6 ? 'medium' : 'high'
}

function threeLevels(effort: Effort): 'low' | 'medium' | 'high' {
  if (effort === 'medium') return effort
  return effort === 'high' || effort === 'xhigh' || effort === 'max' ? 'high' : 'low'
}
