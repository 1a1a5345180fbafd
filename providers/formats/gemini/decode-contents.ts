import type { Message, Part, Source, ToolResultPart } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { bad, base64, filled, list, object, optional, required, string, word } from '../shared/fields.ts'
import { decodeProof } from '../shared/proof.ts'
import { camel } from './camel.ts'
import { decodePart as decodeAnswerPart } from './parts.ts'
import { mintId, NAME, PROOF, text } from './types.ts'

/** What a part may refer to. */
interface Conversation {
  /** Calls that nobody answered yet, in their order. */
  open: { id: string; name: string }[]
  minted: number
  lastCode: string | undefined
}

/** The conversation. Throws GW_INVALID_REQUEST with the path of the first thing that cannot be right. */
export function decodeContents(value: Json | undefined): Message[] {
  const contents = required(value, 'contents', list)
  if (contents.length === 0) bad('contents', 'must not be empty')
  const conversation: Conversation = { open: [], minted: 0, lastCode: undefined }
  return contents.map((item, index) => {
    const param = `contents[${index}]`
    const content = object(item, param)
    const role = optional(content.role, `${param}.role`, word('user', 'model', 'function')) ?? 'user'
    return { role: role === 'model' ? 'assistant' : 'user', parts: decodeParts(content.parts, `${param}.parts`, conversation) }
  })
}

/** `systemInstruction`: a content of texts, or its parts alone. */
export function decodeSystem(value: Json | undefined): Message[] {
  if (value === undefined || value === null) return []
  const parts = typeof value === 'string' ? [{ text: value }] : object(value, 'systemInstruction').parts
  const decoded = decodeParts(parts as Json, 'systemInstruction.parts', { open: [], minted: 0, lastCode: undefined })
  for (const [index, part] of decoded.entries()) if (part.type !== 'text') bad(`systemInstruction.parts[${index}]`, 'must be text')
  return decoded.length > 0 ? [{ role: 'system', parts: decoded }] : []
}

/** One part may stand for a list of one. */
function decodeParts(value: Json | undefined, param: string, conversation: Conversation): Part[] {
  const parts = isObject(value) ? [value] : required(value, param, list)
  return parts.map((item, index) => decodePart(camel(object(item, `${param}[${index}]`)), `${param}[${index}]`, conversation))
}

function decodePart(wire: JsonObject, param: string, conversation: Conversation): Part {
  if (wire.text !== undefined) return decodeText(wire, param)
  if (wire.functionResponse !== undefined) return decodeResponse(wire, `${param}.functionResponse`, conversation)
  if (wire.functionCall !== undefined) checkCall(wire.functionCall, `${param}.functionCall`)
  const media = wire.inlineData ?? wire.fileData
  if (media !== undefined) return withMarks(decodeMedia(wire, param), wire)
  if (Object.keys(wire).length === 0) bad(param, 'holds nothing')
  const reader = {
    nameOf: (name: string) => name,
    mint: () => mintId('asked', 0, conversation.minted++),
    lastCode: conversation.lastCode,
  }
  const part = decodeAnswerPart(wire, reader)
  conversation.lastCode = reader.lastCode
  if (part.type === 'tool-call' && part.kind === undefined) conversation.open.push({ id: part.id, name: part.name })
  return part
}

function decodeText(wire: JsonObject, param: string): Part {
  const said = string(wire.text as Json, `${param}.text`)
  const signature = text(wire.thoughtSignature)
  if (wire.thought === true) return { type: 'reasoning', text: said, ...(signature && decodeProof(signature, PROOF)) }
  return { type: 'text', text: said, ...(signature !== undefined && { extra: { [NAME]: { thoughtSignature: signature } } }) }
}

function checkCall(value: Json, param: string): void {
  const call = object(value, param)
  required(call.name, `${param}.name`, filled)
  optional(call.args, `${param}.args`, object)
}

function decodeMedia({ inlineData, fileData }: JsonObject, param: string): Part {
  const source = inlineData === undefined ? decodeFile(fileData, `${param}.fileData`) : decodeBytes(inlineData, `${param}.inlineData`)
  const mediaType = source.kind === 'data' || source.kind === 'url' ? (source.mediaType ?? '') : ''
  if (mediaType.startsWith('image/')) return { type: 'image', source }
  return mediaType.startsWith('audio/') ? { type: 'audio', source } : { type: 'document', source }
}

function decodeBytes(value: Json | undefined, param: string): Source {
  const blob = camel(required(value, param, object))
  return {
    kind: 'data',
    mediaType: required(blob.mimeType, `${param}.mimeType`, filled),
    data: standard(required(blob.data, `${param}.data`, string), `${param}.data`),
  }
}

/** Protobuf's JSON takes base64 for URLs too; others do not. */
function standard(data: string, param: string): string {
  return base64(data.replaceAll('-', '+').replaceAll('_', '/'), param)
}

function decodeFile(value: Json | undefined, param: string): Source {
  const file = camel(required(value, param, object))
  const mediaType = optional(file.mimeType, `${param}.mimeType`, string)
  return { kind: 'url', url: required(file.fileUri, `${param}.fileUri`, filled), ...(mediaType !== undefined && { mediaType }) }
}

/** Named by the id of its call, or by its name: then it answers the first call of that name that nobody answered. */
function decodeResponse(wire: JsonObject, param: string, { open }: Conversation): Part {
  const response = camel(object(wire.functionResponse as Json, param))
  const name = required(response.name, `${param}.name`, filled)
  const id = optional(response.id, `${param}.id`, filled)
  const at = open.findIndex((call) => (id === undefined ? call.name === name : call.id === id))
  if (at < 0) bad(param, `there is no call of ${name.slice(0, 60)} before it`)
  const call = open.splice(at, 1)[0] as { id: string }
  const said = required(response.response, `${param}.response`, object)
  const media = (optional(response.parts, `${param}.parts`, list) ?? []).map((item, index) =>
    decodeMedia(camel(object(item, `${param}.parts[${index}]`)), `${param}.parts[${index}]`),
  )
  const part: ToolResultPart = { type: 'tool-result', id: call.id, name, ...decodeOutcome(said) }
  return { ...part, parts: [...part.parts, ...media] }
}

/** `output` and `error` are the names that Google gives a plain outcome; everything else is the tool's own object. */
function decodeOutcome(said: JsonObject): Pick<ToolResultPart, 'parts' | 'isError'> {
  const [[name, value] = []] = Object.keys(said).length === 1 ? Object.entries(said) : []
  if (name === 'output' && typeof value === 'string') return { parts: [{ type: 'text', text: value }] }
  if (name === 'error') return { parts: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }], isError: true }
  return { parts: [{ type: 'text', text: JSON.stringify(said) }] }
}

function withMarks(part: Part, { inlineData: _bytes, fileData: _file, ...marks }: JsonObject): Part {
  return Object.keys(marks).length > 0 ? { ...part, extra: { [NAME]: marks } } : part
}
