import { createHash } from 'node:crypto'
import { isObject, type JsonObject } from '../canonical/json.ts'
import type { Provider } from '../provider.ts'
import type { KeySettings, NetworkSettings, ProviderSettings, ProxySettings } from '../snapshot.ts'
import { toAllowList } from './allow-list.ts'
import type { KeyBlock, ProviderBlock } from './providers.ts'
import { durationMs } from './values.ts'

/** Settings of one provider by the entry behind it, not yet with its slots (`assignSlots`). */
export function toProviderSettings(name: string, block: ProviderBlock, entry: Provider): ProviderSettings {
  const custom = block.custom_provider_config
  const allowed = custom?.allowed_requests
  return {
    name,
    entry: entry.name,
    network: toNetwork(block.network_config, entry),
    proxy: toProxy(block.proxy_config),
    concurrency: block.concurrency_and_buffer_size.concurrency,
    bufferSize: block.concurrency_and_buffer_size.buffer_size,
    sendBackRawRequest: block.send_back_raw_request,
    sendBackRawResponse: block.send_back_raw_response,
    isKeyless: custom?.is_key_less ?? entry.keyless === 'key',
    allowedRequests: allowed === undefined ? null : new Set(Object.keys(allowed).filter((type) => allowed[type] === true)),
    pathOverrides: Object.freeze({ ...custom?.request_path_overrides }) as Readonly<Record<string, string>>,
    keys: (block.keys ?? []).map((key) => toKey(name, key, entry)),
    slot: 0,
  }
}

function toKey(provider: string, block: KeyBlock, entry: Provider): KeySettings {
  const name = block.name ?? block.id ?? ''
  const blocks = block as Record<string, unknown>
  const place = entry.keyUrl === undefined ? undefined : blocks[entry.keyUrl]
  const { url, model_name: modelName } = (isObject(place) ? place : {}) as { url?: string; model_name?: string }
  return {
    id: keyId(provider, block),
    name,
    provider,
    value: (block.value ?? '').trim(),
    models: toAllowList(block.models ?? []),
    blacklistedModels: toAllowList(block.blacklisted_models),
    aliases: Object.freeze({ ...block.aliases }),
    weight: block.weight,
    enabled: block.enabled,
    url: url === undefined ? undefined : normalUrl(url, entry),
    modelName,
    config: Object.freeze(entry.keyConfig ? { ...(blocks[entry.keyConfig.name] as JsonObject | undefined) } : {}),
    slot: 0,
  }
}

/** A key's id, its own or made from its name: the same provider and name give the same, so that a restart orphans nothing that refers to it. */
export function keyId(provider: string, { id, name }: { id?: unknown; name?: unknown }): string {
  if (typeof id === 'string' && id !== '') return id
  return createHash('sha256')
    .update(`${provider}\0${String(name ?? '')}`)
    .digest('hex')
    .slice(0, 32)
}

function toNetwork(block: ProviderBlock['network_config'], entry: Provider): NetworkSettings {
  return Object.freeze({
    baseUrl: block.base_url === undefined ? undefined : normalUrl(block.base_url, entry),
    extraHeaders: Object.freeze(
      Object.fromEntries(Object.entries(block.extra_headers).map(([name, value]) => [name.toLowerCase(), value.trim()])),
    ),
    betaOverrides: toBetaOverrides(block.beta_header_overrides),
    requestTimeoutMs: Math.round(block.default_request_timeout_in_seconds * 1000),
    connectTimeoutMs: Math.round(block.connect_timeout_in_seconds * 1000),
    streamIdleTimeoutMs: Math.round(block.stream_idle_timeout_in_seconds * 1000),
    maxRetries: block.max_retries,
    retryBackoffInitialMs: durationMs(block.retry_backoff_initial),
    retryBackoffMaxMs: durationMs(block.retry_backoff_max),
    maxConnsPerHost: block.max_conns_per_host,
    enforceHttp2: block.enforce_http2,
    insecureSkipVerify: block.insecure_skip_verify,
    caCertPem: block.ca_cert_pem,
    clientCertPem: block.client_cert_pem,
    clientKeyPem: block.client_key_pem,
    preconnect: block.preconnect,
  })
}

function toBetaOverrides(block: Readonly<Record<string, boolean>>): NetworkSettings['betaOverrides'] {
  const overrides = Object.entries(block).map(([prefix, isSent]) => [prefix.toLowerCase(), isSent] as const)
  return overrides.sort(([one], [other]) => other.length - one.length)
}

/** Without a trailing slash, and without a trailing version where the entry's paths bring it: people write both. */
function normalUrl(text: string, entry: Provider): string {
  const url = text.replace(/\/+$/, '')
  const hasVersion = Object.values(entry.paths).some((path) => typeof path === 'string' && path.startsWith('/v1/'))
  const version = entry.apiVersion ?? (hasVersion ? 'v1' : undefined)
  const isVersioned = version !== undefined && !url.startsWith('unix:') && url.endsWith(`/${version}`)
  return isVersioned ? url.slice(0, -version.length).replace(/\/+$/, '') : url
}

/** A user name and password in the proxy's URL count where the fields do not say otherwise. */
function toProxy(block: ProviderBlock['proxy_config']): ProxySettings {
  const url = block.url === undefined ? undefined : new URL(block.url)
  const username = block.username ?? decoded(url?.username)
  const password = block.password ?? decoded(url?.password)
  if (url) url.username = url.password = ''
  return Object.freeze({
    type: block.type,
    url: url?.href,
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    caCertPem: block.ca_cert_pem,
  })
}

function decoded(text = ''): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
