import type { ChatRequest, Reasoning, ResponseFormat } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { lostHints } from '../shared/drops.ts'
import { DROPS } from './drops.ts'
import { encodeMessages, type MessageContext } from './messages.ts'
import { encodeToolChoice, encodeTools } from './tools.ts'
import { NAME } from './types.ts'

/** The body of POST /v2/chat: https://docs.cohere.com/reference/chat */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const dropped = new Set(lostHints(request, DROPS, options))
  const unsupported = (param: string): undefined => {
    if (!options.dropUnsupported) throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider: options.provider })
    dropped.add(param)
  }
  const context: MessageContext = { documents: [], unsupported }
  const body: JsonObject = { model: request.model, messages: encodeMessages(request.messages, context) }
  if (context.documents.length > 0) body.documents = context.documents
  addTools(body, request, unsupported)
  addSampling(body, request)
  const format = encodeFormat(request.responseFormat)
  if (format) body.response_format = format
  const thinking = encodeThinking(request.reasoning)
  if (thinking) body.thinking = thinking
  if (request.stream) body.stream = true
  const { fallbacks: _fallbacks, ...own } = request.extra?.[NAME] ?? {}
  return { body: { ...body, ...own }, ...(dropped.size > 0 && { dropped: [...dropped] }) }
}

function addTools(body: JsonObject, request: ChatRequest, unsupported: MessageContext['unsupported']): void {
  const tools = encodeTools(request, unsupported)
  if (tools.length === 0) return
  body.tools = tools
  const choice = encodeToolChoice(request.toolChoice)
  if (choice !== undefined) body.tool_choice = choice
  if (request.tools?.every((tool) => tool.kind === 'function' && tool.strict === true)) body.strict_tools = true
}

/** Penalties run from 0 to 1 here; what lies outside is brought to the nearer end (decision D14). */
function addSampling(body: JsonObject, request: ChatRequest): void {
  const { maxOutputTokens, temperature, topP, topK, stop, seed, frequencyPenalty, presencePenalty, logprobs } = request
  const fields: JsonObject = {
    ...(maxOutputTokens !== undefined && { max_tokens: maxOutputTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { p: Math.min(0.99, Math.max(0.01, topP)) }),
    ...(topK !== undefined && { k: topK }),
    ...(stop?.length && { stop_sequences: stop }),
    ...(seed !== undefined && { seed }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: clamp(frequencyPenalty) }),
    ...(presencePenalty !== undefined && { presence_penalty: clamp(presencePenalty) }),
    ...(logprobs !== undefined && { logprobs }),
  }
  Object.assign(body, fields)
}

function clamp(penalty: number): number {
  return Math.min(1, Math.max(0, penalty))
}

function encodeFormat(format: ResponseFormat | undefined): JsonObject | undefined {
  if (!format || format.type === 'text') return undefined
  return format.type === 'json-object' ? { type: 'json_object' } : { type: 'json_object', json_schema: format.schema }
}

/** Thinking is on or off, with a budget or without: https://docs.cohere.com/docs/reasoning */
function encodeThinking(reasoning: Reasoning | undefined): JsonObject | undefined {
  if (!reasoning) return undefined
  const { effort, budgetTokens, adaptive } = reasoning
  if (budgetTokens !== undefined && budgetTokens > 0) return { type: 'enabled', token_budget: budgetTokens }
  if (budgetTokens === 0 || (effort === 'none' && budgetTokens === undefined)) return { type: 'disabled' }
  return effort !== undefined || adaptive === true || budgetTokens === -1 ? { type: 'enabled' } : undefined
}
