import { isObject, type JsonObject } from '../../core/canonical/json.ts'
import { inlineBudgetId, inlineRateLimitId, providerConfigOwner } from '../../core/config/governance/settings.ts'
import { plainBody } from '../../core/config/live/held.ts'
import { objects } from './bodies.ts'
import { byAge } from './resource.ts'
import type { AdminRoute } from './router.ts'
import { type AdminTools, write } from './tools.ts'

const TAG = 'Limits'
/** Who may hold budgets and rate limits, and how ids of those without one begin. */
const OWNERS: Readonly<Record<string, string>> = {
  virtual_keys: 'virtual_key',
  teams: 'team',
  customers: 'customer',
  business_units: 'business_unit',
  model_configs: 'model_config',
  provider_governance: 'provider',
}

/** `GET /api/governance/budgets` and `/rate-limits`: those that stand alone, and those inside their owners. */
export function limitRoutes(tools: AdminTools): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/governance/budgets',
      summary: 'All budgets, whoever holds them',
      tag: TAG,
      handle() {
        const budgets = [...standing(tools, 'budgets'), ...heldLimits(tools).flatMap(budgetsOf)]
        return { budgets, count: budgets.length }
      },
    },
    {
      method: 'GET',
      path: '/api/governance/rate-limits',
      summary: 'All rate limits, whoever holds them',
      tag: TAG,
      handle() {
        const limits = [...standing(tools, 'rate_limits'), ...heldLimits(tools).flatMap(rateLimitOf)]
        return { rate_limits: limits, count: limits.length }
      },
    },
  ]
}

/** Removes the budgets that stand alone and belong to an entity that goes. */
export async function releaseBudgets(tools: AdminTools, field: string, id: string): Promise<void> {
  for (const budget of tools.config.entities.idsBy('budgets', field, id)) await write(tools, ['budgets', budget, () => undefined])
}

function standing({ config }: AdminTools, collection: string): JsonObject[] {
  return [...config.entities.all(collection).values()].sort(byAge).map(({ id, body }) => ({ current_usage: 0, ...plainBody(body), id }))
}

interface Owner {
  name: string
  body: JsonObject
}

function heldLimits({ config: { entities } }: AdminTools): Owner[] {
  return Object.entries(OWNERS).flatMap(([collection, kind]) =>
    [...entities.all(collection).values()]
      .sort(byAge)
      .flatMap(({ id, body }): Owner[] => [
        { name: `${kind}:${id}`, body },
        ...objects(body.provider_configs).map((config) => ({ name: providerConfigOwner(id, String(config.provider)), body: config })),
      ]),
  )
}

function budgetsOf({ name, body }: Owner): JsonObject[] {
  return objects(body.budgets).map((budget) => ({
    current_usage: 0,
    ...budget,
    id: inlineBudgetId(name, budget as { reset_duration: string }),
    owner: name,
  }))
}

function rateLimitOf({ name, body: { rate_limit: limit } }: Owner): JsonObject[] {
  return isObject(limit)
    ? [{ token_current_usage: 0, request_current_usage: 0, ...limit, id: inlineRateLimitId(name, limit as { id?: string }), owner: name }]
    : []
}
