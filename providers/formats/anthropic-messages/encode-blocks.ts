import type { ImagePart, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import type { Json, JsonObject } from '../../../core/canonical/json.ts'
import { signedCallId } from '../shared/call-id.ts'
import { toDataUrl } from '../shared/data-url.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { encodeCitation, encodeProof, foreignRunId, wireId } from './foreign.ts'
import { type Block, NAME } from './types.ts'

/**
 * A part of an answer as the block that a client reads; undefined for what says nothing (strict APIs refuse empty texts when the
 * client sends them back) and for what only another format knows. `id` is for a call that has none.
 */
export function encodeBlock(part: Part, id: string): Block | undefined {
  return (ENCODERS[part.type] as (part: Part, id: string) => Block | undefined)(part, id)
}

/** A call without its input; undefined for what other vendors ran themselves and Anthropic has no like of. */
export function encodeCallHead(part: ToolCallPart, id: string): Block | undefined {
  const { name } = part
  const own = part.extra?.[NAME]
  if (part.kind !== 'server') return { type: 'tool_use', id: signedCallId(wireId(part.id || id), part.signature), name, input: {}, ...own }
  if (typeof own?.type === 'string') return { type: own.type, id: part.id, name, input: {}, ...own }
  return Object.hasOwn(RUN_RESULTS, name) ? { type: 'server_tool_use', id: foreignRunId(part.id), name, input: {} } : undefined
}

/** Text that stands for what answers of this API cannot hold: a picture by its address. Empty where there is none. */
export function imageText({ source }: Pick<ImagePart, 'source'>): string {
  if (source.kind === 'url') return `![image](${source.url})`
  return source.kind === 'data' && source.data !== '' ? `![image](${toDataUrl(source.mediaType, source.data)})` : ''
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>, id: string) => Block | undefined }

const ENCODERS: Encoders = {
  text: encodeText,
  image: (part) => textBlock(imageText(part)),
  audio: ({ text }) => textBlock(text ?? ''),
  document: ({ source, name }) => textBlock(source.kind === 'url' ? `[${name ?? source.url}](${source.url})` : ''),
  reasoning: encodeReasoning,
  'tool-call'(part, id) {
    const head = encodeCallHead(part, id)
    return head && { ...head, input: inputOf(part) }
  },
  'tool-result': encodeResult,
  refusal: ({ text }) => textBlock(text),
  opaque: (part) => (part.format === NAME ? ({ ...part.value } as Block) : undefined),
}

function textBlock(text: string): Block | undefined {
  return text === '' ? undefined : { type: 'text', text }
}

function encodeText({ text, citations = [], extra }: TextPart): Block | undefined {
  if (text === '' && citations.length === 0) return undefined
  return { type: 'text', text, ...(citations.length > 0 && { citations: citations.map(encodeCitation) }), ...extra?.[NAME] }
}

/** Strict clients want a signature that is a string, so none is an empty one. */
function encodeReasoning(part: ReasoningPart): Block | undefined {
  const own = part.extra?.[NAME]
  const proof = encodeProof(part)
  if (part.redacted !== undefined) return { type: 'redacted_thinking', data: proof, ...own }
  return part.text === '' && proof === '' ? undefined : { type: 'thinking', thinking: part.text, signature: proof, ...own }
}

/** The API owes an object; text that is none is kept in one. */
function inputOf(part: ToolCallPart): JsonObject {
  const parsed = part.kind === 'custom' ? undefined : part.arguments === 'null' ? {} : parseArguments(part.arguments)
  return parsed ?? { input: part.arguments }
}

/** What Anthropic's own runs of a tool bring back, by the tool's neutral name (decision D18). */
const RUN_RESULTS: Readonly<Record<string, (part: ToolResultPart) => Json>> = {
  web_search: ({ parts }) => parts.flatMap(searchResult),
  code_execution({ parts, isError }) {
    const output = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')
    const [stdout, stderr] = isError ? ['', output] : [output, '']
    return { type: 'code_execution_result', stdout, stderr, return_code: isError ? 1 : 0, content: [] }
  },
}

function searchResult(part: Part): JsonObject[] {
  if (part.type !== 'document' || part.source.kind !== 'url') return []
  const { url } = part.source
  return [{ type: 'web_search_result', url, title: part.name ?? url, encrypted_content: '', page_age: null }]
}

/** Results of tools that a provider ran: Anthropic's own as they came, those of others where Anthropic runs the like. */
function encodeResult(part: ToolResultPart): Block | undefined {
  const own = part.extra?.[NAME]
  if (typeof own?.type === 'string') return ownResult(part, own)
  const name = part.name ?? ''
  const run = part.kind === 'server' && Object.hasOwn(RUN_RESULTS, name) ? RUN_RESULTS[name] : undefined
  return run && { type: `${name}_tool_result`, tool_use_id: foreignRunId(part.id), content: run(part) }
}

function ownResult(part: ToolResultPart, { single, type, ...own }: JsonObject): Block {
  const blocks = part.parts.map((child) => child.extra?.[NAME] ?? encodeBlock(child, '') ?? null)
  const content = single === true ? blocks[0] : single === 'text' ? textOf(part.parts[0]) : blocks
  const error = part.isError === undefined ? {} : { is_error: part.isError }
  return { type: String(type), tool_use_id: part.id, ...error, ...(content !== undefined && { content }), ...own }
}

function textOf(part: Part | undefined): string | undefined {
  return part?.type === 'text' ? part.text : undefined
}
