import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isVoid, percentile, type Ratio, ratioOf, readBaseline, type Summary, summarize } from './compare.ts'
import type { Job, Measurement, Report } from './load/job.ts'
import { requestOf, SCENARIOS, type Scenario } from './load/scenarios.ts'
import { findNginx, startNginx } from './nginx.ts'
import { residentBytes, treeOf } from './process.ts'
import { type AddedLatency, ratioTable, scenarioTable } from './report.ts'
import { foreignTarget, startGateway, startProvider, type Target } from './target.ts'
import { problemWith } from './verify.ts'

const FLAGS = {
  peers: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  'no-gateway': { type: 'boolean', default: false },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '2' },
  only: { type: 'string', multiple: true },
  target: { type: 'string', multiple: true },
} as const

/** Requests a second at which added latency is measured. */
const STEADY_RATE = 500
/**
 * Before the rounds each target serves the scenario unmeasured, for its just-in-time compiler to settle: for so long, and on a busy
 * machine again until so much was served. Most of the gateway's first 6000 streams cost two to three times what the later ones do.
 */
const WARM_UP_SECONDS = 1.5
const WARM_UP_COUNT = 6000
const MOST_WARM_UPS = 8
/** Latencies are taken in turns too, the provider's own in each. */
const LATENCY_TURNS = 2

interface Plan {
  rounds: number
  seconds: number
  provider: Target
  /** In the order in which they take turns. */
  targets: readonly Target[]
  load: ChildProcess
}

/** `npm run bench`: see README.md beside this file for the flags. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: FLAGS })
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-bench-'))
  const load = fork(fileURLToPath(new URL('./load/child.ts', import.meta.url)))
  const provider = await startProvider()
  const targets: Target[] = []
  try {
    const port = provider.port(SCENARIOS[0] as Scenario)
    if (values.peers) targets.push(...(await peers(folder, port)))
    targets.push(...(values.target ?? []).map(foreignTarget))
    if (!values['no-gateway']) targets.push(await startGateway(folder, port))
    const plan = { rounds: Number(values.rounds), seconds: Number(values.seconds), provider, targets, load }
    const ratios = await runAll(plan, values.only ?? [])
    if (values.check && ratios.some(({ isPast }) => isPast)) process.exitCode = 1
  } finally {
    for (const target of [...targets, provider]) await target.stop()
    load.disconnect()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function peers(folder: string, port: number): Promise<Target[]> {
  const program = findNginx()
  if (program !== undefined) return [await startNginx(program, folder, port)]
  say('nginx is not installed here: no ratios\n')
  return []
}

async function runAll(plan: Plan, only: readonly string[]): Promise<Ratio[]> {
  const baseline = readBaseline()
  const ratios: Ratio[] = []
  for (const scenario of SCENARIOS.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const summaries = await runScenario(plan, scenario)
    const [nginx, gateway] = ['nginx', 'gateway'].map((name) => summaries.find(({ target }) => target === name))
    if (nginx && gateway) ratios.push(ratioOf(scenario.name, gateway, nginx, baseline))
    for (const summary of summaries.filter((each) => isVoid(each, scenario))) {
      say(`VOID: ${summary.target} failed requests, or did not keep up with the streams' rate\n`)
      process.exitCode = 1
    }
  }
  if (ratios.length > 0) say(ratioTable(ratios, baseline.noise))
  return ratios
}

/** All targets take turns in every round, the order turned each time, so that a noisy minute hits each. */
async function runScenario(plan: Plan, scenario: Scenario): Promise<Summary[]> {
  for (const target of plan.targets) {
    const problem = await problemWith(target, scenario)
    if (problem !== undefined) throw new Error(problem)
  }
  const rounds = new Map<string, Measurement[]>(plan.targets.map(({ name }) => [name, []]))
  for (const target of plan.targets) await warmUp(plan, { ...jobOf(plan, scenario, target), seconds: WARM_UP_SECONDS })
  for (let round = 0; round < plan.rounds; round++) {
    for (const target of round % 2 === 0 ? plan.targets : plan.targets.toReversed()) {
      rounds.get(target.name)?.push(await measure(plan, jobOf(plan, scenario, target)))
    }
  }
  const summaries = plan.targets.map((target) => summarize(target.name, rounds.get(target.name) ?? [], residentBytes(treeOf(target.root))))
  say(scenarioTable(scenario, summaries, await addedLatencies(plan, scenario, rounds)))
  return summaries
}

async function warmUp(plan: Plan, job: Job): Promise<void> {
  for (let turn = 0, served = 0; turn < MOST_WARM_UPS && served < WARM_UP_COUNT; turn++) served += (await measure(plan, job)).count
}

/** Percentiles of each target less those of the provider itself; of the gaps within a stream where that is paced. */
async function addedLatencies(
  plan: Plan,
  scenario: Scenario,
  rounds: ReadonlyMap<string, Measurement[]>,
): Promise<Map<string, AddedLatency>> {
  const all = [plan.provider, ...plan.targets]
  const latencies = new Map<string, number[]>(all.map(({ name }) => [name, rounds.get(name)?.flatMap((round) => round.latencies) ?? []]))
  for (let turn = 0; turn < LATENCY_TURNS; turn++) {
    for (const target of scenario.kind === 'paced' ? [plan.provider] : all) {
      latencies.get(target.name)?.push(...(await measure(plan, latencyJob(plan, scenario, target))).latencies)
    }
  }
  for (const values of latencies.values()) values.sort((a, b) => a - b)
  const at = (name: string, share: number): number =>
    percentile(latencies.get(name) ?? [], share) - percentile(latencies.get('direct') ?? [], share)
  return new Map(plan.targets.map(({ name }) => [name, { p50: at(name, 0.5), p99: at(name, 0.99) }]))
}

function latencyJob(plan: Plan, scenario: Scenario, target: Target): Job {
  const job = jobOf(plan, scenario, target)
  return scenario.kind === 'paced' ? job : { ...job, kind: 'steady', rate: STEADY_RATE }
}

function jobOf(plan: Plan, scenario: Scenario, target: Target): Job {
  return {
    kind: scenario.kind,
    port: target.port(scenario),
    ...requestOf(scenario, target.route),
    connections: scenario.connections,
    seconds: plan.seconds,
    warmSeconds: scenario.kind === 'paced' ? 2 : 0.5,
    pids: treeOf(target.root),
  }
}

async function measure({ load }: Plan, job: Job): Promise<Measurement> {
  load.send(job)
  const [report] = (await once(load, 'message')) as [Report]
  if ('problem' in report) throw new Error(`no measurement of port ${job.port}: ${report.problem}`)
  return report.measurement
}

function say(text: string): void {
  process.stdout.write(text)
}

await main()
