import type { ChatRequest, Extra } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { lostHints } from '../shared/drops.ts'
import { renamed, wireNames } from '../shared/tool-names.ts'
import { DROPS, encodeServiceTier } from './drops.ts'
import { encodeMessages, type PartContext } from './messages.ts'
import { encodeThinking, generationOf } from './thinking.ts'
import { encodeToolConfig, encodeTools, NAME_RULE } from './tools.ts'
import { NAME } from './types.ts'

/** Most log probabilities a token: https://ai.google.dev/api/generate-content#generationconfig */
const MAX_LOGPROBS = 20

/** The body of generateContent and streamGenerateContent, which name model and streaming in the path: https://ai.google.dev/api/generate-content */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const dropped = new Set(lostHints(request, DROPS, options))
  const context: PartContext = {
    names: wireNames(request, NAME_RULE),
    wantsProof: (generationOf(request.model) ?? 0) >= 3,
    calls: new Map(),
    path: '',
    unsupported(param) {
      if (!options.dropUnsupported) throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider: options.provider })
      dropped.add(param)
    },
  }
  const { system, contents } = encodeMessages(request.messages, context)
  const body: JsonObject = { contents }
  if (system.length > 0) body.systemInstruction = { parts: system }
  const tools = encodeTools(request, context)
  if (tools.length > 0) body.tools = tools
  const toolConfig = encodeToolConfig(request, context)
  if (toolConfig) body.toolConfig = toolConfig
  const config = generationConfig(request)
  if (Object.keys(config).length > 0) body.generationConfig = config
  const tier = encodeServiceTier(request.serviceTier)
  if (tier !== undefined) body.serviceTier = tier
  const changed = renamed(context.names)
  return {
    body: withExtra(body, request.extra),
    ...(changed && { carry: { tools: changed } }),
    ...(dropped.size > 0 && { dropped: [...dropped] }),
  }
}

const SETTINGS = [
  ['maxOutputTokens', 'maxOutputTokens'],
  ['temperature', 'temperature'],
  ['topP', 'topP'],
  ['topK', 'topK'],
  ['seed', 'seed'],
  ['choices', 'candidateCount'],
  ['presencePenalty', 'presencePenalty'],
  ['frequencyPenalty', 'frequencyPenalty'],
  ['logprobs', 'responseLogprobs'],
] as const satisfies readonly (readonly [keyof ChatRequest, string])[]

function generationConfig(request: ChatRequest): JsonObject {
  const config: JsonObject = {}
  for (const [field, name] of SETTINGS) if (request[field] !== undefined) config[name] = request[field]
  if (request.stop?.length) config.stopSequences = request.stop
  if (request.topLogprobs) config.logprobs = Math.min(request.topLogprobs, MAX_LOGPROBS)
  if (request.modalities) config.responseModalities = request.modalities.filter(isServed).map((kind) => kind.toUpperCase())
  const { responseFormat } = request
  if (responseFormat && responseFormat.type !== 'text') config.responseMimeType = 'application/json'
  if (responseFormat?.type === 'json-schema') config.responseJsonSchema = responseFormat.schema
  const thinking = encodeThinking(request)
  if (thinking) config.thinkingConfig = thinking
  return config
}

function isServed(kind: string): boolean {
  return kind === 'text' || kind === 'image'
}

/** Fields that no other API has, by the names that clients of other dialects give them. */
const OWN_FIELDS: Readonly<Record<string, string>> = {
  safety_settings: 'safetySettings',
  safetySettings: 'safetySettings',
  cached_content: 'cachedContent',
  cachedContent: 'cachedContent',
  labels: 'labels',
}
const OWN_SETTINGS: Readonly<Record<string, string>> = {
  response_mime_type: 'responseMimeType',
  response_json_schema: 'responseJsonSchema',
}

/** What only Google's API knows, as the client said it, in whichever dialect. Objects are joined, everything else is replaced. */
function withExtra(body: JsonObject, extra: Extra | undefined): JsonObject {
  if (!extra) return body
  const said: JsonObject = {}
  const settings: JsonObject = {}
  for (const corner of Object.values(extra)) {
    for (const [field, value] of Object.entries(corner)) {
      if (Object.hasOwn(OWN_FIELDS, field)) said[OWN_FIELDS[field] as string] = value
      else if (Object.hasOwn(OWN_SETTINGS, field)) settings[OWN_SETTINGS[field] as string] = value
    }
  }
  const { fallbacks: _fallbacks, ...own } = extra[NAME] ?? {}
  const known = Object.keys(settings).length > 0 ? { generationConfig: settings } : {}
  return joined(joined(joined(body, known), said), own)
}

function joined(before: JsonObject, after: JsonObject): JsonObject {
  const merged: JsonObject = { ...before }
  for (const [field, value] of Object.entries(after)) {
    const earlier = merged[field]
    merged[field] = isObject(earlier) && isObject(value) ? joined(earlier, value) : value
  }
  return merged
}
