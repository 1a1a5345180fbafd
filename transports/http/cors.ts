import type { HeaderList } from '../../core/edge.ts'
import type { ClientSettings } from '../../core/snapshot.ts'

/** What CORS goes by. */
export type CorsSettings = Pick<ClientSettings, 'allowedOrigins' | 'allowedHeaders'>

const METHODS = 'GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS'
const HEADERS = ['Content-Type', 'Authorization', 'X-Requested-With']
const DAY_SECONDS = '86400'
/** An origin is a scheme, a name and a port; longer ones are not matched against patterns. */
const MAX_ORIGIN_LENGTH = 300
const LOCAL = /^(https?:\/\/(localhost|127\.0\.0\.1|\[::1\])|http:\/\/0\.0\.0\.0)(:\d{1,5})?$/

/** Patterns of a settings object, compiled once. */
const compiled = new WeakMap<readonly string[], readonly RegExp[]>()

/** Headers for the answer to a request with this Origin; undefined when the origin is not allowed. */
export function corsHeaders(origin: string, settings: CorsSettings): HeaderList | undefined {
  if (!isAllowedOrigin(origin, settings.allowedOrigins)) return undefined
  // `*` is answered as such and without credentials: an echo would let any page act as its visitor (D8).
  if (isAnyOrigin(origin, settings.allowedOrigins)) return [['Access-Control-Allow-Origin', '*'], VARY]
  return [['Access-Control-Allow-Origin', origin], ['Access-Control-Allow-Credentials', 'true'], VARY]
}

/** What a preflight is told besides. */
export function preflightHeaders(settings: CorsSettings): HeaderList {
  return [
    ['Access-Control-Allow-Methods', METHODS],
    ['Access-Control-Allow-Headers', [...HEADERS, ...settings.allowedHeaders].join(', ')],
    ['Access-Control-Max-Age', DAY_SECONDS],
  ]
}

/** Every answer to a request with an Origin, so that a cache keeps them apart. */
export const VARY = ['Vary', 'Origin'] as const

/** With an explicit list nothing else is allowed, without one localhost alone (D8). `*` in a pattern is one label. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  if (origin.length > MAX_ORIGIN_LENGTH) return false
  if (allowed.length === 0) return LOCAL.test(origin)
  return allowed.includes('*') || allowed.includes(origin) || patternsOf(allowed).some((pattern) => pattern.test(origin))
}

/** Allowed by a bare `*` and by nothing more exact. */
function isAnyOrigin(origin: string, allowed: readonly string[]): boolean {
  return allowed.includes('*') && !allowed.includes(origin) && !patternsOf(allowed).some((pattern) => pattern.test(origin))
}

function patternsOf(allowed: readonly string[]): readonly RegExp[] {
  let patterns = compiled.get(allowed)
  if (patterns === undefined) {
    patterns = allowed.filter((entry) => entry !== '*' && entry.includes('*')).map(toPattern)
    compiled.set(allowed, patterns)
  }
  return patterns
}

function toPattern(entry: string): RegExp {
  const source = entry
    .split(/\*+/)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    .join('[^./:@]+')
  return new RegExp(`^${source}$`)
}
