import { z } from 'zod'
import { REQUEST_TYPES } from '../request-types.ts'
import { entityId, limitsOf, reference, stamps } from './limits.ts'

/** Where a request goes when a rule matches. */
const target = z.strictObject({
  provider: z.string().min(1).nullish().describe('Provider; absent: that of the request.'),
  model: z.string().min(1).nullish().describe('Model; absent: that of the request.'),
  key_id: reference().describe('Id of the one key that serves; needs the provider.'),
  provider_key_name: reference().describe('Name of that key, instead of its id.'),
  weight: z.number().min(0).max(1).default(1).describe('Share among the targets; together they make 1. All 0: equal shares.'),
})

/** One rule of `governance.routing_rules` (platform.md 2.5). */
export const routingRuleSchema = z.strictObject({
  id: entityId().describe('Stable id.'),
  name: z.string().min(1).max(255).describe('Unique name.'),
  description: z.string().optional().describe('For people.'),
  enabled: z.boolean().default(true).describe('Whether it is looked at.'),
  cel_expression: z.string().max(65_536).default('').describe('When it matches, in CEL; empty: always.'),
  targets: z.array(target).min(1).max(100).describe('Where matching requests go.'),
  fallbacks: z
    .array(z.string().regex(/^[^/\s]+\/.*$/, 'must be "provider/model", or "provider/" for the model of the request'))
    .default([])
    .describe('`provider/model`, tried in order; they replace those of the request.'),
  scope: z
    .enum(['global', 'team', 'customer', 'virtual_key'])
    .default('global')
    .describe('For whose requests it is looked at; the narrowest first.'),
  scope_id: reference().describe('Id of that team, customer or virtual key.'),
  priority: z.int().default(0).describe('Order within its scope, lowest first.'),
  chain_rule: z.boolean().default(false).describe('After a match the rules are looked at again, with the new provider and model.'),
  query: z.json().optional().describe("The expression as the dashboard's builder draws it; not read by the gateway."),
  ...stamps,
})

/** One entry of `governance.model_configs`: limits of a model. */
export const modelConfigSchema = z.strictObject({
  id: entityId().describe('Stable id.'),
  model_name: z.string().min(1).describe('Model; `*`: every model.'),
  provider: z.string().min(1).nullish().describe('Only at this provider.'),
  scope: z.enum(['global', 'virtual_key', 'user']).default('global').describe('For whose requests it counts.'),
  scope_id: reference().describe('Id of that virtual key or user.'),
  budget_ids: z.array(entityId()).default([]).describe('Ids of its budgets.'),
  ...limitsOf,
  ...stamps,
})

/** One entry of `governance.providers`: limits of a provider. */
export const providerGovernanceSchema = z.strictObject({
  name: z.string().min(1).describe('Name of a configured provider.'),
  budget_ids: z.array(entityId()).default([]).describe('Ids of its budgets.'),
  ...limitsOf,
  ...stamps,
})

const SCOPE_KINDS = ['global', 'provider', 'provider_key', 'virtual_key', 'virtual_key_provider', 'virtual_key_provider_key'] as const

/** One entry of `governance.pricing_overrides`. */
export const pricingOverrideSchema = z.strictObject({
  id: entityId().describe('Stable id.'),
  name: z.string().min(1).max(255).optional().describe('Name; the id when absent.'),
  scope_kind: z.enum(SCOPE_KINDS).default('global').describe('For whose requests it counts; names the ids that it needs.'),
  virtual_key_id: reference().describe('Id of the virtual key, where the scope has one.'),
  provider_id: reference().describe('Name of the provider, where the scope has one.'),
  provider_key_id: reference().describe("Id of the provider's key, where the scope has one."),
  provider_key_name: reference().describe('Name of that key, instead of its id.'),
  match_type: z.enum(['exact', 'wildcard']).default('exact').describe('How the pattern is read.'),
  pattern: z.string().min(1).default('*').describe('Model, or a pattern with `*`.'),
  request_types: z.array(z.enum(REQUEST_TYPES)).min(1).describe('Request types that it counts for.'),
  pricing_patch: z
    .union([z.string(), z.record(z.string(), z.number().min(0).nullable())])
    .superRefine((patch, context) => {
      const message = typeof patch === 'string' ? patchFault(patch) : undefined
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .optional()
    .describe('Price fields in US dollars that replace those of the catalog, as an object or as its JSON text.'),
  ...stamps,
})

function patchFault(text: string): string | undefined {
  let patch: unknown
  try {
    patch = JSON.parse(text)
  } catch {
    return 'is not JSON'
  }
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return 'must be the JSON text of an object'
  const wrong = Object.entries(patch).find(([, price]) => price !== null && !(typeof price === 'number' && price >= 0))
  return wrong === undefined ? undefined : `${JSON.stringify(wrong[0])} must be a number of at least 0`
}
