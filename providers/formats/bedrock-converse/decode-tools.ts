import type { FunctionTool, ServerTool, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { bad, boolean, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { decodeCachePoint } from './decode-messages.ts'
import { SYSTEM_TOOLS } from './tools.ts'
import { NAME, text } from './types.ts'

/** `toolConfig` in neutral words. Throws GW_INVALID_REQUEST with the field's path. */
export function decodeToolConfig(value: Json, param: string): { tools: Tool[]; toolChoice?: ToolChoice } {
  const config = object(value, param)
  const tools = required(config.tools, `${param}.tools`, decodeTools)
  const toolChoice = optional(config.toolChoice, `${param}.toolChoice`, decodeToolChoice)
  return { tools, ...(toolChoice && { toolChoice }) }
}

/** A cache point belongs to the function before it; without one it has nothing to keep and is left out. */
function decodeTools(value: Json, param: string): Tool[] {
  const tools: Tool[] = []
  for (const [index, item] of list(value, param).entries()) {
    const at = `${param}[${index}]`
    const tool = object(item, at)
    const last = tools.at(-1)
    const cache = optional(tool.cachePoint, `${at}.cachePoint`, decodeCachePoint)
    if (!cache) tools.push(decodeTool(tool, at))
    else if (last?.kind === 'function') last.cache = cache
  }
  return tools
}

function decodeTool(tool: JsonObject, param: string): Tool {
  if (tool.systemTool !== undefined) return decodeSystemTool(tool, `${param}.systemTool`)
  if (tool.toolSpec === undefined) return bad(param, 'must be a toolSpec, a systemTool or a cachePoint')
  return decodeSpec(required(tool.toolSpec, `${param}.toolSpec`, object), `${param}.toolSpec`)
}

const SPEC_FIELDS = new Set(['name', 'description', 'inputSchema', 'strict'])

function decodeSpec(spec: JsonObject, param: string): FunctionTool {
  const schema = required(spec.inputSchema, `${param}.inputSchema`, object)
  const rest = unknownFields(spec, SPEC_FIELDS)
  return withoutUndefined<FunctionTool>({
    kind: 'function',
    name: required(spec.name, `${param}.name`, filled),
    description: optional(spec.description, `${param}.description`, string),
    parameters: required(schema.json, `${param}.inputSchema.json`, object),
    strict: optional(spec.strict, `${param}.strict`, boolean),
    extra: rest && { [NAME]: rest },
  })
}

function decodeSystemTool(tool: JsonObject, param: string): ServerTool {
  const name = required(required(tool.systemTool, param, object).name, `${param}.name`, filled)
  const neutral = Object.keys(SYSTEM_TOOLS).find((known) => SYSTEM_TOOLS[known] === name)
  return { kind: 'server', name: neutral ?? name, format: NAME, value: tool }
}

function decodeToolChoice(value: Json, param: string): ToolChoice {
  const choice = object(value, param)
  if (choice.tool !== undefined) {
    const name = text(required(choice.tool, `${param}.tool`, object).name)
    return { mode: 'tool', name: required(name, `${param}.tool.name`, filled) }
  }
  if (choice.any !== undefined) return { mode: 'required' }
  return choice.auto !== undefined ? { mode: 'auto' } : bad(param, 'must be auto, any or tool')
}
