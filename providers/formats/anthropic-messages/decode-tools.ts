import type { CacheControl, Tool } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { boolean, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { NAME } from './types.ts'

const TOOL_FIELDS = new Set(['name', 'description', 'input_schema', 'strict', 'cache_control'])

/** `tools`. A type that is not the client's own is a tool that Anthropic runs or knows, kept whole. */
export function decodeTools(value: Json, param: string): Tool[] {
  return list(value, param).map((item, index) => decodeTool(object(item, `${param}[${index}]`), `${param}[${index}]`))
}

/** A breakpoint: https://docs.claude.com/en/docs/build-with-claude/prompt-caching */
export function decodeCache(value: Json | undefined, param: string): CacheControl | undefined {
  const cache = optional(value, `${param}.cache_control`, object)
  if (!cache) return undefined
  const ttl = optional(cache.ttl, `${param}.cache_control.ttl`, string)
  const scope = optional(cache.scope, `${param}.cache_control.scope`, string)
  return withoutUndefined({ ttl, scope })
}

function decodeTool(tool: JsonObject, param: string): Tool {
  const type = optional(tool.type, `${param}.type`, filled) ?? 'custom'
  if (type !== 'custom') return { kind: 'server', name: optional(tool.name, `${param}.name`, filled) ?? type, format: NAME, value: tool }
  const rest = unknownFields(tool, TOOL_FIELDS)
  return withoutUndefined<Tool>({
    kind: 'function',
    name: required(tool.name, `${param}.name`, filled),
    description: optional(tool.description, `${param}.description`, string),
    parameters: required(tool.input_schema, `${param}.input_schema`, object),
    strict: optional(tool.strict, `${param}.strict`, boolean),
    cache: decodeCache(tool.cache_control, param),
    extra: rest && { [NAME]: rest },
  })
}
