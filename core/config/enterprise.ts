import { z } from 'zod'
import { allowNames } from './allow-list.ts'
import { entityId, inlineBudgetSchema, inlineRateLimitSchema } from './governance/limits.ts'

const anyId = z.union([z.string().min(1), z.int()], { error: 'must be an id' })

const guardrailRule = z.strictObject({
  id: anyId.describe('Stable id.'),
  name: z.string().min(1).describe('Name.'),
  description: z.string().optional().describe('For people.'),
  enabled: z.boolean().default(true).describe('Whether it is applied.'),
  cel_expression: z.string().default('').describe('When it applies, in CEL; empty: always.'),
  apply_to: z.enum(['input', 'output', 'both']).default('both').describe('What is checked.'),
  sampling_rate: z.number().min(0).max(100).default(100).describe('Share of requests that are checked, in percent.'),
  timeout: z.number().min(0.001).max(3600).optional().describe('Longest a check may take, in seconds.'),
  provider_config_ids: z.array(anyId).default([]).describe('Ids of the profiles that check.'),
})

const guardrailProvider = z.strictObject({
  id: anyId.describe('Stable id.'),
  provider_name: z.string().min(1).describe('Kind of check.'),
  policy_name: z.string().min(1).optional().describe('Name of the profile.'),
  enabled: z.boolean().default(true).describe('Whether rules may use it.'),
  timeout: z.number().min(0.001).max(3600).optional().describe('Longest a check may take, in seconds.'),
  config: z.record(z.string(), z.json()).default({}).describe("The check's own settings."),
})

/** The `guardrails_config` block (platform.md 4). */
export const guardrailsSchema = z.strictObject({
  guardrail_rules: z.array(guardrailRule).default([]).describe('When texts are checked.'),
  guardrail_providers: z.array(guardrailProvider).default([]).describe('By what.'),
})

/** The `scim_config` block: people come from a directory. Its config is in camelCase, as each directory's documents write it. */
export const scimSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Whether people sign in by the directory.'),
  provider: z.enum(['okta', 'entra', 'keycloak', 'zitadel', 'google', 'sailpoint', 'generic']).optional().describe('Kind of directory.'),
  config: z.record(z.string(), z.json()).default({}).describe('Its address, client and mappings.'),
})

const profileProvider = z.strictObject({
  provider_name: z.string().min(1).describe('Name of a configured provider.'),
  all_models_allowed: z.boolean().default(false).describe('Whether all its models may be used.'),
  allowed_models: allowNames().default([]).describe('Models that may be used: `["*"]` all, `[]` none.'),
  budgets: z.array(inlineBudgetSchema).default([]).describe('Budgets of each user there.'),
  rate_limit: inlineRateLimitSchema.nullish().describe('Rate limit of each user there.'),
})

/** One of `access_profiles`: the template of virtual keys that users get (api.md 4.9). */
export const accessProfileSchema = z.strictObject({
  id: entityId().optional().describe('Stable id; the name when absent.'),
  name: z.string().min(1).max(255).describe('Unique name.'),
  description: z.string().optional().describe('For people.'),
  is_active: z.boolean().default(true).describe('Whether it is given out.'),
  tags: z.array(z.string().min(1)).max(50).default([]).describe('For people.'),
  provider_configs: z.array(profileProvider).max(100).default([]).describe('Providers that may be used.'),
  budgets: z.array(inlineBudgetSchema).max(100).default([]).describe('Budgets of each user.'),
  rate_limit: inlineRateLimitSchema.nullish().describe('Rate limit of each user.'),
  calendar_aligned: z.boolean().default(false).describe('Periods of its budgets begin with the calendar (UTC).'),
  mcp_tool_groups: z
    .array(z.strictObject({ tool_group_id: anyId }))
    .default([])
    .describe('Groups of tools that may be used.'),
  mcp_servers: z
    .array(z.strictObject({ mcp_server_id: anyId }))
    .default([])
    .describe('MCP clients that may be used.'),
  mcp_tool_overrides: z
    .array(z.strictObject({ mcp_client_id: anyId, tool_name: z.string().min(1), action: z.enum(['include', 'exclude']) }))
    .default([])
    .describe('Single tools, let in or kept out.'),
})
