import type { Source } from '../../../core/canonical/chat.ts'

const PREFIX = /^data:([^,]*?)(;base64)?,/i

/**
 * Reads a URL of an image or a document: `data:` URLs become bytes, everything else stays a URL. A data URL that is not
 * base64 is re-encoded, so that `data` is always base64. Undefined when a `data:` URL cannot be read.
 */
export function sourceFromUrl(url: string, mediaType?: string): Source | undefined {
  if (!/^data:/i.test(url)) return mediaType === undefined ? { kind: 'url', url } : { kind: 'url', url, mediaType }
  const match = PREFIX.exec(url)
  if (!match) return undefined
  const written = match[1] || (mediaType ?? 'text/plain')
  const rest = url.slice(match[0].length)
  if (match[2] !== undefined) return { kind: 'data', mediaType: written, data: rest }
  const text = decodePercent(rest)
  return text === undefined ? undefined : { kind: 'data', mediaType: written, data: Buffer.from(text).toString('base64') }
}

/** The `data:` URL of base64 bytes. */
export function toDataUrl(mediaType: string, data: string): string {
  return `data:${mediaType};base64,${data}`
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
