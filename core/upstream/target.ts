import type { HeaderList } from '../edge.ts'
import { GatewayError } from '../errors.ts'
import type { Provider } from '../provider.ts'
import type { Registry } from '../registry.ts'
import type { KeySettings, ProviderSettings } from '../snapshot.ts'
import { environmentProxy } from './environment-proxy.ts'
import type { Target } from './types.ts'

/** Where a provider's requests go with a given key, and the header lines that every one of them carries. */
export interface Destination {
  target: Target
  headers: readonly (readonly [string, string])[]
}

/** Counts passes through gateways, so that a base URL that leads back here ends (faults.md: recursion). */
export const HOP_HEADER = 'x-bifrost-hop'

const hopped = new WeakMap<HeaderList, HeaderList>()

/** A destination's lines with the hop of a request that came from a client; the same list each time. */
export function withFirstHop(headers: HeaderList): HeaderList {
  let lines = hopped.get(headers)
  if (!lines) {
    lines = Object.freeze([...headers, [HOP_HEADER, '1'] as const])
    hopped.set(headers, lines)
  }
  return lines
}

const destinations = new WeakMap<ProviderSettings, Map<string, Destination>>()

/**
 * The destination of (provider, entry, key), made once per settings object. Throws GW_NO_BASE_URL where a key should bring the
 * URL and does not.
 */
export function destinationOf(
  registry: Registry,
  { settings, entry }: { settings: ProviderSettings; entry: Provider },
  key: KeySettings | undefined,
): Destination {
  let byKey = destinations.get(settings)
  if (!byKey) {
    byKey = new Map()
    destinations.set(settings, byKey)
  }
  const id = entry.name === settings.entry ? (key?.id ?? '') : `${entry.name}\0${key?.id ?? ''}`
  let destination = byKey.get(id)
  if (!destination) {
    const credential = key ? registry.authenticator(entry).headers(key, settings) : []
    destination = { target: targetAt(settings, baseUrl(settings, entry, key)), headers: makeHeaders(settings, entry, credential) }
    byKey.set(id, destination)
  }
  return destination
}

function baseUrl(settings: ProviderSettings, entry: Provider, key: KeySettings | undefined): string {
  const url = entry.keyUrl === undefined ? (settings.network.baseUrl ?? entry.keyBaseUrl?.(key) ?? entry.baseUrl) : key?.url
  if (url !== undefined) return url
  const block = entry.keyConfig?.name
  const hint =
    entry.keyUrl === undefined
      ? `set network_config.base_url${block ? ` or ${block} of its keys` : ''}`
      : `set ${entry.keyUrl}.url on its keys`
  throw new GatewayError('GW_NO_BASE_URL', { provider: settings.name, hint })
}

/** A target at a base URL, with the provider's proxy, limits and trust. */
export function targetAt(settings: ProviderSettings, base: string): Target {
  const { network } = settings
  const shared = {
    provider: settings.name,
    insecureSkipVerify: network.insecureSkipVerify,
    allowsMetadata: network.allowsMetadata,
    connectTimeoutMs: network.connectTimeoutMs,
    maxConnections: network.maxConnsPerHost,
    caCertPem: network.caCertPem,
    clientCertPem: network.clientCertPem,
    clientKeyPem: network.clientKeyPem,
  }
  if (base.startsWith('unix:')) {
    const socketPath = base.slice('unix:'.length).replace(/^\/\//, '')
    return { ...shared, protocol: 'http:', hostname: 'localhost', port: 0, host: 'localhost', prefix: '', socketPath }
  }
  const url = new URL(base)
  const protocol = url.protocol === 'http:' ? 'http:' : 'https:'
  const place = {
    protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (protocol === 'http:' ? 80 : 443),
  } as const
  return {
    ...shared,
    ...place,
    host: url.host,
    prefix: url.pathname.replace(/\/+$/, ''),
    proxy: proxyFor(settings, place),
  }
}

function proxyFor({ proxy, network }: ProviderSettings, place: Pick<Target, 'protocol' | 'hostname' | 'port'>): Target['proxy'] {
  if (proxy.type === 'none') return undefined
  const caCertPem = proxy.caCertPem ?? network.caCertPem
  if (proxy.type === 'environment') {
    const found = environmentProxy(process.env, place)
    return found && { ...found, caCertPem }
  }
  if (proxy.url === undefined) return undefined
  const { username, password } = proxy
  return { type: proxy.type, url: new URL(proxy.url), username, password, caCertPem }
}

function makeHeaders(settings: ProviderSettings, entry: Provider, credential: HeaderList): HeaderList {
  const headers = new Map<string, string>([['content-type', 'application/json']])
  for (const [name, value] of Object.entries(entry.headers ?? {})) headers.set(name, value)
  for (const [name, value] of Object.entries(settings.network.extraHeaders)) headers.set(name.toLowerCase(), value)
  for (const [name, value] of credential) headers.set(name, value)
  return Object.freeze([...headers])
}
