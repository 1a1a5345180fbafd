import { passesBeta } from '../../../core/beta-flags.ts'
import type { ChatRequest, Extra } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry, EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { type ModelTraits, modelTraits } from '../shared/claude-thinking.ts'
import { lostHints } from '../shared/drops.ts'
import { renamed, wireNames } from '../shared/tool-names.ts'
import { DROPS, encodeServiceTier } from './drops.ts'
import { familyOf } from './family.ts'
import { type BlockContext, encodeMessages } from './messages.ts'
import { NAME_RULE } from './names.ts'
import { withoutSaid } from './said.ts'
import { type AnswerForm, encodeAnswerForm } from './schema.ts'
import { encodeThinkingFields, type ThinkingFields } from './thinking.ts'
import { encodeToolConfig } from './tools.ts'
import { NAME } from './types.ts'

/** What the steps of one request share. */
interface Work {
  request: ChatRequest
  context: BlockContext
  traits: ModelTraits
  thinking: ThinkingFields
  answer: AnswerForm
  dropped: Set<string>
}

/**
 * The body of POST /model/{id}/converse and /converse-stream, which name model and streaming in the path:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
export function encodeRequest(whole: ChatRequest, options: EncodeOptions): EncodedRequest {
  const request = withoutSaid(whole)
  const work = prepare(request, options)
  const { context, thinking, answer, traits, dropped } = work
  const { system, messages } = encodeMessages(request.messages, context)
  const body: JsonObject = { messages }
  if (system.length > 0) body.system = system
  const config = inferenceConfig(work)
  if (Object.keys(config).length > 0) body.inferenceConfig = config
  const tools = encodeToolConfig(request, {
    context,
    answer: answer.tool,
    isThinking: thinking.isThinking,
    takesStrict: traits.takesSchema,
  })
  if (tools) body.toolConfig = tools
  const fields = modelFields(work, { hasTools: tools !== undefined, ...options })
  if (Object.keys(fields).length > 0) body.additionalModelRequestFields = fields
  // Only there Claude says which sequence stopped it; a path that leads nowhere is passed over.
  if (config.stopSequences && context.family === 'claude')
    body.additionalModelResponseFieldPaths = ['/stop_sequence', '/delta/stop_sequence']
  const tier = encodeServiceTier(request.serviceTier)
  if (tier !== undefined) body.serviceTier = { type: tier }
  const carry = carryOf(work)
  return {
    body: withExtra(body, request.extra),
    ...(carry && { carry }),
    ...(answer.tool && { decodesAnswer: true }),
    ...(dropped.size > 0 && { dropped: [...dropped] }),
  }
}

function prepare(request: ChatRequest, options: EncodeOptions): Work {
  const dropped = new Set(lostHints(request, DROPS, options))
  const family = familyOf(request.model)
  const traits = modelTraits(request.model)
  const names = wireNames(request, NAME_RULE)
  const unsupported = (param: string): undefined => {
    if (!options.dropUnsupported) throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider: options.provider })
    dropped.add(param)
  }
  return {
    request,
    context: { family, names, documents: new Set(), path: '', unsupported },
    traits,
    thinking: encodeThinkingFields(request, { family, traits, defaultMaxTokens: options.defaultMaxOutputTokens }),
    answer: encodeAnswerForm(request, traits, names),
    dropped,
  }
}

/** Of temperature and top_p Claude wants one; from 4.7 on it takes neither, and while it thinks only their defaults. */
function inferenceConfig(work: Work): JsonObject {
  const { request, context, traits, thinking, dropped } = work
  const { temperature, topP, stop } = request
  const isClaude = context.family === 'claude'
  const isOpen = !thinking.isFree && !(isClaude && traits.isAdaptiveOnly)
  const isThinking = isClaude && thinking.isThinking
  const config: JsonObject = {}
  if (thinking.maxTokens !== undefined) config.maxTokens = thinking.maxTokens
  else if (thinking.isFree && request.maxOutputTokens !== undefined) dropped.add('max_tokens')
  if (temperature !== undefined) {
    if (isOpen && (!isThinking || temperature === 1)) config.temperature = Math.min(temperature, 1)
    else dropped.add('temperature')
  }
  if (topP !== undefined) {
    if (isOpen && (!isThinking || topP >= 0.95) && !(isClaude && temperature !== undefined)) config.topP = topP
    else dropped.add('top_p')
  }
  if (stop?.length) config.stopSequences = stop
  return config
}

const INTERLEAVED = 'interleaved-thinking-2025-05-14'

/** Fields that only the model's family knows. */
function modelFields(work: Work, { hasTools, betas, clientBetas = [] }: EncodeOptions & { hasTools: boolean }): JsonObject {
  const { request, context, traits, thinking, answer, dropped } = work
  const fields: JsonObject = { ...thinking.fields }
  const { topK } = request
  const isClaude = context.family === 'claude'
  if (topK !== undefined) {
    if (thinking.isFree || (isClaude && (traits.isAdaptiveOnly || thinking.isThinking))) dropped.add('top_k')
    else if (context.family === 'nova') fields.inferenceConfig = { topK }
    else fields[context.family === 'cohere' ? 'k' : 'top_k'] = topK
  }
  if (answer.format) fields.output_config = { ...(isObject(fields.output_config) && fields.output_config), format: answer.format }
  const called: string[] = []
  if (answer.format) called.push('structured-outputs-2025-11-13')
  if (isClaude && thinking.isThinking && hasTools && traits.takesInterleaving) called.push(INTERLEAVED)
  // Clients send that one whatever the model is.
  const said = isClaude ? clientBetas.filter((flag) => traits.takesInterleaving || flag.toLowerCase() !== INTERLEAVED) : []
  const known = new Set(said.map((flag) => flag.toLowerCase()))
  const sent = [...said, ...called.filter((flag) => !known.has(flag) && (!betas || passesBeta(betas, flag)))]
  if (sent.length > 0) fields.anthropic_beta = sent
  return fields
}

function carryOf({ context, answer }: Work): Carry | undefined {
  const tools = renamed(context.names)
  const carry: Carry = {
    ...(tools && { tools }),
    ...(answer.tool && { answer: answer.tool.name }),
    ...(context.family === 'claude' && { signedBy: 'anthropic' }),
  }
  return Object.keys(carry).length > 0 ? carry : undefined
}

/** Fields that no other API has: they are meant for this one in whichever dialect a client says them. */
const OWN_FIELDS = [
  'additionalModelRequestFields',
  'additionalModelRequestFieldPaths',
  'additionalModelResponseFieldPaths',
  'guardrailConfig',
  'performanceConfig',
  'promptVariables',
  'requestMetadata',
]

/** What only Converse knows, as the client said it. Objects are joined, so are lists of beta flags; everything else is replaced. */
function withExtra(body: JsonObject, extra: Extra | undefined): JsonObject {
  if (!extra) return body
  const said: JsonObject = {}
  for (const corner of Object.values(extra)) {
    for (const field of OWN_FIELDS) if (corner[field] !== undefined) said[field] = corner[field]
  }
  const { fallbacks: _fallbacks, additionalModelRequestFieldPaths: fields, ...own } = { ...said, ...extra[NAME] }
  // The gateway's older name for the model's own fields.
  return joined(joined(body, own), fields === undefined ? {} : { additionalModelRequestFields: fields })
}

function joined(before: JsonObject, after: JsonObject): JsonObject {
  const merged: JsonObject = { ...before }
  for (const [field, value] of Object.entries(after)) {
    const earlier = merged[field]
    if (field === 'anthropic_beta' && Array.isArray(earlier))
      merged[field] = [...new Set([...earlier, ...(Array.isArray(value) ? value : [])])]
    else merged[field] = isObject(earlier) && isObject(value) ? joined(earlier, value) : value
  }
  return merged
}
