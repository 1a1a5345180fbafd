import type { ChatRequest, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Drop, EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { lostHints } from '../shared/drops.ts'
import { isSearch } from './decode-tools.ts'
import { encodeMessages } from './encode-messages.ts'
import { applyQuirks } from './quirks.ts'
import { NAME } from './types.ts'

/** Everything else in canonical form has a field here; what single providers refuse is in their quirks. */
export const drops: readonly Drop[] = [
  {
    field: 'tools',
    param: 'tools',
    kind: 'meaning',
    when: (request) => request.tools?.some(isForeign) ?? false,
  },
  { field: 'reasoning', param: 'reasoning.display', kind: 'hint', when: (request) => request.reasoning?.display !== undefined },
]

/** A tool that another vendor's servers run. */
function isForeign(tool: Tool): boolean {
  return tool.kind === 'server' && tool.format !== NAME
}

/** A canonical request as OpenAI's body, fitted to a provider by its quirks. Throws GW_UNSUPPORTED_PARAMETER. */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const lost = lostHints(request, drops, options)
  const translated = encodeBody(request, options)
  if (!options.quirks) return { body: translated, dropped: lost }
  const { body, dropped } = applyQuirks(translated, options.quirks, options.quirks.dropTranslated)
  return { body, dropped: [...lost, ...dropped] }
}

function encodeBody(request: ChatRequest, options: EncodeOptions): JsonObject {
  const extra = request.extra?.[NAME]
  const tools = request.tools?.filter((tool) => !isForeign(tool) && !isSearch(tool)) ?? []
  // One literal without spreads is made at once; with one it grows field by field.
  const body: JsonObject = {
    model: request.model,
    messages: encodeMessages(request.messages, options),
    stream: request.stream || undefined,
    stream_options: encodeStreamOptions(request, extra),
    tools: tools.length > 0 ? tools.map(encodeTool) : undefined,
    tool_choice: request.toolChoice && tools.length > 0 ? encodeToolChoice(request.toolChoice, tools) : undefined,
    web_search_options: request.tools?.find(isSearch)?.value,
    parallel_tool_calls: request.parallelToolCalls,
    max_completion_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    stop: request.stop,
    seed: request.seed,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
    logit_bias: request.logitBias,
    logprobs: request.logprobs,
    top_logprobs: request.topLogprobs,
    n: request.choices,
    reasoning_effort: encodeEffort(request.reasoning, request.maxOutputTokens) ?? extra?.reasoning_effort,
    response_format: request.responseFormat ? encodeResponseFormat(request.responseFormat) : extra?.response_format,
    verbosity: request.verbosity,
    modalities: request.modalities,
    audio: request.audio,
    prediction: request.prediction,
    user: request.user,
    safety_identifier: request.safetyIdentifier,
    metadata: request.metadata,
    service_tier: request.serviceTier,
    store: request.store,
    prompt_cache_key: request.promptCacheKey,
    prompt_cache_retention: request.promptCacheRetention,
  }
  return withoutUndefined(extra ? { ...extra, ...body } : body)
}

/** Usage is always asked for: what a stream cost must be known, whether or not the client wants to see it. */
function encodeStreamOptions(request: ChatRequest, extra: JsonObject | undefined): JsonObject | undefined {
  if (!request.stream) return undefined
  const asked = isObject(extra?.stream_options) ? extra.stream_options : {}
  return { ...asked, include_usage: true }
}

/** Shares of the answer that a budget may take before it counts as the next effort. */
const EFFORT_SHARES = [
  [0.25, 'low'],
  [0.6, 'medium'],
] as const

/** Tokens of an answer when the client set no limit, for the share that a budget takes. */
const USUAL_ANSWER = 16_384

/** OpenAI knows efforts alone: a budget becomes the effort of about its share of the answer. */
function encodeEffort(reasoning: Reasoning | undefined, maxOutputTokens: number | undefined): string | undefined {
  if (!reasoning) return undefined
  if (reasoning.effort !== undefined) return reasoning.effort
  const { budgetTokens } = reasoning
  if (budgetTokens === undefined || budgetTokens < 0) return undefined
  if (budgetTokens === 0) return 'none'
  const share = budgetTokens / (maxOutputTokens ?? USUAL_ANSWER)
  return EFFORT_SHARES.find(([most]) => share <= most)?.[1] ?? 'high'
}

function encodeResponseFormat(format: ResponseFormat): JsonObject {
  if (format.type === 'text') return { type: 'text' }
  if (format.type === 'json-object') return { type: 'json_object' }
  const { name, schema, strict, description } = format
  return { type: 'json_schema', json_schema: withoutUndefined<JsonObject>({ name, description, schema, strict }) }
}

function encodeTool(tool: Tool): JsonObject {
  if (tool.kind === 'server') return tool.value
  const { function: nested, ...own } = tool.extra?.[NAME] ?? {}
  const { name, description } = tool
  if (tool.kind === 'custom') {
    return { ...own, type: 'custom', custom: withoutUndefined<JsonObject>({ name, description, format: tool.grammar }) }
  }
  const { parameters, strict } = tool
  const body = { ...(isObject(nested) ? nested : undefined), name, description, parameters, strict }
  return { ...own, type: 'function', function: withoutUndefined<JsonObject>(body) }
}

function encodeToolChoice(choice: ToolChoice, tools: readonly Tool[]): string | JsonObject {
  if (choice.mode === 'tool') return named(choice.name, choice.kind === 'custom' || isCustom(choice.name, tools))
  if (choice.mode !== 'allowed') return choice.mode
  const allowed = choice.names.map((name) => named(name, isCustom(name, tools)))
  return { type: 'allowed_tools', allowed_tools: { mode: choice.required ? 'required' : 'auto', tools: allowed } }
}

function named(name: string, custom: boolean): JsonObject {
  return custom ? { type: 'custom', custom: { name } } : { type: 'function', function: { name } }
}

function isCustom(name: string, tools: readonly Tool[]): boolean {
  return tools.some((tool) => tool.kind === 'custom' && tool.name === name)
}
