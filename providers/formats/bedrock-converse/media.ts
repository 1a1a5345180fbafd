import type { AudioPart, DocumentPart, ImagePart, Source } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { mediaTypeByName } from '../shared/media-type.ts'
import type { BlockContext } from './messages.ts'
import { type Block, NAME } from './types.ts'

/** Formats by media type: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html */
export const IMAGES: ReadonlyMap<string, string> = new Map([
  ['image/png', 'png'],
  ['image/jpeg', 'jpeg'],
  ['image/jpg', 'jpeg'],
  ['image/gif', 'gif'],
  ['image/webp', 'webp'],
])

/** Formats by media type: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html. All other text is `txt`. */
export const DOCUMENTS: ReadonlyMap<string, string> = new Map([
  ['application/pdf', 'pdf'],
  ['text/csv', 'csv'],
  ['application/msword', 'doc'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ['text/html', 'html'],
  ['text/markdown', 'md'],
])

/** Text of any other kind: read as it stands. */
const TEXTUAL = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript)\b)/

/** Formats by media type: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_VideoBlock.html */
export const VIDEOS: ReadonlyMap<string, string> = new Map([
  ['video/mp4', 'mp4'],
  ['video/quicktime', 'mov'],
  ['video/webm', 'webm'],
  ['video/x-matroska', 'mkv'],
  ['video/x-flv', 'flv'],
  ['video/mpeg', 'mpeg'],
  ['video/x-ms-wmv', 'wmv'],
  ['video/3gpp', 'three_gp'],
])

/** A picture; the API takes bytes and places in S3, no other address and no file ids. What the client guards stays guarded. */
export function encodeImage(part: ImagePart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  const block = imageOf(part.source, own, context)
  return block && own?.guardContent !== undefined ? { guardContent: block } : block
}

/** A sound: only as a client of this API wrote it, because few of its models take any. */
export function encodeAudio(part: AudioPart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  const source = own?.format === undefined ? undefined : encodeSource(part.source, own)
  return source ? { audio: { format: own?.format, source } } : context.unsupported(context.path)
}

/** A document, a video or a picture, by its media type. Text travels as bytes too. */
export function encodeDocument(part: DocumentPart, context: BlockContext): Block | undefined {
  const own = part.extra?.[NAME]
  if (isObject(own?.searchResult)) return encodeSearchResult(part, own.searchResult)
  const mediaType = part.source.kind === 'parts' ? 'text/plain' : mediaTypeOf(part.source)
  if (mediaType?.startsWith('image/')) return imageOf(part.source, own, context)
  const source = encodeSource(part.source, own)
  const video = VIDEOS.get(mediaType ?? '')
  if (source && video) return { video: { format: video, source } }
  const format = documentFormat(mediaType)
  if (!source || !format) return context.unsupported(context.path)
  const document: JsonObject = { format, name: documentName(part.name, context), source }
  if (part.context !== undefined) document.context = part.context
  if (part.cites !== undefined) document.citations = { enabled: part.cites }
  return { document }
}

/** A result of the client's own search. */
function encodeSearchResult({ source, name, cites }: DocumentPart, own: JsonObject): Block {
  const texts = source.kind === 'parts' ? source.parts.flatMap((part) => (part.type === 'text' ? [{ text: part.text }] : [])) : []
  return { searchResult: { ...own, title: name ?? '', content: texts, ...(cites !== undefined && { citations: { enabled: cites } }) } }
}

function imageOf(source: Source, own: JsonObject | undefined, context: BlockContext): Block | undefined {
  const encoded = encodeSource(source, own)
  const format = IMAGES.get(mediaTypeOf(source) ?? '')
  return encoded && format ? { image: { format, source: encoded } } : context.unsupported(context.path)
}

function documentFormat(mediaType: string | undefined): string | undefined {
  if (mediaType === undefined) return undefined
  return DOCUMENTS.get(mediaType) ?? (TEXTUAL.test(mediaType) ? 'txt' : undefined)
}

function mediaTypeOf(source: Source): string | undefined {
  if (source.kind === 'parts') return undefined
  const said = source.mediaType?.split(';', 1)[0]?.trim().toLowerCase()
  if (said !== undefined || source.kind !== 'url') return said ?? (source.kind === 'text' ? 'text/plain' : undefined)
  return mediaTypeByName(source.url)
}

function encodeSource(source: Source, own: JsonObject | undefined): JsonObject | undefined {
  if (source.kind === 'data') return { bytes: source.data }
  if (source.kind === 'text' && own?.text === true) return { text: source.text }
  if (source.kind === 'text') return { bytes: Buffer.from(source.text).toString('base64') }
  if (source.kind === 'url' && source.url.startsWith('s3://')) {
    return { s3Location: { uri: source.url, ...(own?.bucketOwner !== undefined && { bucketOwner: own.bucketOwner }) } }
  }
  if (source.kind !== 'parts') return undefined
  const texts = source.parts.flatMap((part) => (part.type === 'text' ? [{ text: part.text }] : []))
  return texts.length === source.parts.length ? { content: texts } : undefined
}

/** The API takes letters, digits, single blanks, hyphens and brackets, and each name once in a request. */
function documentName(name: string | undefined, context: BlockContext): string {
  const stem = (name ?? '').replace(/\.[a-z0-9]{1,5}$/i, '')
  const base =
    stem
      .replace(/[^A-Za-z0-9\s\-()[\]]/g, '_')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 190) || 'document'
  let unique = base
  for (let copy = 2; context.documents.has(unique); copy++) unique = `${base} (${copy})`
  context.documents.add(unique)
  return unique
}
