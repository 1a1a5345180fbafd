import type { Citation } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { NAME, text } from './types.ts'

/** One citation per source, or one without a source; the whole entry stands in the first. Offsets count code points, as everywhere. */
export function decodeCitation(entry: JsonObject): Citation[] {
  const sources = Array.isArray(entry.sources) ? (entry.sources as readonly Json[]).filter(isObject) : []
  const cited = (sources.length > 0 ? sources : [{}]).map((source) => fromSource(source, entry))
  return cited.map((citation, index) => (index === 0 ? { ...citation, extra: { [NAME]: entry } } : citation))
}

function fromSource(source: JsonObject, entry: JsonObject): Citation {
  const document = isObject(source.document) ? source.document : {}
  const url = text(document.url)
  const title = text(document.title)
  const quoted = text(entry.text)
  return {
    kind: url === undefined ? 'document' : 'url',
    ...(url !== undefined && { url }),
    ...(title !== undefined && { title }),
    ...(quoted !== undefined && { text: quoted }),
    ...(typeof entry.start === 'number' && { start: entry.start }),
    ...(typeof entry.end === 'number' && { end: entry.end }),
  }
}

/** Entries of a list, or one that stands alone. */
export function citationsIn(value: Json | undefined): JsonObject[] {
  return (Array.isArray(value) ? (value as readonly Json[]) : [value]).filter(isObject)
}

/** The entry that a citation becomes; none where an entry before it names its source already. `passage`: what it is about. */
export interface Cited {
  entry?: JsonObject | undefined
  passage: string
  isOwn: boolean
}

/** A citation as an entry: the API's own as it came, with all its sources. `content` counts the blocks of the content. */
export function encodeCitation(citation: Citation, content: number, before: Cited | undefined): Cited {
  const { start = 0, end = 0, text: quoted = '', url, title = '', extra } = citation
  const passage = `${content} ${start} ${end} ${quoted}`
  const own = extra?.[NAME]
  if (own) return { entry: own, passage, isOwn: true }
  if (before?.isOwn && before.passage === passage) return { ...before, entry: undefined }
  const id = url ?? title
  const source = { type: 'document', id, document: { id, title, text: quoted, ...(url !== undefined && { url }) } }
  return { entry: { start, end, text: quoted, sources: [source], content_index: content, type: 'TEXT_CONTENT' }, passage, isOwn: false }
}

/** The entries that a text's citations become; neighbours about the same passage are one with several sources. */
export function encodeCitations(citations: readonly Citation[], content: number): JsonObject[] {
  const entries: JsonObject[] = []
  let before: Cited | undefined
  for (const citation of citations) {
    const { entry, ...cited } = encodeCitation(citation, content, before)
    const last = entries.at(-1)
    const isSame = last !== undefined && !cited.isOwn && before?.passage === cited.passage
    if (entry && isSame) last.sources = [...(last.sources as JsonObject[]), ...(entry.sources as JsonObject[])]
    else if (entry) entries.push(entry)
    before = cited
  }
  return entries
}
