import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { objects } from './bodies.ts'

/** What the gateway counts; nobody else sets it. */
const COUNTED = [
  'current_usage',
  'last_reset',
  'token_current_usage',
  'token_last_reset',
  'request_current_usage',
  'request_last_reset',
] as const

/** An entity with the usage that stands in it, whatever was sent of that: in its budgets, its rate limit, and those of its provider configs. */
export function withStoredUsage(next: JsonObject, current: JsonObject | undefined): JsonObject {
  const kept = limitsIn(next, current ?? {})
  const configs = next.provider_configs
  if (!Array.isArray(configs)) return kept
  const before = objects(current?.provider_configs)
  const withUsage = (config: Json) =>
    isObject(config) ? limitsIn(config, before.find(({ provider }) => provider === config.provider) ?? {}) : config
  return { ...kept, provider_configs: configs.map(withUsage) }
}

function limitsIn(next: JsonObject, current: JsonObject): JsonObject {
  const { budgets, rate_limit: limit } = next
  const before = objects(current.budgets)
  const same = (budget: JsonObject) => before.find((each) => each.reset_duration === budget.reset_duration) ?? {}
  return {
    ...counted(next, current),
    ...(Array.isArray(budgets) && {
      budgets: budgets.map((budget: Json) => (isObject(budget) ? counted(budget, same(budget)) : budget)),
    }),
    ...(isObject(limit) && { rate_limit: counted(limit, isObject(current.rate_limit) ? current.rate_limit : {}) }),
  }
}

/** Unknown fields of an entity are its schema's business: only what is counted is looked at, and only where limits have it. */
function counted(next: JsonObject, current: JsonObject): JsonObject {
  if (!('max_limit' in next || 'token_max_limit' in next || 'request_max_limit' in next)) return next
  const others = Object.entries(next).filter(([name]) => !(COUNTED as readonly string[]).includes(name))
  const kept = COUNTED.flatMap((name) => (current[name] === undefined ? [] : [[name, current[name]] as const]))
  return Object.fromEntries([...others, ...kept])
}
