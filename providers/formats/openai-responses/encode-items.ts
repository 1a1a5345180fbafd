import type { Citation, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { signedCallId } from '../shared/call-id.ts'
import { toDataUrl } from '../shared/data-url.ts'
import { encodeProof } from '../shared/proof.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { type Item, NAME, PROOF } from './types.ts'

/** Prefixes of item ids, by the kind of item. */
const PREFIXES = {
  text: 'msg',
  reasoning: 'rs',
  'tool-call': 'fc',
  custom: 'ctc',
  web_search: 'ws',
  code_execution: 'ci',
  image: 'ig',
} as const

/** The id of an item: its own where this format wrote it, else a function of the answer and its place. */
export function itemId(part: Part, response: string, place: number): string {
  if (part.type === 'reasoning' && part.id?.startsWith('rs_')) return part.id
  const own = part.type === 'tool-call' ? part.extra?.[NAME]?.id : undefined
  if (typeof own === 'string') return own
  return `${prefixOf(part)}_${response.replace(/[^a-zA-Z0-9]/g, '')}_${place}`
}

function prefixOf(part: Part): string {
  if (part.type === 'reasoning' || part.type === 'image') return PREFIXES[part.type]
  if (part.type !== 'tool-call') return PREFIXES.text
  if (part.kind === 'server') return part.name === 'web_search' ? PREFIXES.web_search : PREFIXES.code_execution
  return part.kind === 'custom' ? PREFIXES.custom : PREFIXES['tool-call']
}

/** A part of an answer as a finished item; undefined for what has none. */
export function encodeItem(part: Part, id: string): Item | undefined {
  return (ENCODERS[part.type] as (part: Part, id: string) => Item | undefined)(part, id)
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>, id: string) => Item | undefined }

const ENCODERS: Encoders = {
  text: (part, id) => message(id, { ...outputText(part.text), annotations: (part.citations ?? []).map(encodeAnnotation) }),
  refusal: (part, id) => message(id, { type: 'refusal', refusal: part.text }),
  reasoning: encodeReasoning,
  'tool-call': encodeCall,
  'tool-result': encodeResult,
  image({ source }, id) {
    if (source.kind === 'data') return { type: 'image_generation_call', id, status: 'completed', result: source.data }
    return source.kind === 'url' ? message(id, outputText(`![image](${source.url})`)) : undefined
  },
  audio: ({ text }, id) => (text ? message(id, outputText(text)) : undefined),
  document: ({ source, name }, id) =>
    source.kind === 'url' ? message(id, outputText(`[${name ?? source.url}](${source.url})`)) : undefined,
  opaque: (part) => (part.format === NAME ? (part.value as Item) : undefined),
}

/** A text of an answer without its citations. Strict clients want both lists. */
export function outputText(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

/** An assistant's message of one part, finished. */
function message(id: string, part: JsonObject): Item {
  return { type: 'message', id, status: 'completed', role: 'assistant', content: [part] }
}

/** The content of a text's item as JSON; `text` is the text as JSON already. */
export function outputTextJson({ citations = [] }: TextPart, text: string): string {
  return `{"type":"output_text","text":${text},"annotations":${JSON.stringify(citations.map(encodeAnnotation))},"logprobs":[]}`
}

/** The item of one content as JSON, as `message` makes it. */
export function messageJson(id: string, content: string): string {
  return `{"type":"message","id":${JSON.stringify(id)},"status":"completed","role":"assistant","content":[${content}]}`
}

/** A citation as an annotation. One of a document goes out as of a web page without address: clients know no other kind that fits. */
export function encodeAnnotation(citation: Citation): JsonObject {
  const own = citation.extra?.[NAME]
  if (own) return own
  const { url = '', title = '', start = 0, end = 0 } = citation
  return { type: 'url_citation', url, title, start_index: start, end_index: end }
}

/** Whether a thought is OpenAI's own words, which have a place of their own beside summaries. */
export function isOwnThought(part: Part): boolean {
  return part.type === 'reasoning' && part.signedBy === 'openai' && part.summary !== true
}

function encodeReasoning(part: ReasoningPart, id: string): Item {
  const sealed = encodeProof(part, PROOF)
  const isThought = isOwnThought(part)
  return {
    type: 'reasoning',
    id,
    // Whatever others' models thought is shown where clients look for thoughts.
    summary: part.text === '' || isThought ? [] : [{ type: 'summary_text', text: part.text }],
    ...(part.text !== '' && isThought && { content: [{ type: 'reasoning_text', text: part.text }] }),
    ...(sealed !== undefined && { encrypted_content: sealed }),
  }
}

function encodeCall(part: ToolCallPart, id: string): Item | undefined {
  const { name } = part
  const own = part.extra?.[NAME]
  if (part.kind === 'server') return encodeServerCall(part, id)
  const call_id = signedCallId(part.id, part.signature)
  if (part.kind === 'custom') return { type: 'custom_tool_call', id, call_id, name, input: part.arguments, status: 'completed', ...own }
  return { type: 'function_call', id, call_id, name, arguments: part.arguments || '{}', status: 'completed', ...own }
}

function encodeServerCall({ name, arguments: written }: ToolCallPart, id: string): Item | undefined {
  const input = parseArguments(written) ?? {}
  const said = (field: string): string => (typeof input[field] === 'string' ? input[field] : '')
  if (name === 'web_search') return { type: 'web_search_call', id, status: 'completed', action: { type: 'search', query: said('query') } }
  if (name !== 'code_execution') return undefined
  return { type: 'code_interpreter_call', id, status: 'completed', code: said('code'), container_id: '', outputs: null }
}

/** Results of the client's own tools in a conversation; those of a provider's tools are in their calls. */
function encodeResult(part: ToolResultPart): Item | undefined {
  if (part.kind === 'server') return undefined
  const type = part.kind === 'custom' ? 'custom_tool_call_output' : 'function_call_output'
  return { type, call_id: part.id, output: encodeOutput(part.parts) }
}

/** Texts go as one string, which every server takes; anything else keeps all its parts. */
function encodeOutput(parts: readonly Part[]): string | JsonObject[] {
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  if (texts.length === parts.length) return texts.join('\n')
  return parts.map(encodeInputPart).filter((part) => part !== undefined)
}

/** A part as a client sends it; undefined for what has no form there. */
export function encodeInputPart(part: Part): JsonObject | undefined {
  if (part.type === 'text') return { type: 'input_text', text: part.text, ...part.extra?.[NAME] }
  if (part.type === 'image') {
    const { source, detail } = part
    const place =
      source.kind === 'file'
        ? { file_id: source.id }
        : { image_url: source.kind === 'data' ? toDataUrl(source.mediaType, source.data) : source.kind === 'url' ? source.url : '' }
    return { type: 'input_image', ...place, ...(detail !== undefined && { detail }) }
  }
  if (part.type === 'audio' && part.source.kind === 'data') {
    const format = part.source.mediaType.replace(/^audio\//, '').replace('mpeg', 'mp3')
    return { type: 'input_audio', input_audio: { data: part.source.data, format } }
  }
  if (part.type !== 'document') return undefined
  const { source, name } = part
  const named = name === undefined ? {} : { filename: name }
  if (source.kind === 'file') return { type: 'input_file', file_id: source.id, ...named }
  if (source.kind === 'url') return { type: 'input_file', file_url: source.url, ...named }
  if (source.kind === 'data')
    return { type: 'input_file', filename: name ?? 'document', file_data: toDataUrl(source.mediaType, source.data) }
  if (source.kind === 'text') return { type: 'input_text', text: source.text }
  const texts = source.parts.flatMap((child) => (child.type === 'text' ? [child.text] : []))
  return { type: 'input_text', text: texts.join('\n') }
}
