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
  if (block.version === 1) notices.push('version 1: empty and missing allow-lists allow everything, as in v1.4')
  else notices.push(...keysWithoutModels(block))
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

const PROVIDER_NOT_YET = ['store_raw_request_response']

function withoutEffect(tree: JsonObject): string[] {
  const paths = CLIENT_NOT_YET.filter((name) => field(tree, 'client', ...name.split('.')) !== undefined).map((name) => `client.${name}`)
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
