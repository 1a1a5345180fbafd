import { z } from 'zod'
import { entityId, limitsOf, reference, stamps } from './limits.ts'

const named = {
  id: entityId().describe('Stable id.'),
  name: z.string().min(1).max(255).describe('Unique name.'),
  description: z.string().optional().describe('For people.'),
}

/** One team of `governance.teams`. */
export const teamSchema = z.strictObject({
  ...named,
  customer_id: reference().describe('Customer it belongs to.'),
  business_unit_id: reference().describe('Business unit it belongs to.'),
  source_id: z.string().nullish().describe('Its id in the directory it came from.'),
  profile: z.json().optional().describe('What the directory says about it; not read by the gateway.'),
  config: z.json().optional().describe('Free; not read by the gateway.'),
  claims: z.json().optional().describe("What the directory's token says about it; not read by the gateway."),
  ...limitsOf,
  ...stamps,
})

/** One customer of `governance.customers`. */
export const customerSchema = z.strictObject({ ...named, ...limitsOf, ...stamps })

/** One business unit of `governance.business_units`. */
export const businessUnitSchema = z.strictObject({ ...named, ...limitsOf, ...stamps })

/** One role of `governance.roles` (api.md 4.9). */
export const roleSchema = z.strictObject({
  id: entityId().optional().describe('Stable id; the name when absent.'),
  name: z.string().min(1).max(255).describe('Unique name.'),
  description: z.string().optional().describe('For people.'),
  dac: z.enum(['own-data', 'team-data', 'all-data']).default('all-data').describe('Whose data it may see.'),
  access_profile: reference().describe('Access profile that its users get.'),
  permissions: z
    .array(
      z.strictObject({ resource: z.string().min(1).describe('What.'), operation: z.string().min(1).describe('What may be done with it.') }),
    )
    .default([])
    .describe('What it may do; nothing else.'),
})

/** A team, read. */
export type TeamBlock = z.output<typeof teamSchema>
/** A customer, read. */
export type CustomerBlock = z.output<typeof customerSchema>
/** A business unit, read. */
export type BusinessUnitBlock = z.output<typeof businessUnitSchema>
