import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { Provider } from '../provider.ts'
import { SHARED_SLOTS } from '../shared.ts'
import type { Builtins } from './builtins.ts'
import type { Lookup } from './entities.ts'
import { type Path, suggestion } from './problems.ts'
import { belongTogether, durationMs, RESERVED_HEADERS } from './values.ts'

/** Takes one problem: where, and what. */
export type Report = (path: Path, message: string) => void

/** A provider under check: what the file says about it, and the entry behind it where there is one. */
interface Subject {
  name: string
  path: Path
  block: JsonObject
  entry: Provider | undefined
  isKeyless: boolean
}

/**
 * What no single field can tell. Reads the raw blocks, not the parsed ones, so that a wrong field elsewhere hides nothing;
 * values of a wrong type are the schema's business and are passed over.
 */
export function checkProviders(
  blocks: Json | undefined,
  { builtins, needsKeys = true }: { builtins: Builtins; needsKeys?: boolean },
  report: Report,
): void {
  if (!isObject(blocks)) return
  const subjects = Object.entries(blocks).flatMap(([name, block]) => (isObject(block) ? [subjectOf(name, block, builtins)] : []))
  for (const subject of subjects) {
    checkName(subject, builtins, report)
    checkOverrides(subject, report)
    checkQueue(subject, report)
    checkNetwork(subject, report)
    checkProxy(subject, report)
    checkKeys(subject, { builtins, needsKeys }, report)
  }
  checkUnique(subjects, report)
  checkRoom(subjects, report)
}

/** Their counters have places of a fixed number in shared memory. */
function checkRoom(subjects: readonly Subject[], report: Report): void {
  const keys = subjects.reduce((sum, { block }) => sum + (Array.isArray(block.keys) ? block.keys.length : 0), 0)
  if (keys > SHARED_SLOTS) report(['providers'], `${keys} keys in all; there is room for ${SHARED_SLOTS}`)
  if (subjects.length >= SHARED_SLOTS) report(['providers'], `${subjects.length} providers; there is room for ${SHARED_SLOTS - 1}`)
}

function subjectOf(name: string, block: JsonObject, { providers }: Builtins): Subject {
  const custom = block.custom_provider_config
  const base = isObject(custom) ? custom.base_provider_type : undefined
  const entry = providers.find((provider) => provider.name === (isObject(custom) ? base : name))
  const isKeyless = isObject(custom) ? custom.is_key_less === true : entry?.keyless === 'key'
  return { name, path: ['providers', name], block, entry, isKeyless }
}

function checkName({ name, path, block, entry }: Subject, builtins: Builtins, report: Report): void {
  const builtinNames = builtins.providers.map((provider) => provider.name)
  const isPlanned = builtins.planned?.some((planned) => planned.name === name) ?? false
  const isCustom = isObject(block.custom_provider_config)
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) report(path, 'a provider name is made of letters, digits, "-", "_" and "."')
  else if (isCustom && (isPlanned || builtinNames.includes(name)))
    report(path, 'is the name of a built-in provider; a custom one needs another')
  else if (isPlanned && !isCustom) report(path, 'is not served by this version')
  else if (!isCustom && entry === undefined) {
    const help = suggestion(name, builtinNames)
    report(path, `unknown provider${help}${help === '' ? '; ' : ' '}one of your own needs custom_provider_config.base_provider_type`)
  }
  if (isCustom) checkBase({ path, block, entry }, builtins, report)
}

function checkBase({ path, block, entry }: Pick<Subject, 'path' | 'block' | 'entry'>, builtins: Builtins, report: Report): void {
  const custom = block.custom_provider_config as JsonObject
  const base = custom.base_provider_type
  if (typeof base !== 'string' || entry?.isBase === true) return
  const served = builtins.providers.filter((provider) => provider.isBase === true).map((provider) => provider.name)
  const isKnown = entry !== undefined || (builtins.planned?.some((planned) => planned.name === base) ?? false)
  const fault = isKnown ? `"${base}" is not served as a base by this version` : `unknown base${suggestion(base, served)}`
  report([...path, 'custom_provider_config', 'base_provider_type'], `${fault}; served: ${served.join(', ')}`)
}

/** The paths of some dialects name the model and what is asked: they cannot stand still. */
function checkOverrides({ path, block, entry }: Subject, report: Report): void {
  const custom = block.custom_provider_config
  const overrides = isObject(custom) ? custom.request_path_overrides : undefined
  if (!isObject(overrides)) return
  for (const name of Object.keys(overrides)) {
    const ours = entry?.paths[name.replace(/_stream$/, '') as keyof Provider['paths']]
    if (typeof ours === 'function' && name !== 'list_models')
      report([...path, 'custom_provider_config', 'request_path_overrides', name], 'cannot be set: the path of this base names the model')
  }
}

function checkQueue({ path, block }: Subject, report: Report): void {
  const queue = block.concurrency_and_buffer_size
  if (!isObject(queue)) return
  const { concurrency, buffer_size: bufferSize } = queue
  if (typeof concurrency === 'number' && typeof bufferSize === 'number' && concurrency > bufferSize)
    report([...path, 'concurrency_and_buffer_size'], `concurrency (${concurrency}) must not exceed buffer_size (${bufferSize})`)
}

function checkNetwork({ path, block, entry, isKeyless }: Subject, report: Report): void {
  const network = block.network_config
  if (!isObject(network)) return
  const at = [...path, 'network_config']
  const initial = durationMs(network.retry_backoff_initial ?? 500)
  const most = durationMs(network.retry_backoff_max ?? 5000)
  if (initial > most) report(at, `retry_backoff_initial (${initial} ms) must not exceed retry_backoff_max (${most} ms)`)
  if (network.insecure_skip_verify === true && network.ca_cert_pem !== undefined)
    report(at, 'insecure_skip_verify and ca_cert_pem exclude each other')
  checkClientCertificate(network, at, report)
  if (network.enforce_http2 === true) report([...at, 'enforce_http2'], 'HTTP/2 to providers is not served by this version; leave it out')
  const credentials = isKeyless || entry === undefined ? [] : CREDENTIAL_HEADERS[entry.auth]
  checkExtraHeaders(network.extra_headers, { at: [...at, 'extra_headers'], credentials }, report)
}

function checkClientCertificate({ client_cert_pem: cert, client_key_pem: key }: JsonObject, at: Path, report: Report): void {
  if ((cert === undefined) !== (key === undefined)) report(at, 'client_cert_pem and client_key_pem belong together')
  if (typeof cert !== 'string' || typeof key !== 'string' || belongTogether(cert, key)) return
  report([...at, 'client_key_pem'], 'is not the key of client_cert_pem')
}

const CREDENTIAL_HEADERS: Readonly<Record<Provider['auth'], readonly string[]>> = {
  bearer: ['authorization'],
  'x-api-key': ['x-api-key'],
  'x-goog-api-key': ['x-goog-api-key'],
  entra: ['authorization', 'api-key'],
  'entra-x-api-key': ['authorization', 'x-api-key'],
  sigv4: ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'],
  google: ['authorization', 'x-goog-api-key'],
  none: [],
}

function checkExtraHeaders(
  headers: Json | undefined,
  { at, credentials }: { at: Path; credentials: readonly string[] },
  report: Report,
): void {
  if (!isObject(headers)) return
  const seen = new Set<string>()
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase()
    if (RESERVED_HEADERS.has(lower)) report([...at, name], 'is written by the gateway itself and cannot be set')
    else if (credentials.includes(lower)) report([...at, name], "carries the provider's key; put the credential into keys")
    else if (seen.has(lower)) report([...at, name], 'appears twice')
    seen.add(lower)
  }
}

const PROXY_SCHEMES: Readonly<Record<string, readonly string[]>> = { http: ['http:', 'https:'], socks5: ['socks5:', 'socks5h:', 'socks:'] }

function checkProxy({ path, block }: Subject, report: Report): void {
  const proxy = block.proxy_config
  if (!isObject(proxy) || typeof proxy.type !== 'string') return
  const schemes = PROXY_SCHEMES[proxy.type]
  if (schemes === undefined) return
  const { url } = proxy
  const at = [...path, 'proxy_config', 'url']
  if (url === undefined) report(at, `is required for a proxy of type ${proxy.type}`)
  const protocol = typeof url === 'string' ? URL.parse(url)?.protocol : undefined
  if (protocol !== undefined && !schemes.includes(protocol))
    report(at, `must begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`)
}

function checkKeys(
  { path, block, entry, isKeyless }: Subject,
  { builtins, needsKeys }: { builtins: Builtins; needsKeys: boolean },
  report: Report,
): void {
  const keys = block.keys
  const at = [...path, 'keys']
  const list = Array.isArray(keys) ? (keys as readonly Json[]) : []
  if (isKeyless && list.length > 0) report(at, 'the provider takes no keys')
  if (needsKeys && !isKeyless && entry !== undefined && list.length === 0 && (keys === undefined || Array.isArray(keys)))
    report(at, 'at least one key is required')
  for (const [index, key] of list.entries()) if (isObject(key)) checkKey(key, { at: [...at, index], entry, builtins }, report)
}

interface KeyPlace {
  at: Path
  entry: Provider | undefined
  builtins: Builtins
}

function checkKey(key: JsonObject, { at, entry, builtins }: KeyPlace, report: Report): void {
  if (key.name === undefined && key.id === undefined) report(at, 'a key needs a name or an id')
  if (entry === undefined) return
  // A block that no provider has is an unknown key, which the schema says.
  const others = builtins.providers.filter((other) => other !== entry).flatMap(({ keyUrl, keyConfig }) => [keyUrl, keyConfig?.name])
  for (const name of Object.keys(key))
    if (isObject(key[name]) && others.includes(name) && name !== entry.keyUrl && name !== entry.keyConfig?.name)
      report([...at, name], 'belongs to another provider')
  if (key.enabled === false) return
  const value = key.value
  const isEmpty = value === undefined || (typeof value === 'string' && value.trim() === '')
  if (entry.keyless === undefined && isEmpty) report([...at, 'value'], 'is required')
  const { keyConfig } = entry
  if (keyConfig?.isRequired && key[keyConfig.name] === undefined) report([...at, keyConfig.name], 'is required')
  if (entry.keyUrl !== undefined) checkKeyUrl(key[entry.keyUrl], { at: [...at, entry.keyUrl], entry }, report)
}

/** One key among the others, for a change that brings it alone; its body names the `provider`. Paths are relative to it. */
export function checkKeyEntity(key: JsonObject, { lookup, builtins }: { lookup: Lookup; builtins: Builtins }, report: Report): void {
  const { provider, ...body } = key
  if (typeof provider !== 'string') return report(['provider'], 'is required')
  const block = lookup.get('providers', provider)
  if (block === undefined) return report(['provider'], `there is no provider "${provider}"`)
  const { entry, isKeyless } = subjectOf(provider, block, builtins)
  if (isKeyless) return report([], 'the provider takes no keys')
  checkKey(body, { at: [], entry, builtins }, report)
}

function checkKeyUrl(block: Json | undefined, { at, entry }: { at: Path; entry: Provider }, report: Report): void {
  const fields = isObject(block) ? block : {}
  if (fields.url === undefined) report([...at, 'url'], 'is required: each key names the server it is for')
  if (entry.keyModelName === true && fields.model_name === undefined)
    report([...at, 'model_name'], 'is required: the model that the server runs')
}

function checkUnique(subjects: readonly Subject[], report: Report): void {
  const places = { name: new Map<string, string>(), id: new Map<string, string>() }
  for (const { name: provider, path, block } of subjects) {
    const keys = block.keys
    if (!Array.isArray(keys)) continue
    for (const [index, key] of (keys as readonly Json[]).entries()) {
      if (!isObject(key)) continue
      const named = { name: key.name ?? key.id, id: key.id }
      for (const field of ['name', 'id'] as const) {
        const text = named[field]
        if (typeof text !== 'string') continue
        const first = places[field].get(text)
        if (first !== undefined)
          report(
            [...path, 'keys', index, field],
            `"${text}" is also the ${field} of a key of ${first}; it must be unique over all providers`,
          )
        else places[field].set(text, provider)
      }
    }
  }
}
