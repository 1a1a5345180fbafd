import type { Citation } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { text } from '../shared/openai-text.ts'
import { NAME, objects } from './types.ts'

/** Annotations of a message or a delta. Kinds other than `url_citation` are kept whole for clients of this format. */
export function decodeAnnotations(value: unknown): Citation[] {
  return objects(value).map((annotation) => {
    const cited = annotation.url_citation
    if (annotation.type !== 'url_citation' || !isObject(cited)) return { kind: 'document', extra: { [NAME]: annotation } }
    return withoutUndefined<Citation>({
      kind: 'url',
      url: text(cited.url),
      title: text(cited.title),
      text: text(cited.content),
      start: number(cited.start_index),
      end: number(cited.end_index),
    })
  })
}

/** Citations as annotations. One of a document goes out as a `url_citation` without a URL: clients know no other kind. */
export function encodeAnnotation(citation: Citation): JsonObject {
  const own = citation.extra?.[NAME]
  if (own) return own
  return {
    type: 'url_citation',
    url_citation: withoutUndefined<JsonObject>({
      url: citation.url ?? '',
      title: citation.title ?? '',
      start_index: citation.start ?? 0,
      end_index: citation.end ?? 0,
      content: citation.text,
    }),
  }
}

function number(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
