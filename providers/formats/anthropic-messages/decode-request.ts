import type { ChatRequest, Message, Reasoning, ResponseFormat, ToolChoice } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest } from '../../../core/format.ts'
import {
  bad,
  boolean,
  filled,
  integer,
  number,
  object,
  optional,
  type Read,
  required,
  string,
  strings,
  unknownFields,
  word,
} from '../shared/fields.ts'
import { decodeContent, decodeMessages } from './decode-messages.ts'
import { decodeTools } from './decode-tools.ts'
import { NAME } from './types.ts'

/** Fields that are one value on both sides. */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  max_tokens: ['maxOutputTokens', integer(1)],
  stream: ['stream', boolean],
  temperature: ['temperature', number],
  top_p: ['topP', number],
  top_k: ['topK', integer(0)],
  stop_sequences: ['stop', strings],
  tools: ['tools', decodeTools],
}
const SIMPLE_FIELDS = Object.entries(SIMPLE)

const OTHERS = [
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
]
const KNOWN: ReadonlySet<string> = new Set([...Object.keys(SIMPLE), ...OTHERS])

/** A request of POST /v1/messages (https://docs.claude.com/en/api/messages). Throws GW_INVALID_REQUEST with the field's path. */
export function decodeRequest(body: JsonObject): DecodedRequest {
  const model = optional(body.model, 'model', string)
  if (!model) throw new GatewayError('GW_MODEL_REQUIRED')
  required(body.max_tokens, 'max_tokens', integer(1))
  const messages = [...decodeSystem(body.system), ...decodeMessages(body.messages)]
  const request: ChatRequest = { model, messages, stream: false }
  for (const [name, [field, read]] of SIMPLE_FIELDS) {
    const value = optional(body[name], name, read)
    if (value !== undefined) Object.assign(request, { [field]: value })
  }
  const extra: JsonObject = { ...unknownFields(body, KNOWN) }
  Object.assign(request, decodeToolChoice(body.tool_choice))
  request.reasoning = decodeReasoning(body, extra)
  request.responseFormat = decodeFormat(body)
  request.user = decodeUser(body.metadata, extra)
  request.serviceTier = decodeTier(body.service_tier)
  if (Object.keys(extra).length > 0) request.extra = { [NAME]: extra }
  return { request: withoutUndefined(request) }
}

function decodeSystem(system: Json | undefined): Message[] {
  const parts = optional(system, 'system', decodeContent) ?? []
  for (const [index, part] of parts.entries()) if (part.type !== 'text') bad(`system[${index}].type`, 'must be text')
  return parts.length > 0 ? [{ role: 'system', parts }] : []
}

const CHOICES = { auto: 'auto', none: 'none', any: 'required' } as const

function decodeToolChoice(value: Json | undefined): { toolChoice?: ToolChoice; parallelToolCalls?: boolean } {
  const choice = optional(value, 'tool_choice', object)
  if (!choice) return {}
  const type = required(choice.type, 'tool_choice.type', word('auto', 'any', 'tool', 'none'))
  const isSerial = optional(choice.disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use', boolean)
  const toolChoice: ToolChoice =
    type === 'tool' ? { mode: 'tool', name: required(choice.name, 'tool_choice.name', filled) } : { mode: CHOICES[type] }
  return { toolChoice, ...(isSerial !== undefined && { parallelToolCalls: !isSerial }) }
}

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** `thinking` says whether and how much, `output_config.effort` how hard to work. Thinking that is off has no effort of ours: it stays Anthropic's own. */
function decodeReasoning(body: JsonObject, extra: JsonObject): Reasoning | undefined {
  const thinking = optional(body.thinking, 'thinking', object)
  const config = optional(body.output_config, 'output_config', object) ?? {}
  const effort = optional(config.effort, 'output_config.effort', word(...EFFORTS))
  const rest = unknownFields(config, CONFIG_FIELDS)
  if (rest) extra.output_config = rest
  const type = thinking && required(thinking.type, 'thinking.type', word('enabled', 'disabled', 'adaptive'))
  if (type === 'disabled') {
    if (effort !== undefined) extra.output_config = { ...rest, effort }
    return { effort: 'none' }
  }
  const isBudget = type === 'enabled'
  const reasoning = withoutUndefined<Reasoning>({
    effort,
    budgetTokens: isBudget ? required(thinking?.budget_tokens, 'thinking.budget_tokens', integer(1)) : undefined,
    adaptive: type === 'adaptive' ? true : undefined,
    display: optional(thinking?.display, 'thinking.display', string),
  })
  return Object.keys(reasoning).length > 0 ? reasoning : undefined
}

const CONFIG_FIELDS = new Set(['effort', 'format'])

/** `output_config.format`, and `output_format` as it was called before. */
function decodeFormat(body: JsonObject): ResponseFormat | undefined {
  const config = optional(body.output_config, 'output_config', object)
  const [param, value] = config?.format === undefined ? ['output_format', body.output_format] : ['output_config.format', config.format]
  const format = optional(value, param, object)
  if (!format) return undefined
  required(format.type, `${param}.type`, word('json_schema'))
  return { type: 'json-schema', name: 'answer', schema: required(format.schema, `${param}.schema`, object), strict: true }
}

function decodeUser(value: Json | undefined, extra: JsonObject): string | undefined {
  const { user_id: user, ...rest } = optional(value, 'metadata', object) ?? {}
  if (Object.keys(rest).length > 0) extra.metadata = rest
  return optional(user, 'metadata.user_id', string)
}

/** Anthropic's `standard_only` is the common `default`. */
function decodeTier(value: Json | undefined): string | undefined {
  const tier = optional(value, 'service_tier', string)
  return tier === 'standard_only' ? 'default' : tier
}
