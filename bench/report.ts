import { median, type Ratio, type Summary } from './compare.ts'
import type { Scenario } from './load/scenarios.ts'

/** Milliseconds that a target adds to the provider's own latency. */
export interface AddedLatency {
  p50: number
  p99: number
}

const COLUMNS = ['target', 'per second', 'CPU us', 'of a core', 'added p50 ms', 'added p99 ms', 'RSS MB', 'failures']

/** The table of one scenario. */
export function scenarioTable(scenario: Scenario, summaries: readonly Summary[], added: ReadonlyMap<string, AddedLatency>): string {
  const rows = summaries.map((summary) => [
    summary.target,
    summary.perSecond.toFixed(0),
    median(summary.cpuMicros).toFixed(1),
    `${(summary.busy * 100).toFixed(0)} %`,
    milliseconds(added.get(summary.target)?.p50),
    milliseconds(added.get(summary.target)?.p99),
    (summary.residentBytes / 1024 / 1024).toFixed(0),
    String(summary.failures),
  ])
  return `\n${scenario.title} (${scenario.name}; CPU per ${scenario.unit})\n${align([COLUMNS, ...rows])}`
}

/** The table of ratios. */
export function ratioTable(ratios: readonly Ratio[], noise: number): string {
  const rows = ratios.map(({ scenario, ratio, range, limit, isPast }) => [
    scenario,
    ratio.toFixed(2),
    `${range[0].toFixed(2)} to ${range[1].toFixed(2)}`,
    limit.toFixed(1),
    isPast ? 'PAST' : ratio > limit ? 'within noise' : 'ok',
  ])
  const title = `\nCPU of the gateway as a multiple of nginx's, same run (noise band ${(noise * 100).toFixed(0)} %)\n`
  return title + align([['scenario', 'ratio', 'rounds', 'limit', ''], ...rows])
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(2)
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
  )
  return `${lines.join('\n')}\n`
}
