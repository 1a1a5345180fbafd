import type { ChatRequest, Effort, Reasoning, ResponseFormat } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest, NamedByPath } from '../../../core/format.ts'
import {
  bad,
  boolean,
  filled,
  integer,
  number,
  object,
  optional,
  type Read,
  readFields,
  required,
  string,
  strings,
  unknownFields,
} from '../shared/fields.ts'
import { text } from '../shared/openai-text.ts'
import { decodeMessages } from './decode-messages.ts'
import { objectOf } from './decode-parts.ts'
import { decodeFunctionChoice, decodeFunctions, decodeSearch, decodeToolChoice, decodeTools } from './decode-tools.ts'
import { NAME } from './types.ts'

/** Fields that are one value on both sides. `max_tokens` is an alias that the newer name wins over (api.md 1.1). */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  stream: ['stream', boolean],
  max_tokens: ['maxOutputTokens', integer(1)],
  max_completion_tokens: ['maxOutputTokens', integer(1)],
  temperature: ['temperature', number],
  top_p: ['topP', number],
  top_k: ['topK', number],
  stop: ['stop', (value, param) => (typeof value === 'string' ? [value] : strings(value, param))],
  seed: ['seed', number],
  presence_penalty: ['presencePenalty', number],
  frequency_penalty: ['frequencyPenalty', number],
  logit_bias: ['logitBias', object],
  logprobs: ['logprobs', boolean],
  top_logprobs: ['topLogprobs', integer(0)],
  n: ['choices', integer(1, 128)],
  functions: ['tools', decodeFunctions],
  tools: ['tools', decodeTools],
  function_call: ['toolChoice', decodeFunctionChoice],
  tool_choice: ['toolChoice', decodeToolChoice],
  parallel_tool_calls: ['parallelToolCalls', boolean],
  verbosity: ['verbosity', string],
  modalities: ['modalities', strings],
  audio: ['audio', object],
  prediction: ['prediction', object],
  user: ['user', string],
  safety_identifier: ['safetyIdentifier', string],
  metadata: ['metadata', object],
  service_tier: ['serviceTier', string],
  store: ['store', boolean],
  prompt_cache_key: ['promptCacheKey', string],
  prompt_cache_retention: ['promptCacheRetention', string],
}

const SIMPLE_FIELDS = new Map(Object.entries(SIMPLE))

/** Newer names that win over the older ones of the same thing, whichever stands first. */
const ALIASES: readonly (readonly [newer: string, older: string])[] = [
  ['max_completion_tokens', 'max_tokens'],
  ['tools', 'functions'],
  ['tool_choice', 'function_call'],
]

/** Read by hand below; `fallbacks` is the gateway's own and never sent on. */
const OTHERS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'fallbacks',
  'stream_options',
  'response_format',
  'reasoning',
  'reasoning_effort',
  'reasoning_max_tokens',
  'reasoning_display',
  'web_search_options',
])

/** A chat request in OpenAI's dialect and its common extensions (providers.md 2.1). Throws GW_INVALID_REQUEST with the field's path. */
export function decodeRequest(body: JsonObject, named?: NamedByPath): DecodedRequest {
  const model = named?.model ?? optional(body.model, 'model', string)
  if (!model) throw new GatewayError('GW_MODEL_REQUIRED')
  const request: ChatRequest = { model, messages: decodeMessages(body.messages), stream: false }
  const extra: JsonObject = { ...readFields(request, body, { simple: SIMPLE_FIELDS, known: OTHERS }) }
  for (const [newer, older] of ALIASES) if (body[older] !== undefined && body[newer] !== undefined) readNewer(request, body, newer)
  const search = optional(body.web_search_options, 'web_search_options', decodeSearch)
  if (search) request.tools = [...(request.tools ?? []), search]
  const streamUsage = decodeStreamOptions(body, extra)
  if (streamUsage !== undefined) request.streamUsage = streamUsage
  const reasoning = decodeReasoning(body, extra)
  if (reasoning) request.reasoning = reasoning
  const format = optional(body.response_format, 'response_format', (value, param) => decodeResponseFormat(value, param, extra))
  if (format) request.responseFormat = format
  if (Object.keys(extra).length > 0) request.extra = { [NAME]: extra }
  return { request }
}

function readNewer(request: ChatRequest, body: JsonObject, name: string): void {
  readFields(request, { [name]: body[name] }, { simple: SIMPLE_FIELDS, known: OTHERS })
}

const STREAM_FIELDS = new Set(['include_usage'])

function decodeStreamOptions(body: JsonObject, extra: JsonObject): boolean | undefined {
  const options = optional(body.stream_options, 'stream_options', object)
  const rest = options && unknownFields(options, STREAM_FIELDS)
  if (rest) extra.stream_options = rest
  return options && optional(options.include_usage, 'stream_options.include_usage', boolean)
}

const EFFORTS: ReadonlySet<string> = new Set<Effort>(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
const REASONING_FIELDS = new Set(['enabled', 'effort', 'max_tokens', 'display'])

/** Nested `reasoning` and its flat aliases; the same thing said twice and differently is refused. */
function decodeReasoning(body: JsonObject, extra: JsonObject): Reasoning | undefined {
  const { reasoning_effort: flatEffort, reasoning_max_tokens: flatTokens, reasoning_display: flatDisplay } = body
  const said = optional(body.reasoning, 'reasoning', object)
  if (said === undefined && flatEffort === undefined && flatTokens === undefined && flatDisplay === undefined) return undefined
  const nested = said ?? {}
  const effort = oneOf(body, nested, { flat: 'reasoning_effort', nested: 'effort', read: filled })
  const budgetTokens = oneOf(body, nested, { flat: 'reasoning_max_tokens', nested: 'max_tokens', read: integer(-1) })
  const display = oneOf(body, nested, { flat: 'reasoning_display', nested: 'display', read: string })
  const isEnabled = optional(nested.enabled, 'reasoning.enabled', boolean)
  const rest = unknownFields(nested, REASONING_FIELDS)
  if (rest) extra.reasoning = rest
  // A word that only one vendor knows (Groq's `default`) goes back to the same format as it came.
  if (effort !== undefined && !EFFORTS.has(effort)) extra.reasoning_effort = effort
  const known = effort !== undefined && EFFORTS.has(effort) ? (effort as Effort) : undefined
  const isBare = known === undefined && budgetTokens === undefined
  const reasoning = withoutUndefined<Reasoning>({
    effort: isEnabled === false && isBare ? 'none' : known,
    budgetTokens,
    adaptive: isEnabled === true && isBare ? true : undefined,
    display,
  })
  return Object.keys(reasoning).length > 0 ? reasoning : undefined
}

function oneOf<Value>(body: JsonObject, nested: JsonObject, names: { flat: string; nested: string; read: Read<Value> }): Value | undefined {
  const flat = optional(body[names.flat], names.flat, names.read)
  const inner = optional(nested[names.nested], `reasoning.${names.nested}`, names.read)
  if (flat !== undefined && inner !== undefined && flat !== inner) bad(names.flat, `contradicts reasoning.${names.nested}`)
  return inner ?? flat
}

function decodeResponseFormat(value: Json, param: string, extra: JsonObject): ResponseFormat | undefined {
  const format = object(value, param)
  const type = required(format.type, `${param}.type`, string)
  if (type === 'text') return { type: 'text' }
  if (type === 'json_object') return { type: 'json-object' }
  if (type === 'json_schema') return decodeSchema(required(format.json_schema, `${param}.json_schema`, object), `${param}.json_schema`)
  // Grammars and regular expressions of compatible servers.
  extra.response_format = format
  return undefined
}

function decodeSchema(wire: JsonObject, param: string): ResponseFormat {
  return withoutUndefined<ResponseFormat>({
    type: 'json-schema',
    name: required(wire.name, `${param}.name`, filled),
    schema: objectOf(optional(wire.schema, `${param}.schema`, object)),
    strict: optional(wire.strict, `${param}.strict`, boolean),
    description: text(wire.description),
  })
}
