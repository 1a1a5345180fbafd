import type { ChatRequest, Message, Part, ResponseFormat, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { lostHints } from '../shared/drops.ts'
import { DROPS } from './drops.ts'
import { encodeInputPart, encodeItem } from './encode-items.ts'
import { NAME } from './types.ts'

const SEALED = 'reasoning.encrypted_content'

/** A request for POST /v1/responses: https://platform.openai.com/docs/api-reference/responses/create. Throws GW_UNSUPPORTED_PARAMETER. */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const dropped = new Set(lostHints(request, DROPS, options))
  const extra = request.extra?.[NAME] ?? {}
  const [first, ...rest] = request.messages
  const hasInstructions = first?.extra?.[NAME]?.instructions === true
  const messages = hasInstructions ? rest : request.messages
  const tools = (request.tools ?? []).flatMap(encodeTool)
  const body = withoutUndefined<JsonObject>({
    ...extra,
    model: request.model,
    instructions: hasInstructions ? textsOf(first?.parts ?? []) : undefined,
    input: messages.flatMap((message, index) => encodeMessage(message, `messages[${index}].content`, options)),
    stream: request.stream || undefined,
    max_output_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_logprobs: request.topLogprobs,
    parallel_tool_calls: request.parallelToolCalls,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: request.toolChoice && tools.length > 0 ? encodeToolChoice(request.toolChoice) : undefined,
    ...encodeThinking(request, extra),
    text: encodeText(request, extra),
    store: request.store,
    metadata: request.metadata,
    user: request.user,
    safety_identifier: request.safetyIdentifier,
    service_tier: request.serviceTier,
    prompt_cache_key: request.promptCacheKey,
    prompt_cache_retention: request.promptCacheRetention,
  })
  return { body, ...(dropped.size > 0 && { dropped: [...dropped] }) }
}

function textsOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** A turn as items: texts and media of one turn are a message, calls, results and thoughts items beside it. */
function encodeMessage(message: Message, param: string, options: EncodeOptions): JsonObject[] {
  const items: JsonObject[] = []
  let content: JsonObject[] = []
  const close = (): void => {
    if (content.length > 0) items.push({ type: 'message', role: message.role, content })
    content = []
  }
  for (const [index, part] of message.parts.entries()) {
    const said = message.role === 'assistant' ? encodeSaid(part) : encodeInputPart(part)
    if (said) {
      content.push(said)
      continue
    }
    const item = encodeOther(part)
    if (!item) {
      if (isLost(part)) throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param: `${param}[${index}]`, provider: options.provider })
      continue
    }
    close()
    items.push(item)
  }
  close()
  return items
}

function encodeSaid(part: Part): JsonObject | undefined {
  if (part.type === 'text') return part.text === '' ? undefined : { type: 'output_text', text: part.text }
  return part.type === 'refusal' ? { type: 'refusal', refusal: part.text } : undefined
}

/** Media that a client sent must arrive; what a model made, and thoughts of others, need not come back. */
function isLost(part: Part): boolean {
  return part.type === 'audio' || part.type === 'document'
}

function encodeOther(part: Part): JsonObject | undefined {
  if (part.type === 'reasoning') {
    if (part.signedBy !== 'openai' || part.redacted === undefined) return undefined
    return { type: 'reasoning', ...(part.id !== undefined && { id: part.id }), summary: [], encrypted_content: part.redacted }
  }
  if (part.type === 'tool-call') {
    if (part.kind === 'server') return undefined
    const { id: _made, ...item } = encodeItem({ ...part, signature: undefined }, '') ?? { type: '' }
    return typeof part.extra?.[NAME]?.id === 'string' ? { ...item, id: part.extra[NAME].id } : item
  }
  return part.type === 'tool-result' || part.type === 'opaque' ? encodeItem(part, '') : undefined
}

/** Tools that OpenAI runs, by their neutral name (decision D18). */
const SERVER_TOOLS: Readonly<Record<string, JsonObject>> = {
  web_search: { type: 'web_search' },
  code_execution: { type: 'code_interpreter', container: { type: 'auto' } },
}

function encodeTool(tool: Tool): JsonObject[] {
  if (tool.kind === 'server')
    return tool.format === NAME ? [tool.value] : Object.hasOwn(SERVER_TOOLS, tool.name) ? [SERVER_TOOLS[tool.name] as JsonObject] : []
  const { name, description } = tool
  const own = tool.extra?.[NAME]
  if (tool.kind === 'custom') return [withoutUndefined<JsonObject>({ type: 'custom', name, description, format: tool.grammar, ...own })]
  // The API makes functions strict unless told otherwise.
  return [
    withoutUndefined<JsonObject>({
      type: 'function',
      name,
      description,
      parameters: tool.parameters ?? {},
      strict: tool.strict ?? false,
      ...own,
    }),
  ]
}

function encodeToolChoice(choice: ToolChoice): JsonObject | string {
  if (choice.mode === 'allowed') {
    return {
      type: 'allowed_tools',
      mode: choice.required ? 'required' : 'auto',
      tools: choice.names.map((name) => ({ type: 'function', name })),
    }
  }
  if (choice.mode !== 'tool') return choice.mode
  return Object.hasOwn(SERVER_TOOLS, choice.name)
    ? { type: SERVER_TOOLS[choice.name]?.type }
    : { type: choice.kind ?? 'function', name: choice.name }
}

/** Thoughts can be carried on without state at OpenAI when their sealed form is asked for. */
function encodeThinking({ reasoning, store }: ChatRequest, extra: JsonObject): { reasoning?: JsonObject; include?: string[] } {
  const own = isObject(extra.reasoning) ? extra.reasoning : {}
  const effort = reasoning?.effort ?? effortOf(reasoning?.budgetTokens)
  const isAsked = effort !== undefined && effort !== 'none'
  const summary =
    isAsked && own.summary === undefined && reasoning?.display !== 'omitted' && extra.reasoning === undefined ? { summary: 'auto' } : {}
  const wire = { ...(effort !== undefined && { effort: effort === 'max' ? 'xhigh' : effort }), ...summary, ...own }
  const include = isAsked && store !== true && extra.include === undefined ? { include: [SEALED] } : {}
  return { ...(Object.keys(wire).length > 0 && { reasoning: wire }), ...include }
}

/** The effort that a budget of tokens stands for; -1 leaves it to the model. */
function effortOf(budget: number | undefined): string | undefined {
  if (budget === undefined || budget < 0) return undefined
  if (budget === 0) return 'none'
  return budget <= 2_048 ? 'low' : budget <= 12_288 ? 'medium' : 'high'
}

function encodeText({ responseFormat, verbosity }: ChatRequest, extra: JsonObject): JsonObject | undefined {
  const own = isObject(extra.text) ? extra.text : {}
  const text = { ...(responseFormat && { format: encodeFormat(responseFormat) }), ...(verbosity !== undefined && { verbosity }), ...own }
  return Object.keys(text).length > 0 ? text : undefined
}

function encodeFormat(format: ResponseFormat): JsonObject {
  if (format.type === 'text') return { type: 'text' }
  if (format.type === 'json-object') return { type: 'json_object' }
  const { name, schema, strict, description } = format
  return withoutUndefined<JsonObject>({ type: 'json_schema', name, schema, strict, description })
}
