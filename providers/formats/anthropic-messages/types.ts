import type { JsonObject } from '../../../core/canonical/json.ts'

/** The name of this format, and of its corner in every `extra`. */
export const NAME = 'anthropic-messages'

/** A content block of a message, either way: https://docs.claude.com/en/api/messages. Fields by type, so all but `type` are open. */
export interface Block extends JsonObject {
  type: string
}

/** A turn as the API takes it: roles alternate after merging. */
export interface WireMessage extends JsonObject {
  role: 'user' | 'assistant'
  content: Block[]
}

/** An event of a stream: https://docs.claude.com/en/docs/build-with-claude/streaming. Unchecked: providers send what they like. */
export interface WireEvent {
  type?: unknown
  index?: unknown
  message?: unknown
  content_block?: unknown
  delta?: unknown
  usage?: unknown
  error?: unknown
  [field: string]: unknown
}
