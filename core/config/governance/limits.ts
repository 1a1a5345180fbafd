import { z } from 'zod'
import { instant, period } from '../periods.ts'

/** An entity's id, as other entities refer to it. */
export function entityId() {
  return z.string().min(1).max(255)
}

/** A reference to another entity by its id; null stands for none, as the management API writes it. */
export function reference() {
  return z.string().min(1).max(255).nullish()
}

/** When an entity was made and last changed; kept by the gateway, and accepted so that what it gave out can be read back. */
export const stamps = {
  created_at: instant().optional().describe('When it was made; kept by the gateway.'),
  updated_at: instant().optional().describe('When it was last changed; kept by the gateway.'),
}

const budgetFields = {
  max_limit: z.number().min(0).describe('Most that may be spent in one period, in US dollars; 0: nothing.'),
  reset_duration: period().describe('Length of a period: `30s`, `1h`, `1d`, `1w`, `1M`, `1Y`, or daily, weekly, monthly, yearly.'),
  current_usage: z.number().min(0).optional().describe('What was spent in the current period, in US dollars; kept by the gateway.'),
  last_reset: instant().optional().describe('When the current period began; kept by the gateway.'),
  calendar_aligned: z.boolean().optional().describe('Periods begin with the calendar (UTC); only for days, weeks, months and years.'),
}

/** Fields of a budget that name its owner, and the collection each points into; at most one is set. */
export const BUDGET_OWNERS: Readonly<Record<string, string | undefined>> = {
  virtual_key_id: 'virtual_keys',
  provider_config_id: undefined,
  team_id: 'teams',
  customer_id: 'customers',
  business_unit_id: 'business_units',
  model_config_id: 'model_configs',
  provider_name: 'provider_governance',
}

/** One budget of `governance.budgets`. */
export const budgetSchema = z.strictObject({
  id: entityId().describe('Id that its owner refers to.'),
  ...budgetFields,
  virtual_key_id: reference().describe('Its owner, where that is a virtual key.'),
  provider_config_id: z
    .union([z.string().min(1), z.int()], { error: 'must be an id' })
    .nullish()
    .describe("Its owner, where that is a virtual key's provider config with an id."),
  team_id: reference().describe('Its owner, where that is a team.'),
  customer_id: reference().describe('Its owner, where that is a customer.'),
  business_unit_id: reference().describe('Its owner, where that is a business unit.'),
  model_config_id: reference().describe('Its owner, where that is a model config.'),
  provider_name: reference().describe('Its owner, where that is a provider.'),
  ...stamps,
})

/** A budget inside the entity that it limits. */
export const inlineBudgetSchema = z
  .strictObject({
    id: entityId().optional().describe('Id; made from the owner and the period when absent.'),
    ...budgetFields,
  })
  .meta({ id: 'inlineBudget' })

const rateLimitFields = {
  token_max_limit: z.int().min(1).nullish().describe('Most tokens in one period.'),
  token_reset_duration: period().nullish().describe('Length of the period for tokens; belongs with token_max_limit.'),
  token_current_usage: z.int().min(0).optional().describe('Tokens of the current period; kept by the gateway.'),
  token_last_reset: instant().optional().describe('When the current period for tokens began; kept by the gateway.'),
  request_max_limit: z.int().min(1).nullish().describe('Most requests in one period.'),
  request_reset_duration: period().nullish().describe('Length of the period for requests; belongs with request_max_limit.'),
  request_current_usage: z.int().min(0).optional().describe('Requests of the current period; kept by the gateway.'),
  request_last_reset: instant().optional().describe('When the current period for requests began; kept by the gateway.'),
  calendar_aligned: z.boolean().optional().describe('Periods begin with the calendar (UTC).'),
}

/** One rate limit of `governance.rate_limits`. */
export const rateLimitSchema = z.strictObject({
  id: entityId().describe('Id that its owners refer to.'),
  ...rateLimitFields,
  ...stamps,
})

/** A rate limit inside the entity that it limits. */
export const inlineRateLimitSchema = z
  .strictObject({
    id: entityId().optional().describe('Id; made from the owner when absent.'),
    ...rateLimitFields,
  })
  .meta({ id: 'inlineRateLimit' })

const idOrBudget = z.union([entityId(), inlineBudgetSchema], { error: 'must be the id of a budget or a budget' })

/** `budgets` of an owner: ids of budgets, or the budgets themselves; each period at most once. */
export function budgets() {
  return z.array(idOrBudget).max(100).default([]).describe('Budgets, by id or in place; one per reset_duration.')
}

/** What limits an entity besides its budgets. */
export const rateLimitOf = {
  rate_limit_id: reference().describe('Id of its rate limit.'),
  rate_limit: inlineRateLimitSchema.nullish().describe('Its rate limit in place, instead of an id.'),
}

/** Budgets and rate limit of an entity that may also name one budget. */
export const limitsOf = {
  budget_id: reference().describe('Id of its budget.'),
  budgets: budgets(),
  ...rateLimitOf,
  calendar_aligned: z.boolean().default(false).describe('Periods of its budgets begin with the calendar (UTC).'),
}
