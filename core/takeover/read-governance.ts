import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { upgradeVirtualKey } from '../config/migrations/v1.ts'
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

/** Virtual keys, by the rules of a configuration file but for lists of keys and tools, which are not migrated: an empty one is told as denied. */
export function readVirtualKeys(reading: Reading): TakenDocument[] {
  const lookups = lookupsOf(reading)
  return rowsOf(reading.rows, 'governance_virtual_keys').flatMap((row) => {
    const [id, value] = [text(row, 'id'), text(row, 'value')]
    if (id === undefined || value === undefined) return []
    const name = text(row, 'name') ?? id
    const before: JsonObject = {
      id,
      name,
      description: text(row, 'description'),
      value,
      value_hash: hashOf(row, value),
      is_active: flag(row, 'is_active') ?? true,
      team_id: text(row, 'team_id'),
      customer_id: text(row, 'customer_id'),
      ...limits(row),
      provider_configs: (lookups.configs.get(id) ?? []).map((config) => providerConfig(config, lookups)),
      mcp_configs: (lookups.mcpConfigs.get(id) ?? []).map((config) => mcpConfig(config, lookups)),
    }
    return documentOf('virtual_keys', id, row, upgraded(compact(before), { reading, lookups }))
  })
}

interface Lookups {
  providers: readonly string[]
  /** Ids of MCP clients by their names. */
  clients: ReadonlyMap<string, string>
  /** Key ids by the number of their row. */
  keys: ReadonlyMap<string, string>
  /** Names of MCP clients by the number of their row. */
  clientNames: ReadonlyMap<string, string>
  configs: ReadonlyMap<string, readonly Row[]>
  configKeys: ReadonlyMap<string, readonly Row[]>
  mcpConfigs: ReadonlyMap<string, readonly Row[]>
}

function lookupsOf({ rows }: Reading): Lookups {
  const column = (table: 'config_keys' | 'config_mcp_clients', from: string, to: string) =>
    new Map(rowsOf(rows, table).map((row) => [text(row, from) ?? '', text(row, to) ?? '']))
  return {
    providers: rowsOf(rows, 'config_providers')
      .flatMap((row) => text(row, 'name') ?? [])
      .sort(),
    clients: column('config_mcp_clients', 'name', 'client_id'),
    keys: column('config_keys', 'id', 'key_id'),
    clientNames: column('config_mcp_clients', 'id', 'name'),
    configs: groupBy(rows, 'governance_virtual_key_provider_configs', 'virtual_key_id'),
    configKeys: groupBy(rows, 'governance_virtual_key_provider_config_keys', 'table_virtual_key_provider_config_id'),
    mcpConfigs: groupBy(rows, 'governance_virtual_key_mcp_configs', 'virtual_key_id'),
  }
}

function providerConfig(row: Row, { keys, configKeys }: Lookups): JsonObject {
  return compact({
    id: number(row, 'id'),
    provider: text(row, 'provider'),
    weight: number(row, 'weight') ?? null,
    allowed_models: names(row, 'allowed_models') ?? [],
    allowed_keys: (configKeys.get(text(row, 'id') ?? '') ?? []).flatMap((each) => keys.get(text(each, 'table_key_id') ?? '') ?? []),
    ...limits(row),
  })
}

function mcpConfig(row: Row, { clientNames }: Lookups): JsonObject {
  return compact({
    id: number(row, 'id'),
    mcp_client_name: clientNames.get(text(row, 'mcp_client_id') ?? ''),
    tools_to_execute: names(row, 'tools_to_execute') ?? [],
  })
}

function upgraded(before: JsonObject, { reading: { book }, lookups }: { reading: Reading; lookups: Lookups }): JsonObject {
  const entity = `virtual key "${String(before.name)}"`
  const known = { providers: lookups.providers, mcpClients: [...lookups.clients.keys()].sort(), isDatabase: true }
  const listed: Readonly<Record<string, string>> = {
    provider_configs: known.providers.join(', '),
    mcp_configs: known.mcpClients.join(', '),
  }
  const providerAt = (index: unknown) => (typeof index === 'number' ? objects(before.provider_configs)[index]?.provider : undefined)
  const body = upgradeVirtualKey(before, { path: [], known }, (rule, [part, index]) => {
    const provider = part === 'provider_configs' ? providerAt(index) : undefined
    book.changed(
      rule,
      provider === undefined ? entity : `${entity}, provider ${String(provider)}`,
      index === undefined ? listed[part ?? ''] : undefined,
    )
  })
  for (const { provider, key_ids: ids } of objects(body.provider_configs)) {
    if (Array.isArray(ids) && ids.length === 0) book.denied(`${entity}, provider ${String(provider)}`, NO_KEYS)
  }
  const clients = objects(body.mcp_configs)
  for (const { mcp_client_name: client, tools_to_execute: tools } of clients) {
    if (Array.isArray(tools) && tools.length === 0) book.denied(`${entity}, MCP client ${String(client)}`, NO_TOOLS)
  }
  return {
    ...body,
    provider_configs: some(objects(body.provider_configs)),
    mcp_configs: some(
      clients.map(({ mcp_client_name: client, ...rest }) => ({ mcp_client_id: lookups.clients.get(String(client)), ...rest })),
    ),
  }
}

const NO_KEYS = 'key_ids is empty, which no longer means all: no key of the provider may serve; set it to ["*"] or to ids'
const NO_TOOLS = 'tools_to_execute is empty, which no longer means all: no tool may run; set it to ["*"] or to names'

function objects(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** What the database has, where it is one: the value of a reference is known to its own environment alone. */
function hashOf(row: Row, value: string): string {
  const known = text(row, 'value_hash')
  return known !== undefined && /^[0-9a-f]{64}$/.test(known) ? known : virtualKeyHash(value)
}
