import type {
  AudioPart,
  DocumentPart,
  ImagePart,
  Message,
  OpaquePart,
  Part,
  RefusalPart,
  Source,
  TextPart,
  ToolResultPart,
} from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { EncodeOptions } from '../../../core/format.ts'
import { toDataUrl } from '../shared/data-url.ts'
import { AUDIO_TYPES } from './decode-parts.ts'
import { encodeReasoning, hasProof } from './reasoning.ts'
import { encodeCalls } from './response.ts'
import { NAME } from './types.ts'

type Content = TextPart | ImagePart | AudioPart | DocumentPart | RefusalPart | OpaquePart

/**
 * The conversation as OpenAI's message list. Tool results stand right behind the calls they answer, whatever else was said
 * between them: OpenAI refuses calls that are not answered at once. What tool messages cannot hold (images, files) follows
 * the last of them in a `user` message.
 */
export function encodeMessages(messages: readonly Message[], options: EncodeOptions = {}): JsonObject[] {
  const wire: JsonObject[] = []
  let turn: Message[] = []
  for (const message of messages) {
    if (message.role !== 'assistant') {
      turn.push(message)
      continue
    }
    wire.push(...encodeTurn(turn, options), encodeAssistant(message, options))
    turn = []
  }
  wire.push(...encodeTurn(turn, options))
  return wire
}

/** What was said to the model between two of its answers. */
function encodeTurn(messages: readonly Message[], options: EncodeOptions): JsonObject[] {
  const wire: JsonObject[] = []
  const attached: JsonObject[] = []
  for (const { parts } of messages) {
    for (const part of parts) {
      if (part.type !== 'tool-result') continue
      wire.push(encodeResult(part))
      attached.push(...attachments(part, options))
    }
  }
  if (attached.length > 0) wire.push({ role: 'user', content: attached })
  for (const message of messages) {
    const said = message.parts.filter((part): part is Content => isContent(part) && isCarried(part, options))
    if (said.length > 0) wire.push(encodeHeader(message, encodeContent(said)))
  }
  return wire
}

/** Whether this format has a place for the part. Throws GW_UNSUPPORTED_PARAMETER where it may not be left out. */
function isCarried(part: Content, options: EncodeOptions): boolean {
  const field = lostPart(part)
  if (field === undefined) return true
  if (options.dropUnsupported) return false
  throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param: field, provider: options.provider })
}

/** What cannot be said: images and sounds by file id or address, and parts that are another format's own. */
function lostPart(part: Content): string | undefined {
  if (part.type === 'image' && imageUrl(part.source) === undefined) return 'messages.image'
  if (part.type === 'audio' && sound(part.source) === undefined) return 'messages.audio'
  return part.type === 'opaque' && part.format !== NAME ? 'messages' : undefined
}

function isContent(part: Part): part is Content {
  return part.type !== 'tool-result' && part.type !== 'tool-call' && part.type !== 'reasoning'
}

function encodeHeader(message: Message, content: Json | undefined): JsonObject {
  const { role, name } = message
  const own = message.extra?.[NAME]
  if (own) return withoutUndefined<JsonObject>({ ...own, role, name, content })
  return name === undefined ? { role, content } : { role, name, content }
}

function encodeAssistant(message: Message, { quirks }: EncodeOptions): JsonObject {
  const { parts } = message
  const texts = parts.filter((part) => part.type === 'text')
  const refusals = parts.filter((part) => part.type === 'refusal')
  const calls = encodeCalls(parts)
  const isSilent = texts.length === 0
  return withoutUndefined<JsonObject>({
    ...encodeHeader(message, isSilent ? (calls.length > 0 || refusals.length > 0 ? null : '') : texts.map((part) => part.text).join('')),
    refusal: refusals.length > 0 ? refusals.map((part) => part.text).join('') : undefined,
    ...encodeThoughts(parts, quirks?.reasoningField),
    tool_calls: calls.length > 0 ? calls : undefined,
  })
}

/**
 * Earlier thoughts, for a provider that reads them; OpenAI refuses fields that it does not know. The details go only where
 * something was signed: of those who read `reasoning`, not all know them.
 */
function encodeThoughts(parts: readonly Part[], field: string | undefined): JsonObject {
  const thoughts = parts.filter((part) => part.type === 'reasoning')
  if (field === undefined || thoughts.length === 0) return {}
  if (field === 'reasoning' && thoughts.some(hasProof)) return encodeReasoning(thoughts)
  return { [field]: thoughts.map((part) => part.text).join('') }
}

/** One text goes as a string, which every compatible server takes; anything else as a list. */
function encodeContent(parts: readonly Content[]): string | JsonObject[] {
  const [first] = parts
  if (parts.length === 1 && first?.type === 'text' && !first.extra?.[NAME]) return first.text
  return parts.map(encodePart)
}

function encodePart(part: Content): JsonObject {
  const own = part.extra?.[NAME]
  switch (part.type) {
    case 'text':
      return { ...own, type: 'text', text: part.text }
    case 'refusal':
      return { ...own, type: 'refusal', refusal: part.text }
    case 'image':
      return {
        ...own,
        type: 'image_url',
        image_url: withoutUndefined<JsonObject>({ ...nested(own, 'image_url'), url: imageUrl(part.source), detail: part.detail }),
      }
    case 'audio':
      return { ...own, type: 'input_audio', input_audio: { ...nested(own, 'input_audio'), ...sound(part.source) } }
    case 'document':
      return encodeDocument(part)
    case 'opaque':
      return part.value
  }
}

function nested(own: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = own?.[name]
  return isObject(value) ? value : undefined
}

function imageUrl(source: Source): string | undefined {
  if (source.kind === 'url') return source.url
  return source.kind === 'data' ? toDataUrl(source.mediaType, source.data) : undefined
}

function sound(source: Source): JsonObject | undefined {
  if (source.kind !== 'data') return undefined
  const named = Object.entries(AUDIO_TYPES).find(([, mediaType]) => mediaType === source.mediaType)
  return { data: source.data, format: named?.[0] ?? source.mediaType.replace(/^audio\/(x-)?/, '') }
}

/** Documents that are text already go as text: OpenAI's file parts take PDFs alone. */
function encodeDocument(part: DocumentPart): JsonObject {
  const { source, name } = part
  const own = part.extra?.[NAME]
  if (source.kind === 'text') return { type: 'text', text: titled(part, source.text) }
  if (source.kind === 'parts') return { type: 'text', text: titled(part, textOf(source.parts)) }
  const file: JsonObject = { ...nested(own, 'file'), filename: name }
  if (source.kind === 'file') file.file_id = source.id
  else if (source.kind === 'url') file.file_url = source.url
  else {
    file.filename = name ?? 'document'
    file.file_data = toDataUrl(source.mediaType, source.data)
  }
  return { ...own, type: 'file', file: withoutUndefined(file) }
}

function titled({ name, context }: DocumentPart, text: string): string {
  return [name, context, text].filter((line) => line !== undefined && line !== '').join('\n')
}

function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function encodeResult(part: ToolResultPart): JsonObject {
  const texts = part.parts.filter((inner) => inner.type === 'text').map((inner) => inner.text)
  const isElsewhere = texts.length === 0 && part.parts.length > 0
  const content = isElsewhere ? 'The result is in the next user message.' : texts.join('\n')
  return { ...part.extra?.[NAME], role: 'tool', tool_call_id: part.id, content }
}

/** What a tool message cannot hold, with a line that says whose it is. */
function attachments(result: ToolResultPart, options: EncodeOptions): JsonObject[] {
  const parts = result.parts.filter(isContent).filter((part) => part.type !== 'text' && isCarried(part, options))
  if (parts.length === 0) return []
  return [{ type: 'text', text: `Result of tool call ${result.id}:` }, ...parts.map(encodePart)]
}
