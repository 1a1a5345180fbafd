import type { DocumentPart, ImagePart, Message, Part, ToolCallPart } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { readCallId } from '../shared/call-id.ts'
import { sourceFromUrl } from '../shared/data-url.ts'
import { bad, base64, filled, list, object, optional, type Read, required, string, word } from '../shared/fields.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { argumentsOf, cite, decodeCall, planPart } from './response.ts'
import { NAME } from './types.ts'

/** Ids of the calls so far. */
type Calls = Set<string>

type Decode = (message: JsonObject, param: string, calls: Calls) => Message

const ROLES = {
  system: (message, param) => said(message, param, 'system'),
  user: (message, param) => said(message, param, 'user'),
  assistant: decodeAssistant,
  tool: decodeTool,
} satisfies Record<string, Decode>

/** The conversation. Throws GW_INVALID_REQUEST with the path of the first thing that cannot be right. */
export function decodeMessages(value: Json | undefined): Message[] {
  const messages = required(value, 'messages', list)
  if (messages.length === 0) bad('messages', 'must not be empty')
  const calls: Calls = new Set()
  return messages.map((item, index) => {
    const param = `messages[${index}]`
    const message = object(item, param)
    const role = required(message.role, `${param}.role`, word('system', 'user', 'assistant', 'tool'))
    return ROLES[role](message, param, calls)
  })
}

/** `documents`: what the answer may cite, as parts of the last message that the user wrote; of one more where there is none. */
export function addDocuments(messages: readonly Message[], documents: readonly DocumentPart[]): Message[] {
  if (documents.length === 0) return [...messages]
  const at = messages.findLastIndex(({ role, parts }) => role === 'user' && !parts.some((part) => part.type === 'tool-result'))
  if (at < 0) return [...messages, { role: 'user', parts: documents }]
  return messages.map((message, index) => (index === at ? { ...message, parts: [...message.parts, ...documents] } : message))
}

/** A document as a text, or as an object whose fields are free: what it says is its text, or all of it as JSON. */
export function decodeDocument(value: Json, param: string): DocumentPart {
  if (typeof value === 'string') return { type: 'document', source: { kind: 'text', text: value } }
  const { data, ...own } = object(value, param)
  if (typeof data === 'string') return decodeDocument({ ...own, data: { text: data } }, param)
  const { text, title, ...rest } = required(data, `${param}.data`, object)
  optional(own.id, `${param}.id`, string)
  const isText = typeof text === 'string'
  const extra = { ...own, ...(isText ? Object.keys(rest).length > 0 && { data: rest } : { json: true }) }
  return withoutUndefined<DocumentPart>({
    type: 'document',
    source: { kind: 'text', text: isText ? text : JSON.stringify(data) },
    name: isText ? optional(title, `${param}.data.title`, string) : undefined,
    extra: Object.keys(extra).length > 0 ? { [NAME]: extra } : undefined,
  })
}

type Kinds = Readonly<Record<string, (block: JsonObject, param: string) => Part>>

const text = (block: JsonObject, param: string): Part => ({ type: 'text', text: required(block.text, `${param}.text`, string) })
const document = (block: JsonObject, param: string): Part => required(block.document, `${param}.document`, decodeDocument)
const thinking = (block: JsonObject, param: string): Part => ({
  type: 'reasoning',
  text: required(block.thinking, `${param}.thinking`, string),
})

/** What content may hold, by who says it. */
const SAID: Readonly<Record<'system' | 'user' | 'assistant' | 'tool', Kinds>> = {
  system: { text },
  user: { text, image_url: decodeImage, document },
  assistant: { text, thinking },
  tool: { text, document },
}

/** Content as a text or as blocks. */
function content(kinds: Kinds): Read<Part[]> {
  return (value, param) => {
    if (typeof value === 'string') return [{ type: 'text', text: value }]
    if (!Array.isArray(value)) return bad(param, 'must be a string or a list of blocks')
    return list(value, param).map((item, index) => {
      const at = `${param}[${index}]`
      const block = object(item, at)
      const type = required(block.type, `${at}.type`, string)
      if (!Object.hasOwn(kinds, type)) return bad(`${at}.type`, `must be one of ${Object.keys(kinds).join(', ')}`)
      return (kinds[type] as Kinds[string])(block, at)
    })
  }
}

function said(message: JsonObject, param: string, role: 'system' | 'user'): Message {
  const at = `${param}.content`
  const parts = required(message.content, at, content(SAID[role]))
  if (parts.length === 0 || (role === 'user' && message.content === '')) bad(at, 'must not be empty')
  return { role, parts }
}

function decodeImage(block: JsonObject, param: string): ImagePart {
  const at = `${param}.image_url`
  const image = typeof block.image_url === 'string' ? { url: block.image_url } : required(block.image_url, at, object)
  const source = sourceFromUrl(required(image.url, `${at}.url`, filled)) ?? bad(`${at}.url`, 'is no data URL that can be read')
  if (source.kind === 'data') base64(source.data, `${at}.url`)
  return withoutUndefined<ImagePart>({ type: 'image', source, detail: optional(image.detail, `${at}.detail`, string) })
}

function decodeAssistant(message: JsonObject, param: string, calls: Calls): Message {
  const plan = optional(message.tool_plan, `${param}.tool_plan`, string)
  const parts = optional(message.content, `${param}.content`, content(SAID.assistant)) ?? []
  const citations = optional(message.citations, `${param}.citations`, list)
  citations?.forEach((entry, index) => void object(entry, `${param}.citations[${index}]`))
  cite(parts, citations)
  const called = optional(message.tool_calls, `${param}.tool_calls`, list) ?? []
  const all = [
    ...(plan ? [planPart(plan)] : []),
    // An empty text beside calls is how some clients write "nothing", and other formats refuse empty texts.
    ...parts.filter((part) => part.type !== 'text' || part.text !== ''),
    ...called.map((call, index) => readCall(call, `${param}.tool_calls[${index}]`, calls)),
  ]
  return all.length > 0 ? { role: 'assistant', parts: all } : bad(param, 'must have content, a tool_plan or tool_calls')
}

function readCall(value: Json, param: string, calls: Calls): Part {
  const call = object(value, param)
  optional(call.type, `${param}.type`, word('function'))
  const { id, signature } = readCallId(required(call.id, `${param}.id`, filled))
  const at = `${param}.function`
  const called = required(call.function, at, object)
  required(called.name, `${at}.name`, filled)
  const written = argumentsOf(optional(called.arguments, `${at}.arguments`, string) ?? '')
  if (parseArguments(written) === undefined) bad(`${at}.arguments`, 'is not a JSON object')
  calls.add(id)
  const part = decodeCall({ ...call, id }) as ToolCallPart
  return signature === undefined ? part : { ...part, signature }
}

function decodeTool(message: JsonObject, param: string, calls: Calls): Message {
  const { id } = readCallId(required(message.tool_call_id, `${param}.tool_call_id`, filled))
  if (!calls.has(id)) bad(`${param}.tool_call_id`, `there is no call "${id.slice(0, 60)}" before it`)
  return { role: 'user', parts: [{ type: 'tool-result', id, parts: required(message.content, `${param}.content`, content(SAID.tool)) }] }
}
