import { CONFIG_COLLECTIONS } from '../collections.ts'
import type { Held } from './held.ts'

/** Places of lists and records whose entries are documents: `governance.virtual_keys`. */
const PLACES = CONFIG_COLLECTIONS.filter(({ path, name }) => path.at(-1) === '*' && name !== 'keys').map(({ name, path }) => ({
  name,
  place: path.slice(0, -1).join('.'),
}))
const KEY = /^providers(?:\.([\w-]+)|\["([^"]+)"\])\.keys\[(\d+)\]/
const RECORD = /^(?:\.([\w-]+)|\["([^"]+)"\])/
const ENTRY = /^\[(\d+)\]/

/** The documents that problems of their tree (`treeOf`) are about, by the places that the problems name. Empty: none can be told. */
export function culprits(problems: readonly string[], held: readonly Held[]): Set<Held> {
  const found = problems.flatMap((problem) => keyAt(problem, held) ?? entryAt(problem, held) ?? [])
  return new Set(found)
}

function keyAt(problem: string, held: readonly Held[]): Held | undefined {
  const match = KEY.exec(problem)
  if (!match) return undefined
  const provider = match[1] ?? match[2]
  return held.filter(({ collection, body }) => collection === 'keys' && body.provider === provider)[Number(match[3])]
}

function entryAt(problem: string, held: readonly Held[]): Held | undefined {
  for (const { name, place } of PLACES) {
    if (!problem.startsWith(place)) continue
    const rest = problem.slice(place.length)
    const entry = ENTRY.exec(rest)
    const record = RECORD.exec(rest)
    const all = held.filter(({ collection }) => collection === name)
    const culprit = entry ? all[Number(entry[1])] : record && all.find(({ id }) => id === (record[1] ?? record[2]))
    if (culprit) return culprit
  }
  return undefined
}
