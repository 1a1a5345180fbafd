import type { ChatResponse, Choice, Part, ReasoningPart, TextPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { unknownFields } from '../shared/fields.ts'
import { failureOf, isErrorBody } from '../shared/openai-error.ts'
import { text } from '../shared/openai-text.ts'
import { decodeAnnotations, encodeAnnotation } from './citations.ts'
import { decodeAudio, decodeImages, encodeAudio, encodeImage } from './media.ts'
import { encodeReasoning, reasoningParts } from './reasoning.ts'
import { decodeStop, encodeStop } from './stop.ts'
import { extraOf, NAME, objects, readToolCall } from './types.ts'
import { decodeUsage, encodeUsage, usageOf } from './usage.ts'

/** Fields of an answer and of a chunk that have a place in canonical form; `obfuscation` is padding. */
export const BODY_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'object',
  'created',
  'model',
  'choices',
  'usage',
  'service_tier',
  'error',
  'obfuscation',
])
/** The same for a choice. */
export const CHOICE_FIELDS: ReadonlySet<string> = new Set(['index', 'message', 'delta', 'finish_reason', 'logprobs'])
/** The same for a message and a delta. `index` is Mistral's, and says nothing. */
export const MESSAGE_FIELDS: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'tool_calls',
  'function_call',
  'annotations',
  'audio',
  'images',
  'index',
])

/** A whole answer of any OpenAI-compatible server. Throws GW_UPSTREAM_ERROR for an error with status 200, GW_UPSTREAM_INVALID for what is no answer. */
export function decodeResponse(body: JsonObject): ChatResponse {
  if (isErrorBody(body)) throw failureOf(body)
  const choices = objects(body.choices)
  if (choices.length === 0) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an answer without choices' })
  const response: ChatResponse = { id: text(body.id) ?? '', model: text(body.model) ?? '', choices: choices.map(decodeChoice) }
  const created = createdOf(body)
  if (created !== undefined) response.created = created
  const usage = usageOf(body)
  if (usage) response.usage = decodeUsage(usage)
  const tier = text(body.service_tier)
  if (tier !== undefined) response.serviceTier = tier
  const extra = unknownFields(body, BODY_FIELDS)
  if (extra) response.extra = extraOf(extra)
  return response
}

/** When the answer was made, in seconds; servers that do not know write 0. */
export function createdOf(body: JsonObject): number | undefined {
  return typeof body.created === 'number' && body.created > 0 ? body.created : undefined
}

function decodeChoice(choice: JsonObject, position: number): Choice {
  const index = typeof choice.index === 'number' ? choice.index : position
  const message = isObject(choice.message) ? choice.message : {}
  const decoded: Choice = { index, parts: decodeMessage(message, index), stop: decodeStop(choice.finish_reason) }
  if (choice.logprobs !== undefined && choice.logprobs !== null) decoded.logprobs = choice.logprobs
  const extra = choiceExtra(unknownFields(choice, CHOICE_FIELDS), unknownFields(message, MESSAGE_FIELDS))
  if (extra) decoded.extra = extra
  return decoded
}

/** Unknown fields of a choice, and under `message` those of its message. */
export function choiceExtra(choice: JsonObject | undefined, message: JsonObject | undefined): ReturnType<typeof extraOf> {
  return extraOf(message ? { ...choice, message } : choice)
}

function decodeMessage(message: JsonObject, choice: number): Part[] {
  const parts: Part[] = reasoningParts(message)
  parts.push(...decodeContent(message))
  const refusal = text(message.refusal)
  if (refusal !== undefined) parts.push({ type: 'refusal', text: refusal })
  const audio = decodeAudio(message.audio)
  if (audio) parts.push(audio)
  if (message.images) parts.push(...decodeImages(message.images))
  if (message.tool_calls || message.function_call) parts.push(...decodeCalls(message, choice))
  return parts
}

/** Content as text, or as Mistral's list of thinking and text. */
function decodeContent(message: JsonObject): Part[] {
  const pieces = contentPieces(message.content)
  const citations = decodeAnnotations(message.annotations)
  const parts: (TextPart | ReasoningPart)[] = []
  for (const piece of pieces) {
    const open = parts.at(-1)
    if (open?.type === piece.type) open.text += piece.text
    else parts.push({ ...piece })
  }
  if (citations.length === 0) return parts
  const cited = parts.findLast((part) => part.type === 'text')
  if (cited) cited.citations = citations
  else parts.push({ type: 'text', text: '', citations })
  return parts
}

/** What content says, in pieces of text and thinking; empty pieces are left out. */
export function contentPieces(content: Json | undefined): { type: 'text' | 'reasoning'; text: string }[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  const pieces: { type: 'text' | 'reasoning'; text: string }[] = []
  for (const block of objects(content)) {
    const isThinking = block.type === 'thinking'
    const said = isThinking ? thinkingText(block.thinking) : text(block.text)
    if (said) pieces.push({ type: isThinking ? 'reasoning' : 'text', text: said })
  }
  return pieces
}

function thinkingText(thinking: Json | undefined): string {
  if (typeof thinking === 'string') return thinking
  return objects(thinking)
    .map((block) => text(block.text) ?? '')
    .join('')
}

function decodeCalls(message: JsonObject, choice: number): Part[] {
  const calls = objects(message.tool_calls).map(readToolCall)
  if (isObject(message.function_call)) calls.push(readToolCall({ function: message.function_call }))
  return calls.map((call, position) =>
    withoutUndefined<Part>({
      type: 'tool-call',
      id: call.id ?? mintedId(choice, position),
      name: call.name,
      arguments: call.arguments,
      kind: call.isCustom ? 'custom' : undefined,
    }),
  )
}

/** The id of a call whose provider gave none: the same in a stream and in a whole answer. */
export function mintedId(choice: number, position: number): string {
  return `call_${choice}_${position}`
}

/** A whole answer for clients of this format. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const body: JsonObject = {
    ...response.extra?.[NAME],
    id: response.id || options.id,
    object: 'chat.completion',
    created: response.created ?? options.created,
    model: response.model || options.model,
    choices: response.choices.map(encodeChoice),
  }
  if (response.usage) body.usage = encodeUsage(response.usage)
  if (response.serviceTier !== undefined) body.service_tier = response.serviceTier
  return body
}

function encodeChoice(choice: Choice): JsonObject {
  const { index, parts, stop, logprobs = null } = choice
  const own = choice.extra?.[NAME]
  if (!own) return { index, message: encodeMessage(parts), logprobs, finish_reason: encodeStop(stop) }
  const { message, ...extra } = own
  return {
    ...extra,
    index,
    message: { ...(isObject(message) ? message : undefined), ...encodeMessage(parts) },
    logprobs,
    finish_reason: encodeStop(stop),
  }
}

function encodeMessage(parts: readonly Part[]): JsonObject {
  const [first] = parts
  // Most answers are one text.
  if (parts.length === 1 && first?.type === 'text' && !first.citations) return { role: 'assistant', content: first.text, refusal: null }
  const texts = parts.filter((part) => part.type === 'text')
  const annotations = texts.flatMap((part) => part.citations ?? []).map(encodeAnnotation)
  const images = parts.filter((part) => part.type === 'image').flatMap(encodeImage)
  const audio = parts.find((part) => part.type === 'audio')
  const calls = encodeCalls(parts)
  return withoutUndefined<JsonObject>({
    role: 'assistant',
    content: joined(texts),
    refusal: joined(parts.filter((part) => part.type === 'refusal')),
    ...encodeReasoning(parts.filter((part) => part.type === 'reasoning')),
    annotations: annotations.length > 0 ? annotations : undefined,
    audio: audio && encodeAudio(audio),
    images: images.length > 0 ? images : undefined,
    tool_calls: calls.length > 0 ? calls : undefined,
  })
}

function joined(parts: readonly { text: string }[]): string | null {
  return parts.length === 0 ? null : parts.map((part) => part.text).join('')
}

/** Calls for the client to run; those that the provider ran itself are not its business. */
export function encodeCalls(parts: readonly Part[]): JsonObject[] {
  const calls: JsonObject[] = []
  for (const part of parts) {
    if (part.type !== 'tool-call' || part.kind === 'server') continue
    const { id, name } = part
    if (part.kind === 'custom') calls.push({ id, type: 'custom', custom: { name, input: part.arguments } })
    else calls.push({ id, type: 'function', function: { name, arguments: part.arguments || '{}' } })
  }
  return calls
}
