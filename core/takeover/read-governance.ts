import type { Json, JsonObject } from '../canonical/json.ts'
import { virtualKeyHash } from '../sealing/sealer.ts'
import { documentOf, groupBy, some, type TakenDocument } from './documents.ts'
import type { Reading } from './read-providers.ts'
import { compact, flag, instant, json, names, number, type Row, rowsOf, text } from './tables.ts'

/** Budgets, rate limits and who has them, but for virtual keys; routing rules and limits of models. */
export function readGovernance({ rows }: Reading): TakenDocument[] {
  const targets = groupBy(rows, 'routing_targets', 'rule_id')
  const named = (row: Row): JsonObject => ({ id: text(row, 'id'), name: text(row, 'name'), ...limits(row) })
  return [
    ...rowsOf(rows, 'governance_budgets').flatMap((row) => entity('budgets', row, budgetBody(row))),
    ...rowsOf(rows, 'governance_rate_limits').flatMap((row) => entity('rate_limits', row, rateLimitBody(row))),
    ...rowsOf(rows, 'governance_customers').flatMap((row) => entity('customers', row, named(row))),
    ...rowsOf(rows, 'governance_teams').flatMap((row) => entity('teams', row, { ...named(row), ...teamBody(row) })),
    ...rowsOf(rows, 'governance_model_configs').flatMap((row) =>
      entity('model_configs', row, {
        id: text(row, 'id'),
        model_name: text(row, 'model_name'),
        provider: text(row, 'provider'),
        ...limits(row),
      }),
    ),
    ...rowsOf(rows, 'routing_rules').flatMap((row) =>
      entity('routing_rules', row, ruleBody(row, targets.get(text(row, 'id') ?? '') ?? [])),
    ),
  ]
}

/** A document by the id of its row; none where the row has none. */
function entity(collection: string, row: Row, fields: JsonObject): TakenDocument[] {
  const id = text(row, 'id')
  return id === undefined ? [] : [documentOf(collection, id, row, fields)]
}

function limits(row: Row): JsonObject {
  return { budget_id: text(row, 'budget_id'), rate_limit_id: text(row, 'rate_limit_id') }
}

function budgetBody(row: Row): JsonObject {
  return {
    id: text(row, 'id'),
    max_limit: number(row, 'max_limit'),
    reset_duration: text(row, 'reset_duration'),
    current_usage: number(row, 'current_usage') ?? 0,
    last_reset: instant(row, 'last_reset'),
    calendar_aligned: flag(row, 'calendar_aligned') === true ? true : undefined,
  }
}

function rateLimitBody(row: Row): JsonObject {
  const fields = ['token', 'request'].flatMap((kind): [string, Json | undefined][] => {
    const most = number(row, `${kind}_max_limit`)
    // A period without its limit limits nothing, and is refused by the schema.
    if (most === undefined) return []
    return [
      [`${kind}_max_limit`, most],
      [`${kind}_reset_duration`, text(row, `${kind}_reset_duration`)],
      [`${kind}_current_usage`, number(row, `${kind}_current_usage`) ?? 0],
      [`${kind}_last_reset`, instant(row, `${kind}_last_reset`)],
    ]
  })
  return { id: text(row, 'id'), ...Object.fromEntries(fields) }
}

function teamBody(row: Row): JsonObject {
  return { customer_id: text(row, 'customer_id'), profile: json(row, 'profile'), config: json(row, 'config'), claims: json(row, 'claims') }
}

function ruleBody(row: Row, targets: readonly Row[]): JsonObject {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    description: text(row, 'description'),
    enabled: flag(row, 'enabled') ?? true,
    cel_expression: text(row, 'cel_expression') ?? '',
    targets: targets.map((target) =>
      compact({
        provider: text(target, 'provider'),
        model: text(target, 'model'),
        key_id: text(target, 'key_id'),
        weight: number(target, 'weight') ?? 1,
      }),
    ),
    fallbacks: some(names(row, 'fallbacks') ?? []),
    query: json(row, 'query'),
    scope: text(row, 'scope') ?? 'global',
    scope_id: text(row, 'scope_id'),
    priority: number(row, 'priority') ?? 0,
  }
}

/** Virtual keys, by the rules of 1.5 (seeds 1 and 2): what a list that is missing or empty allowed is written out, but for `key_ids`. */
export function readVirtualKeys(reading: Reading): TakenDocument[] {
  const { rows, book } = reading
  const lookups = lookupsOf(reading)
  return rowsOf(rows, 'governance_virtual_keys').flatMap((row) => {
    const [id, value] = [text(row, 'id'), text(row, 'value')]
    if (id === undefined || value === undefined) return []
    const name = text(row, 'name') ?? id
    if (text(row, 'budget_id') !== undefined) book.changed('vk-budgets', `virtual key "${name}"`)
    return documentOf('virtual_keys', id, row, {
      id,
      name,
      description: text(row, 'description'),
      value,
      value_hash: hashOf(row, value),
      is_active: flag(row, 'is_active') ?? true,
      team_id: text(row, 'team_id'),
      customer_id: text(row, 'customer_id'),
      budgets: some([text(row, 'budget_id')].filter((budget) => budget !== undefined)),
      rate_limit_id: text(row, 'rate_limit_id'),
      provider_configs: providerConfigs(id, name, { reading, lookups }),
      mcp_configs: mcpConfigs(id, name, { reading, lookups }),
    })
  })
}

interface Lookups {
  providers: readonly string[]
  clients: readonly string[]
  /** Key ids by the number of their row. */
  keys: ReadonlyMap<string, string>
  /** Client ids by the number of their row. */
  clientIds: ReadonlyMap<string, string>
  configs: ReadonlyMap<string, readonly Row[]>
  configKeys: ReadonlyMap<string, readonly Row[]>
  mcpConfigs: ReadonlyMap<string, readonly Row[]>
}

function lookupsOf({ rows }: Reading): Lookups {
  const idsOf = (table: 'config_keys' | 'config_mcp_clients', column: string) =>
    new Map(rowsOf(rows, table).map((row) => [text(row, 'id') ?? '', text(row, column) ?? '']))
  const clientIds = idsOf('config_mcp_clients', 'client_id')
  return {
    providers: rowsOf(rows, 'config_providers')
      .flatMap((row) => text(row, 'name') ?? [])
      .sort(),
    clients: [...clientIds.values()].sort(),
    keys: idsOf('config_keys', 'key_id'),
    clientIds,
    configs: groupBy(rows, 'governance_virtual_key_provider_configs', 'virtual_key_id'),
    configKeys: groupBy(rows, 'governance_virtual_key_provider_config_keys', 'table_virtual_key_provider_config_id'),
    mcpConfigs: groupBy(rows, 'governance_virtual_key_mcp_configs', 'virtual_key_id'),
  }
}

interface OfKey {
  reading: Reading
  lookups: Lookups
}

function providerConfigs(id: string, name: string, of: OfKey): Json[] | undefined {
  const own = of.lookups.configs.get(id) ?? []
  if (own.length > 0) return own.map((row) => providerConfig(row, name, of))
  const { providers } = of.lookups
  if (providers.length === 0) return undefined
  of.reading.book.changed('vk-providers', `virtual key "${name}"`, providers.join(', '))
  return providers.map((provider) => ({ provider, weight: null, allowed_models: ['*'], key_ids: ['*'] }))
}

function providerConfig(row: Row, name: string, { reading: { book }, lookups }: OfKey): JsonObject {
  const provider = text(row, 'provider') ?? ''
  const entityName = `virtual key "${name}", provider ${provider}`
  const models = names(row, 'allowed_models') ?? []
  const keys = (lookups.configKeys.get(text(row, 'id') ?? '') ?? []).flatMap(
    (each) => lookups.keys.get(text(each, 'table_key_id') ?? '') ?? [],
  )
  const budget = text(row, 'budget_id')
  if (models.length === 0) book.changed('vk-models', entityName)
  if (budget !== undefined) book.changed('vk-budgets', entityName)
  if (keys.length > 0) book.changed('vk-key-ids', entityName, `${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`)
  else book.denied(entityName, 'key_ids is empty, which no longer means all: no key of the provider may serve; set it to ["*"] or to ids')
  return compact({
    id: number(row, 'id'),
    provider,
    weight: number(row, 'weight') ?? null,
    allowed_models: models.length === 0 ? ['*'] : models,
    key_ids: keys,
    budgets: budget === undefined ? undefined : [budget],
    rate_limit_id: text(row, 'rate_limit_id'),
  })
}

function mcpConfigs(id: string, name: string, { reading: { book }, lookups }: OfKey): Json[] | undefined {
  const own = lookups.mcpConfigs.get(id) ?? []
  if (own.length === 0) {
    if (lookups.clients.length === 0) return undefined
    book.changed('vk-mcp', `virtual key "${name}"`, lookups.clients.join(', '))
    return lookups.clients.map((client) => ({ mcp_client_id: client, tools_to_execute: ['*'] }))
  }
  return own.flatMap((row) => {
    const client = lookups.clientIds.get(text(row, 'mcp_client_id') ?? '')
    if (client === undefined) return []
    const tools = names(row, 'tools_to_execute') ?? []
    if (tools.length === 0) {
      book.denied(
        `virtual key "${name}", MCP client ${client}`,
        'tools_to_execute is empty, which no longer means all: no tool may run; set it to ["*"] or to names',
      )
    }
    return [compact({ id: number(row, 'id'), mcp_client_id: client, tools_to_execute: tools })]
  })
}

/** What the database has, where it is one: the value of a reference is known to its own environment alone. */
function hashOf(row: Row, value: string): string {
  const known = text(row, 'value_hash')
  return known !== undefined && /^[0-9a-f]{64}$/.test(known) ? known : virtualKeyHash(value)
}
