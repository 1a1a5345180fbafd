import type { Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { readCallId } from '../shared/call-id.ts'
import { bad, boolean, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { decodeBlock } from './blocks.ts'
import { decodeDocument, decodeImage, decodeSearchResult } from './decode-media.ts'
import { decodeCache } from './decode-tools.ts'
import { decodeProof, isForeignCitation, readForeignRunId } from './foreign.ts'
import { type Block, NAME } from './types.ts'

/** What a conversation said so far, as far as later blocks refer to it. */
export interface Conversation {
  /** Ids of the calls of the client's tools. */
  calls: Set<string>
}

/** Where blocks stand: in a turn, in the result of a tool, or in a document. */
type Place = 'user' | 'assistant' | 'system' | 'result' | 'source'

interface Context {
  place: Place
  conversation?: Conversation | undefined
}

/** Which blocks a place takes. */
const TAKES: Readonly<Record<Exclude<Place, 'assistant'>, ReadonlySet<string>>> = {
  user: new Set(['text', 'image', 'document', 'search_result', 'tool_result', 'container_upload']),
  system: new Set(['text']),
  result: new Set(['text', 'image', 'document', 'search_result', 'tool_reference', 'browser_state']),
  source: new Set(['text', 'image']),
}

/** What an answer held comes back in the assistant's turns, newer types too: they go back to this format as they are. */
function takes(place: Place, type: string): boolean {
  return place === 'assistant' ? type !== 'tool_result' : TAKES[place].has(type)
}

/** Content as a text or as a list of blocks. Throws GW_INVALID_REQUEST for blocks that cannot stand there. */
export function decodeContent(value: Json, param: string, context: Context): Part[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }]
  if (!Array.isArray(value)) return bad(param, 'must be a string or a list of blocks')
  return list(value, param).map((item, index) => decodePart(object(item, `${param}[${index}]`), `${param}[${index}]`, context))
}

type Decode = (block: Block, param: string, context: Context) => Part

const DECODERS: Readonly<Record<string, Decode>> = {
  text: decodeText,
  image: decodeImage,
  document: (block, param) => decodeDocument(block, param, inSource),
  search_result: (block, param) => decodeSearchResult(block, param, inSource),
  thinking: decodeThinking,
  redacted_thinking: decodeRedacted,
  tool_use: decodeCall,
  tool_result: decodeResult,
  server_tool_use: decodeServerCall,
  mcp_tool_use: decodeServerCall,
}

function decodePart(raw: JsonObject, param: string, context: Context): Part {
  const type = required(raw.type, `${param}.type`, filled)
  if (!takes(context.place, type)) return bad(`${param}.type`, `a block of type "${type.slice(0, 60)}" cannot stand here`)
  const { cache_control: breakpoint, ...rest } = raw
  const block: Block = { ...rest, type }
  const decode = Object.hasOwn(DECODERS, type) ? DECODERS[type] : undefined
  const part = decode ? decode(block, param, context) : (foreignResult(block) ?? decodeBlock(block))
  const cache = decodeCache(breakpoint, param)
  return cache ? { ...part, cache } : part
}

function inSource(content: Json, param: string): Part[] {
  return decodeContent(content, param, { place: 'source' })
}

function decodeText(block: Block, param: string): Part {
  required(block.text, `${param}.text`, string)
  optional(block.citations, `${param}.citations`, list)
  const part = decodeBlock(block)
  if (part.type !== 'text' || !part.citations) return part
  const citations = part.citations.map(({ extra, ...citation }) =>
    isForeignCitation(extra?.[NAME] ?? {}) ? citation : { ...citation, extra },
  )
  return { ...part, citations }
}

const THINKING_FIELDS = new Set(['type', 'thinking', 'signature'])
const REDACTED_FIELDS = new Set(['type', 'data'])

/** A thought without a signature is nobody's: no provider takes it back as its own. */
function decodeThinking(block: Block, param: string): Part {
  const text = required(block.thinking, `${param}.thinking`, string)
  const { proof: signature, ...facts } = decodeProof(optional(block.signature, `${param}.signature`, string) ?? '')
  return thought({ type: 'reasoning', text, ...facts, signature }, unknownFields(block, THINKING_FIELDS))
}

function decodeRedacted(block: Block, param: string): Part {
  const { proof, ...facts } = decodeProof(required(block.data, `${param}.data`, filled))
  return thought({ type: 'reasoning', text: '', ...facts, redacted: proof ?? '' }, unknownFields(block, REDACTED_FIELDS))
}

function thought(part: ReasoningPart, rest: JsonObject | undefined): Part {
  return withoutUndefined({ ...part, extra: rest && { [NAME]: rest } })
}

function decodeCall(block: Block, param: string, { conversation }: Context): Part {
  const { id, signature } = readCallId(required(block.id, `${param}.id`, filled))
  required(block.name, `${param}.name`, filled)
  required(block.input, `${param}.input`, object)
  conversation?.calls.add(id)
  const part = decodeBlock({ ...block, id }) as ToolCallPart
  return signature === undefined ? part : { ...part, signature }
}

function decodeServerCall(block: Block, param: string): Part {
  const id = required(block.id, `${param}.id`, filled)
  required(block.name, `${param}.name`, filled)
  optional(block.input, `${param}.input`, object)
  const { extra, ...part } = decodeBlock(block)
  const foreignId = readForeignRunId(id)
  return foreignId === undefined ? withoutUndefined<Part>({ ...part, extra } as Part) : ({ ...part, id: foreignId } as Part)
}

const RESULT_FIELDS = new Set(['type', 'tool_use_id', 'content', 'is_error'])

function decodeResult(block: Block, param: string, { conversation }: Context): Part {
  const { id } = readCallId(required(block.tool_use_id, `${param}.tool_use_id`, filled))
  if (!conversation?.calls.has(id)) bad(`${param}.tool_use_id`, `no call with the id "${id.slice(0, 60)}" came before`)
  const rest = unknownFields(block, RESULT_FIELDS)
  const read = (content: Json, at: string): Part[] => decodeContent(content, at, { place: 'result' })
  return withoutUndefined<ToolResultPart>({
    type: 'tool-result',
    id,
    parts: optional(block.content, `${param}.content`, read) ?? [],
    isError: optional(block.is_error, `${param}.is_error`, boolean),
    extra: rest && { [NAME]: rest },
  })
}

/** What a tool brought that another vendor ran: canonical again, so that Anthropic is not told of a run that it cannot verify. */
function foreignResult({ type, tool_use_id: written, content }: Block): ToolResultPart | undefined {
  const id = typeof written === 'string' ? readForeignRunId(written) : undefined
  if (id === undefined) return undefined
  const result = { type: 'tool-result' as const, kind: 'server' as const, id, name: type.replace(/_tool_result$/, '') }
  if (isObject(content)) {
    const text = `${content.stdout ?? ''}${content.stderr ?? ''}`
    return { ...result, parts: [{ type: 'text', text }], isError: content.return_code !== 0 }
  }
  const found = Array.isArray(content) ? content.filter(isObject) : []
  return { ...result, parts: found.map(({ url, title }) => foundPage(String(url), title)) }
}

function foundPage(url: string, title: Json | undefined): Part {
  return { type: 'document', source: { kind: 'url', url }, ...(typeof title === 'string' && { name: title }) }
}
