import { type NameRule, type ToolNames, uniqueName } from '../shared/tool-names.ts'

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html */
export const NAME_RULE: NameRule = { right: /^[a-zA-Z0-9_-]{1,64}$/, wrong: /[^a-zA-Z0-9_-]/g, most: 64 }

/** A name for a tool of the gateway's own that no tool of the request has. */
export function ownName(name: string, names: ToolNames): string {
  return uniqueName(name, new Set(names.values()), NAME_RULE)
}
