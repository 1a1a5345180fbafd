import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import { businessUnitSchema, customerSchema, teamSchema } from '../../core/config/governance/owners.ts'
import {
  modelConfigSchema,
  pricingOverrideSchema,
  providerGovernanceSchema,
  routingRuleSchema,
} from '../../core/config/governance/routing.ts'
import { releaseBudgets } from './limits.ts'
import { over, type Resource, resourceRoutes } from './resource.ts'
import type { AdminRoute } from './router.ts'
import { type AdminTools, found, write, written } from './tools.ts'
import { withStoredUsage } from './usage.ts'

const TAG = 'Governance'
const ROOT = '/api/governance'
const named = z.looseObject({ name: z.string().min(1, 'name is required').optional() })

/** Teams, customers, business units, routing rules, limits of models and providers, prices (api.md 4.5). Virtual keys have a file of their own. */
export function governanceRoutes(tools: AdminTools): AdminRoute[] {
  return [...resources(tools).flatMap((resource) => resourceRoutes(tools, resource)), ...providerLimitRoutes(tools)]
}

function resources(tools: AdminTools): Resource[] {
  const owner = (
    noun: string,
    plural: string,
    rest: Pick<Resource, 'documented'> & { field: string; refers: readonly string[]; filters?: readonly string[] },
  ): Resource => ({
    collection: plural,
    path: `${ROOT}/${plural.replaceAll('_', '-')}`,
    idName: rest.field,
    tag: TAG,
    noun,
    single: rest.field.replace(/_id$/, ''),
    plural,
    filters: rest.filters ?? [],
    required: ['name'],
    payload: named,
    documented: rest.documented,
    async onRemove(id) {
      for (const collection of rest.refers) await forget(tools, collection, { field: rest.field, id })
      await releaseBudgets(tools, rest.field, id)
    },
  })
  const other = { tag: TAG, required: ['name'], payload: named }
  return [
    owner('Team', 'teams', { field: 'team_id', refers: ['virtual_keys'], filters: ['customer_id'], documented: teamSchema }),
    owner('Customer', 'customers', { field: 'customer_id', refers: ['virtual_keys', 'teams'], documented: customerSchema }),
    owner('Business unit', 'business_units', { field: 'business_unit_id', refers: ['teams'], documented: businessUnitSchema }),
    {
      ...other,
      collection: 'routing_rules',
      path: `${ROOT}/routing-rules`,
      idName: 'rule_id',
      noun: 'Routing rule',
      single: 'rule',
      plural: 'rules',
      filters: ['scope', 'scope_id'],
      documented: routingRuleSchema,
    },
    {
      ...other,
      collection: 'model_configs',
      path: `${ROOT}/model-configs`,
      idName: 'mc_id',
      noun: 'Model config',
      single: 'model_config',
      plural: 'model_configs',
      filters: ['provider', 'scope'],
      required: ['model_name'],
      payload: z.looseObject({ model_name: z.string().min(1, 'model_name is required').optional() }),
      documented: modelConfigSchema,
      onRemove: (id) => releaseBudgets(tools, 'model_config_id', id),
    },
    {
      ...other,
      collection: 'pricing_overrides',
      path: `${ROOT}/pricing-overrides`,
      idName: 'id',
      noun: 'Pricing override',
      single: 'pricing_override',
      plural: 'pricing_overrides',
      filters: ['scope_kind', 'virtual_key_id', 'provider_id', 'provider_key_id'],
      created: 201,
      documented: pricingOverrideSchema,
      merge: (sent, current) => over(withPatch(sent), current),
    },
  ]
}

/** The API calls `patch` what the file calls `pricing_patch`. */
function withPatch({ patch, ...sent }: JsonObject): JsonObject {
  return patch === undefined ? sent : { ...sent, pricing_patch: patch }
}

/** Entities that belonged to one that goes belong to nobody. */
async function forget(tools: AdminTools, collection: string, { field, id }: { field: string; id: string }): Promise<void> {
  for (const each of tools.config.entities.idsBy(collection, field, id))
    await write(tools, [collection, each, (held) => held && { ...held.body, [field]: undefined }])
}

function providerLimitRoutes(tools: AdminTools): AdminRoute[] {
  const { entities } = tools.config
  const path = `${ROOT}/providers`
  return [
    {
      method: 'GET',
      path,
      summary: 'Limits of providers',
      tag: TAG,
      handle() {
        const providers = [...entities.all('provider_governance').values()].map(({ id, body }) => ({ ...body, provider: id }))
        return { providers, count: providers.length }
      },
    },
    {
      method: 'PUT',
      path: `${path}/{provider}`,
      summary: 'Set the limits of a provider',
      tag: TAG,
      body: z.looseObject({}),
      documented: providerGovernanceSchema.omit({ name: true }),
      async handle({ params, body }) {
        const name = params.provider ?? ''
        found(tools, 'providers', name, 'provider')
        const { held, ...change } = await write(tools, [
          'provider_governance',
          name,
          (current) => withStoredUsage({ ...over(body, current), name }, current?.body),
        ])
        return written({ message: 'Provider governance updated successfully', provider: { ...held?.body, provider: name } }, change)
      },
    },
    {
      method: 'DELETE',
      path: `${path}/{provider}`,
      summary: 'Take the limits of a provider away',
      tag: TAG,
      async handle({ params }) {
        const name = params.provider ?? ''
        found(tools, 'provider_governance', name, 'limits of provider')
        const { held: _, ...change } = await write(tools, ['provider_governance', name, () => undefined])
        return written({ message: 'Provider governance deleted successfully' }, change)
      },
    },
  ]
}
