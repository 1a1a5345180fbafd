import type { z } from 'zod'
import type { JsonObject } from '../canonical/json.ts'
import type { Builtins } from './builtins.ts'
import { accessProfileSchema } from './enterprise.ts'
import type { Entity } from './entities.ts'
import { budgetSchema, rateLimitSchema } from './governance/limits.ts'
import { businessUnitSchema, customerSchema, roleSchema, teamSchema } from './governance/owners.ts'
import { modelConfigSchema, pricingOverrideSchema, providerGovernanceSchema, routingRuleSchema } from './governance/routing.ts'
import { virtualKeySchema } from './governance/virtual-keys.ts'
import { issueProblems, type Problem } from './issues.ts'
import { mcpClientSchema } from './mcp.ts'
import { pluginSchema } from './plugins.ts'
import { keySchema, providerSchema } from './providers.ts'
import { checkEntity, type EntityContext } from './rules/index.ts'

/** Schemas of single entities, by their collection; `keys` without the `provider` that their bodies have besides. */
export const ENTITY_SCHEMAS = {
  providers: providerSchema,
  keys: keySchema,
  plugins: () => pluginSchema,
  virtual_keys: () => virtualKeySchema,
  teams: () => teamSchema,
  customers: () => customerSchema,
  business_units: () => businessUnitSchema,
  budgets: () => budgetSchema,
  rate_limits: () => rateLimitSchema,
  routing_rules: () => routingRuleSchema,
  model_configs: () => modelConfigSchema,
  provider_governance: () => providerGovernanceSchema,
  pricing_overrides: () => pricingOverrideSchema,
  mcp_clients: () => mcpClientSchema,
  roles: () => roleSchema,
  access_profiles: () => accessProfileSchema,
} satisfies Readonly<Record<string, (builtins: Builtins) => z.ZodType>>

/** A collection whose entities have a schema. */
export type EntityCollection = keyof typeof ENTITY_SCHEMAS

/** An entity's body, read with defaults filled in. */
export type EntityBlock<C extends EntityCollection> = z.output<ReturnType<(typeof ENTITY_SCHEMAS)[C]>>

/**
 * Reads one entity and checks it among the others: by its schema, then by its rules (checkEntity). All problems at once, with paths
 * relative to the entity. `block` is there when there are none.
 */
export function readEntity<C extends EntityCollection>(
  entity: Omit<Entity, 'path' | 'collection'> & { collection: C },
  context: EntityContext,
): { block?: EntityBlock<C>; problems: Problem[] } {
  const schema: z.ZodType = ENTITY_SCHEMAS[entity.collection](context.builtins)
  const body = entity.collection === 'keys' ? withoutProvider(entity.body) : entity.body
  const result = schema.safeParse(body)
  const found = result.success ? [] : issueProblems(result.error.issues, schema, body)
  const problems = [...found, ...checkEntity(entity, context)]
  return problems.length === 0 && result.success ? { block: result.data as EntityBlock<C>, problems } : { problems }
}

function withoutProvider({ provider: _, ...body }: JsonObject): JsonObject {
  return body
}
