import type { Message, Part, Source, TextPart, ToolCallPart, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseFaithfully } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import { mediaTypeByName } from '../shared/media-type.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import type { ToolNames } from '../shared/tool-names.ts'
import { type Content, isMinted, NAME, type WirePart } from './types.ts'

/** What encoders of parts and tools know, and report while they work. */
export interface PartContext {
  names: ToolNames
  /** Gemini 3 wants proof of its thoughts with each step's first call. */
  wantsProof: boolean
  /** Names of the calls so far, by id: an answer to a call must name it. */
  calls: Map<string, string>
  /** Told of a field that cannot be sent: throws GW_UNSUPPORTED_PARAMETER, or notes it where dropping is allowed. */
  unsupported(param: string): undefined
  /** Path of the part at hand. */
  path: string
}

/** Stands for the proof of a call that another model made: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs */
const NO_PROOF = 'skip_thought_signature_validator'
/** What a user says where a conversation has no turn that the API takes. */
const OPENING = 'Please continue.'

/** The conversation in the API's shape: system texts apart, turns of one role joined. */
export function encodeMessages(messages: readonly Message[], context: PartContext): { system: WirePart[]; contents: Content[] } {
  const isSpoken = messages.some((message) => !isInstruction(message))
  const system: WirePart[] = []
  const contents: Content[] = []
  for (const [index, message] of messages.entries()) {
    const parts = encodeList(message.parts, `messages[${index}].content`, context)
    if (isInstruction(message) && isSpoken) system.push(...parts)
    else addTurn(contents, message.role === 'assistant' ? 'model' : 'user', parts)
  }
  if (contents.length === 0) contents.push({ role: 'user', parts: [{ text: OPENING }] })
  if (context.wantsProof) for (const content of contents) proveCalls(content)
  return { system, contents }
}

function isInstruction(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer'
}

function addTurn(contents: Content[], role: Content['role'], parts: WirePart[]): void {
  if (parts.length === 0) return
  const last = contents.at(-1)
  if (last?.role === role) last.parts.push(...parts)
  else contents.push({ role, parts })
}

/** Of calls made together the first has the proof. */
function proveCalls({ parts }: Content): void {
  const call = parts.find((part) => part.functionCall !== undefined)
  if (call && call.thoughtSignature === undefined) call.thoughtSignature = NO_PROOF
}

function encodeList(parts: readonly Part[], path: string, context: PartContext): WirePart[] {
  const encoded: WirePart[] = []
  for (const [index, part] of parts.entries()) {
    context.path = `${path}[${index}]`
    encoded.push(...encodePart(part, context))
  }
  return encoded
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>, context: PartContext) => WirePart[] }

const ENCODERS: Encoders = {
  text: encodeText,
  image: (part, context) => encodeMedia(part.source, part.extra?.[NAME], context),
  audio: (part, context) => encodeMedia(part.source, part.extra?.[NAME], context),
  document: (part, context) => encodeMedia(part.source, part.extra?.[NAME], context),
  reasoning(part) {
    // Thoughts need not come back; what proves them is checked, so only Google's own may.
    if (part.signedBy !== 'google' || part.signature === undefined) return []
    return [{ text: part.text, thought: true, thoughtSignature: part.signature }]
  },
  'tool-call': encodeCall,
  'tool-result': encodeResult,
  refusal: (part) => (part.text === '' ? [] : [{ text: part.text }]),
  opaque: (part) => (part.format === NAME ? [{ ...part.value }] : []),
}

function encodePart(part: Part, context: PartContext): WirePart[] {
  return (ENCODERS[part.type] as (part: Part, context: PartContext) => WirePart[])(part, context)
}

function encodeText(part: TextPart): WirePart[] {
  const own = part.extra?.[NAME]
  return part.text === '' && !own ? [] : [{ text: part.text, ...own }]
}

/** Bytes inline, everything else by address: https://ai.google.dev/api/files */
function encodeMedia(source: Source, own: JsonObject | undefined, context: PartContext): WirePart[] {
  const encoded = encodeSource(source)
  return encoded ? [{ ...encoded, ...own }] : (context.unsupported(context.path) ?? [])
}

function encodeSource(source: Source): WirePart | undefined {
  if (source.kind === 'data') return { inlineData: { mimeType: source.mediaType, data: source.data } }
  if (source.kind === 'text') return { text: source.text }
  if (source.kind === 'parts') {
    const texts = source.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
    return texts.length === source.parts.length ? { text: texts.join('\n') } : undefined
  }
  const fileUri = source.kind === 'url' ? source.url : source.id
  const mimeType = source.mediaType ?? mediaTypeByName(fileUri)
  return { fileData: { ...(mimeType !== undefined && { mimeType }), fileUri } }
}

function encodeCall(part: ToolCallPart, context: PartContext): WirePart[] {
  const own = part.extra?.[NAME]
  // A call that another provider ran itself means nothing here; its outcome is in that answer's text.
  if (part.kind === 'server') return own ? [{ ...own }] : []
  context.calls.set(part.id, part.name)
  const { id, ...call } = identified(part.id, context.names.get(part.name) ?? part.name)
  const signed = part.signature === undefined ? {} : { thoughtSignature: part.signature }
  return [{ functionCall: { ...(id !== undefined && { id }), ...call, args: argsOf(part, context) }, ...signed, ...own }]
}

function identified(id: string, name: string): { id?: string; name: string } {
  return id === '' || isMinted(id) ? { name } : { id, name }
}

function argsOf(part: ToolCallPart, context: PartContext): JsonObject {
  if (part.kind === 'custom') return { input: part.arguments }
  // Cohere writes `null` for a call without arguments, and clients send that back.
  const args = part.arguments === 'null' ? {} : parseArguments(part.arguments)
  if (args) return args
  const param = `${context.path}.arguments`
  throw new GatewayError('GW_INVALID_REQUEST', { param, reason: `the arguments of the call to ${part.name} are not a JSON object` })
}

/** The answer to a call, with what is no text beside it: https://ai.google.dev/api/caching#FunctionResponse */
function encodeResult(part: ToolResultPart, context: PartContext): WirePart[] {
  const own = part.extra?.[NAME]
  if (part.kind === 'server') return own ? [{ ...own }] : []
  const known = part.name ?? context.calls.get(part.id) ?? 'tool'
  const texts = part.parts.flatMap((child) => (child.type === 'text' ? [child.text] : []))
  const media = part.parts.flatMap((child) => (child.type === 'text' ? [] : encodePart(child, context)))
  const response = responseOf(texts, part.isError === true)
  const { id, name } = identified(part.id, context.names.get(known) ?? known)
  return [{ functionResponse: { ...(id !== undefined && { id }), name, response, ...own } }, ...media]
}

/** The API wants an object. One text that is one goes as such. */
function responseOf(texts: readonly string[], isError: boolean): JsonObject {
  const [first] = texts
  const parsed = texts.length === 1 && first?.trimStart().startsWith('{') ? objectIn(first) : undefined
  if (parsed) return isError && parsed.error === undefined ? { error: parsed } : parsed
  return { [isError ? 'error' : 'output']: texts.join('\n') }
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value = parseFaithfully(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
