import { readFileSync } from 'node:fs'
import type { Measurement } from './load/job.ts'
import type { Scenario } from './load/scenarios.ts'

/** Share of the provider's events that must have arrived in the window: its ends cut a few. */
const KEPT_RATE = 0.97

/** Limits of the gateway's CPU as a multiple of nginx's in the same run, and how far past them is still noise (0.1: ten per cent). */
export interface Baseline {
  noise: number
  limits: Readonly<Record<string, number>>
}

/** One target in one scenario, over all rounds. */
export interface Summary {
  target: string
  /** Requests or events a second. */
  perSecond: number
  /** CPU microseconds per request or event, one figure a round. */
  cpuMicros: readonly number[]
  /** Share of one core that the target used: 1 says that it was the bottleneck. */
  busy: number
  failures: number
  residentBytes: number
}

/** The gateway against nginx in one scenario. */
export interface Ratio {
  scenario: string
  /** Median over the rounds of the two figures of one round. */
  ratio: number
  /** Smallest and largest of a round. */
  range: readonly [number, number]
  limit: number
  isPast: boolean
}

/** The limits in baseline.json. */
export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(new URL('./baseline.json', import.meta.url), 'utf8')) as Baseline
}

/** Middle value; the mean of the two in the middle for an even count, NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** Value below which this share of the sorted values lies (nearest rank); NaN for none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** Brings the rounds of one target together. */
export function summarize(target: string, rounds: readonly Measurement[], residentBytes: number): Summary {
  return {
    target,
    perSecond: median(rounds.map((round) => round.count / round.seconds)),
    cpuMicros: rounds.map((round) => (round.cpuSeconds * 1e6) / round.count),
    busy: median(rounds.map((round) => round.cpuSeconds / round.seconds)),
    failures: rounds.reduce((sum, round) => sum + round.failures, 0),
    residentBytes,
  }
}

/** The figures say nothing: requests failed, or paced events were lost or late. */
export function isVoid(summary: Summary, scenario: Pick<Scenario, 'perSecond'>): boolean {
  return summary.failures > 0 || summary.perSecond < (scenario.perSecond ?? 0) * KEPT_RATE
}

/** Round by round, so that a machine that slows down for a while slows both sides of a ratio. */
export function ratioOf(scenario: string, gateway: Summary, nginx: Summary, baseline: Baseline): Ratio {
  const ratios = gateway.cpuMicros.map((micros, round) => micros / (nginx.cpuMicros[round] ?? Number.NaN))
  const limit = baseline.limits[scenario] ?? Number.POSITIVE_INFINITY
  const ratio = median(ratios)
  return { scenario, ratio, range: [Math.min(...ratios), Math.max(...ratios)], limit, isPast: !(ratio <= limit * (1 + baseline.noise)) }
}
