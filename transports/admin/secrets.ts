import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { GatewayError } from '../../core/errors.ts'
import { redactFields } from '../../core/redact.ts'
import { mapSecretFields } from '../../core/sealing/secret-fields.ts'

/** How much of a long secret a mask shows at either end, so that people tell keys apart. Characters. */
const SHOWN = 4
/** Shorter secrets show nothing, not even their length. */
const LEAST_TO_SHOW = 16
const STARS = '*'.repeat(24)
/** A secret of several lines may begin or end with a line's end. */
const MASKED = /^.{0,4}\*{24}.{0,4}$/s

/** A secret as the API shows it. */
export function mask(secret: string): string {
  return secret.length < LEAST_TO_SHOW ? STARS : `${secret.slice(0, SHOWN)}${STARS}${secret.slice(-SHOWN)}`
}

/** A body as the API shows it: no secret in it. `asVariables`: texts become `{value, env_var, from_env}`, as the original writes those of keys. */
export function shownBody(collection: string, id: string, body: JsonObject, { asVariables = false } = {}): JsonObject {
  return mapSecretFields(collection, id, body, (value, path) => {
    if (typeof value !== 'string') return redactFields(value) as Json
    const isReference = value.startsWith('env.')
    if (!asVariables) return isReference || value === '' ? value : shownText(value, path)
    return { value: isReference || value === '' ? '' : mask(value), env_var: isReference ? value : '', from_env: isReference }
  })
}

/** Of a URL only the password is a secret. */
function shownText(text: string, path: readonly string[]): string {
  if (path.at(-1) !== 'url') return mask(text)
  const url = URL.parse(text)
  if (!url) return mask(text)
  if (url.password === '') return text
  url.password = HIDDEN
  return url.href
}
const HIDDEN = '***'

const VARIABLE = new Set(['value', 'env_var', 'from_env'])

/** A body as config.json would write it: every `{value, env_var, from_env}` is the text it stands for. */
export function flattened(value: Json): Json {
  if (Array.isArray(value)) return value.map(flattened)
  if (!isObject(value)) return value
  if (('env_var' in value || 'from_env' in value) && Object.keys(value).every((name) => VARIABLE.has(name))) return textOf(value)
  return Object.fromEntries(Object.entries(value).flatMap(([name, inner]) => (inner === undefined ? [] : [[name, flattened(inner)]])))
}

function textOf({ value, env_var: name, from_env: isFromEnv }: JsonObject): Json {
  if (typeof name === 'string' && name !== '' && isFromEnv !== false) return name.startsWith('env.') ? name : `env.${name}`
  return value ?? ''
}

/** A body with the stored secret wherever its mask came back. Throws GW_INVALID_REQUEST where a mask came and nothing is stored. */
export function withStoredSecrets(
  collection: string,
  id: string,
  { next, current }: { next: JsonObject; current: JsonObject | undefined },
): JsonObject {
  return mapSecretFields(collection, id, next, (value, path) => restored(value, current, path))
}

function restored(value: Json, current: JsonObject | undefined, path: readonly string[]): Json {
  if (isObject(value)) {
    const inner = Object.entries(value).map(([name, field]) => [
      name,
      field === undefined ? field : restored(field, current, [...path, name]),
    ])
    return Object.fromEntries(inner) as JsonObject
  }
  if (Array.isArray(value)) return value.map((item: Json, index) => restored(item, current, [...path, String(index)]))
  if (typeof value !== 'string') return value
  const stored = path.reduce<Json | undefined>(
    (node, step) => (isObject(node) ? node[step] : Array.isArray(node) ? (node[Number(step)] as Json) : undefined),
    current,
  )
  if (typeof stored === 'string' && path.at(-1) === 'url') return value === shownText(stored, path) ? stored : value
  if (!(MASKED.test(value) || value === '[redacted]')) return value
  if (stored === undefined)
    throw new GatewayError('GW_INVALID_REQUEST', {
      param: path.join('.'),
      reason: 'is masked, and no secret is stored that it could stand for',
    })
  return stored
}
