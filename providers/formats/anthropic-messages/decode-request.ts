import type { ChatRequest, Reasoning, ResponseFormat, ToolChoice } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest } from '../../../core/format.ts'
import {
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
  word,
} from '../shared/fields.ts'
import { decodeMessages, decodeSystem } from './decode-messages.ts'
import { decodeTools } from './decode-tools.ts'
import { NAME } from './types.ts'

/** Fields that are one value on both sides. */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  // 0 only fills the cache: https://docs.claude.com/en/docs/build-with-claude/prompt-caching
  max_tokens: ['maxOutputTokens', integer(0)],
  stream: ['stream', boolean],
  temperature: ['temperature', number],
  top_p: ['topP', number],
  top_k: ['topK', integer(0)],
  stop_sequences: ['stop', strings],
  tools: ['tools', decodeTools],
}
const SIMPLE_FIELDS = new Map(Object.entries(SIMPLE))

const OTHERS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'system',
  'fallbacks',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'metadata',
  'service_tier',
])

/** A request of POST /v1/messages (https://docs.claude.com/en/api/messages). Throws GW_INVALID_REQUEST with the field's path. */
export function decodeRequest(body: JsonObject): DecodedRequest {
  const model = optional(body.model, 'model', string)
  if (!model) throw new GatewayError('GW_MODEL_REQUIRED')
  required(body.max_tokens, 'max_tokens', integer(0))
  const messages = [...(optional(body.system, 'system', decodeSystem) ?? []), ...decodeMessages(body.messages)]
  const request: ChatRequest = { model, messages, stream: false }
  const extra: JsonObject = { ...readFields(request, body, { simple: SIMPLE_FIELDS, known: OTHERS }) }
  const choice = optional(body.tool_choice, 'tool_choice', decodeToolChoice)
  if (choice) Object.assign(request, choice)
  const reasoning = decodeReasoning(body, extra)
  if (reasoning) request.reasoning = reasoning
  const format = decodeFormat(body)
  if (format) request.responseFormat = format
  const user = optional(body.metadata, 'metadata', (value, param) => decodeUser(value, param, extra))
  if (user !== undefined) request.user = user
  const tier = optional(body.service_tier, 'service_tier', decodeTier)
  if (tier !== undefined) request.serviceTier = tier
  if (Object.keys(extra).length > 0) request.extra = { [NAME]: extra }
  return { request }
}

const CHOICES = { auto: 'auto', none: 'none', any: 'required' } as const

function decodeToolChoice(value: Json, param: string): { toolChoice: ToolChoice; parallelToolCalls?: boolean } {
  const choice = object(value, param)
  const type = required(choice.type, `${param}.type`, word('auto', 'any', 'tool', 'none'))
  const isSerial = optional(choice.disable_parallel_tool_use, `${param}.disable_parallel_tool_use`, boolean)
  const toolChoice: ToolChoice =
    type === 'tool' ? { mode: 'tool', name: required(choice.name, `${param}.name`, filled) } : { mode: CHOICES[type] }
  return { toolChoice, ...(isSerial !== undefined && { parallelToolCalls: !isSerial }) }
}

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

const CONFIG_FIELDS = new Set(['effort', 'format'])
const THINKING_FIELDS = new Set(['type', 'budget_tokens', 'display'])

/**
 * `thinking` says whether and how much to think, `output_config.effort` how hard to work. An effort without thoughts is the same to
 * other formats as one with them; to this one `thinking: null` in `extra` says that none were asked for.
 */
function decodeReasoning(body: JsonObject, extra: JsonObject): Reasoning | undefined {
  const thinking = optional(body.thinking, 'thinking', object)
  const said = optional(body.output_config, 'output_config', object)
  if (!thinking && !said) return undefined
  const config = said ?? {}
  const effort = optional(config.effort, 'output_config.effort', word(...EFFORTS))
  const type = thinking && required(thinking.type, 'thinking.type', word('enabled', 'disabled', 'adaptive'))
  const rest = unknownFields(config, CONFIG_FIELDS)
  const own = { ...rest, ...(effort !== undefined && type !== 'enabled' && type !== 'adaptive' && { effort }) }
  if (Object.keys(own).length > 0) extra.output_config = own
  if (!thinking) {
    if (effort === undefined) return undefined
    extra.thinking = null
    return { effort }
  }
  const more = unknownFields(thinking, THINKING_FIELDS)
  if (more) extra.thinking = more
  return type === 'disabled' ? { effort: 'none' } : thoughts(thinking, effort)
}

function thoughts(thinking: JsonObject, effort: Reasoning['effort']): Reasoning {
  const isAdaptive = thinking.type === 'adaptive'
  return withoutUndefined<Reasoning>({
    effort,
    budgetTokens: isAdaptive ? undefined : required(thinking.budget_tokens, 'thinking.budget_tokens', integer(1)),
    adaptive: isAdaptive ? true : undefined,
    display: optional(thinking.display, 'thinking.display', string),
  })
}

/** `output_config.format`, and `output_format` as it was called before. */
function decodeFormat(body: JsonObject): ResponseFormat | undefined {
  const config = optional(body.output_config, 'output_config', object)
  const [param, value] = config?.format === undefined ? ['output_format', body.output_format] : ['output_config.format', config.format]
  const format = optional(value, param, object)
  if (!format) return undefined
  required(format.type, `${param}.type`, word('json_schema'))
  const schema = required(format.schema, `${param}.schema`, object)
  return { type: 'json-schema', name: 'answer', schema, ...(isStrict(schema) && { strict: true }) }
}

/**
 * Whether OpenAI's strict mode takes a schema: every object closed, every property required. Anthropic holds answers to looser
 * schemas too; of those other vendors can only be asked.
 */
function isStrict(schema: Json | undefined): boolean {
  if (Array.isArray(schema)) return schema.every(isStrict)
  if (!isObject(schema)) return true
  const { properties, required: needed } = schema
  const names = isObject(properties) ? Object.keys(properties) : []
  const isClosed = schema.type !== 'object' || schema.additionalProperties === false
  if (!isClosed || !names.every((name) => Array.isArray(needed) && needed.includes(name))) return false
  const { properties: _properties, ...keywords } = schema
  return [...names.map((name) => (properties as JsonObject)[name]), ...Object.values(keywords)].every(isStrict)
}

function decodeUser(value: Json, param: string, extra: JsonObject): string | undefined {
  const { user_id: user, ...rest } = object(value, param)
  if (Object.keys(rest).length > 0) extra.metadata = rest
  return optional(user, `${param}.user_id`, string)
}

/** Anthropic's `standard_only` is the common `default`. */
function decodeTier(value: Json, param: string): string {
  const tier = string(value, param)
  return tier === 'standard_only' ? 'default' : tier
}
