const SEPARATOR = '_ts_'
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/**
 * The id of a call with the proof that must come back with it, for dialects that have no field for one: every client sends ids
 * back as they are. Standard base64 is written with the letters that ids may have. A proof that is no base64 is left out. An id that
 * holds the separator itself ends with another, so that it reads back whole.
 */
export function signedCallId(id: string, signature: string | undefined): string {
  if (signature === undefined || !BASE64.test(signature)) return id.includes(SEPARATOR) ? id + SEPARATOR : id
  return `${id}${SEPARATOR}${signature.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`
}

/** The id and the proof of a call, from what `signedCallId` wrote. */
export function readCallId(written: string): { id: string; signature?: string } {
  const at = written.lastIndexOf(SEPARATOR)
  if (at <= 0) return { id: written }
  const id = written.slice(0, at)
  const letters = written
    .slice(at + SEPARATOR.length)
    .replaceAll('-', '+')
    .replaceAll('_', '/')
  return letters === '' ? { id } : { id, signature: letters.padEnd(Math.ceil(letters.length / 4) * 4, '=') }
}
