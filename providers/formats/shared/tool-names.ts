import type { ChatRequest } from '../../../core/canonical/chat.ts'

/** Names of tools on the wire, by the client's own. */
export type ToolNames = Map<string, string>

/** Which names an API takes. */
export interface NameRule {
  right: RegExp
  /** One character that has to go; global. */
  wrong: RegExp
  /** Longest name, in characters. */
  most: number
}

/** Names that the API takes for every tool that a request names; two tools never get the same. */
export function wireNames(request: ChatRequest, rule: NameRule): ToolNames {
  const names: ToolNames = new Map()
  const asked = namesIn(request, rule)
  if (asked.length === 0) return names
  const taken = new Set<string>()
  for (const name of new Set(asked)) {
    const wire = uniqueName(name, taken, rule)
    taken.add(wire)
    names.set(name, wire)
  }
  return names
}

/** The names that were changed, on the wire -> the client's own; undefined where all stayed. */
export function renamed(names: ToolNames): Record<string, string> | undefined {
  if (names.size === 0) return undefined
  const changed = [...names].filter(([name, wire]) => name !== wire).map(([name, wire]) => [wire, name])
  return changed.length > 0 ? Object.fromEntries(changed) : undefined
}

/** A name that the API takes and nobody has yet. */
export function uniqueName(name: string, taken: ReadonlySet<string>, { wrong, most }: NameRule): string {
  const base = name.replace(wrong, '_').slice(0, most) || 'tool'
  let wire = base
  for (let copy = 2; taken.has(wire); copy++) wire = `${base.slice(0, most - 1 - String(copy).length)}_${copy}`
  return wire
}

/** Names that are right already come first, so that they stay as they are. */
function namesIn(request: ChatRequest, { right }: NameRule): string[] {
  const names = (request.tools ?? []).map((tool) => tool.name)
  for (const message of request.messages) for (const part of message.parts) if (part.type === 'tool-call') names.push(part.name)
  if (names.length === 0) return names
  return [...names.filter((name) => right.test(name)), ...names.filter((name) => !right.test(name))]
}
