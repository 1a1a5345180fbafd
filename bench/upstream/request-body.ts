import type { Ask } from './answers.ts'

/** A message of either dialect, as loosely as an echo needs it. */
interface LooseMessage {
  role?: unknown
  content?: unknown
}

/** What the last message says: its texts, tool results, and one phrase for each image or document. */
export function echoed(ask: Ask): string {
  return partsOf(messagesOf(ask).at(-1)?.content).map(describe).join(' ')
}

/** The conversation ends with the result of a tool. */
export function hasToolResult(ask: Ask): boolean {
  const last = messagesOf(ask).at(-1)
  return last?.role === 'tool' || partsOf(last?.content).some((part) => part.type === 'tool_result')
}

/** Why the provider would refuse this body, or undefined. Only what every vendor refuses, so that translators are caught. */
export function problemOf(ask: Ask): string | undefined {
  const body = ask.body
  if (body === undefined) return 'We could not parse the JSON body of your request.'
  if (typeof body.model !== 'string') return 'you must provide a model parameter'
  if (!Array.isArray(body.messages)) return 'messages: Field required'
  if (ask.dialect.name !== 'anthropic-messages') return undefined
  if (typeof body.max_tokens !== 'number') return 'max_tokens: Field required'
  if (!/\r\nanthropic-version:/i.test(ask.headText)) return 'anthropic-version: header is required'
  const roles = messagesOf(ask).map(({ role }) => role)
  const odd = roles.find((role) => role !== 'user' && role !== 'assistant')
  return odd === undefined ? undefined : `messages: Unexpected role "${String(odd)}"`
}

function messagesOf(ask: Ask): readonly LooseMessage[] {
  const messages = ask.body?.messages
  return Array.isArray(messages) ? (messages as LooseMessage[]) : []
}

function partsOf(content: unknown): readonly Record<string, unknown>[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? (content as Record<string, unknown>[]) : []
}

function describe(part: Record<string, unknown>): string {
  if (typeof part.text === 'string') return part.text
  if (part.type === 'image_url') return `[image ${imageOf((part.image_url as { url?: unknown })?.url)}]`
  if (part.type === 'image' || part.type === 'document') return `[${part.type} ${sourceOf(part.source)}]`
  if (part.type === 'tool_result') return partsOf(part.content).map(describe).join(' ')
  return `[${String(part.type)}]`
}

function imageOf(url: unknown): string {
  const match = /^data:([^;,]+);base64,(.*)$/s.exec(String(url))
  return match === null ? String(url) : `${match[1]} ${match[2]?.length} characters`
}

function sourceOf(source: unknown): string {
  const { type, media_type: mediaType, data, url } = (source ?? {}) as Record<string, unknown>
  return type === 'base64' ? `${String(mediaType)} ${String(data).length} characters` : String(url ?? type)
}
