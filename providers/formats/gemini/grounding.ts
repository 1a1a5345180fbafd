import type { Citation } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { NAME, text } from './types.ts'

/** A text of an answer, by the index of its part. */
export interface SaidText {
  part: number
  text: string
}

/** A citation and the part that it belongs to. */
export interface PlacedCitation {
  part: number
  citation: Citation
}

/**
 * Grounding -> citations, one for each source of each supported passage: https://ai.google.dev/api/generate-content#GroundingMetadata.
 * Google counts bytes of UTF-8, ours are code points. Passages of no text are left out.
 */
export function decodeGrounding(metadata: unknown, texts: readonly SaidText[]): PlacedCitation[] {
  if (!isObject(metadata) || texts.length === 0) return []
  const chunks = objects(metadata.groundingChunks)
  return objects(metadata.groundingSupports).flatMap((support) => {
    const segment = isObject(support.segment) ? support.segment : {}
    const place = locate(segment, texts)
    const indices = Array.isArray(support.groundingChunkIndices) ? support.groundingChunkIndices : []
    return indices.flatMap((index) => {
      const citation = decodeChunk(chunks[Number(index)])
      return citation ? [{ part: place.part, citation: { ...citation, ...place.offsets } }] : []
    })
  })
}

interface Place {
  part: number
  offsets: { start?: number; end?: number; text?: string }
}

/** Which text a passage is of, and where in it. The offsets of a stream count through all of its texts. */
function locate(segment: JsonObject, texts: readonly SaidText[]): Place {
  const said = text(segment.text)
  const quoted = said === undefined ? {} : { text: said }
  let start = Number(segment.startIndex ?? 0)
  let end = Number(segment.endIndex ?? 0)
  for (const { part, text: whole } of texts) {
    const bytes = Buffer.byteLength(whole)
    if (start < bytes || (texts.length === 1 && start === 0)) {
      const buffer = Buffer.from(whole)
      return { part, offsets: { start: points(buffer, start), end: points(buffer, Math.min(end, bytes)), ...quoted } }
    }
    start -= bytes
    end -= bytes
  }
  return { part: texts[0]?.part ?? 0, offsets: quoted }
}

function points(bytes: Buffer, offset: number): number {
  let count = 0
  // Bytes that continue a character are 10xxxxxx.
  for (let at = 0; at < offset; at++) if (((bytes[at] as number) & 0xc0) !== 0x80) count++
  return count
}

function decodeChunk(chunk: JsonObject | undefined): Citation | undefined {
  if (!chunk) return undefined
  const [source] = [chunk.web, chunk.retrievedContext, chunk.maps, chunk.image].filter(isObject)
  if (!source) return undefined
  const url = text(source.uri) ?? text(source.sourceUri)
  const title = text(source.title)
  return {
    kind: url === undefined ? 'document' : 'url',
    ...(url !== undefined && { url }),
    ...(title !== undefined && { title }),
    extra: { [NAME]: chunk },
  }
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map((entry) => (isObject(entry) ? entry : {})) : []
}
