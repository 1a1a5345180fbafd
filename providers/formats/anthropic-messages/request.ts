import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { encodeThinking, type ModelTraits, modelTraits } from '../shared/claude-thinking.ts'
import { lostHints } from '../shared/drops.ts'
import { bodyBetas, mergeBeta } from './beta.ts'
import { DROPS, encodeServiceTier } from './drops.ts'
import { type BlockContext, encodeMessages } from './messages.ts'
import { applyQuirks } from './quirks.ts'
import { type AnswerForm, encodeAnswerForm, takesSchema } from './schema.ts'
import { encodeToolChoice, encodeTools } from './tools.ts'
import { NAME } from './types.ts'

/** A request for POST /v1/messages: https://docs.claude.com/en/api/messages */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const dropped = new Set(lostHints(request, DROPS, options))
  const context: BlockContext = { betas: new Set(), path: '', unsupported: (param) => giveUp(param, options, dropped) }
  const model = modelTraits(request.model)
  const { maxTokens, thinking, effort } = encodeThinking(withReasoning(request), model, options.defaultMaxOutputTokens)
  const { system, messages } = encodeMessages(request.messages, context)
  const body: JsonObject = { model: request.model, max_tokens: maxTokens }
  if (system.length > 0) body.system = system
  body.messages = messages
  const isThinking = thinking !== undefined && thinking.type !== 'disabled'
  const hasSchema = takesSchema(model, options)
  const answer = encodeAnswerForm(request, hasSchema)
  addTools(body, { request, context, answer, isThinking, takesStrict: hasSchema })
  addSampling(body, { request, model, isThinking }, dropped)
  if (thinking) body.thinking = thinking
  addOutputConfig(body, answer, effort)
  if (request.stop?.length) body.stop_sequences = request.stop
  addIdentity(body, request)
  if (request.stream) body.stream = true
  const finished = fit(withExtra(body, request.extra?.[NAME]), options, dropped)
  const encoded = withHeaders(finished, [...bodyBetas(finished), ...context.betas], dropped)
  return answer.tool ? { ...encoded, carry: { answer: answer.tool.name }, decodesAnswer: true } : encoded
}

/** `thinking: null` of a client of this very format: the effort that it told (in its `output_config`) asks for no thoughts. */
function withReasoning(request: ChatRequest): ChatRequest {
  return request.extra?.[NAME]?.thinking === null ? { ...request, reasoning: undefined } : request
}

function giveUp(param: string, options: EncodeOptions, dropped: Set<string>): void {
  if (!options.dropUnsupported) throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider: options.provider })
  dropped.add(param)
}

interface ToolWork {
  request: ChatRequest
  context: BlockContext
  answer: AnswerForm
  isThinking: boolean
  takesStrict: boolean
}

function addTools(body: JsonObject, { request, context, answer, isThinking, takesStrict }: ToolWork): void {
  const { tool } = answer
  const own = encodeTools(request, context, takesStrict)
  const tools = tool ? [tool.definition, ...own] : own
  if (tools.length === 0) return
  body.tools = tools
  const choice = encodeToolChoice(request, tool && { name: tool.name, isThinking })
  if (choice) body.tool_choice = choice
}

interface Sampling {
  request: ChatRequest
  model: ModelTraits
  isThinking: boolean
}

/** Of temperature and top_p the API wants one. Models from 4.7 on take neither, and a model that thinks only their defaults. */
function addSampling(body: JsonObject, { request, model, isThinking }: Sampling, dropped: Set<string>): void {
  const { temperature, topP, topK } = request
  const wanted: [field: string, value: number | undefined, isTaken: boolean][] = [
    ['temperature', temperature === undefined ? undefined : Math.min(temperature, 1), !isThinking || temperature === 1],
    ['top_p', temperature === undefined ? topP : undefined, !isThinking || (topP ?? 0) >= 0.95],
    ['top_k', topK, !isThinking],
  ]
  for (const [field, value, isTaken] of wanted) {
    if (value === undefined) continue
    if (isTaken && !model.isAdaptiveOnly) body[field] = value
    else dropped.add(field)
  }
}

function addOutputConfig(body: JsonObject, { format }: AnswerForm, effort: string | undefined): void {
  if (!format && effort === undefined) return
  body.output_config = { ...(effort !== undefined && { effort }), ...(format && { format }) }
}

function addIdentity(body: JsonObject, request: ChatRequest): void {
  const user = request.user ?? request.safetyIdentifier
  if (user !== undefined) body.metadata = { user_id: user }
  const tier = encodeServiceTier(request.serviceTier)
  if (tier !== undefined) body.service_tier = tier
}

/**
 * What only this format knows, as the client said it. `task_budget` belongs into `output_config`; the gateway's own
 * `fallbacks` must not get there, because the API refuses fields that it does not know.
 */
function withExtra(body: JsonObject, extra: JsonObject | undefined): JsonObject {
  if (!extra) return body
  const { fallbacks: _fallbacks, task_budget: taskBudget, ...rest } = extra
  if (rest.thinking === null) delete rest.thinking
  const merged = { ...body }
  for (const [field, value] of Object.entries(rest)) {
    const earlier = merged[field]
    merged[field] = isObject(earlier) && isObject(value) ? { ...earlier, ...value } : value
  }
  if (taskBudget !== undefined)
    merged.output_config = { ...(isObject(merged.output_config) && merged.output_config), task_budget: taskBudget }
  return merged
}

function fit(body: JsonObject, { quirks }: EncodeOptions, dropped: Set<string>): JsonObject {
  if (!quirks) return body
  const fitted = applyQuirks(body, quirks)
  for (const name of fitted.dropped) dropped.add(name)
  return fitted.body
}

function withHeaders(body: JsonObject, betas: readonly string[], dropped: ReadonlySet<string>): EncodedRequest {
  const encoded: EncodedRequest = { body }
  if (betas.length > 0) encoded.headers = { 'anthropic-beta': mergeBeta(betas.join(','), undefined) }
  if (dropped.size > 0) encoded.dropped = [...dropped]
  return encoded
}
