import type { Citation, Part } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { type Block, type Memory, NAME, text } from './types.ts'

/**
 * Blocks of an answer -> parts, by the one field that a block has. What Bedrock ran itself (Nova's system tools) becomes calls
 * and results of kind `server`; every other block is kept whole and in its place as an opaque part.
 */
const DECODERS = new Map<string, (value: JsonObject, memory: Memory) => Part>([
  ['toolUse', decodeCall],
  ['toolResult', decodeResult],
  ['reasoningContent', decodeReasoning],
  ['citationsContent', decodeCited],
  ['image', decodeImage],
])

/** One content block of an answer as a part. */
export function decodeBlock(block: Block, memory: Memory): Part {
  if (typeof block.text === 'string') return { type: 'text', text: block.text }
  for (const [field, decode] of DECODERS) {
    const value = block[field]
    if (isObject(value)) return decode(value, memory)
  }
  return { type: 'opaque', format: NAME, value: block }
}

/** The client's own name of a tool. */
export function toolName(name: unknown, memory: Memory): string {
  const wire = text(name) ?? ''
  return Object.hasOwn(memory.tools, wire) ? (memory.tools[wire] as string) : wire
}

/** A citation as the API sends it; where in its source it points stays in `extra`. */
export function decodeCitation(value: JsonObject): Citation {
  const location = isObject(value.location) ? value.location : {}
  const url = isObject(location.web) ? text(location.web.url) : undefined
  const quotes = Array.isArray(value.sourceContent) ? value.sourceContent.filter(isObject).map((quote) => text(quote.text) ?? '') : []
  const citation: Citation = { kind: url === undefined ? 'document' : 'url' }
  if (url !== undefined) citation.url = url
  if (typeof value.title === 'string') citation.title = value.title
  if (quotes.length > 0) citation.text = quotes.join('')
  citation.extra = { [NAME]: value }
  return citation
}

function decodeCall(call: JsonObject, memory: Memory): Part {
  const { toolUseId, name, input, ...rest } = call
  const args = input === undefined || input === null ? '{}' : JSON.stringify(input)
  const part = { type: 'tool-call', id: text(toolUseId) ?? '', name: toolName(name, memory), arguments: args } as const
  if (rest.type === 'server_tool_use') return { ...part, kind: 'server', extra: { [NAME]: rest } }
  return Object.keys(rest).length > 0 ? { ...part, extra: { [NAME]: rest } } : part
}

function decodeResult(result: JsonObject, memory: Memory): Part {
  const { toolUseId, content, status, ...rest } = result
  const blocks = Array.isArray(content) ? content.filter(isObject) : []
  const parts = blocks.map((block) => (block.json === undefined ? decodeBlock(block, memory) : jsonText(block)))
  return {
    type: 'tool-result',
    kind: 'server',
    id: text(toolUseId) ?? '',
    parts,
    ...(status !== undefined && { isError: status === 'error' }),
    extra: { [NAME]: rest },
  }
}

function jsonText(block: Block): Part {
  return { type: 'text', text: JSON.stringify(block.json), extra: { [NAME]: { json: true } } }
}

function decodeReasoning(value: JsonObject, memory: Memory): Part {
  const signedBy = memory.signedBy === undefined ? {} : { signedBy: memory.signedBy }
  if (typeof value.redactedContent === 'string') return { type: 'reasoning', text: '', redacted: value.redactedContent, ...signedBy }
  const said = isObject(value.reasoningText) ? value.reasoningText : {}
  const signature = text(said.signature)
  return { type: 'reasoning', text: text(said.text) ?? '', ...(signature && { signature }), ...signedBy }
}

function decodeCited(value: JsonObject): Part {
  const content = Array.isArray(value.content) ? value.content.filter(isObject) : []
  const citations = Array.isArray(value.citations) ? value.citations.filter(isObject).map(decodeCitation) : []
  return { type: 'text', text: content.map((piece) => text(piece.text) ?? '').join(''), ...(citations.length > 0 && { citations }) }
}

function decodeImage(value: JsonObject): Part {
  const data = isObject(value.source) ? text(value.source.bytes) : undefined
  if (data === undefined) return { type: 'opaque', format: NAME, value: { image: value } }
  return { type: 'image', source: { kind: 'data', mediaType: `image/${text(value.format) ?? 'png'}`, data } }
}
