import { countMarks } from './load/paced.ts'
import { requestOf, type Scenario } from './load/scenarios.ts'
import type { Target } from './target.ts'

const NOTHING = Buffer.alloc(0)

/**
 * What is wrong with a target's answer in this scenario, or undefined: a fast wrong answer is worth nothing. Paced
 * streams are judged by their rate.
 */
export async function problemWith(target: Target, scenario: Scenario): Promise<string | undefined> {
  if (scenario.kind === 'paced') return undefined
  const { path, headers, body, mark } = requestOf(scenario, target.route)
  const response = await fetch(`http://127.0.0.1:${target.port(scenario)}${path}`, { method: 'POST', headers, body })
  const answer = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) return `${target.name} answered ${response.status} in ${scenario.name}: ${answer.toString('utf8', 0, 300)}`
  const isRight = scenario.isStream ? countMarks(answer, NOTHING, mark) >= 50 : answer.includes('quick brown fox')
  return isRight ? undefined : `${target.name} gave a wrong answer in ${scenario.name}: ${answer.toString('utf8', 0, 300)}`
}
