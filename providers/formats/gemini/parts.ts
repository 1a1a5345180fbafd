import type { Part, Source } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { NAME, text, type WirePart } from './types.ts'

/** Name of the tool that runs what the model writes, as other vendors call it. */
const CODE = 'code_execution'

/** What decoding a part needs of its answer. */
export interface PartReader {
  /** The client's own name of a tool. */
  nameOf(wire: string): string
  /** An id for a call that came without. */
  mint(): string
  /** The id of the code that ran last. */
  lastCode: string | undefined
}

/**
 * A part that comes whole -> ours, by the one field that says what it is (https://ai.google.dev/api/caching#Part); text, which
 * comes in pieces, is not among them. Marks beside the field (`thoughtSignature`, `videoMetadata`) stay in `extra`, a call's
 * signature in its place. What is not known is kept whole and in its place.
 */
export function decodePart(wire: WirePart, reader: PartReader): Part {
  if (isObject(wire.functionCall)) return decodeCall(wire.functionCall, wire, reader)
  if (isObject(wire.executableCode)) return decodeCode(wire, wire.executableCode, reader)
  if (isObject(wire.codeExecutionResult)) return decodeOutcome(wire, wire.codeExecutionResult, reader)
  const part = decodeMedia(wire)
  if (!part) return { type: 'opaque', format: NAME, value: wire }
  const marks = marksOf(wire)
  return marks ? { ...part, extra: { [NAME]: marks } } : part
}

/** A call, with the arguments that came with it. */
export function decodeCall(call: JsonObject, wire: WirePart, { nameOf, mint }: PartReader): Part & { type: 'tool-call' } {
  const signature = text(wire.thoughtSignature)
  return {
    type: 'tool-call',
    id: text(call.id) || mint(),
    name: nameOf(text(call.name) ?? ''),
    arguments: isObject(call.args) ? JSON.stringify(call.args) : '{}',
    ...(signature !== undefined && { signature }),
  }
}

/** What stands beside the field that says what a part is. */
function marksOf({ inlineData: _bytes, fileData: _file, ...marks }: WirePart): JsonObject | undefined {
  return Object.keys(marks).length > 0 ? marks : undefined
}

function decodeCode(wire: WirePart, code: JsonObject, reader: PartReader): Part {
  const id = text(code.id) || reader.mint()
  reader.lastCode = id
  return { type: 'tool-call', kind: 'server', id, name: CODE, arguments: JSON.stringify({ code: code.code }), extra: { [NAME]: wire } }
}

function decodeOutcome(wire: WirePart, result: JsonObject, reader: PartReader): Part {
  return {
    type: 'tool-result',
    kind: 'server',
    id: text(result.id) || (reader.lastCode ?? reader.mint()),
    name: CODE,
    parts: [{ type: 'text', text: text(result.output) ?? '' }],
    isError: result.outcome !== 'OUTCOME_OK',
    extra: { [NAME]: wire },
  }
}

function decodeMedia(wire: WirePart): Part | undefined {
  const source = sourceOf(wire)
  if (!source) return undefined
  const mediaType = source.mediaType ?? ''
  if (mediaType.startsWith('image/')) return { type: 'image', source }
  return mediaType.startsWith('audio/') ? { type: 'audio', source } : { type: 'document', source }
}

function sourceOf({ inlineData, fileData }: WirePart): Extract<Source, { kind: 'data' | 'url' }> | undefined {
  if (isObject(inlineData) && typeof inlineData.data === 'string') {
    return { kind: 'data', mediaType: text(inlineData.mimeType) ?? 'application/octet-stream', data: inlineData.data }
  }
  if (!isObject(fileData) || typeof fileData.fileUri !== 'string') return undefined
  const mediaType = text(fileData.mimeType)
  return { kind: 'url', url: fileData.fileUri, ...(mediaType !== undefined && { mediaType }) }
}
