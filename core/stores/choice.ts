import type { StoreDriver } from './stores.ts'

/** What a store is opened for. */
export type StoreUse = 'openConfig' | 'openKeyValue' | 'openLogs' | 'openNotices'

const USES: Readonly<Record<StoreUse, string>> = {
  openConfig: 'keeps a configuration',
  openKeyValue: 'keeps values that expire',
  openLogs: 'keeps logs',
  openNotices: 'carries notices',
}

/** The driver of a type that can do this, or a sentence that names those that can. */
export function chooseDriver(drivers: readonly StoreDriver[], type: string, use: StoreUse): StoreDriver | { problem: string } {
  const fit = drivers.filter((driver) => driver[use])
  const chosen = fit.find((driver) => driver.type === type)
  if (chosen) return chosen
  const choices = fit.map((driver) => `"${driver.type}"`).join(', ')
  const known = drivers.some((driver) => driver.type === type)
  const fault = known
    ? `a store of type "${type}" is none that ${USES[use]}`
    : `there is no store of type ${JSON.stringify(type.slice(0, 100))}`
  return { problem: `${fault}; choose one of ${choices}` }
}
