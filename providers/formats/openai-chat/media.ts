import type { AudioPart, ImagePart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { sourceFromUrl, toDataUrl } from '../shared/data-url.ts'
import { text } from '../shared/openai-text.ts'
import { NAME, objects } from './types.ts'

/** OpenAI's answers do not say how their sound is coded; the request did. */
export const UNSAID = 'application/octet-stream'

/** The sound of a whole answer (`message.audio`); id, transcript and expiry are kept for clients of this format. */
export function decodeAudio(value: unknown): AudioPart | undefined {
  if (!isObject(value)) return undefined
  const { data, ...rest } = value
  return { type: 'audio', source: { kind: 'data', mediaType: UNSAID, data: text(data) ?? '' }, extra: { [NAME]: rest } }
}

/** A part as `message.audio`; undefined where it holds no bytes. */
export function encodeAudio(part: AudioPart): JsonObject | undefined {
  if (part.source.kind !== 'data') return undefined
  return { ...part.extra?.[NAME], data: part.source.data }
}

/** Images of an answer, as OpenRouter sends them (`message.images`). */
export function decodeImages(value: unknown): ImagePart[] {
  const parts: ImagePart[] = []
  for (const image of objects(value)) {
    const url = isObject(image.image_url) ? text(image.image_url.url) : undefined
    const source = url === undefined ? undefined : sourceFromUrl(url)
    if (source) parts.push({ type: 'image', source })
  }
  return parts
}

/** A part as entries of `message.images`; none where clients could not open it. */
export function encodeImage({ source }: ImagePart): JsonObject[] {
  if (source.kind === 'url') return [{ type: 'image_url', image_url: { url: source.url } }]
  if (source.kind === 'data') return [{ type: 'image_url', image_url: { url: toDataUrl(source.mediaType, source.data) } }]
  return []
}
