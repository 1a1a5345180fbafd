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
