import { z } from 'zod'
import { allowNames } from '../allow-list.ts'
import { instant } from '../periods.ts'
import { budgets, entityId, rateLimitOf, reference, stamps } from './limits.ts'

/** What a virtual key may do with one provider (seed 1, breaking changes 2 to 4 and 6). */
export const virtualKeyProviderSchema = z.strictObject({
  id: z
    .union([z.string().min(1), z.int()], { error: 'must be an id' })
    .optional()
    .describe('Id that a budget may name as its owner.'),
  provider: z.string().min(1).describe('Name of a configured provider.'),
  weight: z.number().min(0).nullish().default(null).describe('Share in weighted choice; null: out of it and of automatic fallbacks.'),
  allowed_models: allowNames().default([]).describe('Models it may use: `["*"]` all, `[]` none.'),
  blacklisted_models: allowNames().default([]).describe('Models it may not use, whatever `allowed_models` says.'),
  key_ids: allowNames().default([]).describe('The provider\'s keys it may use, by id or name: `["*"]` all, `[]` none.'),
  budgets: budgets(),
  ...rateLimitOf,
})

/** What a virtual key may do with one MCP client (seed 1, breaking change 5). */
export const virtualKeyMcpSchema = z.strictObject({
  id: z
    .union([z.string().min(1), z.int()], { error: 'must be an id' })
    .optional()
    .describe('Id; kept by the gateway.'),
  mcp_client_name: z.string().min(1).optional().describe('Name of the MCP client.'),
  mcp_client_id: z.string().min(1).optional().describe('Its id, instead of the name.'),
  tools_to_execute: allowNames().default([]).describe('Tools it may execute: `["*"]` all, `[]` none.'),
})

/** One virtual key of `governance.virtual_keys` (api.md 5.3). */
export const virtualKeySchema = z.strictObject({
  id: entityId().describe('Stable id.'),
  name: z.string().min(1).max(255).optional().describe('Unique name; the id when absent.'),
  description: z.string().optional().describe('For people.'),
  value: z
    .string()
    .refine((text) => /^[\x21-\x7e]{1,512}$/.test(text.trim()), 'must be 1 to 512 visible ASCII characters without a space')
    .optional()
    .describe('The secret that clients present, usually `env.NAME`; by convention it begins with `sk-bf-`.'),
  is_active: z.boolean().default(true).describe('Whether it lets anyone in.'),
  expires_at: instant().nullish().describe('When it stops letting anyone in.'),
  calendar_aligned: z.boolean().default(false).describe('Periods of its budgets begin with the calendar (UTC).'),
  team_id: reference().describe('Team it belongs to; not together with customer_id.'),
  customer_id: reference().describe('Customer it belongs to; not together with team_id.'),
  access_profile_id: reference().describe('Access profile that manages it.'),
  provider_configs: z
    .array(virtualKeyProviderSchema)
    .max(1000)
    .default([])
    .describe('Providers it may use; a provider that is not listed is denied.'),
  mcp_configs: z
    .array(virtualKeyMcpSchema)
    .max(1000)
    .default([])
    .describe('MCP clients it may use; a client that is not listed is denied.'),
  budgets: budgets(),
  ...rateLimitOf,
  ...stamps,
})

/** A virtual key, read. */
export type VirtualKeyBlock = z.output<typeof virtualKeySchema>
