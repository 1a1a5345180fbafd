import type { JsonObject } from '../../canonical/json.ts'
import type { Path } from '../problems.ts'
import { celFault } from './cel.ts'
import { checkLimits } from './limits.ts'
import { checkKeyOf, checkProviderName, checkReference, objectsOf, type Subject, textOf, textsOf } from './subject.ts'

const SCOPES: Readonly<Record<string, string | undefined>> = {
  team: 'teams',
  customer: 'customers',
  virtual_key: 'virtual_keys',
  user: undefined,
}

/** A routing rule: targets that are there, weights that make 1, a scope that is there. */
export function checkRoutingRule(subject: Subject): void {
  const { body, report } = subject
  checkScope(subject)
  const fault = celFault(textOf(body, 'cel_expression') ?? '')
  if (fault !== undefined) report(['cel_expression'], fault)
  const targets = objectsOf(body.targets)
  for (const [index, target] of targets) checkTarget(subject, ['targets', index], target)
  const weights = targets.map(([, { weight }]) => (weight === undefined ? 1 : weight))
  const sum = weights.reduce<number>((total, weight) => total + (typeof weight === 'number' ? weight : Number.NaN), 0)
  if (targets.length > 0 && Math.abs(sum - 1) > 0.001 && sum !== 0)
    report(['targets'], `the weights make ${Number(sum.toFixed(3))}; together they must make 1`)
  for (const [index, fallback] of textsOf(body.fallbacks)) {
    const slash = fallback.indexOf('/')
    if (slash > 0) checkProviderName(subject, ['fallbacks', index], fallback.slice(0, slash))
  }
}

function checkTarget(subject: Subject, at: Path, target: JsonObject): void {
  const provider = textOf(target, 'provider')
  const isThere = checkProviderName(subject, [...at, 'provider'], provider)
  for (const field of ['key_id', 'provider_key_name']) {
    const key = textOf(target, field)
    if (key === undefined) continue
    if (provider === undefined) subject.report([...at, field], 'needs the provider whose key it is')
    else if (isThere) checkKeyOf(subject, [...at, field], { provider, key })
  }
}

function checkScope(subject: Subject): void {
  const { body, report } = subject
  const scope = textOf(body, 'scope') ?? 'global'
  const id = textOf(body, 'scope_id')
  if (scope === 'global' && id !== undefined) report(['scope_id'], 'belongs to a scope other than global')
  if (!Object.hasOwn(SCOPES, scope)) return
  if (id === undefined) report(['scope_id'], `is required for the scope ${scope}`)
  const collection = SCOPES[scope]
  if (collection !== undefined) checkReference(subject, ['scope_id'], { collection, id })
}

/** Limits of a model. */
export function checkModelConfig(subject: Subject): void {
  checkProviderName(subject, ['provider'], textOf(subject.body, 'provider'))
  checkScope(subject)
  checkLimits(subject, [], subject.body)
}

/** Limits of a provider. */
export function checkProviderGovernance(subject: Subject): void {
  checkProviderName(subject, ['name'], textOf(subject.body, 'name'))
  checkLimits(subject, [], subject.body)
}

/** Ids that a scope of prices needs. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  global: [],
  provider: ['provider_id'],
  provider_key: ['provider_key_id'],
  virtual_key: ['virtual_key_id'],
  virtual_key_provider: ['virtual_key_id', 'provider_id'],
  virtual_key_provider_key: ['virtual_key_id', 'provider_key_id'],
}

/** A price override: the ids of its scope, and no others. */
export function checkPricingOverride(subject: Subject): void {
  const { body, report, lookup } = subject
  const scope = textOf(body, 'scope_kind') ?? 'global'
  const needed = NEEDS[scope]
  const given = ['provider_id', 'provider_key_id', 'virtual_key_id'].filter((field) => idIn(body, field) !== undefined)
  if (needed) {
    for (const field of needed) if (!given.includes(field)) report([field], `is required for the scope ${scope}`)
    const isImplied = (field: string) => field === 'provider_id' && needed.includes('provider_key_id')
    for (const field of given) if (!needed.includes(field) && !isImplied(field)) report([field], `does not belong to the scope ${scope}`)
  }
  checkProviderName(subject, ['provider_id'], textOf(body, 'provider_id'))
  checkReference(subject, ['virtual_key_id'], { collection: 'virtual_keys', id: textOf(body, 'virtual_key_id') })
  for (const field of ['provider_key_id', 'provider_key_name']) {
    const key = textOf(body, field)
    if (key !== undefined && lookup.get('keys', key) === undefined && lookup.idsBy('keys', 'name', key).length === 0)
      report([field], `no provider has a key with the id or name "${key}"`)
  }
}

function idIn(body: JsonObject, field: string): string | undefined {
  return textOf(body, field) ?? (field === 'provider_key_id' ? textOf(body, 'provider_key_name') : undefined)
}
