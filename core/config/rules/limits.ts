import { isObject, type Json, type JsonObject } from '../../canonical/json.ts'
import { BUDGET_OWNERS } from '../governance/limits.ts'
import { isCalendarPeriod, periodMs } from '../periods.ts'
import type { Path } from '../problems.ts'
import { checkReference, objectsOf, type Subject, textOf, textsOf } from './subject.ts'

/** Budgets and rate limit of an entity, or of a part of it: what they refer to, and one budget per period. */
export function checkLimits(subject: Subject, at: Path, body: JsonObject): void {
  checkReference(subject, [...at, 'budget_id'], { collection: 'budgets', id: textOf(body, 'budget_id') })
  checkReference(subject, [...at, 'rate_limit_id'], { collection: 'rate_limits', id: textOf(body, 'rate_limit_id') })
  for (const [index, id] of textsOf(body.budget_ids)) checkReference(subject, [...at, 'budget_ids', index], { collection: 'budgets', id })
  for (const [index, id] of textsOf(body.budgets)) checkReference(subject, [...at, 'budgets', index], { collection: 'budgets', id })
  for (const [index, budget] of objectsOf(body.budgets)) checkCalendar(subject, [...at, 'budgets', index], budget)
  checkPeriods(subject, at, body)
  const { rate_limit: rateLimit } = body
  if (!isObject(rateLimit)) return
  if (textOf(body, 'rate_limit_id') !== undefined) subject.report([...at, 'rate_limit'], 'excludes rate_limit_id; keep one of the two')
  // An empty object is how the management API takes a limit away.
  if (Object.keys(rateLimit).length > 0) checkRateLimit(subject, [...at, 'rate_limit'], rateLimit)
}

function checkPeriods({ lookup, report }: Subject, at: Path, body: JsonObject): void {
  if (!Array.isArray(body.budgets)) return
  const seen = new Map<number, string>()
  const single = textOf(body, 'budget_id')
  const all: readonly (readonly [Path, Json | undefined])[] = [
    [[...at, 'budget_id'], single],
    ...(body.budgets as readonly Json[]).map((budget, index) => [[...at, 'budgets', index], budget] as const),
  ]
  for (const [path, budget] of all) {
    const text = textOf(
      (typeof budget === 'string' ? lookup.get('budgets', budget) : isObject(budget) ? budget : {}) ?? {},
      'reset_duration',
    )
    const ms = text === undefined ? Number.NaN : periodMs(text)
    if (Number.isNaN(ms)) continue
    const first = seen.get(ms)
    if (first !== undefined) report(path, `has the same reset_duration (${first}) as another budget; one budget per period`)
    seen.set(ms, text ?? '')
  }
}

function checkCalendar({ report }: Subject, at: Path, budget: JsonObject): void {
  const duration = textOf(budget, 'reset_duration')
  if (budget.calendar_aligned !== true || duration === undefined || Number.isNaN(periodMs(duration)) || isCalendarPeriod(duration)) return
  report([...at, 'calendar_aligned'], `a period of ${duration} has no place in the calendar; days, weeks, months and years have`)
}

/** One of `governance.budgets`: at most one owner, and it is there. */
export function checkBudget(subject: Subject): void {
  const { body, report, lookup, id, isWhole } = subject
  checkCalendar(subject, [], body)
  const owners = Object.keys(BUDGET_OWNERS).filter((field) => body[field] !== undefined && body[field] !== null)
  if (owners.length > 1) report([String(owners[1])], `excludes ${owners[0]}: a budget has one owner`)
  for (const field of owners) {
    const owner = textOf(body, field)
    const collection = BUDGET_OWNERS[field]
    if (owner === undefined) continue
    if (collection !== undefined && !checkReference(subject, [field], { collection, id: owner })) continue
    const periodOf = (budget: JsonObject | undefined) => periodMs(textOf(budget ?? {}, 'reset_duration') ?? '')
    const all = lookup.idsBy('budgets', field, owner)
    // In a file the second place alone is told.
    const others = isWhole ? all.slice(0, all.indexOf(id)) : all.filter((other) => other !== id)
    const same = others.find((other) => periodOf(lookup.get('budgets', other)) === periodOf(body))
    if (same !== undefined) report(['reset_duration'], `the budget "${same}" of the same owner has this period too; one budget per period`)
  }
}

/** One rate limit: a limit has its period, and a period its limit. */
export function checkRateLimit({ report }: Pick<Subject, 'report'>, at: Path, body: JsonObject): void {
  for (const kind of ['token', 'request']) {
    const most = body[`${kind}_max_limit`] ?? undefined
    const period = body[`${kind}_reset_duration`] ?? undefined
    if (most !== undefined && period === undefined) report([...at, `${kind}_reset_duration`], `is required with ${kind}_max_limit`)
    if (most === undefined && period !== undefined) report([...at, `${kind}_max_limit`], `is required with ${kind}_reset_duration`)
  }
  const isEmpty = ['token_max_limit', 'token_reset_duration', 'request_max_limit', 'request_reset_duration'].every(
    (field) => (body[field] ?? undefined) === undefined,
  )
  if (isEmpty) report(at, 'limits nothing: set token_max_limit or request_max_limit, with its reset_duration')
}
