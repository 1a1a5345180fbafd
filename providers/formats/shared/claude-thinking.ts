import type { ChatRequest, Effort, Reasoning } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'

/** Least thinking budget that the API takes, in tokens: https://docs.claude.com/en/docs/build-with-claude/extended-thinking */
const MIN_BUDGET = 1024
/** Sent when neither the client nor the provider's entry says how long an answer may get. */
const DEFAULT_MAX_TOKENS = 4096

/** What a Claude model can do about thinking, read from its name. */
export interface ModelTraits {
  /** Decides itself how much to think (4.6 and later). */
  isAdaptive: boolean
  /** Takes no budget, and no temperature, top_p or top_k (4.7 and later). */
  isAdaptiveOnly: boolean
  /** Takes `output_config.effort`, up to the level `most`. */
  takesEffort: boolean
  takesMax: boolean
  takesXhigh: boolean
  /** Takes a schema for its answer (4.5 and later). */
  takesSchema: boolean
  /** Its name says that it is older. Names of deployments say nothing. */
  lacksSchema: boolean
  /** Takes the beta flag that lets it think between calls; later models do so by themselves, other ones refuse the flag. */
  takesInterleaving: boolean
}

/** Reads family and version from any spelling: `claude-opus-4-7`, `claude-3-7-sonnet-…`, `anthropic.claude-opus-4-1-20250805-v1:0`. */
export function modelTraits(model: string): ModelTraits {
  const match = /claude-(?:([a-z]+)-)?(\d+)(?:[-.](\d{1,2}))?(?!\d)/i.exec(model)
  const isOpus = match?.[1]?.toLowerCase() === 'opus'
  const version = match ? Number(match[2]) * 100 + Number(match[3] ?? 0) : 0
  return {
    isAdaptive: version >= 406,
    isAdaptiveOnly: version >= 407,
    takesEffort: version >= 406 || (isOpus && version >= 405),
    takesMax: version >= 407 || (isOpus && version >= 406),
    takesXhigh: version >= 407,
    takesSchema: version >= 405,
    lacksSchema: match !== null && version < 405,
    takesInterleaving: /opus|sonnet/i.test(match?.[1] ?? '') && version >= 400 && version < 406,
  }
}

/** The limits and the thinking of a request, as the API wants them. */
export interface Thinking {
  maxTokens: number
  thinking?: JsonObject | undefined
  effort?: string | undefined
}

/**
 * How much to think. Throws GW_INVALID_REQUEST for a budget under 1024 tokens and for one that does not fit under the
 * client's own token limit: the API wants room for the answer beside it. A limit that nobody asked for grows instead.
 */
export function encodeThinking(request: ChatRequest, model: ModelTraits, defaultMaxTokens: number | undefined): Thinking {
  const maxTokens = request.maxOutputTokens ?? defaultMaxTokens ?? DEFAULT_MAX_TOKENS
  const { reasoning } = request
  if (!reasoning) return { maxTokens }
  if (reasoning.effort === 'none' && reasoning.budgetTokens === undefined) return { maxTokens, thinking: { type: 'disabled' } }
  const effort = model.takesEffort ? clampEffort(reasoning.effort, model) : undefined
  if (reasoning.budgetTokens !== undefined) return { ...withBudget(request, model, maxTokens), effort }
  if (reasoning.effort === undefined && reasoning.adaptive !== true) return { maxTokens }
  if (model.isAdaptive) return { maxTokens, thinking: adaptive(reasoning, model), effort }
  return { maxTokens, thinking: enabled(reasoning, budgetOf(reasoning.effort ?? 'high', maxTokens)), effort }
}

function withBudget(request: ChatRequest, model: ModelTraits, maxTokens: number): Thinking {
  const reasoning = request.reasoning as Reasoning
  const wanted = reasoning.budgetTokens === -1 ? MIN_BUDGET : (reasoning.budgetTokens as number)
  if (wanted < MIN_BUDGET) throw invalid(`a thinking budget is at least ${MIN_BUDGET} tokens, not ${wanted}`)
  if (model.isAdaptiveOnly) return { maxTokens, thinking: adaptive(reasoning, model) }
  if (wanted < maxTokens) return { maxTokens, thinking: enabled(reasoning, wanted) }
  if (request.maxOutputTokens === undefined) return { maxTokens: wanted + maxTokens, thinking: enabled(reasoning, wanted) }
  if (maxTokens <= MIN_BUDGET) throw tooTight(maxTokens)
  return { maxTokens, thinking: enabled(reasoning, maxTokens - 1) }
}

/** The share of the tokens above the least budget that an effort stands for. */
export const BUDGET_SHARES: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 0.025,
  low: 0.15,
  medium: 0.425,
  high: 0.8,
  xhigh: 0.8,
  max: 0.8,
}

/** The budget that stands for an effort: a share of what the limit leaves above the least budget. */
function budgetOf(effort: Effort, maxTokens: number): number {
  if (maxTokens <= MIN_BUDGET) throw tooTight(maxTokens)
  return MIN_BUDGET + Math.trunc((BUDGET_SHARES[effort] ?? BUDGET_SHARES.medium) * (maxTokens - MIN_BUDGET))
}

function clampEffort(effort: Effort | undefined, model: ModelTraits): string | undefined {
  if (effort === undefined || effort === 'none') return undefined
  if (effort === 'minimal') return 'low'
  if (effort === 'xhigh') return model.takesXhigh ? effort : 'high'
  if (effort === 'max') return model.takesMax ? effort : 'high'
  return effort
}

/** From 4.7 on the API leaves thoughts out unless asked; clients that ask for reasoning expect to read it. */
function adaptive(reasoning: Reasoning, model: ModelTraits): JsonObject {
  const display = reasoning.display ?? (model.isAdaptiveOnly ? 'summarized' : undefined)
  return { type: 'adaptive', ...(display !== undefined && { display }) }
}

function enabled(reasoning: Reasoning, budget: number): JsonObject {
  return { type: 'enabled', budget_tokens: budget, ...(reasoning.display !== undefined && { display: reasoning.display }) }
}

function tooTight(maxTokens: number): GatewayError {
  return invalid(`thinking needs at least ${MIN_BUDGET} tokens beside the answer, and the limit is ${maxTokens} (max_tokens)`)
}

function invalid(reason: string): GatewayError {
  return new GatewayError('GW_INVALID_REQUEST', { param: 'reasoning', reason })
}
