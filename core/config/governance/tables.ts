import type { z } from 'zod'
import type { SnapshotTables } from '../../snapshot.ts'
import type { governanceSchema } from './index.ts'
import { toBusinessUnitSettings, toCustomerSettings, toTeamSettings, toVirtualKeySettings, virtualKeyHash } from './settings.ts'

/** The tables that come from governance. */
export type GovernanceTables = Pick<SnapshotTables, 'virtualKeys' | 'virtualKeyIds' | 'teams' | 'customers' | 'businessUnits'>

/** Tables of the `governance` block. A virtual key without a value is known, and nobody can present it. */
export function toGovernanceTables(block: z.output<typeof governanceSchema>): GovernanceTables {
  const { virtual_keys: keys } = block
  const valued = keys.flatMap(({ id, value }): [string, string][] => (value === undefined ? [] : [[virtualKeyHash(value.trim()), id]]))
  return {
    virtualKeys: new Map(keys.map((key) => [key.id, toVirtualKeySettings(key)])),
    virtualKeyIds: new Map(valued),
    teams: new Map(block.teams.map((team) => [team.id, toTeamSettings(team)])),
    customers: new Map(block.customers.map((customer) => [customer.id, toCustomerSettings(customer)])),
    businessUnits: new Map(block.business_units.map((unit) => [unit.id, toBusinessUnitSettings(unit)])),
  }
}
