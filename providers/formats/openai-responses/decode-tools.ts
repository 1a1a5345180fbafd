import type { Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { bad, boolean, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { extraOf, NAME } from './types.ts'

/** Neutral names of what OpenAI runs itself (decision D18): https://platform.openai.com/docs/guides/tools */
const SERVER_TOOLS: readonly (readonly [RegExp, string])[] = [
  [/^web_search/, 'web_search'],
  [/^code_interpreter$/, 'code_execution'],
  [/^computer/, 'computer'],
]
const FUNCTION_FIELDS = new Set(['type', 'name', 'description', 'parameters', 'strict'])
const CUSTOM_FIELDS = new Set(['type', 'name', 'description', 'format'])

/** `tools`. A type that is not the client's own is a tool that OpenAI runs, kept whole. */
export function decodeTools(value: Json, param: string): Tool[] {
  return list(value, param).map((item, index) => decodeTool(object(item, `${param}[${index}]`), `${param}[${index}]`))
}

function decodeTool(tool: JsonObject, param: string): Tool {
  const type = required(tool.type, `${param}.type`, filled)
  if (type === 'custom') {
    return withoutUndefined<Tool>({
      kind: 'custom',
      name: required(tool.name, `${param}.name`, filled),
      description: optional(tool.description, `${param}.description`, string),
      grammar: optional(tool.format, `${param}.format`, object),
      extra: extraOf(unknownFields(tool, CUSTOM_FIELDS)),
    })
  }
  if (type !== 'function') return { kind: 'server', name: neutralName(type), format: NAME, value: tool }
  return withoutUndefined<Tool>({
    kind: 'function',
    name: required(tool.name, `${param}.name`, filled),
    description: optional(tool.description, `${param}.description`, string),
    parameters: optional(tool.parameters, `${param}.parameters`, object),
    strict: optional(tool.strict, `${param}.strict`, boolean),
    extra: extraOf(unknownFields(tool, FUNCTION_FIELDS)),
  })
}

function neutralName(type: string): string {
  return SERVER_TOOLS.find(([pattern]) => pattern.test(type))?.[1] ?? type
}

/** `tool_choice`: a word, a named tool, a tool that OpenAI runs, or a list of allowed ones. */
export function decodeToolChoice(value: Json, param: string): ToolChoice {
  if (typeof value === 'string') {
    if (value === 'auto' || value === 'none' || value === 'required') return { mode: value }
    return bad(param, 'must be none, auto, required, or name a tool')
  }
  const choice = object(value, param)
  const type = required(choice.type, `${param}.type`, filled)
  if (type === 'function') return { mode: 'tool', name: required(choice.name, `${param}.name`, filled) }
  if (type === 'custom') return { mode: 'tool', kind: 'custom', name: required(choice.name, `${param}.name`, filled) }
  if (type !== 'allowed_tools') return { mode: 'tool', name: neutralName(type) }
  const tools = required(choice.tools, `${param}.tools`, list)
  const names = tools.map((item, index) => {
    const tool = object(item, `${param}.tools[${index}]`)
    return (
      optional(tool.name, `${param}.tools[${index}].name`, filled) ??
      neutralName(required(tool.type, `${param}.tools[${index}].type`, filled))
    )
  })
  return { mode: 'allowed', names, required: choice.mode === 'required' }
}
