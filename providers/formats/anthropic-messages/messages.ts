import type { CacheControl, DocumentPart, Message, Part, Source, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import type { Json, JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { BETAS } from './beta.ts'
import { wireId } from './foreign.ts'
import { type Block, NAME, type WireMessage } from './types.ts'

/** What encoders of blocks and tools report while they work. */
export interface BlockContext {
  betas: Set<string>
  /** Told of a field that cannot be sent: throws GW_UNSUPPORTED_PARAMETER, or notes it where dropping is allowed. */
  unsupported(param: string): void
  /** Path of the part at hand. */
  path: string
}

/** The conversation in the API's shape: system texts apart, turns of one role joined, results of tools first in their turn. */
export function encodeMessages(messages: readonly Message[], context: BlockContext): { system: Block[]; messages: WireMessage[] } {
  const isSpoken = messages.some((message) => !isInstruction(message))
  const system: Block[] = []
  const turns: WireMessage[] = []
  for (const [index, message] of messages.entries()) {
    const blocks = encodeList(message.parts, `messages[${index}].content`, context)
    if (isInstruction(message) && isSpoken) system.push(...blocks)
    else addTurn(turns, message.role === 'assistant' ? 'assistant' : 'user', blocks)
  }
  for (const turn of turns) if (turn.role === 'user') turn.content = resultsFirst(turn.content)
  trimPrefill(turns)
  return { system, messages: turns }
}

/** A cache breakpoint: https://docs.claude.com/en/docs/build-with-claude/prompt-caching */
export function encodeCache(cache: CacheControl, context: BlockContext): JsonObject {
  if (cache.scope !== undefined) context.betas.add(BETAS.cacheScope)
  return {
    type: 'ephemeral',
    ...(cache.ttl !== undefined && { ttl: cache.ttl }),
    ...(cache.scope !== undefined && { scope: cache.scope }),
  }
}

function isInstruction(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer'
}

function encodeList(parts: readonly Part[], path: string, context: BlockContext): Block[] {
  const blocks: Block[] = []
  for (const [index, part] of parts.entries()) {
    context.path = `${path}[${index}]`
    const block = encodePart(part, context)
    if (!block) continue
    if (part.cache) block.cache_control = encodeCache(part.cache, context)
    blocks.push(block)
  }
  return blocks
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>, context: BlockContext) => Block | undefined }

const ENCODERS: Encoders = {
  // The API refuses blocks without visible text.
  text: (part) =>
    part.text.trim() === '' ? undefined : { type: 'text', text: part.text, ...citationsOf(part.citations), ...part.extra?.[NAME] },
  image: (part, context) => ({ type: 'image', source: encodeSource(part.source, context), ...part.extra?.[NAME] }),
  audio(_part, context) {
    context.unsupported(context.path)
    return undefined
  },
  document: encodeDocument,
  reasoning(part) {
    // The API takes back only what it can verify, so thoughts without its own signature stay here.
    if (part.signedBy !== undefined && part.signedBy !== 'anthropic') return undefined
    if (part.redacted !== undefined) return { type: 'redacted_thinking', data: part.redacted }
    return part.signature === undefined ? undefined : { type: 'thinking', thinking: part.text, signature: part.signature }
  },
  'tool-call': encodeCall,
  'tool-result': encodeResult,
  refusal: (part) => (part.text.trim() === '' ? undefined : { type: 'text', text: part.text }),
  opaque: (part) => (part.format === NAME ? ({ ...part.value } as Block) : undefined),
}

function encodePart(part: Part, context: BlockContext): Block | undefined {
  return (ENCODERS[part.type] as (part: Part, context: BlockContext) => Block | undefined)(part, context)
}

function citationsOf(citations: readonly { extra?: Record<string, JsonObject> | undefined }[] | undefined): { citations?: JsonObject[] } {
  const own = (citations ?? []).map((citation) => citation.extra?.[NAME]).filter((value) => value !== undefined)
  return own.length > 0 ? { citations: own } : {}
}

/** Media types whose bytes are text: they travel unencoded. Of the rest base64 is for images and PDF. */
const TEXTUAL = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript)\b)/

function encodeDocument(part: DocumentPart, context: BlockContext): Block | undefined {
  const mediaType = part.source.kind === 'parts' ? undefined : part.source.mediaType
  if (mediaType !== undefined && /^(?:video|audio)\//.test(mediaType)) {
    context.unsupported(context.path)
    return undefined
  }
  const isImage = part.source.kind !== 'url' && mediaType?.startsWith('image/')
  if (isImage) return { type: 'image', source: encodeSource(part.source, context) }
  const block: Block = { type: 'document', source: encodeSource(part.source, context) }
  if (part.name !== undefined) block.title = part.name
  if (part.context !== undefined) block.context = part.context
  if (part.cites !== undefined) block.citations = { enabled: part.cites }
  return { ...block, ...part.extra?.[NAME] }
}

function encodeSource(source: Source, context: BlockContext): JsonObject {
  if (source.kind === 'url') return { type: 'url', url: source.url }
  if (source.kind === 'text') return { type: 'text', media_type: 'text/plain', data: source.text }
  if (source.kind === 'parts') return { type: 'content', content: encodeList(source.parts, `${context.path}.source`, context) }
  if (source.kind === 'file') {
    context.betas.add(BETAS.files)
    return { type: 'file', file_id: source.id }
  }
  if (TEXTUAL.test(source.mediaType)) {
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(source.data, 'base64').toString('utf8') }
  }
  return { type: 'base64', media_type: source.mediaType, data: source.data }
}

function encodeCall(part: ToolCallPart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  // A call that another provider ran itself means nothing here; its outcome is in that answer's text.
  if (part.kind === 'server' && own === undefined) return undefined
  const type = part.kind === 'server' ? 'server_tool_use' : 'tool_use'
  return { type, id: wireId(part.id), name: part.name, input: inputOf(part, context), ...own }
}

function inputOf(part: ToolCallPart, context: BlockContext): JsonObject {
  if (part.kind === 'custom') return { input: part.arguments }
  // Cohere writes `null` for a call without arguments, and clients send that back.
  const input = part.arguments === 'null' ? {} : parseArguments(part.arguments)
  if (input) return input
  const param = `${context.path}.arguments`
  throw new GatewayError('GW_INVALID_REQUEST', { param, reason: `the arguments of the call to ${part.name} are not a JSON object` })
}

function encodeResult(part: ToolResultPart, context: BlockContext): Block | undefined {
  if (part.kind === 'server') return encodeServerResult(part, context)
  const inner = part.parts.map((child) => (child.cache ? { ...child, cache: undefined } : child))
  const content = contentOf(encodeList(inner, context.path, context))
  const block: Block = { type: 'tool_result', tool_use_id: wireId(part.id) }
  if (content !== undefined) block.content = content
  if (part.isError === true) block.is_error = true
  // Breakpoints count on the block of the result, not inside it.
  const cache = part.cache ?? part.parts.findLast((child) => child.cache)?.cache
  if (cache) block.cache_control = encodeCache(cache, context)
  return { ...block, ...part.extra?.[NAME] }
}

/** One plain text goes as a string, the short form. */
function contentOf(blocks: Block[]): Json | undefined {
  const [only] = blocks
  if (!only) return undefined
  return blocks.length === 1 && only.type === 'text' && Object.keys(only).length === 2 ? only.text : blocks
}

function encodeServerResult(part: ToolResultPart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  if (typeof own?.type !== 'string') return undefined
  const { single, ...rest } = own
  const blocks = part.parts.map((child) => child.extra?.[NAME] ?? encodePart(child, context))
  const content = (single === true ? blocks[0] : single === 'text' ? blocks[0]?.text : blocks) as Json | undefined
  return { type: own.type, tool_use_id: part.id, ...(part.isError !== undefined && { is_error: part.isError }), content, ...rest }
}

function addTurn(turns: WireMessage[], role: WireMessage['role'], blocks: Block[]): void {
  if (blocks.length === 0) return
  const last = turns.at(-1)
  if (last?.role === role) last.content.push(...blocks)
  else turns.push({ role, content: blocks })
}

function resultsFirst(blocks: Block[]): Block[] {
  const isResult = (block: Block) => block.type === 'tool_result'
  const results = blocks.filter(isResult)
  return results.length === 0 ? blocks : [...results, ...blocks.filter((block) => !isResult(block))]
}

/** The API refuses an answer to be continued that ends in white space. */
function trimPrefill(turns: WireMessage[]): void {
  const last = turns.at(-1)
  const block = last?.role === 'assistant' ? last.content.at(-1) : undefined
  if (block?.type === 'text' && typeof block.text === 'string') block.text = block.text.trimEnd()
}
