import type { ChatRequest, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
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

/** Fields that are one value on both sides. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    parallelToolCalls: 'parallel_tool_calls',
    maxOutputTokens: 'max_completion_tokens',
    temperature: 'temperature',
    topP: 'top_p',
    topK: 'top_k',
    stop: 'stop',
    seed: 'seed',
    presencePenalty: 'presence_penalty',
    frequencyPenalty: 'frequency_penalty',
    logitBias: 'logit_bias',
    logprobs: 'logprobs',
    topLogprobs: 'top_logprobs',
    choices: 'n',
    verbosity: 'verbosity',
    modalities: 'modalities',
    audio: 'audio',
    prediction: 'prediction',
    user: 'user',
    safetyIdentifier: 'safety_identifier',
    metadata: 'metadata',
    serviceTier: 'service_tier',
    store: 'store',
    promptCacheKey: 'prompt_cache_key',
    promptCacheRetention: 'prompt_cache_retention',
  } satisfies Partial<Record<keyof ChatRequest, string>>),
)

function encodeBody(request: ChatRequest, options: EncodeOptions): JsonObject {
  const { stream_options: asked, ...own } = request.extra?.[NAME] ?? NOTHING
  const body: JsonObject = { ...own, model: request.model, messages: encodeMessages(request.messages, options) }
  if (request.stream) {
    body.stream = true
    // Always asked for: what a stream cost must be known, whether or not the client wants to see it.
    body.stream_options = { ...(isObject(asked) && asked), include_usage: true }
  }
  // What was said, instead of all that could be: a request says four or five things.
  for (const field in request) {
    const name = NAMES.get(field)
    const value = name === undefined ? undefined : (request[field as keyof ChatRequest] as Json | undefined)
    if (value !== undefined) body[name as string] = value
  }
  if (request.tools) addTools(body, request.tools, request.toolChoice)
  const effort = encodeEffort(request.reasoning, request.maxOutputTokens)
  if (effort !== undefined) body.reasoning_effort = effort
  if (request.responseFormat) body.response_format = encodeResponseFormat(request.responseFormat)
  return body
}

const NOTHING: JsonObject = {}

function addTools(body: JsonObject, all: readonly Tool[], choice: ToolChoice | undefined): void {
  const tools = all.filter((tool) => !isForeign(tool) && !isSearch(tool))
  if (tools.length > 0) {
    body.tools = tools.map(encodeTool)
    if (choice) body.tool_choice = encodeToolChoice(choice, tools)
  }
  const search = all.find(isSearch)
  if (search) body.web_search_options = search.value
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
