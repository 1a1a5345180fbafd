import { createPrivateKey, X509Certificate } from 'node:crypto'
import { z } from 'zod'

const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/
const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A duration in milliseconds: a number is milliseconds, a text is a Go duration (`500ms`, `1.5s`, `1m30s`). NaN for anything else. */
export function durationMs(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return Number.NaN
  if (/^\d+$/.test(value)) return Number(value)
  if (!DURATION.test(value)) return Number.NaN
  let total = 0
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0)
  return Math.round(total)
}

/** A duration of at least `least` milliseconds. */
export function duration(least: number) {
  const message = `must be a whole number of milliseconds or a duration like "500ms" or "1.5s", at least ${least} ms`
  return z
    .union([z.int({ error: message }), z.string({ error: message })], { error: message })
    .refine((value) => durationMs(value) >= least, message)
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// Tab and the printable part of latin1: what one header line can hold without ending it.
const HEADER_VALUE = /^[\t\x20-\x7e\xa0-\xff]*$/

/** A header's name by RFC 9110. */
export function headerName() {
  return z.string().regex(TOKEN, 'is not a header name')
}

/** Whether a text can be a header's value: one line of latin1. */
function isHeaderValue(text: string): boolean {
  return HEADER_VALUE.test(text)
}

/** A header's value. */
export function headerValue() {
  return z.string().refine(isHeaderValue, 'holds a line break or a character that a header cannot carry')
}

/** Headers the gateway writes itself, or that belong to one connection: no configuration may set them. */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'connection',
  'transfer-encoding',
  'accept-encoding',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'upgrade',
  'te',
  'trailer',
  'expect',
])

/** Where requests go: http, https or a unix socket. The sentence never repeats the URL, which may hold a password. */
export function upstreamUrl() {
  return z.string().superRefine((text, context) => {
    const message = urlFault(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

function urlFault(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url) return 'is not a URL'
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password; put the credential into a key'
  if (url.search !== '' || url.hash !== '') return 'must not hold a query or a fragment'
  if (url.protocol === 'unix:')
    return url.host === '' && url.pathname.length > 1 ? undefined : 'must name a socket by its full path: unix:///run/name.sock'
  return url.protocol === 'http:' || url.protocol === 'https:' ? undefined : 'must begin with http://, https:// or unix://'
}

/** Certificates in PEM form. */
export function certificate() {
  return z.string().refine((text) => {
    try {
      return new X509Certificate(text).subject !== undefined
    } catch {
      return false
    }
  }, 'is not a certificate in PEM form')
}

/** A private key in PEM form that needs no passphrase. */
export function privateKey() {
  return z.string().refine((text) => {
    try {
      return createPrivateKey(text).type === 'private'
    } catch {
      return false
    }
  }, 'is not a private key in PEM form, or is encrypted')
}

/** Whether a private key is that of a certificate; true where either cannot be read, which is another problem. */
export function belongTogether(certificatePem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem))
  } catch {
    return true
  }
}

/** Seconds, also fractions, within bounds. */
export function seconds(least: number, most = 86_400) {
  return z.number().min(least).max(most)
}
