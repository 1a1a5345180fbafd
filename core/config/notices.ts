import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { CLIENT_NOT_YET } from './client.ts'
import type { LoadOptions } from './load.ts'
import type { RootBlock } from './root.ts'

/** What an operator should know about a configuration that is right: one line each. */
export function configNotices(tree: Json, block: RootBlock, { file, config, env, builtins }: LoadOptions): string[] {
  const written = isObject(tree) ? tree : {}
  const notices = withoutEffect(written)
  if (field(written, 'client', 'initial_pool_size') !== undefined)
    notices.push('client.initial_pool_size is accepted and sizes nothing here: nothing is allocated ahead')
  if (field(written, 'logs_store', 'enabled') === true)
    notices.push('logs_store: the store is opened, and its retention kept; no request is written into it by this version')
  notices.push(...keysWithoutModels(block), ...governanceNotices(block))
  for (const { name } of builtins.plannedPlugins ?? [])
    if (block.plugins.some((plugin) => plugin.name === name && plugin.enabled) && !builtins.plugins.some((plugin) => plugin.name === name))
      notices.push(`plugins: "${name}" is not served by this version; its settings have no effect`)
  for (const { name, keyUrl } of builtins.providers) {
    if (keyUrl !== undefined && field(written, 'providers', name, 'network_config', 'base_url') !== undefined)
      notices.push(`providers.${name}.network_config.base_url is not used: each key brings its own ${keyUrl}.url`)
  }
  if (file !== undefined || config !== undefined) return notices
  for (const { name, envKey } of builtins.planned ?? []) {
    if (envKey !== undefined && (env[envKey] ?? '') !== '')
      notices.push(`${envKey} is set, but the provider ${name} is not served by this version`)
  }
  return notices
}

/** Blocks that are read and checked, and do nothing in this version. What they protect is refused elsewhere (served.ts). */
const BLOCKS_NOT_YET: readonly (readonly string[])[] = [
  ['framework'],
  ['proxy_config'],
  ['governance', 'routing_rules'],
  ['governance', 'model_configs'],
  ['governance', 'providers'],
  ['governance', 'pricing_overrides'],
  ['governance', 'roles'],
  ['mcp'],
  ['logs_store', 'object_storage'],
  ['logs_store', 'object_storage_exclude_fields'],
  ['vector_store'],
  ['websocket'],
  ['load_balancer_config'],
  ['guardrails_config'],
  ['large_payload_optimization'],
]

/** What virtual keys and their limits come to. */
function governanceNotices({ governance }: RootBlock): string[] {
  const notices: string[] = []
  const { virtual_keys: keys, budgets, rate_limits: rateLimits } = governance
  const owners = [keys, governance.teams, governance.customers, governance.business_units, governance.model_configs, governance.providers]
  const hasInline = [...owners.flat(), ...keys.flatMap((key) => key.provider_configs)].some(
    (owner) => owner.budgets.length > 0 || Boolean(owner.rate_limit),
  )
  if (budgets.length > 0 || rateLimits.length > 0 || hasInline)
    notices.push('governance: budgets and rate limits are kept, and not enforced by this version')
  const named = (list: typeof keys) => some(list.map((key) => `"${key.name ?? key.id}"`))
  const mute = keys.filter((key) => key.value === undefined)
  if (mute.length > 0) notices.push(`governance.virtual_keys: without a value, so that nobody can present them: ${named(mute)}`)
  const closed = keys.filter((key) => key.provider_configs.length === 0)
  if (closed.length > 0)
    notices.push(`governance.virtual_keys: without provider_configs, so that they may use no provider: ${named(closed)}`)
  const denied = keys.flatMap((key) =>
    key.provider_configs
      .filter(({ allowed_models: models, key_ids: ids }) => models.length === 0 || ids.length === 0)
      .map(({ provider }) => `"${key.name ?? key.id}" (${provider})`),
  )
  if (denied.length > 0)
    notices.push(`governance.virtual_keys: allowed_models or key_ids are empty, which denies; ["*"] stands for all: ${some(denied)}`)
  return notices
}

/** The first of many, and how many more there are. */
export function some(texts: readonly string[]): string {
  const shown = texts.slice(0, 10).join(', ')
  return texts.length > 10 ? `${shown} and ${texts.length - 10} more` : shown
}

const PROVIDER_NOT_YET = ['store_raw_request_response']

function withoutEffect(tree: JsonObject): string[] {
  const paths = CLIENT_NOT_YET.filter((name) => field(tree, 'client', ...name.split('.')) !== undefined).map((name) => `client.${name}`)
  paths.push(...BLOCKS_NOT_YET.filter((path) => hasContent(field(tree, ...path))).map((path) => path.join('.')))
  for (const [name, provider] of Object.entries(isObject(tree.providers) ? tree.providers : {})) {
    if (!isObject(provider)) continue
    paths.push(
      ...PROVIDER_NOT_YET.filter((path) => field(provider, ...path.split('.')) !== undefined).map((path) => `providers.${name}.${path}`),
    )
  }
  return paths.length === 0 ? [] : [`accepted, without effect in this version: ${paths.join(', ')}`]
}

function keysWithoutModels({ providers }: RootBlock): string[] {
  return Object.entries(providers).flatMap(([name, { keys }]) =>
    (keys ?? [])
      .filter((key) => key.enabled && (key.models ?? []).length === 0)
      .map((key) => `providers.${name}: key "${key.name ?? key.id}" serves no model, because its models are empty; ["*"] stands for all`),
  )
}

function field(tree: Json | undefined, ...path: string[]): Json | undefined {
  let node = tree
  for (const name of path) node = isObject(node) ? node[name] : undefined
  return node
}

/** Whether a block says anything: an empty list or object does not. */
function hasContent(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined && value !== null
  return Object.keys(value).length > 0
}
