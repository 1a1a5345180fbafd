import type { AudioPart, DocumentPart, ImagePart, Part, Source } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { bad, base64, boolean, filled, list, object, optional, required, string } from '../shared/fields.ts'
import { DOCUMENTS, IMAGES, VIDEOS } from './media.ts'
import { NAME } from './types.ts'

/** Media types by format. Of several with one format the first is meant. */
const IMAGE_TYPES = inverse(IMAGES)
const DOCUMENT_TYPES = new Map([...inverse(DOCUMENTS), ['txt', 'text/plain']])
const VIDEO_TYPES = new Map([...inverse(VIDEOS), ['mpg', 'video/mpeg']])

function inverse(types: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...types].reverse().map(([type, format]) => [format, type]))
}

/** An image block. Throws GW_INVALID_REQUEST with the field's path. */
export function decodeImage(value: Json, param: string): ImagePart {
  const image = object(value, param)
  const format = required(image.format, `${param}.format`, filled)
  return withOwner({ type: 'image', source: sourceOf(image, param, IMAGE_TYPES.get(format) ?? `image/${format}`) }, image)
}

/** A sound. Its format goes back as it came. */
export function decodeAudio(value: Json, param: string): AudioPart {
  const audio = object(value, param)
  const format = required(audio.format, `${param}.format`, filled)
  const mediaType = format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
  const part = withOwner<AudioPart>({ type: 'audio', source: sourceOf(audio, param, mediaType) }, audio)
  return { ...part, extra: { [NAME]: { ...part.extra?.[NAME], format } } }
}

/** A video: a document by its media type. */
export function decodeVideo(value: Json, param: string): DocumentPart {
  const video = object(value, param)
  const format = required(video.format, `${param}.format`, filled)
  return withOwner({ type: 'document', source: sourceOf(video, param, VIDEO_TYPES.get(format) ?? `video/${format}`) }, video)
}

/** A document of bytes, of text, of pieces, or in S3. */
export function decodeDocument(value: Json, param: string): DocumentPart {
  const document = object(value, param)
  const format = optional(document.format, `${param}.format`, filled) ?? 'txt'
  const source = sourceOf(document, param, DOCUMENT_TYPES.get(format) ?? `application/${format}`)
  const part = withoutUndefined<DocumentPart>({
    type: 'document',
    source,
    name: required(document.name, `${param}.name`, filled),
    context: optional(document.context, `${param}.context`, string),
    cites: citesOf(document, param),
  })
  // Text goes to most models as bytes.
  return source.kind === 'text' ? { ...part, extra: { [NAME]: { text: true } } } : withOwner(part, document)
}

/** What the client's own search found: a document for all other formats. */
export function decodeSearchResult(value: Json, param: string): DocumentPart {
  const result = object(value, param)
  const parts = required(result.content, `${param}.content`, decodePieces)
  const source = required(result.source, `${param}.source`, string)
  return withoutUndefined<DocumentPart>({
    type: 'document',
    source: { kind: 'parts', parts },
    name: required(result.title, `${param}.title`, string),
    cites: citesOf(result, param),
    extra: { [NAME]: { searchResult: { source } } },
  })
}

function citesOf({ citations }: JsonObject, param: string): boolean | undefined {
  const asked = optional(citations, `${param}.citations`, object)
  return asked && optional(asked.enabled, `${param}.citations.enabled`, boolean)
}

function sourceOf(holder: JsonObject, param: string, mediaType: string): Source {
  const at = `${param}.source`
  const source = required(holder.source, at, object)
  if (source.bytes !== undefined) return { kind: 'data', mediaType, data: required(source.bytes, `${at}.bytes`, base64) }
  if (source.s3Location !== undefined) {
    const place = required(source.s3Location, `${at}.s3Location`, object)
    return { kind: 'url', url: required(place.uri, `${at}.s3Location.uri`, filled), mediaType }
  }
  if (source.text !== undefined) return { kind: 'text', text: required(source.text, `${at}.text`, string), mediaType }
  if (source.content !== undefined) return { kind: 'parts', parts: required(source.content, `${at}.content`, decodePieces) }
  return bad(at, 'must hold bytes, s3Location, text or content')
}

/** Pieces of text. */
function decodePieces(value: Json, param: string): Part[] {
  return list(value, param).map((piece, index) => {
    const at = `${param}[${index}]`
    return { type: 'text', text: required(object(piece, at).text, `${at}.text`, string) }
  })
}

/** Whose bucket it is. */
function withOwner<Each extends Part>(part: Each, { source }: JsonObject): Each {
  const place = (source as JsonObject).s3Location as JsonObject | undefined
  return place?.bucketOwner === undefined ? part : { ...part, extra: { [NAME]: { bucketOwner: place.bucketOwner } } }
}
