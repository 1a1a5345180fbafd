import type { Message, Part, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { bad, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { text } from '../shared/openai-text.ts'
import { decodeCache, decodeContent } from './decode-parts.ts'
import { reasoningParts } from './reasoning.ts'
import { extraOf } from './types.ts'

/** Names of functions called by the old `function_call`, and the ids minted for them: their results name no id. */
type Calls = Map<string, string>

type Decode = (message: JsonObject, param: string, calls: Calls) => Message

const ROLES: Readonly<Record<string, Decode>> = {
  system: (message, param) => said(message, param, 'system'),
  developer: (message, param) => said(message, param, 'developer'),
  user: (message, param) => said(message, param, 'user'),
  assistant: decodeAssistant,
  tool: decodeTool,
  function: decodeFunction,
}

const SAID_FIELDS = new Set(['role', 'content', 'name'])
const RESULT_FIELDS = new Set(['role', 'content', 'name', 'tool_call_id', 'cache_control', 'cachePoint'])
const ASSISTANT_FIELDS = new Set([
  'role',
  'content',
  'name',
  'refusal',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'tool_calls',
  'function_call',
])
const CALL_FIELDS = new Set(['index', 'id', 'type', 'function', 'custom'])

/** The conversation. Throws GW_INVALID_REQUEST with the path of the first thing that cannot be right. */
export function decodeMessages(value: Json | undefined): Message[] {
  const messages = required(value, 'messages', list)
  if (messages.length === 0) bad('messages', 'must not be empty')
  const calls: Calls = new Map()
  return messages.map((item, index) => {
    const param = `messages[${index}]`
    const message = object(item, param)
    const role = required(message.role, `${param}.role`, string)
    const decode = Object.hasOwn(ROLES, role) ? ROLES[role] : undefined
    if (!decode) return bad(`${param}.role`, `unknown role "${role.slice(0, 60)}"`)
    return decode(message, param, calls)
  })
}

function said(message: JsonObject, param: string, role: Message['role']): Message {
  const parts = required(message.content, `${param}.content`, decodeContent)
  if (parts.length === 0) bad(`${param}.content`, 'must not be empty')
  return withoutUndefined<Message>({
    role,
    parts,
    name: optional(message.name, `${param}.name`, string),
    extra: extraOf(unknownFields(message, SAID_FIELDS)),
  })
}

function decodeAssistant(message: JsonObject, param: string, calls: Calls): Message {
  // An empty string beside calls is how many clients write "nothing", and other formats refuse empty texts.
  const content = message.content === '' ? undefined : message.content
  const refusal = optional(message.refusal, `${param}.refusal`, string)
  const parts: Part[] = [
    ...reasoningParts(message),
    ...(optional(content, `${param}.content`, decodeContent) ?? []),
    ...(refusal ? [{ type: 'refusal' as const, text: refusal }] : []),
    ...(optional(message.tool_calls, `${param}.tool_calls`, list) ?? []).map((call, index) =>
      decodeCall(call, `${param}.tool_calls[${index}]`),
    ),
  ]
  const legacy = optional(message.function_call, `${param}.function_call`, object)
  if (legacy) parts.push(decodeLegacyCall(legacy, `${param}.function_call`, calls))
  return withoutUndefined<Message>({
    role: 'assistant',
    parts,
    name: optional(message.name, `${param}.name`, string),
    extra: extraOf(unknownFields(message, ASSISTANT_FIELDS)),
  })
}

function decodeCall(value: Json, param: string): ToolCallPart {
  const call = object(value, param)
  const type = optional(call.type, `${param}.type`, string) ?? 'function'
  if (type !== 'function' && type !== 'custom') return bad(`${param}.type`, `unknown type of call "${type.slice(0, 60)}"`)
  const body = required(call[type], `${param}.${type}`, object)
  const field = type === 'custom' ? 'input' : 'arguments'
  return withoutUndefined<ToolCallPart>({
    type: 'tool-call',
    id: required(call.id, `${param}.id`, filled),
    name: required(body.name, `${param}.${type}.name`, filled),
    arguments: required(body[field], `${param}.${type}.${field}`, string),
    kind: type === 'custom' ? 'custom' : undefined,
    extra: extraOf(unknownFields(call, CALL_FIELDS)),
  })
}

function decodeLegacyCall(call: JsonObject, param: string, calls: Calls): ToolCallPart {
  const name = required(call.name, `${param}.name`, filled)
  const id = `call_${calls.size}_${name}`
  calls.set(name, id)
  return { type: 'tool-call', id, name, arguments: required(call.arguments, `${param}.arguments`, string) }
}

function decodeTool(message: JsonObject, param: string): Message {
  const id = required(message.tool_call_id, `${param}.tool_call_id`, filled)
  return { role: 'user', parts: [decodeResult(message, param, id)] }
}

function decodeFunction(message: JsonObject, param: string, calls: Calls): Message {
  const name = required(message.name, `${param}.name`, filled)
  return { role: 'user', parts: [decodeResult(message, param, calls.get(name) ?? `call_0_${name}`)] }
}

function decodeResult(message: JsonObject, param: string, id: string): ToolResultPart {
  return withoutUndefined<ToolResultPart>({
    type: 'tool-result',
    id,
    name: text(message.name),
    parts: optional(message.content, `${param}.content`, decodeContent) ?? [],
    cache: decodeCache(message, param),
    extra: extraOf(unknownFields(message, RESULT_FIELDS)),
  })
}
