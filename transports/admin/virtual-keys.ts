import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { virtualKeyHash } from '../../core/config/governance/settings.ts'
import { virtualKeySchema } from '../../core/config/governance/virtual-keys.ts'
import { type Held, plainBody } from '../../core/config/live/held.ts'
import { GatewayError } from '../../core/errors.ts'
import { VIRTUAL_KEY_PREFIX, virtualKeyText } from '../../core/virtual-key.ts'
import { objects } from './bodies.ts'
import { csv } from './csv.ts'
import { releaseBudgets } from './limits.ts'
import { byAge, over, type Resource, resourceRoutes, stamps } from './resource.ts'
import { type AdminRoute, reply } from './router.ts'
import { mask } from './secrets.ts'
import type { AdminTools } from './tools.ts'

const TAG = 'Virtual keys'
const PATH = '/api/governance/virtual-keys'

/** `/api/governance/virtual-keys` (api.md 4.5). A value is shown once, when it was made; later answers show its mask. */
export function virtualKeyRoutes(tools: AdminTools): AdminRoute[] {
  const made = new Set<string>()
  const resource: Resource = {
    collection: 'virtual_keys',
    path: PATH,
    idName: 'vk_id',
    tag: TAG,
    noun: 'Virtual key',
    single: 'virtual_key',
    plural: 'virtual_keys',
    filters: ['customer_id', 'team_id'],
    required: ['name'],
    payload: z.looseObject({ name: z.string().min(1, 'name is required').optional() }),
    documented: virtualKeySchema,
    sorts: {
      status: (one, other) => Number(isActive(other)) - Number(isActive(one)),
      budget_spent: (one, other) => spent(one) - spent(other),
    },
    merge(sent, current) {
      const settings = withoutAnswers(sent)
      if (current) return changed(settings, current)
      const value = sent.value === undefined || sent.value === '' ? `${VIRTUAL_KEY_PREFIX}${tools.newId()}` : sent.value
      refuseTakenValue(tools, value)
      return { is_active: true, provider_configs: [], mcp_configs: [], ...over(settings, undefined), value }
    },
    show(held) {
      // The one answer that shows it is the one to its creation, which is shown once.
      const isNew = made.delete(held.id)
      return shown(tools, held, isNew)
    },
    onMade: (id) => void made.add(id),
    onRemove: (id) => releaseBudgets(tools, 'virtual_key_id', id),
  }
  const [list, ...others] = resourceRoutes(tools, resource) as [AdminRoute, ...AdminRoute[]]
  return [
    {
      ...list,
      summary: 'All virtual keys; `export=csv` answers with all of them as a table',
      handle(request) {
        if (request.query.get('export') !== 'csv') return list.handle(request)
        const all = [...tools.config.entities.all('virtual_keys').values()].sort(byAge)
        const headers = [['content-disposition', 'attachment; filename="virtual-keys.csv"'] as const]
        return reply({
          headers,
          body: {
            type: 'text/csv; charset=utf-8',
            text: csv(
              COLUMNS,
              all.map((held) => row(tools, held)),
            ),
          },
        })
      },
    },
    ...others,
    {
      method: 'GET',
      path: `${PATH}/quota`,
      summary: 'What a virtual key may still do, asked by the virtual key itself',
      tag: TAG,
      access: 'virtual-key',
      handle: ({ headers }) => quotaOf(tools, headers),
    },
  ]
}

/** Fields of an answer that mean nothing in a payload, so that what was read can be sent back. */
function withoutAnswers({ created_at: _, updated_at: __, ...sent }: JsonObject): JsonObject {
  const strip = (made: (config: JsonObject) => boolean) => (config: Json) => {
    if (!isObject(config)) return config
    const { virtual_key_id: id, allow_all_keys: ___, keys: ____, ...settings } = config
    if (id !== undefined && made(config)) delete settings.id
    return settings
  }
  const isGiven = ({ id, virtual_key_id: key, provider, mcp_client_name: name, mcp_client_id: client }: JsonObject) =>
    id === configId(String(key), provider) || id === mcpId(String(key), name ?? client)
  const lists = ['provider_configs', 'mcp_configs'].flatMap((name) =>
    Array.isArray(sent[name]) ? [[name, (sent[name] as Json[]).map(strip(isGiven))] as const] : [],
  )
  return { ...sent, ...Object.fromEntries(lists) }
}

/** Ids of entries that were written without one: a provider and a client stand in a virtual key once. */
function configId(id: string, provider: Json | undefined): string {
  return `${id}:${String(provider)}`
}
function mcpId(id: string, client: Json | undefined): string {
  return `${id}:mcp:${String(client)}`
}

function refuseTakenValue({ config: { entities } }: AdminTools, value: Json): void {
  if (typeof value === 'string' && entities.virtualKeyBy(virtualKeyHash(value)) !== undefined)
    throw new GatewayError('GW_CONFLICT', { reason: 'another virtual key has this value' })
}

/** Neither a team nor a customer sent: both associations go. Lists replace what stands there; entries keep the id that they are sent with. */
function changed(sent: JsonObject, current: Held): JsonObject {
  const { team_id: _, customer_id: __, ...rest } = current.body
  const next = over(sent, { ...current, body: rest })
  if (isObject(sent.rate_limit) && Object.keys(sent.rate_limit).length === 0) {
    delete next.rate_limit
    delete next.rate_limit_id
  }
  return { ...next, value: current.body.value }
}

function isActive({ body }: Held): boolean {
  return body.is_active !== false
}

function spent({ body }: Held): number {
  return objects(body.budgets).reduce((sum, budget) => sum + Number(budget.current_usage ?? 0), 0)
}

function shown(tools: AdminTools, held: Held, withValue: boolean): JsonObject {
  const { value, provider_configs: providers, mcp_configs: mcp, ...body } = plainBody(held.body)
  return {
    ...body,
    id: held.id,
    value: typeof value !== 'string' ? '' : withValue || value.startsWith('env.') ? value : mask(value),
    is_active: isActive(held),
    provider_configs: objects(providers).map((config) => shownConfig(tools, held.id, config)),
    mcp_configs: objects(mcp).map((config) => ({
      id: mcpId(held.id, config.mcp_client_name ?? config.mcp_client_id),
      virtual_key_id: held.id,
      ...config,
    })),
    ...stamps(held),
  }
}

function shownConfig({ config: { entities } }: AdminTools, id: string, config: JsonObject): JsonObject {
  const ids = Array.isArray(config.key_ids) ? config.key_ids.map(String) : []
  const keys = entities.keysOf(String(config.provider)).filter((key) => ids.includes(key.id) || ids.includes(String(key.body.name)))
  return {
    id: configId(id, config.provider),
    virtual_key_id: id,
    weight: null,
    allowed_models: [],
    key_ids: [],
    ...config,
    allow_all_keys: ids.includes('*'),
    keys: keys.map((key) => ({ key_id: key.id, name: key.body.name ?? key.id, provider: config.provider, models: key.body.models ?? [] })),
  }
}

const COLUMNS = ['id', 'name', 'description', 'status', 'team', 'customer', 'providers', 'budgets', 'created_at', 'updated_at'] as const

function row({ config: { entities } }: AdminTools, held: Held): string[] {
  const { body } = held
  const nameOf = (collection: string, id: Json | undefined) =>
    typeof id === 'string' ? String(entities.get(collection, id)?.name ?? id) : ''
  return [
    held.id,
    String(body.name ?? held.id),
    String(body.description ?? ''),
    isActive(held) ? 'active' : 'inactive',
    nameOf('teams', body.team_id),
    nameOf('customers', body.customer_id),
    objects(body.provider_configs)
      .map((config) => String(config.provider))
      .join(' '),
    objects(body.budgets)
      .map((budget) => `${budget.max_limit}/${budget.reset_duration}`)
      .join(' '),
    String(body.created_at ?? ''),
    String(body.updated_at ?? ''),
  ]
}

/** What a virtual key may learn of itself: its limits, wherever they are written. Throws as a request would that brought none, or an unknown one. */
function quotaOf({ config: { entities } }: AdminTools, headers: ReadonlyMap<string, string>): JsonObject {
  const text = virtualKeyText(headers)
  if (text === undefined) throw new GatewayError('GW_VIRTUAL_KEY_REQUIRED')
  const held = entities.virtualKeyBy(virtualKeyHash(text))
  if (!held) throw new GatewayError('GW_VIRTUAL_KEY_UNKNOWN')
  const { body, id } = held
  const named = (Array.isArray(body.budgets) ? body.budgets : []).flatMap((budget: Json) => (typeof budget === 'string' ? [budget] : []))
  const ids = [...new Set([...named, ...entities.idsBy('budgets', 'virtual_key_id', id)])]
  const standing = ids.map((each) => plainBody(entities.get('budgets', each) ?? {}))
  const limit = typeof body.rate_limit_id === 'string' ? entities.get('rate_limits', body.rate_limit_id) : body.rate_limit
  return {
    virtual_key_name: body.name ?? id,
    is_active: isActive(held),
    expires_at: body.expires_at ?? null,
    budgets: [...objects(body.budgets), ...standing].map((budget) => ({ current_usage: 0, ...budget })),
    rate_limit: isObject(limit) ? { token_current_usage: 0, request_current_usage: 0, ...plainBody(limit) } : null,
  }
}
