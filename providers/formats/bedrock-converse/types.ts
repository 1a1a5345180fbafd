import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Carry } from '../../../core/format.ts'

/** The name of this format, and of its corner in every `extra`. */
export const NAME = 'bedrock-converse'

/** A content block, either way: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html. One field, named for its kind. */
export type Block = JsonObject

/** A turn as the API takes it: roles alternate, the user begins. */
export interface WireMessage extends JsonObject {
  role: 'user' | 'assistant'
  content: Block[]
}

/** What the answer's translation must know of the request. */
export interface Memory {
  /** Tools whose names the API does not take: name on the wire -> the client's own. */
  tools: Readonly<Record<string, string>>
  /** The tool that stands for the answer's schema. */
  answer: string | undefined
  /** Family of models that can verify the answer's signatures. */
  signedBy: string | undefined
}

/** Reads what the request's translation left behind; nothing of it need be there. */
export function readCarry(carry: Carry | undefined): Memory {
  const tools = isObject(carry?.tools) ? (carry.tools as Record<string, string>) : {}
  return { tools, answer: text(carry?.answer), signedBy: text(carry?.signedBy) }
}

/** The text that a value is; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
