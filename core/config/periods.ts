import { z } from 'zod'

const DAY_MS = 86_400_000
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  M: 30 * DAY_MS,
  Y: 365 * DAY_MS,
}
const ALIASES: Readonly<Record<string, string>> = { daily: '1d', weekly: '1w', monthly: '1M', yearly: '1Y' }
const ONE = /^(\d+(?:\.\d+)?)([dwMY])$/
const GO = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/

/** Milliseconds of a reset duration: `30s`, `1h30m`, `1d`, `1w`, `1M` (30 days), `1Y` (365 days), `daily` to `yearly`. NaN for anything else. */
export function periodMs(text: string): number {
  const plain = ALIASES[text] ?? text
  const [, amount, unit] = ONE.exec(plain) ?? []
  if (unit !== undefined) return Math.round(Number(amount) * (UNIT_MS[unit] ?? Number.NaN))
  if (!GO.test(plain)) return Number.NaN
  let total = 0
  for (const [, part, name] of plain.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(part) * (UNIT_MS[name ?? ''] ?? 0)
  return Math.round(total)
}

/** Whether a reset duration can begin with the calendar: days, weeks, months and years can, shorter ones never. */
export function isCalendarPeriod(text: string): boolean {
  return ONE.test(ALIASES[text] ?? text)
}

/** A reset duration of at least a second (platform.md 2.1). */
export function period() {
  return z
    .string()
    .refine(
      (text) => periodMs(text) >= 1000,
      'must be a duration of at least a second, like "30s", "1h", "1d", "1w", "1M" or "1Y", or daily, weekly, monthly or yearly',
    )
}

/** An instant as RFC 3339 writes it. */
export function instant() {
  return z.string().refine((text) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)), {
    error: 'must be an instant like "2026-01-31T12:00:00Z"',
  })
}
