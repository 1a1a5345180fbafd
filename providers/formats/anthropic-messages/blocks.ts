import type { Citation, Extra, Part, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { type Block, NAME } from './types.ts'

/**
 * Blocks of an answer -> parts. Text, thinking and calls are the model's own; what Anthropic ran itself (`server_tool_use`,
 * `mcp_tool_use` and the `*_tool_result` blocks) becomes calls and results of kind `server`; every other block is kept whole
 * and in its place as an opaque part. Nothing a block holds is lost on the way back to this format.
 */
const DECODERS = new Map<string, (block: Block) => Part>([
  ['text', decodeText],
  ['thinking', decodeThinking],
  ['redacted_thinking', decodeRedacted],
  ['tool_use', decodeCall],
  ['server_tool_use', decodeServerCall],
  ['mcp_tool_use', decodeServerCall],
])

const TEXT_FIELDS = new Set(['type', 'text', 'citations'])
const THINKING_FIELDS = new Set(['type', 'thinking', 'signature'])
const REDACTED_FIELDS = new Set(['type', 'data'])
const CALL_FIELDS = new Set(['type', 'id', 'name', 'input'])
const SERVER_CALL_FIELDS = new Set(['id', 'name', 'input'])
const RESULT_FIELDS = new Set(['tool_use_id', 'content', 'is_error'])

/** One content block of an answer as a part. */
export function decodeBlock(block: Block): Part {
  const decode = DECODERS.get(block.type)
  if (decode) return decode(block)
  if (block.type.endsWith('_tool_result') && typeof block.tool_use_id === 'string') return decodeServerResult(block)
  return { type: 'opaque', format: NAME, value: block }
}

/** A citation as the API sends it; where in the cited document it points stays in `extra`. */
export function decodeCitation(value: JsonObject): Citation {
  const url = typeof value.url === 'string' ? value.url : httpUrl(value.source)
  const title = typeof value.title === 'string' ? value.title : value.document_title
  const citation: Citation = { kind: url === undefined ? 'document' : 'url' }
  if (url !== undefined) citation.url = url
  if (typeof title === 'string') citation.title = title
  if (typeof value.cited_text === 'string') citation.text = value.cited_text
  citation.extra = { [NAME]: value }
  return citation
}

/** A call's input as text; an input that was not said is an empty object. */
function inputText(input: unknown): string {
  return input === undefined || input === null ? '{}' : JSON.stringify(input)
}

function decodeText(block: Block): Part {
  const citations = Array.isArray(block.citations) ? block.citations.filter(isObject).map(decodeCitation) : []
  const extra = rest(block, TEXT_FIELDS)
  return { type: 'text', text: text(block.text), ...(citations.length > 0 && { citations }), ...(extra && { extra }) }
}

function decodeThinking(block: Block): Part {
  const signature = text(block.signature)
  const extra = rest(block, THINKING_FIELDS)
  return { type: 'reasoning', text: text(block.thinking), signedBy: 'anthropic', ...(signature && { signature }), ...(extra && { extra }) }
}

function decodeRedacted(block: Block): Part {
  const extra = rest(block, REDACTED_FIELDS)
  return { type: 'reasoning', text: '', redacted: text(block.data), signedBy: 'anthropic', ...(extra && { extra }) }
}

function decodeCall(block: Block): Part {
  const extra = rest(block, CALL_FIELDS)
  return { type: 'tool-call', id: text(block.id), name: text(block.name), arguments: inputText(block.input), ...(extra && { extra }) }
}

function decodeServerCall(block: Block): Part {
  const call = { type: 'tool-call', kind: 'server', id: text(block.id), name: text(block.name), arguments: inputText(block.input) } as const
  return { ...call, extra: rest(block, SERVER_CALL_FIELDS) }
}

/**
 * The name is the tool's (`web_search`), which says what it was even where the call went unseen. `single` remembers that the
 * content was no list: one object, or plain text.
 */
function decodeServerResult(block: Block): ToolResultPart {
  const { content } = block
  const entries = Array.isArray(content) ? content : [typeof content === 'string' ? { type: 'text', text: content } : content]
  const parts = entries.filter(isObject).map((entry) => decodeEntry(entry))
  const single = Array.isArray(content) ? {} : { single: typeof content === 'string' ? 'text' : true }
  const result: ToolResultPart = { type: 'tool-result', kind: 'server', id: text(block.tool_use_id), parts }
  if (block.type !== 'mcp_tool_result') result.name = block.type.slice(0, -'_tool_result'.length)
  if (typeof block.is_error === 'boolean') result.isError = block.is_error
  result.extra = { [NAME]: { ...rest(block, RESULT_FIELDS)?.[NAME], ...single } }
  return result
}

/** Search hits are documents that any format can list; encrypted content goes back to Anthropic alone. */
function decodeEntry(entry: JsonObject): Part {
  if (entry.type === 'text' && typeof entry.text === 'string') return decodeText(entry as Block)
  if (entry.type !== 'web_search_result' || typeof entry.url !== 'string') return { type: 'opaque', format: NAME, value: entry }
  const name = typeof entry.title === 'string' ? { name: entry.title } : {}
  return { type: 'document', source: { kind: 'url', url: entry.url }, ...name, extra: { [NAME]: entry } }
}

function httpUrl(source: unknown): string | undefined {
  return typeof source === 'string' && /^https?:/i.test(source) ? source : undefined
}

/** What a block says beyond the fields that are read; nothing is the common case and costs no object. */
function rest(block: Block, known: ReadonlySet<string>): Extra | undefined {
  let extra: JsonObject | undefined
  for (const field in block) {
    if (known.has(field) || block[field] === null) continue
    extra ??= {}
    extra[field] = block[field]
  }
  return extra && { [NAME]: extra }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
