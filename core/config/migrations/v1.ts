import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import type { Path } from '../problems.ts'

/** Names of the rules that bring a configuration of v1.4 to today's meaning (seeds 1 and 2). */
export type V1Rule =
  | 'key-models'
  | 'deployments'
  | 'base-url'
  | 'provider-configs'
  | 'allowed-models'
  | 'key-ids'
  | 'mcp-configs'
  | 'tools-to-execute'
  | 'budgets'
  | 'compat'
  | 'auth'

/** One thing that a rule changed: where, in the tree as it is afterwards, and what. A sentence without values. */
export interface V1Change {
  rule: V1Rule
  path: Path
  message: string
}

/** What the rules must know of the providers. */
export interface V1Options {
  /** Providers whose keys bring the URL, and the block of the key that holds it (`ollama_key_config`). */
  keyUrls: Readonly<Record<string, string>>
}

/** A value after the rules, with what they changed. */
export interface Upgraded<T> {
  value: T
  changes: V1Change[]
}

type Note = (rule: V1Rule, path: Path, message: string) => void

const ALL = ['*']

/**
 * A configuration of v1.4 (`version: 1`) as one of today with the same meaning: allow-lists that were empty or missing allow all (D17),
 * former names are today's. Pure; what is no object or list where one belongs is left as it is. The result says `version: 2`.
 */
export function upgradeV1(tree: JsonObject, options: V1Options): { tree: JsonObject; changes: V1Change[] } {
  const changes: V1Change[] = []
  const note: Note = (rule, path, message) => changes.push({ rule, path, message })
  const providers = mapRecord(tree.providers, (block, name) => upgradeProvider(block, { name, path: ['providers', name], options }, note))
  const upgraded: JsonObject = {
    ...tree,
    version: 2,
    ...(tree.providers === undefined ? {} : { providers }),
    ...(isObject(tree.client) ? { client: upgradeClient(tree.client, note) } : {}),
    ...(isObject(tree.governance) ? { governance: upgradeGovernance(tree.governance, tree, note) } : {}),
  }
  return { tree: upgraded, changes }
}

/** A provider's block: its keys, and a base URL that keys now bring. */
export function upgradeProvider(
  block: JsonObject,
  { name, path, options }: { name: string; path: Path; options: V1Options },
  note: Note,
): JsonObject {
  const placed = moveUrl(block, { name, path, options }, note)
  if (!Array.isArray(placed.keys)) return placed
  return { ...placed, keys: mapList(placed.keys, (key, index) => upgradeKey(key, [...path, 'keys', index], note)) }
}

/** A provider's key: models, and deployments that are aliases now. */
export function upgradeKey(key: JsonObject, path: Path, note: Note): JsonObject {
  const moved = moveDeployments(key, path, note)
  if (!isEmptyList(moved.models)) return moved
  note('key-models', [...path, 'models'], 'an empty list allowed all models: now ["*"]')
  return { ...moved, models: ALL }
}

function moveDeployments(key: JsonObject, path: Path, note: Note): JsonObject {
  let result = key
  for (const [name, block] of Object.entries(key)) {
    if (!name.endsWith('_key_config') || !isObject(block)) continue
    const { deployments, ...rest } = block
    const isGone = name === 'huggingface_key_config'
    if (deployments === undefined && !isGone) continue
    const { [name]: _, ...others } = result
    result = isGone ? others : { ...result, [name]: rest }
    if (isObject(deployments)) result = { ...result, aliases: { ...deployments, ...(isObject(key.aliases) ? key.aliases : {}) } }
    note('deployments', isGone ? path : [...path, 'aliases'], `${name}.deployments are the key's aliases now`)
  }
  return result
}

function moveUrl(block: JsonObject, { name, path, options }: { name: string; path: Path; options: V1Options }, note: Note): JsonObject {
  const place = Object.hasOwn(options.keyUrls, name) ? options.keyUrls[name] : undefined
  const network = block.network_config
  if (place === undefined || !isObject(network) || network.base_url === undefined) return block
  const { base_url: url, ...rest } = network
  const keys = Array.isArray(block.keys) ? (block.keys as readonly Json[]) : []
  note('base-url', [...path, 'keys'], `network_config.base_url is the ${place}.url of the key now`)
  const made = { name: `${name}-default`, models: ALL, [place]: { url } }
  const filled = mapList(keys, (key) =>
    hasUrl(key[place]) ? key : { ...key, [place]: { ...(isObject(key[place]) ? key[place] : {}), url } },
  )
  return { ...block, network_config: rest, keys: keys.length === 0 ? [made] : filled }
}

function hasUrl(block: Json | undefined): boolean {
  return isObject(block) && block.url !== undefined
}

function upgradeGovernance(block: JsonObject, tree: JsonObject, note: Note): JsonObject {
  if (!Array.isArray(block.virtual_keys)) return block
  const known = { providers: namesOf(tree.providers), mcpClients: clientNames(tree.mcp) }
  const keys = mapList(block.virtual_keys, (key, index) =>
    upgradeVirtualKey(key, { path: ['governance', 'virtual_keys', index], known }, note),
  )
  return { ...block, virtual_keys: keys }
}

/** Names that are configured: what a virtual key without a list could use. */
export interface V1Known {
  providers: readonly string[]
  mcpClients: readonly string[]
  /** Of a database, where lists of keys and tools that are there and empty are not migrated (seed 1): they stay, and allow nothing. */
  isDatabase?: boolean | undefined
}

/** A virtual key: what it could do without saying so, it says now. */
export function upgradeVirtualKey(key: JsonObject, { path, known }: { path: Path; known: V1Known }, note: Note): JsonObject {
  const limited = moveBudget(key, path, note)
  return {
    ...limited,
    provider_configs: providerConfigs(limited, { path, known }, note),
    mcp_configs: mcpConfigs(limited, { path, known }, note),
  }
}

function providerConfigs(key: JsonObject, { path, known }: { path: Path; known: V1Known }, note: Note): Json {
  const at = [...path, 'provider_configs']
  if (isEmptyList(key.provider_configs)) {
    note('provider-configs', at, 'none allowed all providers: now every configured one, with all models and keys')
    return known.providers.map((provider) => ({ provider, allowed_models: ALL, key_ids: ALL, weight: null }))
  }
  return mapList(key.provider_configs, (config, index) => upgradeProviderConfig(config, { path: [...at, index], known }, note))
}

/** A virtual key's provider config: `allowed_keys` is `key_ids`, and empty lists allow all. */
export function upgradeProviderConfig(config: JsonObject, { path, known }: { path: Path; known: V1Known }, note: Note): JsonObject {
  const { allowed_keys: named, keys, ...rest } = moveBudget(config, path, note)
  const former = named ?? keyNames(keys)
  const result: JsonObject = { ...rest }
  if (former !== undefined && rest.key_ids === undefined) {
    result.key_ids = former
    if (!isEmptyList(former)) note('key-ids', [...path, 'key_ids'], 'allowed_keys is key_ids now')
  }
  if (isEmptyList(result.key_ids) && !known.isDatabase) {
    result.key_ids = ALL
    note('key-ids', [...path, 'key_ids'], 'no allowed_keys allowed all keys: now key_ids ["*"]')
  }
  if (isEmptyList(result.allowed_models)) {
    result.allowed_models = ALL
    note('allowed-models', [...path, 'allowed_models'], 'an empty list allowed all models: now ["*"]')
  }
  return result
}

/** The keys of a provider config as v1.4 also wrote them: objects with a name or an id. */
function keyNames(keys: Json | undefined): Json | undefined {
  if (!Array.isArray(keys)) return undefined
  return (keys as readonly Json[]).flatMap((key) => (isObject(key) ? [key.name ?? key.key_id ?? key.id ?? ''] : [key]))
}

function mcpConfigs(key: JsonObject, { path, known }: { path: Path; known: V1Known }, note: Note): Json {
  const at = [...path, 'mcp_configs']
  if (!isEmptyList(key.mcp_configs)) {
    return known.isDatabase
      ? (key.mcp_configs ?? [])
      : mapList(key.mcp_configs, (config, index) => upgradeMcpConfig(config, [...at, index], note))
  }
  if (known.mcpClients.length > 0) note('mcp-configs', at, 'none allowed all MCP clients: now every configured one, with all tools')
  return known.mcpClients.map((name) => ({ mcp_client_name: name, tools_to_execute: ALL }))
}

function upgradeMcpConfig(config: JsonObject, path: Path, note: Note): JsonObject {
  if (!isEmptyList(config.tools_to_execute)) return config
  note('tools-to-execute', [...path, 'tools_to_execute'], 'an empty list allowed all tools: now ["*"]')
  return { ...config, tools_to_execute: ALL }
}

function moveBudget(owner: JsonObject, path: Path, note: Note): JsonObject {
  const { budget, budget_id: id, ...rest } = owner
  if (budget === undefined && id === undefined) return owner
  const former = [budget, id].filter((each): each is Json => isObject(each) || (typeof each === 'string' && each !== ''))
  if (former.length === 0) return rest
  note('budgets', [...path, 'budgets'], 'the budget is one of the budgets now')
  return { ...rest, budgets: [...former, ...(Array.isArray(rest.budgets) ? (rest.budgets as readonly Json[]) : [])] }
}

/** The `client` block: names that were replaced. */
export function upgradeClient(client: JsonObject, note: Note): JsonObject {
  const { enable_litellm_fallbacks: outer, enforce_governance_header: header, enforce_scim_auth: scim, ...rest } = client
  const { enable_litellm_fallbacks: inner, ...compat } = isObject(client.compat) ? client.compat : {}
  const result: JsonObject = { ...rest }
  const former = outer ?? inner
  if (former !== undefined) {
    result.compat = { convert_text_to_chat: former, ...compat }
    note('compat', ['client', 'compat', 'convert_text_to_chat'], 'enable_litellm_fallbacks is convert_text_to_chat now')
  }
  if (header === undefined && scim === undefined) return result
  note('auth', ['client', 'enforce_auth_on_inference'], 'enforce_governance_header and enforce_scim_auth are enforce_auth_on_inference now')
  return { ...result, enforce_auth_on_inference: rest.enforce_auth_on_inference ?? (header === true || scim === true) }
}

function isEmptyList(value: Json | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
}

function namesOf(record: Json | undefined): string[] {
  return isObject(record) && !Array.isArray(record) ? Object.keys(record) : []
}

function clientNames(mcp: Json | undefined): string[] {
  const clients = isObject(mcp) ? mcp.client_configs : undefined
  if (!Array.isArray(clients)) return []
  return (clients as readonly Json[]).flatMap((client) => (isObject(client) && typeof client.name === 'string' ? [client.name] : []))
}

function mapList(list: Json | undefined, change: (item: JsonObject, index: number) => JsonObject): Json {
  if (!Array.isArray(list)) return list ?? null
  return (list as readonly Json[]).map((item, index) => (isObject(item) ? change(item, index) : item))
}

function mapRecord(record: Json | undefined, change: (item: JsonObject, name: string) => JsonObject): Json {
  if (!isObject(record) || Array.isArray(record)) return record ?? null
  return Object.fromEntries(Object.entries(record).map(([name, item]) => [name, isObject(item) ? change(item, name) : item]))
}
