import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { Builtins, StoreType } from './builtins.ts'
import { issueProblems } from './issues.ts'
import type { Path } from './problems.ts'
import type { Report } from './provider-checks.ts'

/** Databases that a configuration of the original may name for itself, and what to do with them instead. */
const FORMER: ReadonlyMap<string, string> = new Map([
  ['config_store postgres', '; "bifrost migrate --from postgres://..." takes its contents over'],
])

/** The blocks that name a kind of store: a kind that is served, with a config that its driver takes. */
export function checkStores(tree: Json, builtins: Builtins, report: Report): void {
  if (!isObject(tree)) return
  const { stores = [], vectorStores = [] } = builtins
  const ofConfig = stores.filter(({ openConfig }) => openConfig !== undefined)
  const ofLogs = stores.filter(({ openLogs }) => openLogs !== undefined)
  const ofValues = stores.filter(({ openKeyValue }) => openKeyValue !== undefined)
  const kinds = { config_store: ofConfig, key_value_store: ofValues, logs_store: ofLogs, vector_store: vectorStores }
  for (const [name, types] of Object.entries(kinds)) {
    const block = tree[name]
    if (isObject(block) && block.enabled === true) checkStore(block, { at: [name], types }, report)
  }
}

function checkStore(block: JsonObject, { at, types }: { at: Path; types: readonly StoreType[] }, report: Report): void {
  const { type, config = {} } = block
  if (types.length === 0) return report([...at, 'enabled'], 'no store is served by this version; say false')
  if (type === undefined) return report([...at, 'type'], `is required: ${orList(types)}`)
  if (typeof type !== 'string') return
  const driver = types.find((each) => each.type === type)
  if (driver === undefined)
    return report([...at, 'type'], `"${type}" is no store for this; choose ${orList(types)}${FORMER.get(`${at.join('.')} ${type}`) ?? ''}`)
  const result = driver.config.safeParse(config)
  if (result.success) return
  for (const { path, message } of issueProblems(result.error.issues, driver.config, config)) report([...at, 'config', ...path], message)
}

function orList(types: readonly StoreType[]): string {
  const names = types.map(({ type }) => type)
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
