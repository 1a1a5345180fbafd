import type { ChatRequest, Effort, Reasoning, ResponseFormat } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest, NamedByPath } from '../../../core/format.ts'
import {
  boolean,
  integer,
  number,
  object,
  optional,
  type Read,
  readFields,
  string,
  strings,
  unknownFields,
  word,
} from '../shared/fields.ts'
import { camel } from './camel.ts'
import { decodeContents, decodeSystem } from './decode-contents.ts'
import { decodeSchema } from './decode-schema.ts'
import { decodeToolChoice, decodeTools } from './decode-tools.ts'
import { readTier } from './drops.ts'
import { NAME } from './types.ts'

/** Settings that are one value on both sides. */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  maxOutputTokens: ['maxOutputTokens', integer(1)],
  temperature: ['temperature', number],
  topP: ['topP', number],
  topK: ['topK', number],
  seed: ['seed', number],
  candidateCount: ['choices', integer(1)],
  stopSequences: ['stop', strings],
  presencePenalty: ['presencePenalty', number],
  frequencyPenalty: ['frequencyPenalty', number],
  responseLogprobs: ['logprobs', boolean],
  logprobs: ['topLogprobs', integer(0)],
  responseModalities: ['modalities', (value, param) => strings(value, param).map((kind) => kind.toLowerCase())],
}
const SETTINGS = new Map(Object.entries(SIMPLE))
const SCHEMAS = ['responseMimeType', 'responseSchema', 'responseJsonSchema', '_responseJsonSchema']
const OTHER_SETTINGS: ReadonlySet<string> = new Set([...SCHEMAS, 'thinkingConfig'])
const KNOWN: ReadonlySet<string> = new Set([
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'serviceTier',
  'fallbacks',
  'model',
])

/** A request of generateContent (https://ai.google.dev/api/generate-content). Throws GW_INVALID_REQUEST with the field's path. */
export function decodeRequest(raw: JsonObject, named?: NamedByPath): DecodedRequest {
  if (!named?.model) throw new GatewayError('GW_MODEL_REQUIRED')
  const body = camel(raw)
  const messages = [...decodeSystem(body.systemInstruction), ...decodeContents(body.contents)]
  const request: ChatRequest = { model: named.model, messages, stream: named.stream ?? false }
  const extra: JsonObject = { ...unknownFields(body, KNOWN) }
  const tools = optional(body.tools, 'tools', decodeTools)
  if (tools?.length) request.tools = tools
  const toolConfig = optional(body.toolConfig, 'toolConfig', object)
  if (toolConfig) addToolChoice(request, camel(toolConfig), extra)
  const config = optional(body.generationConfig, 'generationConfig', object)
  if (config) addSettings(request, camel(config), extra)
  const tier = optional(body.serviceTier, 'serviceTier', (value, param) => readTier(string(value, param)))
  if (tier !== undefined) request.serviceTier = tier
  if (Object.keys(extra).length > 0) request.extra = { [NAME]: extra }
  return { request }
}

function addToolChoice(request: ChatRequest, { functionCallingConfig, ...rest }: JsonObject, extra: JsonObject): void {
  if (Object.keys(rest).length > 0) extra.toolConfig = rest
  const choice = optional(functionCallingConfig, 'toolConfig.functionCallingConfig', decodeToolChoice)
  if (choice) request.toolChoice = choice
}

function addSettings(request: ChatRequest, config: JsonObject, extra: JsonObject): void {
  const rest: JsonObject = { ...readFields(request, config, { simple: SETTINGS, known: OTHER_SETTINGS, path: 'generationConfig.' }) }
  const format = decodeFormat(config, rest)
  if (format) request.responseFormat = format
  const reasoning = optional(config.thinkingConfig, 'generationConfig.thinkingConfig', decodeThinking)
  if (reasoning) request.reasoning = reasoning
  if (Object.keys(rest).length > 0) extra.generationConfig = rest
}

/** JSON by its media type, with a schema of either kind; other media types are Google's own. */
function decodeFormat(config: JsonObject, rest: JsonObject): ResponseFormat | undefined {
  const mimeType = optional(config.responseMimeType, 'generationConfig.responseMimeType', string)
  const own = optional(config.responseSchema, 'generationConfig.responseSchema', object)
  const written = config.responseJsonSchema ?? config._responseJsonSchema
  const schema = optional(written, 'generationConfig.responseJsonSchema', object) ?? (own && decodeSchema(own))
  if (mimeType !== undefined && mimeType !== 'application/json' && mimeType !== 'text/plain') {
    rest.responseMimeType = mimeType
    if (own) rest.responseSchema = own
    return undefined
  }
  if (schema) return { type: 'json-schema', name: 'answer', schema }
  if (mimeType === 'text/plain') return { type: 'text' }
  return mimeType === undefined ? undefined : { type: 'json-object' }
}

const LEVELS = ['minimal', 'low', 'medium', 'high'] as const

/** By budget (0: none, -1: as the model likes) or by level: https://ai.google.dev/gemini-api/docs/thinking */
function decodeThinking(value: Json, param: string): Reasoning | undefined {
  const config = camel(object(value, param))
  const budget = optional(config.thinkingBudget, `${param}.thinkingBudget`, integer(-1))
  const isShown = optional(config.includeThoughts, `${param}.includeThoughts`, boolean)
  const effort = optional(config.thinkingLevel, `${param}.thinkingLevel`, (level, at) => readLevel(string(level, at), at))
  if (budget === 0) return { effort: 'none' }
  const asks = budget !== undefined || effort !== undefined
  if (!asks) return isShown === undefined ? undefined : { display: isShown ? 'summarized' : 'omitted' }
  return withoutUndefined<Reasoning>({ effort, budgetTokens: budget, display: isShown === true ? undefined : 'omitted' })
}

function readLevel(level: string, param: string): Effort | undefined {
  const lower = level.toLowerCase()
  return lower === 'thinking_level_unspecified' ? undefined : word(...LEVELS)(lower, param)
}
