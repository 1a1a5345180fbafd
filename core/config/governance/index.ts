import { z } from 'zod'
import { budgetSchema, rateLimitSchema } from './limits.ts'
import { businessUnitSchema, customerSchema, roleSchema, teamSchema } from './owners.ts'
import { modelConfigSchema, pricingOverrideSchema, providerGovernanceSchema, routingRuleSchema } from './routing.ts'
import { virtualKeySchema } from './virtual-keys.ts'

/** Sign-in to the dashboard and the management API (seed 3); also accepted as top-level `auth_config`. */
export const authConfigSchema = z.strictObject({
  is_enabled: z.boolean().default(false).describe('Whether a user name and a password are asked for.'),
  admin_username: z.string().min(1).optional().describe('User name, usually `env.NAME`; there is none by default.'),
  admin_password: z.string().min(1).optional().describe('Password, usually `env.NAME`; there is none by default.'),
  disable_auth_on_inference: z.boolean().default(false).describe('Do not ask for them on /v1 routes.'),
})

/** The `governance` block (api.md 5.3). */
export const governanceSchema = z.strictObject({
  auth_config: authConfigSchema.optional().describe('Sign-in to the dashboard and the management API.'),
  virtual_keys: z.array(virtualKeySchema).default([]).describe('Credentials of clients, and what each may do.'),
  teams: z.array(teamSchema).default([]).describe('Teams that virtual keys belong to.'),
  customers: z.array(customerSchema).default([]).describe('Customers that virtual keys and teams belong to.'),
  business_units: z.array(businessUnitSchema).default([]).describe('Business units that teams belong to.'),
  budgets: z.array(budgetSchema).default([]).describe('Budgets in US dollars.'),
  rate_limits: z.array(rateLimitSchema).default([]).describe('Limits of tokens and requests.'),
  routing_rules: z.array(routingRuleSchema).default([]).describe('Rules that send requests elsewhere.'),
  model_configs: z.array(modelConfigSchema).default([]).describe('Limits of models.'),
  providers: z.array(providerGovernanceSchema).default([]).describe('Limits of providers.'),
  pricing_overrides: z.array(pricingOverrideSchema).default([]).describe('Prices that replace those of the catalog.'),
  roles: z.array(roleSchema).default([]).describe('Roles of people who use the management API.'),
})
