import { hash } from 'node:crypto'
import type { z } from 'zod'
import type {
  BusinessUnitSettings,
  CustomerSettings,
  OwnerSettings,
  TeamSettings,
  VirtualKeyMcp,
  VirtualKeyProvider,
  VirtualKeySettings,
} from '../../snapshot.ts'
import { toAllowList } from '../allow-list.ts'
import type { inlineBudgetSchema, inlineRateLimitSchema } from './limits.ts'
import type { BusinessUnitBlock, CustomerBlock, TeamBlock } from './owners.ts'
import type { VirtualKeyBlock } from './virtual-keys.ts'

/** What limits an entity, as read: by id or in place. */
interface Limited {
  budget_id?: string | null | undefined
  budget_ids?: readonly string[] | undefined
  budgets?: readonly (string | z.output<typeof inlineBudgetSchema>)[] | undefined
  rate_limit_id?: string | null | undefined
  rate_limit?: z.output<typeof inlineRateLimitSchema> | null | undefined
}

/** What a virtual key's value is looked up by: its SHA-256 in hex. */
export function virtualKeyHash(value: string): string {
  return hash('sha256', value, 'hex')
}

/** Id of a budget that stands in its owner: its own, or one made from the owner (`virtual_key:vk-1`) and the period. */
export function inlineBudgetId(owner: string, budget: { id?: string | undefined; reset_duration: string }): string {
  return budget.id ?? `${owner}:${budget.reset_duration}`
}

/** Id of a rate limit that stands in its owner: its own, or one made from the owner. */
export function inlineRateLimitId(owner: string, rateLimit: { id?: string | undefined }): string {
  return rateLimit.id ?? `${owner}:rate_limit`
}

/** Owner of the limits in a virtual key's provider config, as `inlineBudgetId` takes it. */
export function providerConfigOwner(virtualKeyId: string, provider: string): string {
  return `virtual_key:${virtualKeyId}:${provider}`
}

/** A virtual key, as every thread holds it. */
export function toVirtualKeySettings(block: VirtualKeyBlock): VirtualKeySettings {
  return Object.freeze({
    id: block.id,
    name: block.name ?? block.id,
    isActive: block.is_active,
    expiresAt: block.expires_at ? Date.parse(block.expires_at) : undefined,
    teamId: block.team_id ?? undefined,
    customerId: block.customer_id ?? undefined,
    accessProfileId: block.access_profile_id ?? undefined,
    providers: Object.freeze(block.provider_configs.map((config) => toProvider(block.id, config))),
    mcpClients: Object.freeze(block.mcp_configs.map(toMcp)),
    isCalendarAligned: block.calendar_aligned,
    ...limits(`virtual_key:${block.id}`, block),
  })
}

function toProvider(virtualKeyId: string, config: VirtualKeyBlock['provider_configs'][number]): VirtualKeyProvider {
  return Object.freeze({
    provider: config.provider,
    weight: config.weight ?? null,
    allowedModels: toAllowList(config.allowed_models),
    blacklistedModels: toAllowList(config.blacklisted_models),
    keyIds: toAllowList(config.key_ids),
    ...limits(providerConfigOwner(virtualKeyId, config.provider), config),
  })
}

function toMcp(config: VirtualKeyBlock['mcp_configs'][number]): VirtualKeyMcp {
  return Object.freeze({ client: config.mcp_client_id ?? config.mcp_client_name ?? '', tools: toAllowList(config.tools_to_execute) })
}

/** A team, as every thread holds it. */
export function toTeamSettings(block: TeamBlock): TeamSettings {
  return Object.freeze({
    ...toOwner('team', block),
    customerId: block.customer_id ?? undefined,
    businessUnitId: block.business_unit_id ?? undefined,
  })
}

/** A customer, as every thread holds it. */
export function toCustomerSettings(block: CustomerBlock): CustomerSettings {
  return Object.freeze(toOwner('customer', block))
}

/** A business unit, as every thread holds it. */
export function toBusinessUnitSettings(block: BusinessUnitBlock): BusinessUnitSettings {
  return Object.freeze(toOwner('business_unit', block))
}

function toOwner(kind: string, block: CustomerBlock): OwnerSettings {
  return { id: block.id, name: block.name, isCalendarAligned: block.calendar_aligned, ...limits(`${kind}:${block.id}`, block) }
}

function limits(owner: string, block: Limited): { budgetIds: readonly string[]; rateLimitId: string | undefined } {
  const listed = (block.budgets ?? []).map((budget) => (typeof budget === 'string' ? budget : inlineBudgetId(owner, budget)))
  const single = block.budget_id ? [block.budget_id] : []
  const rateLimitId = block.rate_limit ? inlineRateLimitId(owner, block.rate_limit) : (block.rate_limit_id ?? undefined)
  return { budgetIds: Object.freeze([...new Set([...single, ...(block.budget_ids ?? []), ...listed])]), rateLimitId }
}
