import type { CacheControl, Message, Part, TextPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, parseFaithfully } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import type { ToolNames } from '../shared/tool-names.ts'
import type { Family } from './family.ts'
import { encodeAudio, encodeDocument, encodeImage } from './media.ts'
import { type Block, NAME, type WireMessage } from './types.ts'

/** What encoders of blocks and tools know, and report while they work. */
export interface BlockContext {
  family: Family
  names: ToolNames
  /** Names of documents so far. */
  documents: Set<string>
  /** Told of a field that cannot be sent: throws GW_UNSUPPORTED_PARAMETER, or notes it where dropping is allowed. */
  unsupported(param: string): undefined
  /** Path of the part at hand. */
  path: string
}

/** What a user says where a conversation begins with the model: the API wants a user's turn first. */
const OPENING = 'Please continue.'

/** The conversation in the API's shape: system texts apart, turns of one role joined, results of tools first in their turn. */
export function encodeMessages(messages: readonly Message[], context: BlockContext): { system: Block[]; messages: WireMessage[] } {
  const isSpoken = messages.some((message) => !isInstruction(message))
  const system: Block[] = []
  const turns: Turn[] = []
  for (const [index, message] of messages.entries()) {
    const blocks = encodeList(message.parts, `messages[${index}].content`, context)
    if (isInstruction(message) && isSpoken) system.push(...blocks.others)
    else addTurn(turns, message.role === 'assistant' ? 'assistant' : 'user', blocks)
  }
  if (turns[0]?.role === 'assistant') turns.unshift({ role: 'user', results: [], others: [{ text: OPENING }] })
  trimPrefill(turns.at(-1))
  return { system, messages: turns.map(({ role, results, others }) => ({ role, content: [...results, ...others] })) }
}

/** The breakpoint that stands after what is to be cached: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html. Other families refuse it. */
export function encodeCache(cache: CacheControl | undefined, { family }: BlockContext): Block[] {
  const isTaken = family === 'claude' || family === 'nova' || family === 'unknown'
  return cache && isTaken ? [{ cachePoint: { type: 'default', ...(cache.ttl !== undefined && { ttl: cache.ttl }) } }] : []
}

/** Other providers' ids hold what the API refuses (`[a-zA-Z0-9_-]{1,64}`); call and result are changed alike. */
function wireId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, '_').slice(-64)
}

function isInstruction(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer'
}

/** Blocks, each with its breakpoint: results of the client's tools, and the others. */
interface Blocks {
  results: Block[]
  others: Block[]
}

interface Turn extends Blocks {
  role: WireMessage['role']
}

function encodeList(parts: readonly Part[], path: string, context: BlockContext): Blocks {
  const blocks: Blocks = { results: [], others: [] }
  for (const [index, part] of parts.entries()) {
    context.path = `${path}[${index}]`
    const block = encodePart(part, context)
    if (!block) continue
    const isResult = part.type === 'tool-result' && part.kind !== 'server'
    const list = isResult ? blocks.results : blocks.others
    list.push(block, ...encodeCache(cacheOf(part), context))
  }
  return blocks
}

/** Breakpoints count after the block of a result, not inside it. */
function cacheOf(part: Part): CacheControl | undefined {
  return part.cache ?? (part.type === 'tool-result' ? part.parts.findLast((child) => child.cache)?.cache : undefined)
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>, context: BlockContext) => Block | undefined }

const ENCODERS: Encoders = {
  text: encodeText,
  image: encodeImage,
  audio: encodeAudio,
  document: encodeDocument,
  reasoning(part, { family }) {
    // The API takes back only what the model can verify, so thoughts without its own signature stay here.
    if ((part.signedBy !== undefined && part.signedBy !== 'anthropic') || (family !== 'claude' && family !== 'unknown')) return undefined
    if (part.redacted !== undefined) return { reasoningContent: { redactedContent: part.redacted } }
    if (part.signature === undefined) return undefined
    return { reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }
  },
  'tool-call': encodeCall,
  'tool-result': encodeResult,
  refusal: (part) => (part.text.trim() === '' ? undefined : { text: part.text }),
  opaque: (part) => (part.format === NAME ? { ...part.value } : undefined),
}

function encodePart(part: Part, context: BlockContext): Block | undefined {
  return (ENCODERS[part.type] as (part: Part, context: BlockContext) => Block | undefined)(part, context)
}

/** The API refuses blocks without visible text. What a client of it guarded, or wrote as JSON, goes back as such. */
function encodeText(part: TextPart): Block | undefined {
  if (part.text.trim() === '') return undefined
  const { guardContent, json } = part.extra?.[NAME] ?? {}
  if (isObject(guardContent)) return { guardContent: { text: { text: part.text, ...guardContent } } }
  const value = json === true ? parseJson(part.text) : undefined
  if (value !== undefined) return { json: value }
  const own = (part.citations ?? []).map((citation) => citation.extra?.[NAME]).filter((value) => value !== undefined)
  return own.length > 0 ? { citationsContent: { content: [{ text: part.text }], citations: own } } : { text: part.text }
}

function encodeCall(part: ToolCallPart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  // A call that another provider ran itself means nothing here; its outcome is in that answer's text.
  if (part.kind === 'server' && own === undefined) return undefined
  const name = context.names.get(part.name) ?? part.name
  return { toolUse: { toolUseId: wireId(part.id), name, input: inputOf(part, context), ...own } }
}

function inputOf(part: ToolCallPart, context: BlockContext): Json {
  if (part.kind === 'custom') return { input: part.arguments }
  // Cohere writes `null` for a call without arguments, and clients send that back.
  const input = part.arguments === 'null' ? {} : parseArguments(part.arguments)
  if (input) return input
  const param = `${context.path}.arguments`
  throw new GatewayError('GW_INVALID_REQUEST', { param, reason: `the arguments of the call to ${part.name} are not a JSON object` })
}

function encodeResult(part: ToolResultPart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  if (part.kind === 'server' && own === undefined) return undefined
  const status = part.isError === true ? 'error' : 'success'
  return { toolResult: { toolUseId: wireId(part.id), content: resultContent(part, context), status, ...own } }
}

/** One text that is JSON goes as such, unless a client of this API said how. The API wants an object there: lists and plain values get one around them. */
function resultContent(part: ToolResultPart, context: BlockContext): Block[] {
  const [only] = part.parts
  if (part.parts.length === 1 && only?.type === 'text' && only.extra?.[NAME]?.json === undefined) {
    const value = parseJson(only.text)
    // A number too long for a double is an object of its own here, so the text decides.
    if (isObject(value) && only.text.trimStart().startsWith('{')) return [{ json: value }]
    if (value !== undefined) return [{ json: Array.isArray(value) ? { results: value } : { value } }]
  }
  const inner = part.parts.map((child) => (child.cache ? { ...child, cache: undefined } : child))
  const { others } = encodeList(inner, context.path, context)
  return others.length > 0 ? others : [{ json: {} }]
}

/** The value that a text holds as JSON; undefined for any other text. */
export function parseJson(text: string): Json | undefined {
  if (!/^\s*[[{"\-\dtfn]/.test(text)) return undefined
  try {
    return parseFaithfully(text) as Json
  } catch {
    return undefined
  }
}

function addTurn(turns: Turn[], role: WireMessage['role'], { results, others }: Blocks): void {
  if (results.length + others.length === 0) return
  const last = turns.at(-1)
  if (last?.role !== role) turns.push({ role, results, others })
  else {
    last.results.push(...results)
    last.others.push(...others)
  }
}

/** The API refuses an answer to be continued that ends in white space. */
function trimPrefill(last: Turn | undefined): void {
  const block = last?.role === 'assistant' ? last.others.at(-1) : undefined
  if (typeof block?.text === 'string') block.text = block.text.trimEnd()
}
