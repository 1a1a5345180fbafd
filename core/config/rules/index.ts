import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import type { Builtins } from '../builtins.ts'
import { type Entity, entitiesOf, indexEntities, type Lookup } from '../entities.ts'
import type { Path } from '../problems.ts'
import { checkKeyEntity, type Report } from '../provider-checks.ts'
import { checkBudget, checkLimits, checkRateLimit } from './limits.ts'
import { checkMcpClient } from './mcp.ts'
import { checkModelConfig, checkPricingOverride, checkProviderGovernance, checkRoutingRule } from './routing.ts'
import { checkProviderName, checkReference, objectsOf, type Subject, textOf } from './subject.ts'
import { checkVirtualKey } from './virtual-keys.ts'

/** One thing that is wrong with an entity; the path is relative to it. */
export interface EntityProblem {
  path: Path
  message: string
}

const RULES: Readonly<Record<string, (subject: Subject) => void>> = {
  virtual_keys: checkVirtualKey,
  teams: checkTeam,
  customers: (subject) => checkLimits(subject, [], subject.body),
  business_units: (subject) => checkLimits(subject, [], subject.body),
  budgets: checkBudget,
  rate_limits: (subject) => checkRateLimit(subject, [], subject.body),
  routing_rules: checkRoutingRule,
  model_configs: checkModelConfig,
  provider_governance: checkProviderGovernance,
  pricing_overrides: checkPricingOverride,
  mcp_clients: checkMcpClient,
  access_profiles: checkAccessProfile,
}

/** Collections whose entities have names that no two of them share. */
const NAMED: ReadonlySet<string> = new Set([
  'virtual_keys',
  'teams',
  'customers',
  'business_units',
  'routing_rules',
  'mcp_clients',
  'keys',
  'roles',
  'access_profiles',
])

const SAME_VALUE = 'is also the value of another virtual key'

/** What single entities are checked against. */
export interface EntityContext {
  /** The others; the entity itself may be among them, as it is or was. */
  lookup: Lookup
  builtins: Builtins
}

/**
 * What is wrong with one entity among the others: what no single field can tell, what it refers to, whether its name is taken.
 * Bodies are raw, so that a wrong type elsewhere hides nothing; types are its schema's business. The management API calls it for
 * what a write changes.
 */
export function checkEntity({ collection, id, body }: Omit<Entity, 'path'>, { lookup, builtins }: EntityContext): EntityProblem[] {
  const problems: EntityProblem[] = []
  const report: Report = (path, message) => problems.push({ path, message })
  RULES[collection]?.({ id, body, lookup, builtins, report, isWhole: false })
  if (collection === 'keys') checkKeyEntity(body, { lookup, builtins }, report)
  const value = collection === 'virtual_keys' ? textOf(body, 'value') : undefined
  if (value !== undefined && lookup.idsBy(collection, 'value', value).some((each) => each !== id)) report(['value'], SAME_VALUE)
  const name = textOf(body, 'name')
  if (!NAMED.has(collection) || name === undefined) return problems
  const other = lookup.idsBy(collection, 'name', name).find((each) => each !== id)
  if (other !== undefined) report(['name'], `"${name}" is also the name of "${other}"`)
  return problems
}

/** The same for all entities of a configuration, with their places in the file. Providers and their keys have checks of their own. */
export function checkEntities(tree: Json, builtins: Builtins, report: Report): void {
  const entities = entitiesOf(tree)
  const lookup = indexEntities(entities)
  for (const { collection, id, body, path } of entities)
    RULES[collection]?.({ id, body, lookup, builtins, isWhole: true, report: (inner, message) => report([...path, ...inner], message) })
  checkTwice(entities, report)
}

/** Ids and names that appear twice, said at the second place. */
function checkTwice(entities: readonly Entity[], report: Report): void {
  const seen = new Set<string>()
  for (const { collection, id, body, path } of entities) {
    if (collection === 'keys' || collection === 'providers' || collection === 'plugins') continue
    const field = ID_FIELDS[collection] ?? 'id'
    const isNew = id === '' || !seen.has(`${collection} id ${id}`)
    if (!isNew) report([...path, textOf(body, field) === undefined ? 'name' : field], `"${id}" appears twice`)
    seen.add(`${collection} id ${id}`)
    const value = collection === 'virtual_keys' ? textOf(body, 'value') : undefined
    if (value !== undefined && seen.has(`value ${value}`)) report([...path, 'value'], SAME_VALUE)
    if (value !== undefined) seen.add(`value ${value}`)
    const name = textOf(body, 'name')
    if (!NAMED.has(collection) || name === undefined) continue
    if (isNew && seen.has(`${collection} name ${name}`)) report([...path, 'name'], `"${name}" appears twice`)
    seen.add(`${collection} name ${name}`)
  }
}

const ID_FIELDS: Readonly<Record<string, string>> = { mcp_clients: 'client_id', provider_governance: 'name' }

function checkTeam(subject: Subject): void {
  const { body } = subject
  checkReference(subject, ['customer_id'], { collection: 'customers', id: textOf(body, 'customer_id') })
  checkReference(subject, ['business_unit_id'], { collection: 'business_units', id: textOf(body, 'business_unit_id') })
  checkLimits(subject, [], body)
}

function checkAccessProfile(subject: Subject): void {
  for (const [index, config] of objectsOf(subject.body.provider_configs)) {
    checkProviderName(subject, ['provider_configs', index, 'provider_name'], textOf(config, 'provider_name'))
    checkLimits(subject, ['provider_configs', index], config)
  }
  checkLimits(subject, [], subject.body)
}

/** Rules of blocks that stand alone. */
export function checkBlocks(tree: Json, report: Report): void {
  if (!isObject(tree)) return
  checkAuth(tree, report)
  const payload = tree.large_payload_optimization
  if (isObject(payload)) checkPayload(payload, report)
  const cluster = tree.cluster_config
  if (isObject(cluster)) checkCluster(cluster, report)
  const { scim_config: scim } = tree
  if (isObject(scim) && scim.enabled === true && scim.provider === undefined) report(['scim_config', 'provider'], 'is required')
}

function checkAuth(tree: JsonObject, report: Report): void {
  const inner = isObject(tree.governance) ? tree.governance.auth_config : undefined
  if (inner !== undefined && tree.auth_config !== undefined)
    report(['auth_config'], 'stands in governance too; keep governance.auth_config')
  for (const [at, block] of [
    [['governance', 'auth_config'], inner],
    [['auth_config'], tree.auth_config],
  ] as const) {
    if (!isObject(block) || block.is_enabled !== true) continue
    for (const field of ['admin_username', 'admin_password'])
      if (block[field] === undefined) report([...at, field], 'is required when is_enabled is true; there is none by default')
  }
}

function checkPayload(block: JsonObject, report: Report): void {
  const most = block.max_payload_bytes ?? 524_288_000
  for (const field of ['request_threshold_bytes', 'response_threshold_bytes']) {
    const threshold = block[field] ?? 10_485_760
    if (typeof most === 'number' && typeof threshold === 'number' && threshold > most)
      report(['large_payload_optimization', field], `(${threshold}) must not exceed max_payload_bytes (${most})`)
  }
}

function checkCluster(block: JsonObject, report: Report): void {
  const { enabled, peers, discovery } = block
  const hasPeers = Array.isArray(peers) && peers.length > 0
  const isDiscovering = isObject(discovery) && discovery.enabled === true
  if (enabled === true && !hasPeers && !isDiscovering) report(['cluster_config'], 'needs peers, or discovery with enabled: true')
  if (isDiscovering && discovery.type === undefined) report(['cluster_config', 'discovery', 'type'], 'is required')
}
