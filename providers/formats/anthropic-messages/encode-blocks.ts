import type { Citation, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { signedCallId } from '../shared/call-id.ts'
import { toDataUrl } from '../shared/data-url.ts'
import { sealProof } from '../shared/proof.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { type Block, NAME } from './types.ts'

/** A part of an answer as the block that a client of Anthropic's reads; undefined for what only another format knows. */
export function encodeBlock(part: Part): Block | undefined {
  return (ENCODERS[part.type] as (part: Part) => Block | undefined)(part)
}

/** A citation in Anthropic's words: its own as it came, a web source as one of a search, any other as one of a document. */
export function encodeCitation(citation: Citation): JsonObject {
  const own = citation.extra?.[NAME]
  if (own) return own
  const { url, title, text = '' } = citation
  if (url !== undefined) return { type: 'web_search_result_location', cited_text: text, encrypted_index: '', title: title ?? null, url }
  return {
    type: 'char_location',
    cited_text: text,
    document_index: 0,
    document_title: title ?? null,
    file_id: null,
    start_char_index: 0,
    end_char_index: 0,
  }
}

/** The signature of a thought as a client is shown it: strict clients want a string, so none is an empty one. */
export function encodeSignature({ signature, signedBy }: Pick<ReasoningPart, 'signature' | 'signedBy'>): string {
  return signature === undefined ? '' : sealProof(signature, signedBy, 'anthropic')
}

/** What a call is called on the wire, with its proof where another vendor gave it one. */
export function encodeCall(part: ToolCallPart): Block {
  const own = part.extra?.[NAME]
  if (part.kind === 'server') return { type: 'server_tool_use', id: part.id, name: part.name, input: inputOf(part), ...own }
  return { type: 'tool_use', id: signedCallId(part.id, part.signature), name: part.name, input: inputOf(part), ...own }
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>) => Block | undefined }

const ENCODERS: Encoders = {
  text: ({ text, citations, extra }) => ({
    type: 'text',
    text,
    ...(citations && { citations: citations.map(encodeCitation) }),
    ...extra?.[NAME],
  }),
  image: ({ source }) => textBlock(source.kind === 'url' || source.kind === 'data' ? `![image](${addressOf(source)})` : ''),
  audio: ({ text }) => textBlock(text ?? ''),
  document: ({ source, name }) => textBlock(source.kind === 'url' ? `[${name ?? source.url}](${source.url})` : ''),
  reasoning(part) {
    const own = part.extra?.[NAME]
    if (part.redacted !== undefined)
      return { type: 'redacted_thinking', data: sealProof(part.redacted, part.signedBy, 'anthropic'), ...own }
    return { type: 'thinking', thinking: part.text, signature: encodeSignature(part), ...own }
  },
  'tool-call': encodeCall,
  'tool-result': encodeResult,
  refusal: ({ text }) => textBlock(text),
  opaque: (part) => (part.format === NAME ? ({ ...part.value } as Block) : undefined),
}

/** Answers have no blocks for media: an address stands for them. */
function addressOf(source: { kind: 'url'; url: string } | { kind: 'data'; mediaType: string; data: string }): string {
  return source.kind === 'url' ? source.url : toDataUrl(source.mediaType, source.data)
}

function textBlock(text: string): Block | undefined {
  return text === '' ? undefined : { type: 'text', text }
}

/** Strict clients want an object; text that is none is kept as one. */
function inputOf(part: ToolCallPart): JsonObject {
  const parsed = part.kind === 'custom' ? undefined : part.arguments === 'null' ? {} : parseArguments(part.arguments)
  return parsed ?? { input: part.arguments }
}

/** Results of tools that the provider ran: Anthropic's own as they came, those of others by what they are. */
function encodeResult(part: ToolResultPart): Block {
  const own = part.extra?.[NAME]
  if (typeof own?.type === 'string') return ownResult(part, own)
  const name = part.name ?? 'web_search'
  const content = name === 'code_execution' ? codeResult(part) : part.parts.flatMap(searchResult)
  return { type: `${name}_tool_result`, tool_use_id: part.id, content }
}

function ownResult(part: ToolResultPart, { single, ...own }: JsonObject): Block {
  const blocks = part.parts.map((child) => child.extra?.[NAME] ?? encodeBlock(child))
  const content = single === true ? blocks[0] : single === 'text' ? blocks[0]?.text : blocks
  const error = part.isError === undefined ? {} : { is_error: part.isError }
  return { type: String(own.type), tool_use_id: part.id, ...error, content: content as JsonObject, ...own }
}

function codeResult({ parts, isError }: ToolResultPart): JsonObject {
  const output = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')
  const [stdout, stderr] = isError ? ['', output] : [output, '']
  return { type: 'code_execution_result', stdout, stderr, return_code: isError ? 1 : 0, content: [] }
}

function searchResult(part: Part): JsonObject[] {
  if (part.type !== 'document' || part.source.kind !== 'url') return []
  return [{ type: 'web_search_result', url: part.source.url, title: part.name ?? part.source.url, encrypted_content: '', page_age: null }]
}
