import { isObject, type Json, type JsonObject } from '../canonical/json.ts'

/** One point of the checklist for production (seed 4). */
export interface ProductionPoint {
  name: string
  isMet: boolean
  /** What is there, or what to do. */
  message: string
}

type Point = (tree: JsonObject) => Omit<ProductionPoint, 'name'>

/** The points of the checklist, each met or not by a configuration with its environment filled in. */
export function productionPoints(tree: Json): ProductionPoint[] {
  const root = isObject(tree) ? tree : {}
  return Object.entries(POINTS).map(([name, point]) => ({ name, ...point(root) }))
}

const POINTS: Readonly<Record<string, Point>> = {
  'people come from the directory alone': (tree) =>
    block(tree, 'scim_config').enabled === true
      ? met('scim_config is enabled')
      : unmet('set scim_config.enabled, with the provider and its config'),
  'no anonymous inference': (tree) => {
    const client = block(tree, 'client')
    const isEnforced = ['enforce_auth_on_inference', 'enforce_governance_header', 'enforce_scim_auth'].some((name) => client[name] === true)
    if (!isEnforced) return unmet('set client.enforce_auth_on_inference: true')
    const auth = isObject(block(tree, 'governance').auth_config)
      ? block(block(tree, 'governance'), 'auth_config')
      : block(tree, 'auth_config')
    if (auth.disable_auth_on_inference === true) return unmet('take disable_auth_on_inference out of governance.auth_config')
    const open = keysOf(tree).filter((key) => configsOf(key).some((config) => isAll(config.key_ids)))
    const scoped = open.length === 0 ? '' : `; ${names(open)} may use every key of a provider (key_ids ["*"])`
    return met(`client.enforce_auth_on_inference is true${scoped}`)
  },
  'origins are listed': (tree) => {
    const origins = block(tree, 'client').allowed_origins
    if (!Array.isArray(origins)) return unmet('set client.allowed_origins to the origins that may call; [] allows none')
    const wild = (origins as readonly Json[]).filter((origin) => typeof origin === 'string' && origin.includes('*'))
    return wild.length === 0 ? met('client.allowed_origins lists them') : unmet(`take ${wild.join(', ')} out of client.allowed_origins`)
  },
  'headers are listed': (tree) => {
    const client = block(tree, 'client')
    const empty = [
      isFilled(client.allowed_headers) ? [] : ['client.allowed_headers'],
      isFilled(block(client, 'header_filter_config').allowlist) ? [] : ['client.header_filter_config.allowlist'],
    ].flat()
    return empty.length === 0 ? met('both lists are set') : unmet(`set ${empty.join(' and ')}`)
  },
  'budgets before traffic': (tree) => {
    const active = keysOf(tree).filter((key) => key.is_active !== false)
    if (active.length === 0) return unmet('there is no virtual key yet; give each one a budget')
    const without = active.filter((key) => !hasBudget(tree, key))
    return without.length === 0 ? met('every virtual key has a budget') : unmet(`no budget limits ${names(without)}`)
  },
  'audit logs are kept': (tree) => {
    if (!isObject(tree.audit_logs) || tree.audit_logs.disabled === true) return unmet('set audit_logs, with an hmac_key')
    return tree.audit_logs.hmac_key === undefined
      ? unmet('set audit_logs.hmac_key: without it entries prove nothing')
      : met('audit_logs is set; see that entries arrive before the first user does')
  },
}

const met = (message: string) => ({ isMet: true, message })
const unmet = (message: string) => ({ isMet: false, message })

function block(tree: JsonObject, name: string): JsonObject {
  const value = tree[name]
  return isObject(value) ? value : {}
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter((item): item is JsonObject => isObject(item)) : []
}

function keysOf(tree: JsonObject): JsonObject[] {
  return objects(block(tree, 'governance').virtual_keys)
}

function configsOf(key: JsonObject): JsonObject[] {
  return objects(key.provider_configs)
}

function isFilled(value: Json | undefined): boolean {
  return Array.isArray(value) && value.length > 0
}

function isAll(value: Json | undefined): boolean {
  return Array.isArray(value) && value.includes('*')
}

/** The first names of many. */
function names(keys: readonly JsonObject[]): string {
  const shown = keys.slice(0, 5).map((key) => `"${String(key.name ?? key.id)}"`)
  return keys.length > shown.length ? `${shown.join(', ')} and ${keys.length - shown.length} more` : shown.join(', ')
}

/** Whether something limits what a virtual key may spend: its own budget, one of every provider config, or its team's or customer's. */
function hasBudget(tree: JsonObject, key: JsonObject): boolean {
  if (isLimited(tree, key, 'virtual_key_id')) return true
  const configs = configsOf(key)
  if (configs.length > 0 && configs.every((config) => isLimited(tree, config, 'provider_config_id'))) return true
  const governance = block(tree, 'governance')
  const team = find(governance.teams, key.team_id)
  const customer = find(governance.customers, key.customer_id ?? team?.customer_id)
  const unit = find(governance.business_units, team?.business_unit_id)
  return (
    (team !== undefined && isLimited(tree, team, 'team_id')) ||
    (customer !== undefined && isLimited(tree, customer, 'customer_id')) ||
    (unit !== undefined && isLimited(tree, unit, 'business_unit_id'))
  )
}

function find(list: Json | undefined, id: Json | undefined): JsonObject | undefined {
  return typeof id === 'string' ? objects(list).find((item) => item.id === id) : undefined
}

function isLimited(tree: JsonObject, owner: JsonObject, field: string): boolean {
  if (isFilled(owner.budgets) || typeof owner.budget_id === 'string') return true
  return owner.id !== undefined && objects(block(tree, 'governance').budgets).some((budget) => budget[field] === owner.id)
}
