import type { Message, Part } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { bad, list, object, required, unknownFields, word } from '../shared/fields.ts'
import { type Conversation, decodeContent } from './decode-blocks.ts'
import { NAME } from './types.ts'

const FIELDS = new Set(['role', 'content'])

/** The conversation. Throws GW_INVALID_REQUEST with the path of the first thing that cannot be right. */
export function decodeMessages(value: Json | undefined): Message[] {
  const messages = required(value, 'messages', list)
  if (messages.length === 0) bad('messages', 'must not be empty')
  const conversation: Conversation = { calls: new Set() }
  return messages.map((item, index) => decodeMessage(object(item, `messages[${index}]`), `messages[${index}]`, conversation))
}

/** The instructions, as a text or as blocks of text; none where they are empty. */
export function decodeSystem(value: Json, param: string): Message[] {
  const parts = decodeContent(value, param, { place: 'system' })
  return parts.length > 0 ? [{ role: 'system', parts }] : []
}

function decodeMessage(message: JsonObject, param: string, conversation: Conversation): Message {
  const role = required(message.role, `${param}.role`, word('user', 'assistant', 'system'))
  const read = (content: Json, at: string): Part[] => decodeContent(content, at, { place: role, conversation })
  const parts = required(message.content, `${param}.content`, read)
  // An answer may have been empty, and clients send it back as it was.
  if (parts.length === 0 && role !== 'assistant') bad(`${param}.content`, 'must not be empty')
  const rest = unknownFields(message, FIELDS)
  return withoutUndefined<Message>({ role, parts, extra: rest && { [NAME]: rest } })
}
