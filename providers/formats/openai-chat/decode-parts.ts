import type { AudioPart, CacheControl, DocumentPart, Extra, ImagePart, Part, ReasoningPart, Source } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { sourceFromUrl } from '../shared/data-url.ts'
import { bad, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { text } from '../shared/openai-text.ts'
import { extraOf, NAME, objects } from './types.ts'

/** Media types of `input_audio.format` where the type is not `audio/<format>`. */
export const AUDIO_TYPES: Readonly<Record<string, string>> = { mp3: 'audio/mpeg' }

/** Parts that some compatible servers take and other formats do not know: kept whole. */
const OPAQUE_TYPES: ReadonlySet<string> = new Set(['video_url', 'audio_url', 'input_video'])

type Decode = (part: JsonObject, param: string) => Part

const PARTS: Readonly<Record<string, Decode>> = {
  text: (part, param) => ({ type: 'text', text: required(part.text, `${param}.text`, string) }),
  image_url: decodeImage,
  input_audio: decodeSound,
  file: decodeFile,
  refusal: (part, param) => ({ type: 'refusal', text: required(part.refusal, `${param}.refusal`, string) }),
  thinking: decodeThinking,
}

/** Fields of each type that have a place in canonical form. */
const KNOWN: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  ['text', 'image_url', 'input_audio', 'file', 'refusal', 'thinking'].map((type) => [
    type,
    new Set(['type', type, 'cache_control', 'cachePoint', ...(type === 'thinking' ? ['signature', 'closed'] : [])]),
  ]),
)

/** Content as a string or as a list of parts. Throws GW_INVALID_REQUEST for part types that nobody knows. */
export function decodeContent(content: Json, param: string): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (!Array.isArray(content)) return bad(param, 'must be a string or a list of parts')
  return list(content, param).map((part, index) => decodePart(object(part, `${param}[${index}]`), `${param}[${index}]`))
}

function decodePart(wire: JsonObject, param: string): Part {
  const type = required(wire.type, `${param}.type`, string)
  if (OPAQUE_TYPES.has(type)) return { type: 'opaque', format: NAME, value: wire }
  const decode = Object.hasOwn(PARTS, type) ? PARTS[type] : undefined
  if (!decode) return bad(`${param}.type`, `unknown part type "${type.slice(0, 60)}"`)
  const part = decode(wire, param)
  const rest = unknownFields(wire, KNOWN[type] as ReadonlySet<string>)
  const nested = part.extra?.[NAME]
  return withoutUndefined<Part>({
    ...part,
    cache: decodeCache(wire, param),
    extra: extraOf(rest || nested ? { ...nested, ...rest } : undefined),
  })
}

/** A cache breakpoint in Anthropic's spelling or in Bedrock's. */
export function decodeCache(wire: JsonObject, param: string): CacheControl | undefined {
  const name = wire.cache_control === undefined || wire.cache_control === null ? 'cachePoint' : 'cache_control'
  const control = optional(wire[name], `${param}.${name}`, object)
  return control && withoutUndefined<CacheControl>({ ttl: text(control.ttl), scope: text(control.scope) })
}

/** Fields of the object inside a part that canonical form has no place for, under the object's own name. */
function nestedExtra(name: string, value: JsonObject, known: readonly string[]): Extra | undefined {
  const rest = unknownFields(value, new Set(known))
  return extraOf(rest && { [name]: rest })
}

function decodeImage(part: JsonObject, param: string): ImagePart {
  const at = `${param}.image_url`
  const image = typeof part.image_url === 'string' ? { url: part.image_url } : required(part.image_url, at, object)
  const source = sourceOf(required(image.url, `${at}.url`, filled), `${at}.url`)
  const detail = optional(image.detail, `${at}.detail`, string)
  return { type: 'image', source, detail, extra: nestedExtra('image_url', image, ['url', 'detail']) }
}

function sourceOf(url: string, param: string, mediaType?: string): Source {
  return sourceFromUrl(url, mediaType) ?? bad(param, 'is no data URL that can be read')
}

function decodeSound(part: JsonObject, param: string): AudioPart {
  const at = `${param}.input_audio`
  const audio = required(part.input_audio, at, object)
  const data = required(audio.data, `${at}.data`, filled)
  const format = required(audio.format, `${at}.format`, filled)
  const mediaType = Object.hasOwn(AUDIO_TYPES, format) ? (AUDIO_TYPES[format] as string) : `audio/${format}`
  return { type: 'audio', source: { kind: 'data', mediaType, data }, extra: nestedExtra('input_audio', audio, ['data', 'format']) }
}

function decodeFile(part: JsonObject, param: string): DocumentPart {
  const at = `${param}.file`
  const file = required(part.file, at, object)
  const name = optional(file.filename, `${at}.filename`, string)
  const extra = nestedExtra('file', file, ['file_data', 'file_url', 'file_id', 'filename', 'file_type'])
  return { type: 'document', source: fileSource(file, at), name, extra }
}

function fileSource(file: JsonObject, at: string): Source {
  const mediaType = optional(file.file_type, `${at}.file_type`, string)
  const id = optional(file.file_id, `${at}.file_id`, filled)
  if (id !== undefined) return withoutUndefined<Source>({ kind: 'file', id, mediaType })
  const url = optional(file.file_url, `${at}.file_url`, filled)
  if (url !== undefined) return sourceOf(url, `${at}.file_url`, mediaType)
  const data = optional(file.file_data, `${at}.file_data`, filled)
  if (data === undefined) return bad(at, 'needs file_data, file_url or file_id')
  if (/^data:/i.test(data)) return sourceOf(data, `${at}.file_data`, mediaType)
  return { kind: 'data', mediaType: mediaType ?? 'application/pdf', data }
}

/** Mistral's thoughts, as its answers hold them. */
function decodeThinking(part: JsonObject): ReasoningPart {
  const { thinking } = part
  const said =
    typeof thinking === 'string'
      ? thinking
      : objects(thinking)
          .map((block) => text(block.text) ?? '')
          .join('')
  return { type: 'reasoning', text: said, signature: text(part.signature) }
}

/** A field whose object may be missing. */
export function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
