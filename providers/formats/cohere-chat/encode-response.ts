import type { ChatResponse, Part, ToolCallPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { signedCallId } from '../shared/call-id.ts'
import { toDataUrl } from '../shared/data-url.ts'
import { encodeCitations } from './citations.ts'
import { encodeStop } from './stop.ts'
import { type Block, NAME } from './types.ts'
import { encodeUsage } from './usage.ts'

/** A whole answer of POST /v2/chat. The first choice; the API has no others. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const [choice] = response.choices
  const parts = choice?.parts ?? []
  const logprobs = choice?.logprobs === undefined ? undefined : encodeLogprobs(choice.logprobs)
  return {
    id: response.id || options.id,
    finish_reason: encodeStop(choice?.stop, parts.some(isCall)),
    message: encodeMessage(parts, options),
    usage: encodeUsage(response.usage),
    ...(logprobs && { logprobs }),
  }
}

function encodeMessage(parts: readonly Part[], options: ReplyOptions): JsonObject {
  const content: Block[] = []
  const calls: Block[] = []
  const citations: JsonObject[] = []
  let plan = ''
  for (const [index, part] of parts.entries()) {
    const planned = planOf(part)
    if (planned !== undefined) plan += planned
    else if (isCall(part)) calls.push(encodeCall(part, mintedId(options, index)))
    else {
      if (part.type === 'text') citations.push(...encodeCitations(part.citations ?? [], content.length))
      content.push(...encodePart(part))
    }
  }
  return {
    role: 'assistant',
    ...(plan !== '' && { tool_plan: plan }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(content.length > 0 && { content }),
    ...(citations.length > 0 && { citations }),
  }
}

/** The id of a call whose provider gave none, by its part's position. */
export function mintedId({ id }: ReplyOptions, index: number): string {
  return `${id}_${index}`
}

/** What the model planned before it called tools; undefined for every other part. */
export function planOf(part: Part): string | undefined {
  return part.type === 'reasoning' && part.extra?.[NAME]?.tool_plan === true ? part.text : undefined
}

/** Whether a part is a call for the client to run; those that the provider ran itself are not its business. */
export function isCall(part: Part): part is ToolCallPart {
  return part.type === 'tool-call' && part.kind !== 'server'
}

/** A call with its arguments as text: free text of a custom tool is put into an object. */
export function encodeCall(part: ToolCallPart, id: string): Block {
  const written = part.kind === 'custom' ? JSON.stringify({ input: part.arguments }) : part.arguments || '{}'
  return { id: signedCallId(part.id || id, part.signature), type: 'function', function: { name: part.name, arguments: written } }
}

/** Blocks of content: texts and thoughts; sealed thoughts and empty texts have none. */
function encodePart(part: Part): Block[] {
  if (part.type === 'reasoning') return part.text === '' ? [] : [{ type: 'thinking', thinking: part.text }]
  if (part.type === 'opaque') return part.format === NAME ? [{ ...part.value }] : []
  const text = shownText(part)
  return text === '' ? [] : [{ type: 'text', text }]
}

/** What a part is as text: the API answers with nothing else, so an address stands for media. */
export function shownText(part: Part): string {
  if (part.type === 'text' || part.type === 'refusal') return part.text
  if (part.type === 'audio') return part.text ?? ''
  if (part.type !== 'image') return ''
  const { source } = part
  const url = source.kind === 'url' ? source.url : source.kind === 'data' ? toDataUrl(source.mediaType, source.data) : ''
  return url === '' ? '' : `![image](${url})`
}

/** Log-probabilities as the API lists them: its own as they came, one entry for each token of OpenAI's. */
export function encodeLogprobs(value: Json): readonly Json[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return undefined
  if (!Array.isArray(value.content)) return Array.isArray(value.token_ids) ? [value] : undefined
  return value.content.filter(isObject).map(({ token, logprob }) => ({
    text: typeof token === 'string' ? token : '',
    token_ids: [],
    logprobs: typeof logprob === 'number' ? [logprob] : [],
  }))
}
