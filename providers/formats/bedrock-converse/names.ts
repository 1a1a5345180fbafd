import type { ChatRequest } from '../../../core/canonical/chat.ts'

/** Longest name of a tool, in characters: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html */
const MAX_NAME = 64

/** Names of tools on the wire, by the client's own. */
export type ToolNames = Map<string, string>

/** Names that the API takes (`[a-zA-Z0-9_-]{1,64}`) for every tool that a request names; two tools never get the same. */
export function wireNames(request: ChatRequest): ToolNames {
  const names: ToolNames = new Map()
  const taken = new Set<string>()
  for (const name of new Set(namesIn(request))) {
    const wire = unique(name, taken)
    taken.add(wire)
    names.set(name, wire)
  }
  return names
}

/** The names that were changed, on the wire -> the client's own; undefined where all stayed. */
export function renamed(names: ToolNames): Record<string, string> | undefined {
  const changed = [...names].filter(([name, wire]) => name !== wire).map(([name, wire]) => [wire, name])
  return changed.length > 0 ? Object.fromEntries(changed) : undefined
}

/** A name for a tool of the gateway's own that no tool of the request has. */
export function ownName(name: string, names: ToolNames): string {
  return unique(name, new Set(names.values()))
}

/** Names that are right already come first, so that they stay as they are. */
function namesIn(request: ChatRequest): string[] {
  const names = (request.tools ?? []).map((tool) => tool.name)
  for (const message of request.messages) for (const part of message.parts) if (part.type === 'tool-call') names.push(part.name)
  return [...names.filter(isRight), ...names.filter((name) => !isRight(name))]
}

function isRight(name: string): boolean {
  return /^[a-zA-Z0-9_-]{1,64}$/.test(name)
}

function unique(name: string, taken: ReadonlySet<string>): string {
  const base = name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, MAX_NAME) || 'tool'
  let wire = base
  for (let copy = 2; taken.has(wire); copy++) wire = `${base.slice(0, MAX_NAME - 1 - String(copy).length)}_${copy}`
  return wire
}
