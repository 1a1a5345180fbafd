import type { Citation, ImagePart, Part, TextPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { signedCallId } from '../shared/call-id.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { IMAGES } from './media.ts'
import { parseJson } from './messages.ts'
import { sealSignature, sealThought } from './proof.ts'
import { type Block, NAME } from './types.ts'

/** A part of an answer as the block that a client reads; undefined for what the API has no block for. `id` stands in for a call's that has none. */
export function encodeBlock(part: Part, id: string): Block | undefined {
  return (ENCODERS[part.type] as (part: Part, id: string) => Block | undefined)(part, id)
}

/** A citation in the API's words: its own as it came. */
export function encodeCitation({ url, title, text, extra }: Citation): JsonObject {
  return (
    extra?.[NAME] ?? {
      ...(title !== undefined && { title }),
      ...(text !== undefined && { sourceContent: [{ text }] }),
      ...(url !== undefined && { location: { web: { url } } }),
    }
  )
}

/** Id, name and kind of a call; undefined for one that another vendor's provider ran itself, because clients would run it again. */
export function encodeCallHead(part: ToolCallPart, id: string): Block | undefined {
  const own = part.extra?.[NAME]
  if (part.kind === 'server' && own === undefined) return undefined
  return { toolUseId: signedCallId(part.id || id, part.signature), name: part.name, ...own }
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>, id: string) => Block | undefined }

const ENCODERS: Encoders = {
  text: encodeText,
  image: encodeImage,
  audio: ({ text }) => textBlock(text),
  document: ({ source, name }) => textBlock(source.kind === 'url' ? `[${name ?? source.url}](${source.url})` : undefined),
  reasoning(part) {
    if (part.redacted !== undefined) return { reasoningContent: { redactedContent: sealThought(part.redacted, part.signedBy) } }
    const signature = part.signature === undefined ? {} : { signature: sealSignature(part.signature, part.signedBy) }
    return { reasoningContent: { reasoningText: { text: part.text, ...signature } } }
  },
  'tool-call'(part, id) {
    const head = encodeCallHead(part, id)
    return head && { toolUse: { ...head, input: inputOf(part) } }
  },
  'tool-result': encodeResult,
  refusal: ({ text }) => textBlock(text),
  opaque: (part) => (part.format === NAME ? { ...part.value } : undefined),
}

function textBlock(text: string | undefined): Block | undefined {
  return text ? { text } : undefined
}

function encodeText({ text, citations }: TextPart): Block {
  if (!citations?.length) return { text }
  return { citationsContent: { content: [{ text }], citations: citations.map(encodeCitation) } }
}

/** Bytes of a kind that the API has; an address stands for itself, as text. */
function encodeImage({ source }: ImagePart): Block | undefined {
  if (source.kind === 'url') return { text: `![image](${source.url})` }
  const format = source.kind === 'data' ? IMAGES.get(source.mediaType) : undefined
  return format && source.kind === 'data' ? { image: { format, source: { bytes: source.data } } } : undefined
}

/** Clients want an object; text that is none is kept as one. */
function inputOf(part: ToolCallPart): JsonObject {
  const parsed = part.kind === 'custom' ? undefined : part.arguments === 'null' ? {} : parseArguments(part.arguments)
  return parsed ?? { input: part.arguments }
}

/** What a tool answered that Bedrock ran itself. */
function encodeResult(part: ToolResultPart, id: string): Block | undefined {
  const own = part.extra?.[NAME]
  if (own === undefined) return undefined
  const content = part.parts.map((child) => encodeResultPart(child, id)).filter((block) => block !== undefined)
  const status = part.isError === undefined ? {} : { status: part.isError ? 'error' : 'success' }
  return { toolResult: { toolUseId: part.id || id, content, ...status, ...own } }
}

function encodeResultPart(part: Part, id: string): Block | undefined {
  const value = part.type === 'text' && part.extra?.[NAME]?.json === true ? parseJson(part.text) : undefined
  return value === undefined ? encodeBlock(part, id) : { json: value }
}
