import type { DocumentPart, Message, Part, Source, ToolResultPart } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { readCallId } from '../shared/call-id.ts'
import { bad, base64, boolean, filled, list, object, optional, required, string, unknownFields, word } from '../shared/fields.ts'
import { openProof } from '../shared/proof.ts'
import { decodeBlock } from './blocks.ts'
import { decodeCache } from './decode-tools.ts'
import { type Block, NAME } from './types.ts'

/** What a block may refer to. */
interface Conversation {
  /** Ids of the calls so far. */
  calls: Set<string>
}

/** The conversation. Throws GW_INVALID_REQUEST with the path of the first thing that cannot be right. */
export function decodeMessages(value: Json | undefined): Message[] {
  const messages = required(value, 'messages', list)
  if (messages.length === 0) bad('messages', 'must not be empty')
  const conversation: Conversation = { calls: new Set() }
  return messages.map((item, index) => {
    const param = `messages[${index}]`
    const message = object(item, param)
    const role = required(message.role, `${param}.role`, word('user', 'assistant', 'system'))
    const parts = decodeContent(
      required(message.content, `${param}.content`, (content) => content),
      `${param}.content`,
      conversation,
    )
    return { role, parts }
  })
}

/** Content as a text or as blocks. */
export function decodeContent(value: Json, param: string, conversation: Conversation = { calls: new Set() }): Part[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }]
  return list(value, param).map((item, index) => decodePart(object(item, `${param}[${index}]`), `${param}[${index}]`, conversation))
}

type Decode = (block: Block, param: string, conversation: Conversation) => Part

/** Blocks that need more than an answer's: the client may have written them wrong, or they come from clients alone. */
const DECODERS: Readonly<Record<string, Decode>> = {
  text(block, param) {
    required(block.text, `${param}.text`, string)
    return decodeBlock(block)
  },
  image: (block, param) => withOwn({ type: 'image', source: decodeSource(block.source, `${param}.source`) }, block, IMAGE_FIELDS),
  document: decodeDocument,
  thinking(block, param) {
    required(block.thinking, `${param}.thinking`, string)
    const part = decodeBlock(block)
    if (part.type !== 'reasoning' || part.signature === undefined) return withoutUndefined({ ...part, signedBy: undefined })
    const { proof, signedBy } = openProof(part.signature, 'anthropic')
    return { ...part, signature: proof, signedBy }
  },
  redacted_thinking(block, param) {
    const { proof, signedBy } = openProof(required(block.data, `${param}.data`, string), 'anthropic')
    return { ...decodeBlock(block), redacted: proof, signedBy } as Part
  },
  tool_use(block, param, { calls }) {
    const { id, signature } = readCallId(required(block.id, `${param}.id`, filled))
    required(block.name, `${param}.name`, filled)
    required(block.input, `${param}.input`, object)
    calls.add(id)
    return { ...decodeBlock({ ...block, id }), ...(signature !== undefined && { signature }) } as Part
  },
  tool_result: decodeResult,
}

function decodePart(raw: JsonObject, param: string, conversation: Conversation): Part {
  const type = required(raw.type, `${param}.type`, filled)
  const { cache_control: breakpoint, ...rest } = raw
  const block: Block = { ...rest, type }
  const part = Object.hasOwn(DECODERS, type) ? (DECODERS[type] as Decode)(block, param, conversation) : decodeBlock(block)
  const cache = decodeCache(breakpoint, param)
  return cache ? { ...part, cache } : part
}

const IMAGE_FIELDS = new Set(['type', 'source'])
const DOCUMENT_FIELDS = new Set(['type', 'source', 'title', 'context', 'citations'])
const RESULT_FIELDS = new Set(['type', 'tool_use_id', 'content', 'is_error'])

function decodeDocument(block: Block, param: string): Part {
  const citations = optional(block.citations, `${param}.citations`, object)
  const part: DocumentPart = {
    type: 'document',
    source: decodeSource(block.source, `${param}.source`),
    name: optional(block.title, `${param}.title`, string),
    context: optional(block.context, `${param}.context`, string),
    cites: citations && optional(citations.enabled, `${param}.citations.enabled`, boolean),
  }
  return withOwn(withoutUndefined(part), block, DOCUMENT_FIELDS)
}

function decodeSource(value: Json | undefined, param: string): Source {
  const source = required(value, param, object)
  const type = required(source.type, `${param}.type`, word('base64', 'url', 'file', 'text', 'content'))
  if (type === 'url') return { kind: 'url', url: required(source.url, `${param}.url`, filled) }
  if (type === 'file') return { kind: 'file', id: required(source.file_id, `${param}.file_id`, filled) }
  if (type === 'text') return { kind: 'text', text: required(source.data, `${param}.data`, string) }
  if (type === 'content') return { kind: 'parts', parts: required(source.content, `${param}.content`, decodeContent) }
  const mediaType = required(source.media_type, `${param}.media_type`, filled)
  return { kind: 'data', mediaType, data: required(source.data, `${param}.data`, base64) }
}

function decodeResult(block: Block, param: string, { calls }: Conversation): Part {
  const { id } = readCallId(required(block.tool_use_id, `${param}.tool_use_id`, filled))
  if (!calls.has(id)) bad(`${param}.tool_use_id`, `there is no call "${id.slice(0, 60)}" before it`)
  const part: ToolResultPart = {
    type: 'tool-result',
    id,
    parts: optional(block.content, `${param}.content`, decodeContent) ?? [],
    isError: optional(block.is_error, `${param}.is_error`, boolean),
  }
  return withOwn(withoutUndefined(part), block, RESULT_FIELDS)
}

function withOwn(part: Part, block: Block, known: ReadonlySet<string>): Part {
  const rest = unknownFields(block, known)
  return rest ? { ...part, extra: { [NAME]: rest } } : part
}
