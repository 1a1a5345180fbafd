import type { DocumentPart, ImagePart, Message, Part, TextPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { toDataUrl } from '../shared/data-url.ts'
import { type Block, NAME } from './types.ts'

/** What the messages of a request share. */
export interface MessageContext {
  /** Top-level documents: what the answer may cite. */
  documents: Block[]
  /** Refuses what the dialect cannot say, or leaves it out where that is allowed. */
  unsupported(param: string): undefined
}

/** Messages as https://docs.cohere.com/reference/chat wants them: results stand in messages of their own. */
export function encodeMessages(messages: readonly Message[], context: MessageContext): Block[] {
  return messages.flatMap((message, index) => {
    const path = `messages[${index}]`
    if (message.role === 'assistant') return encodeAssistant(message, path, context)
    if (message.role === 'user') return encodeUser(message, path, context)
    return [{ role: 'system', content: message.parts.map(plainText).join('\n') }]
  })
}

function encodeUser(message: Message, path: string, context: MessageContext): Block[] {
  const results = message.parts.filter((part) => part.type === 'tool-result' && part.kind !== 'server') as ToolResultPart[]
  const others = message.parts.filter((part) => part.type !== 'tool-result')
  const content = present(others.map((part, index) => encodePart(part, `${path}.content[${index}]`, context)))
  const turn = content.length > 0 ? [{ role: 'user', content: contentOf(content) }] : []
  return [...results.map((part) => encodeResult(part, path, context)), ...turn]
}

function present(blocks: readonly (Block | undefined)[]): Block[] {
  return blocks.filter((block) => block !== undefined)
}

/** One text goes as text, as most of the dialect's models expect it. */
function contentOf(blocks: readonly Block[]): string | readonly Block[] {
  const [only] = blocks
  return blocks.length === 1 && only?.type === 'text' ? String(only.text) : blocks
}

function encodePart(part: Part, path: string, context: MessageContext): Block | undefined {
  if (part.type === 'text') return part.text === '' ? undefined : { type: 'text', text: part.text }
  if (part.type === 'image') return encodeImage(part, path, context)
  if (part.type === 'document') return encodeDocument(part, path, context)
  if (part.type === 'opaque') return part.format === NAME ? { ...part.value } : undefined
  return part.type === 'audio' ? context.unsupported(path) : undefined
}

function encodeImage({ source, detail }: ImagePart, path: string, context: MessageContext): Block | undefined {
  const url = source.kind === 'url' ? source.url : source.kind === 'data' ? toDataUrl(source.mediaType, source.data) : undefined
  if (url === undefined) return context.unsupported(path)
  return { type: 'image_url', image_url: { url, ...(detail !== undefined && { detail }) } }
}

/** Text is what the model can cite; files of other kinds it cannot read. */
function encodeDocument(part: DocumentPart, path: string, context: MessageContext): undefined {
  const said = documentText(part)
  if (said === undefined) return context.unsupported(path)
  context.documents.push(wireDocument(part, said))
}

/** Fields of the client's own stay beside what the document says. */
function wireDocument({ name, extra }: DocumentPart, said: string): Block {
  const { json, data, ...own } = extra?.[NAME] ?? {}
  const whole = json === true ? parseObject(said) : undefined
  return { ...own, data: whole ?? { ...(isObject(data) && data), ...(name !== undefined && { title: name }), text: said } }
}

function documentText({ source }: DocumentPart): string | undefined {
  if (source.kind === 'text') return source.text
  if (source.kind === 'parts') return source.parts.map(plainText).join('\n')
  const isText = source.kind === 'data' && /^(text\/|application\/json)/i.test(source.mediaType)
  return isText ? Buffer.from(source.data, 'base64').toString() : undefined
}

function encodeResult(part: ToolResultPart, path: string, context: MessageContext): Block {
  const blocks = present(part.parts.map((child, index) => encodeResultPart(child, `${path}.content[${index}]`, context)))
  const isText = blocks.every(({ type }) => type === 'text')
  return { role: 'tool', tool_call_id: part.id, content: isText ? blocks.map((block) => String(block.text)).join('\n') : blocks }
}

function encodeResultPart(part: Part, path: string, context: MessageContext): Block | undefined {
  if (part.type === 'text') return { type: 'text', text: part.text }
  const said = part.type === 'document' ? documentText(part) : undefined
  if (part.type !== 'document' || said === undefined) return context.unsupported(path)
  return { type: 'document', document: wireDocument(part, said) }
}

function encodeAssistant(message: Message, path: string, context: MessageContext): Block[] {
  const calls: Block[] = []
  const content: Block[] = []
  const citations: JsonObject[] = []
  let plan = ''
  for (const [index, part] of message.parts.entries()) {
    if (part.type === 'tool-call') {
      if (part.kind === 'custom') context.unsupported(`${path}.tool_calls[${index}]`)
      else if (part.kind !== 'server')
        calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: part.arguments || '{}' } })
    } else if (part.type === 'reasoning') {
      if (part.extra?.[NAME]?.tool_plan === true) plan += part.text
      else if (isOwnThought(part)) content.push({ type: 'thinking', thinking: part.text })
    } else if (part.type === 'text' || part.type === 'refusal') {
      if (part.text !== '') content.push({ type: 'text', text: part.text })
      if (part.type === 'text') citations.push(...ownCitations(part))
    } else if (part.type === 'opaque' && part.format === NAME) content.push({ ...part.value })
  }
  if (calls.length + content.length === 0 && plan === '') return []
  return [
    {
      role: 'assistant',
      ...(content.length > 0 && { content: contentOf(content) }),
      ...(plan !== '' && { tool_plan: plan }),
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(citations.length > 0 && { citations }),
    },
  ]
}

/** Citations go back only as the API gave them. */
function ownCitations({ citations = [] }: TextPart): JsonObject[] {
  return citations.map(({ extra }) => extra?.[NAME]).filter((entry) => entry !== undefined)
}

/** Thoughts of other models are sealed or signed, and mean nothing here. */
function isOwnThought(part: Extract<Part, { type: 'reasoning' }>): boolean {
  return part.text !== '' && part.signature === undefined && part.redacted === undefined && part.signedBy === undefined
}

function plainText(part: Part): string {
  return part.type === 'text' || part.type === 'refusal' ? part.text : ''
}
