import type { Citation, Part, Source } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { sourceFromUrl } from '../shared/data-url.ts'
import { bad, base64, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { extraOf, NAME, text } from './types.ts'

type Decode = (part: JsonObject, param: string) => Part

const TEXT_FIELDS = new Set(['type', 'text', 'annotations', 'logprobs'])

/** Parts of messages and of results: https://platform.openai.com/docs/api-reference/responses/create#responses_create-input */
const PARTS: Readonly<Record<string, Decode>> = {
  input_text: decodeText,
  output_text: decodeText,
  text: decodeText,
  refusal: (part, param) => ({ type: 'refusal', text: required(part.refusal, `${param}.refusal`, string) }),
  input_image: (part, param) =>
    withoutUndefined<Part>({
      type: 'image',
      source: decodeImage(part, param),
      detail: optional(part.detail, `${param}.detail`, string),
    }),
  input_file: decodeFile,
  input_audio(part, param) {
    const audio = required(part.input_audio, `${param}.input_audio`, object)
    const format = required(audio.format, `${param}.input_audio.format`, filled)
    const data = required(audio.data, `${param}.input_audio.data`, base64)
    return { type: 'audio', source: { kind: 'data', mediaType: format === 'mp3' ? 'audio/mpeg' : `audio/${format}`, data } }
  },
}

/** Content as a text or as parts. Throws GW_INVALID_REQUEST for part types that nobody knows. */
export function decodeContent(content: Json, param: string): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return list(content, param).map((item, index) => decodePart(object(item, `${param}[${index}]`), `${param}[${index}]`))
}

function decodePart(wire: JsonObject, param: string): Part {
  const type = required(wire.type, `${param}.type`, filled)
  const decode = Object.hasOwn(PARTS, type) ? PARTS[type] : undefined
  return decode ? decode(wire, param) : bad(`${param}.type`, `unknown part type "${type.slice(0, 60)}"`)
}

function decodeText(part: JsonObject, param: string): Part {
  const citations = decodeAnnotations(part.annotations)
  return withoutUndefined<Part>({
    type: 'text',
    text: required(part.text, `${param}.text`, string),
    citations: citations.length > 0 ? citations : undefined,
    extra: extraOf(unknownFields(part, TEXT_FIELDS)),
  })
}

/** Annotations of a text; kinds other than web pages are kept whole for clients of this format. */
export function decodeAnnotations(value: unknown): Citation[] {
  return (Array.isArray(value) ? value.filter(isObject) : []).map(decodeAnnotation)
}

/** One annotation: https://platform.openai.com/docs/api-reference/responses/object#responses/object-output */
export function decodeAnnotation(annotation: JsonObject): Citation {
  if (annotation.type !== 'url_citation') {
    return withoutUndefined<Citation>({ kind: 'document', title: text(annotation.filename), extra: { [NAME]: annotation } })
  }
  const { url, title, start_index: start, end_index: end } = annotation
  return withoutUndefined<Citation>({
    kind: 'url',
    url: text(url),
    title: text(title),
    start: typeof start === 'number' ? start : undefined,
    end: typeof end === 'number' ? end : undefined,
  })
}

function decodeImage(part: JsonObject, param: string): Source {
  const id = optional(part.file_id, `${param}.file_id`, filled)
  if (id !== undefined) return { kind: 'file', id }
  return readUrl(required(part.image_url, `${param}.image_url`, filled), `${param}.image_url`)
}

function readUrl(url: string, param: string): Source {
  const source = sourceFromUrl(url)
  if (!source) return bad(param, 'is no data URL that can be read')
  if (source.kind === 'data') base64(source.data, param)
  return source
}

function decodeFile(part: JsonObject, param: string): Part {
  const data = optional(part.file_data, `${param}.file_data`, filled)
  const url = optional(part.file_url, `${param}.file_url`, filled)
  const id = optional(part.file_id, `${param}.file_id`, filled)
  const name = optional(part.filename, `${param}.filename`, string)
  const source: Source | undefined =
    data !== undefined
      ? readUrl(data.startsWith('data:') ? data : `data:application/pdf;base64,${data}`, `${param}.file_data`)
      : url !== undefined
        ? { kind: 'url', url }
        : id === undefined
          ? undefined
          : { kind: 'file', id }
  if (!source) return bad(param, 'needs file_data, file_url or file_id')
  return withoutUndefined<Part>({ type: 'document', source, name })
}
