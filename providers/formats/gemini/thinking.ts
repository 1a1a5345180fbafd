import type { ChatRequest, Effort, Reasoning } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { BUDGET_SHARES } from '../shared/claude-thinking.ts'

/** Least and most thinking tokens by model: https://ai.google.dev/gemini-api/docs/thinking#set-budget. The first name that fits counts. */
const BUDGETS: readonly (readonly [RegExp, number, number])[] = [
  [/2\.5-flash-lite/, 512, 24_576],
  [/2\.5-flash/, 0, 24_576],
  [/2\.5-pro/, 128, 32_768],
]
/** Where the model is not known by name. */
const DEFAULT_BUDGET = [0, 24_576] as const

const LEVELS = ['minimal', 'low', 'medium', 'high'] as const
type Level = (typeof LEVELS)[number]

/** Levels by model: https://ai.google.dev/gemini-api/docs/thinking#thinking-levels. The first name that fits counts. */
const RUNGS: readonly (readonly [RegExp, readonly Level[]])[] = [
  [/gemini-3-pro/, ['low', 'high']],
  [/pro/, ['low', 'medium', 'high']],
  [/./, LEVELS],
]

/** The major version of a model, by its name; names that follow the newest one count as 3. Undefined for other models. */
export function generationOf(model: string): number | undefined {
  const version = /gemini-(\d+)(?:\.(\d+))?/.exec(model)
  if (version) return Number(version[1]) + Number(version[2] ?? 0) / 10
  return /gemini-[a-z-]*latest/.test(model) ? 3 : undefined
}

/**
 * `thinkingConfig`; undefined where nothing was asked and for models that do not think. A budget outside of what the model
 * takes becomes the nearest that it does: it is a limit that another vendor's model was given.
 */
export function encodeThinking(request: ChatRequest): JsonObject | undefined {
  const { reasoning, model } = request
  const generation = generationOf(model)
  const thinks = generation === undefined ? model.includes('thinking') : generation >= 2.5 || model.includes('thinking')
  if (!reasoning || !thinks) return undefined
  const wanted = reasoning.budgetTokens ?? (reasoning.effort === undefined && reasoning.adaptive ? -1 : undefined)
  if (wanted !== undefined) return withBudget(wanted, reasoning, model)
  if (reasoning.effort === undefined) return reasoning.display === undefined ? undefined : { includeThoughts: isShown(reasoning) }
  if ((generation ?? 0) >= 3) return { includeThoughts: isShown(reasoning), thinkingLevel: levelFor(reasoning.effort, model) }
  if (reasoning.effort === 'none') return withBudget(0, reasoning, model)
  return withBudget(budgetFor(reasoning.effort, request), reasoning, model)
}

function isShown(reasoning: Reasoning): boolean {
  return reasoning.display !== 'omitted' && reasoning.effort !== 'none'
}

/** The pro models of 2.5 cannot but think: "none" leaves it to them. */
function withBudget(wanted: number, reasoning: Reasoning, model: string): JsonObject | undefined {
  if (wanted < 0) return { includeThoughts: isShown(reasoning), thinkingBudget: -1 }
  const [least, most] = rangeOf(model)
  if (wanted > 0) return { includeThoughts: isShown(reasoning), thinkingBudget: Math.min(Math.max(wanted, least), most) }
  return /2\.5-pro/.test(model) ? undefined : { includeThoughts: false, thinkingBudget: 0 }
}

function budgetFor(effort: Effort, { model, maxOutputTokens }: ChatRequest): number {
  const [least, most] = rangeOf(model)
  const limit = Math.max(least, Math.min(most, maxOutputTokens ?? most))
  return least + Math.trunc(BUDGET_SHARES[effort] * (limit - least))
}

function rangeOf(model: string): readonly [number, number] {
  const row = BUDGETS.find(([name]) => name.test(model))
  return row ? [row[1], row[2]] : DEFAULT_BUDGET
}

/** The nearest level that the model has; of two that are as near the higher one. */
function levelFor(effort: Effort, model: string): string {
  const rungs = RUNGS.find(([name]) => name.test(model))?.[1] ?? LEVELS
  const wanted = effort === 'none' ? 0 : effort === 'xhigh' || effort === 'max' ? LEVELS.length - 1 : LEVELS.indexOf(effort)
  const distance = (level: Level): number => Math.abs(LEVELS.indexOf(level) - wanted)
  const nearest = rungs.reduce((best, level) => (distance(level) <= distance(best) ? level : best))
  return nearest.toUpperCase()
}
