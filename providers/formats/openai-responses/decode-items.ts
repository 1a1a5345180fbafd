import type { Message, Part, ReasoningPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { readCallId } from '../shared/call-id.ts'
import { bad, filled, list, object, optional, required, string, unknownFields, word } from '../shared/fields.ts'
import { decodeProof } from '../shared/proof.ts'
import { decodeContent } from './decode-content.ts'
import { extraOf, type Item, NAME, PROOF, text } from './types.ts'

/** What is found while the items are read. */
export interface Conversation {
  /** Ids of the calls so far. */
  calls: Set<string>
  /** Items that mean something to this format alone: their paths. */
  ownOnly: string[]
}

/** A part with the role of its turn. */
interface Placed {
  role: Message['role']
  parts: Part[]
  /** A message of its own, whatever stands before it. */
  isMessage: boolean
}

/** `input`: a text, or items. What the model wrote in one go is one turn. */
export function decodeInput(value: Json | undefined, conversation: Conversation): Message[] {
  const input = required(value, 'input', (given) => given)
  if (typeof input === 'string') return [{ role: 'user', parts: [{ type: 'text', text: input || bad('input', 'must not be empty') }] }]
  const items = list(input, 'input')
  if (items.length === 0) bad('input', 'must not be empty')
  const messages: { role: Message['role']; parts: Part[]; isMessage: boolean }[] = []
  for (const [index, item] of items.entries()) {
    const placed = decodeItem(object(item, `input[${index}]`), `input[${index}]`, conversation)
    const last = messages.at(-1)
    const joins = last?.role === placed.role && (placed.role === 'assistant' || !(placed.isMessage || last.isMessage))
    if (joins) last.parts.push(...placed.parts)
    else messages.push({ ...placed, parts: [...placed.parts] })
  }
  return messages.map(({ role, parts }) => ({ role, parts }))
}

type Decode = (item: Item, param: string, conversation: Conversation) => Placed

const ITEMS: Readonly<Record<string, Decode>> = {
  message: decodeMessage,
  function_call: (item, param, { calls }) => decodeCall(item, param, calls),
  custom_tool_call: (item, param, { calls }) => decodeCall(item, param, calls),
  function_call_output: decodeOutput,
  custom_tool_call_output: decodeOutput,
  reasoning: (item, param) => ({ role: 'assistant', parts: decodeReasoning(item, param), isMessage: false }),
}

/** What a provider ran itself: its outcome is in the text, so that others can do without. */
const RUN_BY_PROVIDER = /^(?:web_search|file_search|code_interpreter|image_generation|mcp)_call$|^mcp_list_tools$/

function decodeItem(wire: JsonObject, param: string, conversation: Conversation): Placed {
  const type = optional(wire.type, `${param}.type`, filled) ?? (wire.role === undefined ? bad(`${param}.type`, 'is required') : 'message')
  const item: Item = { ...wire, type }
  const decode = Object.hasOwn(ITEMS, type) ? ITEMS[type] : undefined
  if (decode) return decode(item, param, conversation)
  if (!RUN_BY_PROVIDER.test(type)) conversation.ownOnly.push(`${param} (${type})`)
  const role = /_output$|_response$/.test(type) ? 'user' : 'assistant'
  return { role, parts: [{ type: 'opaque', format: NAME, value: item }], isMessage: false }
}

function decodeMessage(item: Item, param: string): Placed {
  const role = required(item.role, `${param}.role`, word('user', 'assistant', 'system', 'developer'))
  const parts = decodeContent(
    required(item.content, `${param}.content`, (content) => content),
    `${param}.content`,
  )
  if (parts.length === 0) bad(`${param}.content`, 'must not be empty')
  return { role, parts, isMessage: true }
}

const CALL_FIELDS = new Set(['type', 'call_id', 'name', 'arguments', 'input', 'status'])

function decodeCall(item: Item, param: string, calls: Set<string>): Placed {
  const { id, signature } = readCallId(required(item.call_id, `${param}.call_id`, filled))
  const isCustom = item.type === 'custom_tool_call'
  const field = isCustom ? 'input' : 'arguments'
  calls.add(id)
  const part = withoutUndefined<Part>({
    type: 'tool-call',
    id,
    name: required(item.name, `${param}.name`, filled),
    arguments: required(item[field], `${param}.${field}`, string),
    kind: isCustom ? 'custom' : undefined,
    signature,
    extra: extraOf(unknownFields(item, CALL_FIELDS)),
  })
  return { role: 'assistant', parts: [part], isMessage: false }
}

function decodeOutput(item: Item, param: string, { calls }: Conversation): Placed {
  const { id } = readCallId(required(item.call_id, `${param}.call_id`, filled))
  if (!calls.has(id)) bad(`${param}.call_id`, `there is no call "${id.slice(0, 60)}" before it`)
  const parts = decodeContent(
    required(item.output, `${param}.output`, (output) => output),
    `${param}.output`,
  )
  const result: ToolResultPart = { type: 'tool-result', id, parts }
  return { role: 'user', parts: [item.type === 'custom_tool_call_output' ? { ...result, kind: 'custom' } : result], isMessage: false }
}

/**
 * A thought: summaries, then the thoughts themselves, then their sealed form. What another vendor's model proved goes to the
 * text that it proves; a run of parts with one id is one item.
 */
export function decodeReasoning(item: JsonObject, param: string): Part[] {
  const id = text(item.id)
  const base = { type: 'reasoning' as const, ...(id !== undefined && { id }) }
  const summaries = textsIn(item.summary, `${param}.summary`).map((said): ReasoningPart => ({ ...base, text: said, summary: true }))
  const thoughts = textsIn(item.content, `${param}.content`).map((said): ReasoningPart => ({ ...base, text: said }))
  const parts = [...summaries, ...thoughts]
  const sealed = optional(item.encrypted_content, `${param}.encrypted_content`, string)
  if (!sealed) return parts.length > 0 ? parts : [{ ...base, text: '' }]
  const proof = decodeProof(sealed, PROOF)
  const last = parts.at(-1)
  if (proof.signature === undefined || !last) return [...parts, { ...base, text: '', ...proof }]
  const { summary: _summary, id: _id, ...thought } = last
  return [...parts.slice(0, -1), { ...thought, ...proof }]
}

function textsIn(value: Json | undefined, param: string): string[] {
  const entries = optional(value, param, list) ?? []
  return entries.map((entry, index) =>
    isObject(entry) ? required(entry.text, `${param}[${index}].text`, string) : bad(`${param}[${index}]`, 'must be an object'),
  )
}
