import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import type { Builtins } from '../builtins.ts'
import type { Lookup } from '../entities.ts'
import { type Path, suggestion } from '../problems.ts'

/** One entity under check, with what it may refer to. Bodies are raw: values of a wrong type are the schema's business and passed over. */
export interface Subject {
  id: string
  body: JsonObject
  lookup: Lookup
  builtins: Builtins
  /** All entities are checked, in their order: what clashes is told at the second. Else this one alone, among the others. */
  isWhole: boolean
  /** Takes one problem; the path is relative to the entity. */
  report(path: Path, message: string): void
}

/** A field's text; undefined for anything else and for an empty one. */
export function textOf(body: JsonObject, field: string): string | undefined {
  const value = body[field]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The objects of a list, with their indexes. */
export function objectsOf(value: Json | undefined): (readonly [index: number, item: JsonObject])[] {
  if (!Array.isArray(value)) return []
  return (value as readonly Json[]).flatMap((item, index) => (isObject(item) ? [[index, item] as const] : []))
}

/** The texts of a list, with their indexes. */
export function textsOf(value: Json | undefined): (readonly [index: number, text: string])[] {
  if (!Array.isArray(value)) return []
  return (value as readonly Json[]).flatMap((item, index) => (typeof item === 'string' ? [[index, item] as const] : []))
}

/** Reports a reference to an entity that is not there. Says whether it is. */
export function checkReference(subject: Subject, path: Path, { collection, id }: { collection: string; id: string | undefined }): boolean {
  if (id === undefined || subject.lookup.get(collection, id) !== undefined) return true
  const kind = NAMES[collection] ?? collection
  subject.report(path, `there is no ${kind} with the id "${id}"${suggestion(id, subject.lookup.ids(collection))}`)
  return false
}

const NAMES: Readonly<Record<string, string>> = {
  teams: 'team',
  customers: 'customer',
  business_units: 'business unit',
  budgets: 'budget',
  rate_limits: 'rate limit',
  virtual_keys: 'virtual key',
  model_configs: 'model config',
  access_profiles: 'access profile',
  provider_governance: 'entry of governance.providers',
}

/** Reports a provider that is not configured. One that answers from the process itself is always there. Says whether it is. */
export function checkProviderName(subject: Subject, path: Path, name: string | undefined): boolean {
  const { lookup, builtins } = subject
  if (name === undefined || isServed(subject, name)) return true
  const isKnown = builtins.providers.some((entry) => entry.name === name) || builtins.planned?.some((entry) => entry.name === name)
  const fault = isKnown
    ? `the provider "${name}" is not configured; add it to providers`
    : `there is no provider "${name}"${suggestion(name, lookup.ids('providers'))}`
  subject.report(path, fault)
  return false
}

function isServed({ lookup, builtins }: Subject, name: string): boolean {
  return (
    lookup.get('providers', name) !== undefined || builtins.providers.some((entry) => entry.name === name && entry.respond !== undefined)
  )
}

/** Reports a key, by id or name, that the provider does not have. */
export function checkKeyOf(subject: Subject, path: Path, { provider, key }: { provider: string; key: string }): void {
  const { lookup, report } = subject
  const ids = new Set([key, ...lookup.idsBy('keys', 'name', key), ...lookup.idsBy('keys', 'id', key)])
  const owners = [...ids].flatMap((id) => textOf(lookup.get('keys', id) ?? {}, 'provider') ?? [])
  if (owners.includes(provider)) return
  const ours = lookup.idsBy('keys', 'provider', provider).flatMap((id) => [id, textOf(lookup.get('keys', id) ?? {}, 'name') ?? id])
  if (owners.length > 0) report(path, `"${key}" is a key of ${owners[0]}, not of ${provider}`)
  else report(path, `the provider ${provider} has no key with the id or name "${key}"${suggestion(key, ours)}`)
}
