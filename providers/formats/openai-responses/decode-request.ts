import type { ChatRequest, Effort, Message, Reasoning, ResponseFormat } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry, DecodedRequest, NamedByPath } from '../../../core/format.ts'
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
  unknownFields,
} from '../shared/fields.ts'
import { type Conversation, decodeInput } from './decode-items.ts'
import { decodeToolChoice, decodeTools } from './decode-tools.ts'
import { NAME } from './types.ts'

/** Fields that are one value on both sides. */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  stream: ['stream', boolean],
  max_output_tokens: ['maxOutputTokens', integer(1)],
  temperature: ['temperature', number],
  top_p: ['topP', number],
  top_logprobs: ['topLogprobs', integer(0)],
  parallel_tool_calls: ['parallelToolCalls', boolean],
  tools: ['tools', decodeTools],
  tool_choice: ['toolChoice', decodeToolChoice],
  store: ['store', boolean],
  metadata: ['metadata', object],
  user: ['user', string],
  safety_identifier: ['safetyIdentifier', string],
  service_tier: ['serviceTier', string],
  prompt_cache_key: ['promptCacheKey', string],
  prompt_cache_retention: ['promptCacheRetention', string],
}
const SIMPLE_FIELDS = new Map(Object.entries(SIMPLE))
const OTHERS: ReadonlySet<string> = new Set(['model', 'input', 'instructions', 'reasoning', 'text', 'fallbacks'])

/** State that OpenAI keeps, and work that it does when nobody waits: nobody else has it. */
const STATE = ['previous_response_id', 'conversation', 'prompt']

/** A request of POST /v1/responses (https://platform.openai.com/docs/api-reference/responses/create). Throws GW_INVALID_REQUEST with the field's path. */
export function decodeRequest(body: JsonObject, named?: NamedByPath): DecodedRequest {
  const model = named?.model ?? optional(body.model, 'model', string)
  if (!model) throw new GatewayError('GW_MODEL_REQUIRED')
  const conversation: Conversation = { calls: new Set(), ownOnly: ownFields(body) }
  // What the calls were that it answers is known to OpenAI alone.
  const messages = [...decodeInstructions(body.instructions), ...decodeInput(body.input, conversation)]
  const request: ChatRequest = { model, messages, stream: false }
  const extra: JsonObject = { ...readFields(request, body, { simple: SIMPLE_FIELDS, known: OTHERS }) }
  if (request.topLogprobs !== undefined && request.topLogprobs > 0) request.logprobs = true
  const reasoning = decodeEffort(body.reasoning, extra)
  if (reasoning) request.reasoning = reasoning
  const said = optional(body.text, 'text', (value, param) => decodeText(object(value, param), extra))
  if (said) Object.assign(request, said)
  if (Object.keys(extra).length > 0) request.extra = { [NAME]: extra }
  return {
    request,
    carry: { echo: echoOf(body) },
    ...(conversation.ownOnly.length > 0 && { ownOnly: conversation.ownOnly }),
  }
}

function ownFields(body: JsonObject): string[] {
  const named = STATE.filter((name) => body[name] !== undefined && body[name] !== null)
  return body.background === true ? [...named, 'background'] : named
}

/** A system message of its own, which goes back to its place. */
function decodeInstructions(value: Json | undefined): Message[] {
  const said = optional(value, 'instructions', string)
  if (!said) return []
  return [{ role: 'system', parts: [{ type: 'text', text: said }], extra: { [NAME]: { instructions: true } } }]
}

const EFFORTS: ReadonlySet<string> = new Set<Effort>(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
const REASONING_FIELDS = new Set(['effort', 'max_tokens'])

/** A summary that is asked for is shown; which kind of summary is OpenAI's own affair. */
function decodeEffort(value: Json | undefined, extra: JsonObject): Reasoning | undefined {
  const reasoning = optional(value, 'reasoning', object)
  if (!reasoning) return undefined
  const effort = optional(reasoning.effort, 'reasoning.effort', filled)
  if (effort !== undefined && !EFFORTS.has(effort)) bad('reasoning.effort', `must be one of ${[...EFFORTS].join(', ')}`)
  const rest = unknownFields(reasoning, REASONING_FIELDS)
  if (rest) extra.reasoning = rest
  const decoded = withoutUndefined<Reasoning>({
    effort: effort as Effort | undefined,
    budgetTokens: optional(reasoning.max_tokens, 'reasoning.max_tokens', integer(-1)),
  })
  return Object.keys(decoded).length > 0 ? decoded : undefined
}

const TEXT_FIELDS = new Set(['format', 'verbosity'])

function decodeText(text: JsonObject, extra: JsonObject): Pick<ChatRequest, 'verbosity' | 'responseFormat'> {
  const rest = unknownFields(text, TEXT_FIELDS)
  if (rest) extra.text = rest
  return withoutUndefined({
    verbosity: optional(text.verbosity, 'text.verbosity', string),
    responseFormat: optional(text.format, 'text.format', decodeFormat),
  })
}

function decodeFormat(value: Json, param: string): ResponseFormat {
  const format = object(value, param)
  const type = required(format.type, `${param}.type`, string)
  if (type === 'text') return { type: 'text' }
  if (type === 'json_object') return { type: 'json-object' }
  if (type !== 'json_schema') return bad(`${param}.type`, 'must be text, json_object or json_schema')
  return withoutUndefined<ResponseFormat>({
    type: 'json-schema',
    name: required(format.name, `${param}.name`, filled),
    schema: required(format.schema, `${param}.schema`, object),
    strict: optional(format.strict, `${param}.strict`, boolean),
    description: optional(format.description, `${param}.description`, string),
  })
}

/** What an answer repeats of the request. */
const ECHOED = [
  'background',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'store',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
]

function echoOf(body: JsonObject): Carry {
  return Object.fromEntries(ECHOED.filter((name) => body[name] !== undefined && body[name] !== null).map((name) => [name, body[name]]))
}
