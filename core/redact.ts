import { SECRET_NAME } from './config/secrets.ts'

/** Shorter texts are not masked by value: they would mask ordinary words. Characters. */
const MIN_LENGTH = 8
/** What stands in place of a secret. */
export const MASK = '[redacted]'
const MAX_DEPTH = 8
// Credentials that no configuration names: a client's own, or one that a provider quotes in an error.
const BEARER = /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi
const PREFIXED = /\bsk-[\w-]{12,}/g

/** Takes known secrets out of texts. */
export interface Redactor {
  /** Makes a text a secret, once more where it is one already; shorter than 8 characters it is ignored. */
  add(secret: string): void
  /** Undoes one `add`: a secret that is of no use any more. */
  forget(secret: string): void
  /** The text without secrets: known ones, and what looks like a credential. */
  mask(text: string): string
}

/** A redactor that knows some secrets already. */
export function createRedactor(secrets: Iterable<string> = []): Redactor {
  const forms = new Set<string>()
  const times = new Map<string, number>()
  // Sorted when it is next needed: a configuration brings thousands at once.
  let longestFirst: readonly string[] | undefined
  const redactor: Redactor = {
    add(secret) {
      if (secret.length < MIN_LENGTH) return
      const before = times.get(secret) ?? 0
      times.set(secret, before + 1)
      if (before > 0) return
      for (const form of formsOf(secret)) forms.add(form)
      longestFirst = undefined
    },
    forget(secret) {
      const left = (times.get(secret) ?? 0) - 1
      if (left > 0) times.set(secret, left)
      if (left !== 0) return
      times.delete(secret)
      for (const form of formsOf(secret)) forms.delete(form)
      longestFirst = undefined
    },
    mask(text) {
      let masked = text
      longestFirst ??= [...forms].sort((a, b) => b.length - a.length)
      for (const secret of longestFirst) if (masked.includes(secret)) masked = masked.replaceAll(secret, MASK)
      if (masked.includes('sk-')) masked = masked.replace(PREFIXED, MASK)
      return masked.replace(BEARER, `$1 ${MASK}`)
    },
  }
  for (const secret of secrets) redactor.add(secret)
  return redactor
}

/** A copy of a value in which every field with a credential's name is masked, at any depth down to 8; header lists `[name, value]` too. */
export function redactFields(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (depth >= MAX_DEPTH) return '[too deep]'
  if (value instanceof Error) return value
  if (Array.isArray(value)) {
    if (value.length === 2 && typeof value[0] === 'string' && SECRET_NAME.test(value[0])) return [value[0], MASK]
    return value.map((item) => redactFields(item, depth + 1))
  }
  if (value instanceof Map) return redactFields(Object.fromEntries(value), depth)
  if (value instanceof Set) return redactFields([...value], depth)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  const copy: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    const isSecret = SECRET_NAME.test(name) && field !== undefined && field !== null && field !== '' && typeof field !== 'boolean'
    copy[name] = isSecret ? MASK : redactFields(field, depth + 1)
  }
  return copy
}

/** As it is, as JSON writes it, and as a URL does. */
function formsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeForUrl(secret)]
}

/** A lone surrogate cannot be encoded; then the text stands for itself. */
function encodeForUrl(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : text
}
