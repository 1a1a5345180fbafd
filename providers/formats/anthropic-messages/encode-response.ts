import type { ChatResponse, Part } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { encodeBlock } from './encode-blocks.ts'
import { wireId } from './foreign.ts'
import { encodeStop, says } from './stop.ts'
import { NAME } from './types.ts'
import { encodeUsage } from './usage.ts'

/** A whole answer as a message: https://docs.claude.com/en/api/messages. The first choice; the API has no others. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const choice = response.choices.find(({ index }) => index === 0) ?? response.choices[0]
  const parts = choice?.parts ?? []
  // A text has no id: most answers are one.
  const encode = (part: Part, index: number) => encodeBlock(part, part.type === 'text' ? '' : mintedId(options, index))
  const content = parts.map(encode).filter((block) => block !== undefined)
  const head = messageHead(response, options)
  const own = choice?.extra?.[NAME]
  const body = own ? { ...own, ...head } : head
  body.content = content
  Object.assign(body, encodeStop(choice?.stop, says(parts)))
  body.usage = encodeUsage(response.usage, response.serviceTier)
  return body
}

/** The fields that a message has before anything was said. Ids of other vendors become ids of messages. */
export function messageHead(response: { id: string; model: string }, options: ReplyOptions): JsonObject {
  const id = response.id || options.id
  return {
    id: id.startsWith('msg_') ? id : `msg_${wireId(id)}`,
    type: 'message',
    role: 'assistant',
    model: response.model || options.model,
  }
}

/** The id of a call that a provider gave none, by its place in the answer. */
export function mintedId({ id }: ReplyOptions, index: number): string {
  return `toolu_${wireId(id)}_${index}`
}
