import { allows } from './config/allow-list.ts'
import { virtualKeyHash } from './config/governance/settings.ts'
import type { Incoming } from './edge.ts'
import { GatewayError } from './errors.ts'
import type { KeySettings, SnapshotTables, VirtualKeyProvider, VirtualKeySettings } from './snapshot.ts'

/** What every virtual key that the gateway makes begins with. Older ones without it are taken from their own headers alone. */
export const VIRTUAL_KEY_PREFIX = 'sk-bf-'
/** Headers that hold nothing but a virtual key (D9). */
const OWN_HEADERS = ['x-bf-vk', 'x-bifrost-virtual-key']
/** Headers of SDKs, which hold one where it begins so. */
const SDK_HEADERS = ['x-api-key', 'x-goog-api-key', 'api-key']

/** The text of the virtual key that a request brings (platform.md 2.2); undefined where it brings none. */
export function virtualKeyText(headers: Incoming['headers']): string | undefined {
  for (const name of OWN_HEADERS) {
    const value = headers.get(name)
    if (value) return value
  }
  const authorization = headers.get('authorization')
  const bearer = authorization && BEARER.exec(authorization)?.[1]
  if (bearer) return bearer
  for (const name of SDK_HEADERS) {
    const value = headers.get(name)
    if (value && PREFIXED.test(value)) return value
  }
  return undefined
}
/** The prefix in any case, as the original reads it (api.md 2); the key itself is compared as it is. */
const PREFIXED = /^sk-bf-/i
const BEARER = /^bearer +(sk-bf-.*?) *$/i

/**
 * The virtual key of a request, from the snapshot; undefined where it brings none. `now` tells milliseconds since 1970. Throws
 * GW_VIRTUAL_KEY_UNKNOWN, or GW_VIRTUAL_KEY_BLOCKED where it is inactive or has expired.
 */
export function findVirtualKey(tables: SnapshotTables, headers: Incoming['headers'], now: () => number): VirtualKeySettings | undefined {
  const text = virtualKeyText(headers)
  if (text === undefined) return undefined
  const id = tables.virtualKeyIds.get(virtualKeyHash(text))
  const found = id === undefined ? undefined : tables.virtualKeys.get(id)
  if (!found) throw new GatewayError('GW_VIRTUAL_KEY_UNKNOWN')
  const { name, isActive, expiresAt } = found
  if (!isActive) throw new GatewayError('GW_VIRTUAL_KEY_BLOCKED', { name, reason: 'is not active' })
  if (expiresAt !== undefined && expiresAt <= now()) throw new GatewayError('GW_VIRTUAL_KEY_BLOCKED', { name, reason: 'has expired' })
  return found
}

/** Whether the path needs no credential: exact, or all that begins with what stands before a trailing `*`. */
export function isWhitelisted(path: string, routes: readonly string[]): boolean {
  return routes.some((route) => (route.endsWith('*') ? path.startsWith(route.slice(0, -1)) : path === route))
}

/** Checks a provider and a model as asked for against the virtual key's lists: deny by default. Throws GW_PROVIDER_BLOCKED, GW_MODEL_NOT_ALLOWED. */
export function checkVirtualKey(virtualKey: VirtualKeySettings, provider: string, model: string): void {
  const { name } = virtualKey
  const config = configOf(virtualKey, provider)
  if (!config) throw new GatewayError('GW_PROVIDER_BLOCKED', { provider, name })
  if (admitsModel(config, model)) return
  const list = allows(config.blacklistedModels, model) ? 'blacklisted_models' : 'allowed_models'
  throw new GatewayError('GW_MODEL_NOT_ALLOWED', { model, provider, rule: `${list} of virtual key ${name} for provider ${provider}` })
}

/** Whether the virtual key lets a provider serve a model by a key; without a key: at all. */
export function admits(
  virtualKey: VirtualKeySettings,
  provider: string,
  { model, key }: { model: string; key?: KeySettings | undefined },
): boolean {
  const config = configOf(virtualKey, provider)
  return config !== undefined && admitsModel(config, model) && (key === undefined || admitsKey(config, key))
}

/** Whether the virtual key lets a provider's key serve. */
export function admitsKeyOf(virtualKey: VirtualKeySettings, key: KeySettings): boolean {
  const config = configOf(virtualKey, key.provider)
  return config !== undefined && admitsKey(config, key)
}

function configOf({ providers }: VirtualKeySettings, provider: string): VirtualKeyProvider | undefined {
  return providers.find((config) => config.provider === provider)
}

function admitsModel({ allowedModels, blacklistedModels }: VirtualKeyProvider, model: string): boolean {
  return allows(allowedModels, model) && !allows(blacklistedModels, model)
}

function admitsKey({ keyIds }: VirtualKeyProvider, { id, name }: KeySettings): boolean {
  return allows(keyIds, id) || allows(keyIds, name)
}
