import type { JsonObject } from '../canonical/json.ts'
import { type Note, type Notes, RULES, type Rule } from './notes.ts'
import type { Fate, Planned } from './take-over.ts'

/** What a takeover does, for people and for programs. Holds names and ids, never a secret. */
export interface TakeoverReport {
  from: string
  /** Names of what comes over, by collection. */
  carried: { collection: string; names: string[] }[]
  /** What is not written because the store has something of its own there. */
  kept: { collection: string; name: string; why: string }[]
  /** Documents by what becomes of them. */
  written: Record<Fate, number>
  changed: { rule: Rule; says: string; entities: Note[] }[]
  denied: Note[]
  left: Note[]
  /** What this gateway refuses: it does not start before that is mended. */
  invalid: Note[]
}

const KEPT: Partial<Record<Fate, string>> = {
  kept: 'the store has another one, which is newer or of unknown age',
  taken: 'another one in the store has its name',
}

/** The report of a plan, or of what was done. */
export function reportOf(
  from: string,
  planned: readonly Planned[],
  { changed, denied, left, invalid = [] }: Notes & { invalid?: Note[] },
): TakeoverReport {
  const written: Record<Fate, number> = { new: 0, same: 0, replaces: 0, kept: 0, taken: 0 }
  const carried = new Map<string, string[]>()
  const kept: TakeoverReport['kept'] = []
  for (const { collection, id, body, fate } of planned) {
    written[fate] += 1
    const why = KEPT[fate]
    const names = carried.get(collection) ?? []
    if (why === undefined) {
      names.push(nameOf(id, body))
      carried.set(collection, names)
    } else kept.push({ collection, name: nameOf(id, body), why })
  }
  return {
    from,
    carried: [...carried].map(([collection, names]) => ({ collection, names: names.sort() })),
    kept,
    written,
    changed: changed.map(({ rule, notes }) => ({ rule, says: RULES[rule], entities: notes })),
    denied,
    left,
    invalid,
  }
}

function nameOf(id: string, body: JsonObject): string {
  return typeof body.name === 'string' ? body.name : id
}

/** The report as lines of text. */
export function reportText(report: TakeoverReport): string {
  const { new: fresh, same, replaces } = report.written
  return [
    `From ${report.from}: ${fresh} new, ${replaces} replaced, ${same} as they were.`,
    '',
    'Comes over:',
    ...report.carried.map(({ collection, names }) => `  ${collection} (${names.length}): ${listText(names)}`),
    ...section(
      'Kept as the store has it:',
      report.kept.map(({ collection, name, why }) => `  ${collection} ${name}: ${why}`),
    ),
    ...section(
      'Changed:',
      report.changed.flatMap(({ rule, says, entities }) => [`  ${rule}: ${says}`, ...entities.map((note) => `    - ${noteText(note)}`)]),
    ),
    ...section(
      'Not migrated, and therefore denied now:',
      report.denied.map((note) => `  - ${noteText(note)}`),
    ),
    ...section(
      'Left behind:',
      report.left.map((note) => `  - ${noteText(note)}`),
    ),
    ...section(
      'Not valid here, to be mended before the gateway starts with it:',
      report.invalid.map((note) => `  - ${noteText(note)}`),
    ),
    '',
  ].join('\n')
}

/** Names beyond this many are counted in the text; the report has all. */
const MOST_NAMES = 100

function listText(names: readonly string[]): string {
  const more = names.length - MOST_NAMES
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines]
}

function noteText({ entity, detail }: Note): string {
  return detail === undefined ? entity : `${entity}: ${detail}`
}
