import type { DocumentPart, ImagePart, Part, Source } from '../../../core/canonical/chat.ts'
import { type Json, withoutUndefined } from '../../../core/canonical/json.ts'
import { base64, boolean, filled, object, optional, type Read, required, string, unknownFields, word } from '../shared/fields.ts'
import { type Block, NAME } from './types.ts'

const IMAGE_FIELDS = new Set(['type', 'source'])
const DOCUMENT_FIELDS = new Set(['type', 'source', 'title', 'context', 'citations'])
const SEARCH_FIELDS = new Set(['type', 'title', 'citations'])

/** An image: https://docs.claude.com/en/docs/build-with-claude/vision */
export function decodeImage(block: Block, param: string): ImagePart {
  const at = `${param}.source`
  const source = required(block.source, at, object)
  const type = required(source.type, `${at}.type`, word('base64', 'url', 'file'))
  const rest = unknownFields(block, IMAGE_FIELDS)
  return { type: 'image', source: READERS[type](source, at), ...(rest && { extra: { [NAME]: rest } }) }
}

/** A document: https://docs.claude.com/en/docs/build-with-claude/citations. `readParts` reads blocks inside it. */
export function decodeDocument(block: Block, param: string, readParts: Read<Part[]>): DocumentPart {
  const rest = unknownFields(block, DOCUMENT_FIELDS)
  return withoutUndefined<DocumentPart>({
    type: 'document',
    source: documentSource(block.source, `${param}.source`, readParts),
    name: optional(block.title, `${param}.title`, string),
    context: optional(block.context, `${param}.context`, string),
    cites: citesOf(block, param),
    extra: rest && { [NAME]: rest },
  })
}

/** A search result of the client's own: to other formats a document with that title. */
export function decodeSearchResult(block: Block, param: string, readParts: Read<Part[]>): DocumentPart {
  required(block.source, `${param}.source`, string)
  return withoutUndefined<DocumentPart>({
    type: 'document',
    source: { kind: 'parts', parts: required(block.content, `${param}.content`, readParts) },
    name: required(block.title, `${param}.title`, string),
    cites: citesOf(block, param),
    extra: { [NAME]: { type: block.type, ...unknownFields(block, SEARCH_FIELDS) } },
  })
}

type ReadSource = (source: Record<string, Json | undefined>, param: string) => Source

const READERS: Readonly<Record<'base64' | 'url' | 'file', ReadSource>> = {
  base64: (source, param) => ({
    kind: 'data',
    mediaType: required(source.media_type, `${param}.media_type`, filled),
    data: required(source.data, `${param}.data`, base64),
  }),
  url: (source, param) => ({ kind: 'url', url: required(source.url, `${param}.url`, filled) }),
  file: (source, param) => ({ kind: 'file', id: required(source.file_id, `${param}.file_id`, filled) }),
}

function documentSource(value: Json | undefined, param: string, readParts: Read<Part[]>): Source {
  const source = required(value, param, object)
  const type = required(source.type, `${param}.type`, word('base64', 'text', 'content', 'url', 'file'))
  if (type === 'content') return { kind: 'parts', parts: required(source.content, `${param}.content`, readParts) }
  if (type !== 'text') return READERS[type](source, param)
  const mediaType = optional(source.media_type, `${param}.media_type`, string)
  return withoutUndefined<Source>({ kind: 'text', text: required(source.data, `${param}.data`, string), mediaType })
}

function citesOf(block: Block, param: string): boolean | undefined {
  const citations = optional(block.citations, `${param}.citations`, object)
  return citations && optional(citations.enabled, `${param}.citations.enabled`, boolean)
}
