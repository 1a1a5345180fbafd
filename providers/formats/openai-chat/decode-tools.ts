import type { CustomTool, FunctionTool, ServerTool, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { bad, boolean, filled, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { text } from '../shared/openai-text.ts'
import { decodeCache, objectOf } from './decode-parts.ts'
import { extraOf, NAME } from './types.ts'

const TOOL_FIELDS = new Set(['type', 'function', 'custom', 'cache_control', 'cachePoint'])
const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'strict'])

/** Whose objects the server tools with a dated type are (`web_search_20250305`). */
const DATED_TOOLS_FORMAT = 'anthropic-messages'

/** The neutral name of a search that the provider runs. */
const SEARCH = 'web_search'

/** `tools`. A type that this format does not know is a tool that the provider runs, kept whole. */
export function decodeTools(value: Json, param: string): Tool[] {
  return list(value, param).map((item, index) => decodeTool(object(item, `${param}[${index}]`), `${param}[${index}]`))
}

/** The old `functions`. */
export function decodeFunctions(value: Json, param: string): Tool[] {
  return list(value, param).map((item, index) => {
    const at = `${param}[${index}]`
    return withoutUndefined(decodeFunction(object(item, at), at))
  })
}

function decodeTool(tool: JsonObject, param: string): Tool {
  const type = required(tool.type, `${param}.type`, filled)
  if (type === 'custom') return decodeCustom(tool, param)
  if (type !== 'function') return decodeServerTool(tool, type)
  const body = required(tool.function, `${param}.function`, object)
  const rest = unknownFields(tool, TOOL_FIELDS)
  const nested = unknownFields(body, FUNCTION_FIELDS)
  return withoutUndefined<Tool>({
    ...decodeFunction(body, `${param}.function`),
    cache: decodeCache(tool, param),
    extra: extraOf(nested ? { ...rest, function: nested } : rest),
  })
}

function decodeFunction(body: JsonObject, param: string): FunctionTool {
  return {
    kind: 'function',
    name: required(body.name, `${param}.name`, filled),
    description: optional(body.description, `${param}.description`, string),
    parameters: optional(body.parameters, `${param}.parameters`, object),
    strict: optional(body.strict, `${param}.strict`, boolean),
  }
}

function decodeCustom(tool: JsonObject, param: string): CustomTool {
  const body = required(tool.custom, `${param}.custom`, object)
  return withoutUndefined<CustomTool>({
    kind: 'custom',
    name: required(body.name, `${param}.custom.name`, filled),
    description: optional(body.description, `${param}.custom.description`, string),
    grammar: optional(body.format, `${param}.custom.format`, object),
    extra: extraOf(unknownFields(tool, TOOL_FIELDS)),
  })
}

function decodeServerTool(tool: JsonObject, type: string): Tool {
  const name = text(tool.name)
  return { kind: 'server', name: name ?? type, format: name !== undefined && /_\d{8}$/.test(type) ? DATED_TOOLS_FORMAT : NAME, value: tool }
}

/** `web_search_options`, which stand beside the tools: the search that other vendors have among them (D18). */
export function decodeSearch(value: Json, param: string): ServerTool {
  return { kind: 'server', name: SEARCH, format: NAME, value: object(value, param) }
}

/** Whether a tool came from `web_search_options`, and goes back there. */
export function isSearch(tool: Tool): tool is ServerTool {
  return tool.kind === 'server' && tool.format === NAME && tool.name === SEARCH && tool.value.type === undefined
}

const MODES: Readonly<Record<string, ToolChoice>> = {
  auto: { mode: 'auto' },
  none: { mode: 'none' },
  required: { mode: 'required' },
  any: { mode: 'required' },
}

/** `tool_choice`: a word, a named tool, or a list of allowed ones. */
export function decodeToolChoice(value: Json, param: string): ToolChoice {
  if (typeof value === 'string') return modeOf(value) ?? bad(param, 'must be none, auto, required, or name a tool')
  const choice = object(value, param)
  const type = required(choice.type, `${param}.type`, string)
  if (type === 'function') return { mode: 'tool', name: namedIn(choice.function ?? choice, `${param}.function`) }
  if (type === 'custom') return { mode: 'tool', kind: 'custom', name: namedIn(choice.custom ?? choice, `${param}.custom`) }
  if (type === 'tool') return { mode: 'tool', name: namedIn(choice, param) }
  if (type === 'allowed_tools') return decodeAllowed(choice, param)
  return modeOf(type) ?? bad(`${param}.type`, `unknown tool choice "${type.slice(0, 60)}"`)
}

/** The old `function_call` of a request. */
export function decodeFunctionChoice(value: Json, param: string): ToolChoice {
  return typeof value === 'string' ? decodeToolChoice(value, param) : { mode: 'tool', name: namedIn(value, param) }
}

function modeOf(word: string): ToolChoice | undefined {
  return Object.hasOwn(MODES, word) ? MODES[word] : undefined
}

function namedIn(value: Json, param: string): string {
  return required(object(value, param).name, `${param}.name`, filled)
}

function decodeAllowed(choice: JsonObject, param: string): ToolChoice {
  const at = `${param}.allowed_tools`
  const allowed = choice.allowed_tools === undefined ? choice : required(choice.allowed_tools, at, object)
  const tools = required(allowed.tools, `${at}.tools`, list)
  const names = tools.map((item, index) => {
    const tool = object(item, `${at}.tools[${index}]`)
    return required(objectOf(tool.function).name ?? objectOf(tool.custom).name ?? tool.name, `${at}.tools[${index}].name`, filled)
  })
  return { mode: 'allowed', names, required: allowed.mode === 'required' }
}
