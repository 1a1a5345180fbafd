import type { CacheControl, Message, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { readCallId } from '../shared/call-id.ts'
import { bad, base64, filled, list, object, optional, type Read, required, string, word } from '../shared/fields.ts'
import { decodeBlock } from './blocks.ts'
import { decodeAudio, decodeDocument, decodeImage, decodeSearchResult, decodeVideo } from './decode-media.ts'
import { parseJson } from './messages.ts'
import { openSealed, openSignature } from './proof.ts'
import { type Block, type Memory, NAME } from './types.ts'

/** Where a block stands, and what it may refer to. */
interface Place {
  role: 'user' | 'assistant' | 'system'
  /** Ids of the calls so far. */
  calls: Set<string>
  /** Kinds that may stand here; all where absent. */
  kinds?: ReadonlySet<string>
}

type Decode = (value: Json, param: string, place: Place) => Part

/** Tools are the client's here, so that no name needs to be looked up. */
const NO_MEMORY: Memory = { tools: {}, answer: undefined, signedBy: undefined }

const DECODERS: Readonly<Record<string, Decode>> = {
  text: (value, param) => ({ type: 'text', text: string(value, param) }),
  image: decodeImage,
  audio: decodeAudio,
  document: decodeDocument,
  video: decodeVideo,
  searchResult: decodeSearchResult,
  toolUse: decodeCall,
  toolResult: decodeResult,
  reasoningContent: decodeReasoning,
  guardContent: decodeGuarded,
  citationsContent: decodeCited,
  json: (value) => ({ type: 'text', text: JSON.stringify(value), extra: { [NAME]: { json: true } } }),
  toolAddition: (value) => ({ type: 'opaque', format: NAME, value: { toolAddition: value } }),
  toolRemoval: (value) => ({ type: 'opaque', format: NAME, value: { toolRemoval: value } }),
}

const SYSTEM_KINDS = new Set(['text', 'guardContent', 'cachePoint'])
const RESULT_KINDS = new Set(['text', 'json', 'image', 'document', 'video', 'searchResult', 'cachePoint'])
const MESSAGE_KINDS = new Set([...Object.keys(DECODERS), 'cachePoint'].filter((kind) => kind !== 'json'))

/** `system`: one message, or none. Throws GW_INVALID_REQUEST with the field's path. */
export function decodeSystem(value: Json | undefined): Message[] {
  const place: Place = { role: 'system', calls: new Set(), kinds: SYSTEM_KINDS }
  const parts = optional(value, 'system', (blocks, param) => decodeContent(blocks, param, place)) ?? []
  return parts.length > 0 ? [{ role: 'system', parts }] : []
}

/** The conversation. Throws GW_INVALID_REQUEST with the path of the first thing that cannot be right. */
export function decodeMessages(value: Json | undefined): Message[] {
  const messages = required(value, 'messages', list)
  if (messages.length === 0) bad('messages', 'must not be empty')
  const calls = new Set<string>()
  return messages.map((item, index) => {
    const param = `messages[${index}]`
    const message = object(item, param)
    const role = required(message.role, `${param}.role`, word('user', 'assistant', 'system'))
    const content = required(message.content, `${param}.content`, list)
    if (content.length === 0) bad(`${param}.content`, 'must not be empty')
    return { role, parts: decodeContent(content, `${param}.content`, { role, calls, kinds: MESSAGE_KINDS }) }
  })
}

/** The breakpoint that a cache point sets for what stands before it. */
export const decodeCachePoint: Read<CacheControl> = (value, param) => {
  const point = object(value, param)
  required(point.type, `${param}.type`, word('default'))
  return withoutUndefined<CacheControl>({ ttl: optional(point.ttl, `${param}.ttl`, filled) })
}

function decodeContent(value: Json, param: string, place: Place): Part[] {
  const parts: Part[] = []
  for (const [index, item] of list(value, param).entries()) {
    const at = `${param}[${index}]`
    const block = object(item, at)
    const kind = kindOf(block, at, place)
    if (kind !== 'cachePoint') {
      parts.push((DECODERS[kind] as Decode)(block[kind] as Json, `${at}.${kind}`, place))
      continue
    }
    const cache = required(block.cachePoint, `${at}.cachePoint`, decodeCachePoint)
    const last = parts.at(-1)
    if (last && !last.cache) last.cache = cache
    else parts.push({ type: 'opaque', format: NAME, value: block })
  }
  return parts
}

/** The one field that a block has; some clients name its kind beside it. */
function kindOf(block: Block, param: string, { kinds }: Place): string {
  const [kind, another] = Object.keys(block).filter((field) => field !== 'type' && block[field] !== undefined && block[field] !== null)
  if (kind === undefined) return bad(param, 'must have a field that says its kind')
  if (!kinds?.has(kind)) return bad(param, `unknown kind of content "${kind.slice(0, 60)}"`)
  return another === undefined ? kind : bad(param, `must be of one kind, not ${kind} and ${another.slice(0, 60)}`)
}

function decodeCall(value: Json, param: string, { role, calls }: Place): Part {
  if (role !== 'assistant') bad(param, 'belongs into a message of the assistant')
  const call = object(value, param)
  const { id, signature } = readCallId(required(call.toolUseId, `${param}.toolUseId`, filled))
  required(call.name, `${param}.name`, filled)
  optional(call.input, `${param}.input`, object)
  calls.add(id)
  const part = decodeBlock({ toolUse: { ...call, toolUseId: id } }, NO_MEMORY) as ToolCallPart
  return signature === undefined ? part : { ...part, signature }
}

/** Results in the assistant's own turn are those of tools that the provider ran. */
function decodeResult(value: Json, param: string, { role, calls }: Place): Part {
  const { toolUseId, content, status, ...own } = object(value, param)
  const { id } = readCallId(required(toolUseId, `${param}.toolUseId`, filled))
  if (!calls.has(id)) bad(`${param}.toolUseId`, `there is no call "${id.slice(0, 60)}" before it`)
  const said = optional(status, `${param}.status`, word('success', 'error'))
  const parts = decodeContent(required(content, `${param}.content`, list), `${param}.content`, { role, calls, kinds: RESULT_KINDS })
  return withoutUndefined<ToolResultPart>({
    type: 'tool-result',
    id,
    kind: role === 'assistant' ? 'server' : undefined,
    parts: parts.map(markText),
    isError: said && said === 'error',
    extra: role === 'assistant' || Object.keys(own).length > 0 ? { [NAME]: own } : undefined,
  })
}

/** Other clients have no word for JSON, so text that is some is sent as such: not what this client wrote as text. */
function markText(part: Part): Part {
  if (part.type !== 'text' || part.extra || parseJson(part.text) === undefined) return part
  return { ...part, extra: { [NAME]: { json: false } } }
}

function decodeReasoning(value: Json, param: string): ReasoningPart {
  const { redactedContent, reasoningText } = object(value, param)
  if (redactedContent !== undefined && redactedContent !== null) {
    const { proof, signedBy } = openSealed(required(redactedContent, `${param}.redactedContent`, base64))
    return { type: 'reasoning', text: '', redacted: proof, signedBy }
  }
  const at = `${param}.reasoningText`
  const said = required(reasoningText, at, object)
  const text = required(said.text, `${at}.text`, string)
  const signature = optional(said.signature, `${at}.signature`, string)
  if (!signature) return { type: 'reasoning', text }
  const { proof, signedBy } = openSignature(signature)
  return { type: 'reasoning', text, signature: proof, signedBy }
}

/** What a guardrail is to look at. To other formats it is what it says. */
function decodeGuarded(value: Json, param: string): Part {
  const { text: said, image } = object(value, param)
  if (image !== undefined && image !== null) return { ...decodeImage(image, `${param}.image`), extra: { [NAME]: { guardContent: {} } } }
  const { text, ...qualifiers } = required(said, `${param}.text`, object)
  return { type: 'text', text: required(text, `${param}.text.text`, string), extra: { [NAME]: { guardContent: qualifiers } } }
}

function decodeCited(value: Json, param: string): Part {
  const cited: JsonObject = object(value, param)
  for (const field of ['content', 'citations']) {
    const at = `${param}.${field}`
    for (const [index, piece] of (optional(cited[field], at, list) ?? []).entries()) object(piece, `${at}[${index}]`)
  }
  return decodeBlock({ citationsContent: cited }, NO_MEMORY)
}
