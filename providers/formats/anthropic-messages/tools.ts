import type { ChatRequest, FunctionTool, ServerTool, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { BlockContext } from './messages.ts'
import { encodeCache } from './messages.ts'
import { NAME } from './types.ts'

/** Tools that Anthropic runs as other vendors do, by their neutral name (decision D18). */
const SERVER_TOOLS: Readonly<Record<string, (value: JsonObject) => JsonObject>> = {
  web_search: (value) => ({ type: 'web_search_20250305', name: 'web_search', ...searchOptions(value) }),
  code_execution: () => ({ type: 'code_execution_20250825', name: 'code_execution' }),
}

/** The tools of a request in Anthropic's shape; those that it cannot run are refused, or left out where that is asked for. */
export function encodeTools(request: ChatRequest, context: BlockContext, takesStrict: boolean): JsonObject[] {
  const { toolChoice } = request
  const allowed = toolChoice?.mode === 'allowed' ? new Set(toolChoice.names) : undefined
  const tools: JsonObject[] = []
  for (const [index, tool] of (request.tools ?? []).entries()) {
    if (allowed && !allowed.has(tool.name)) continue
    const encoded = encodeTool(tool, context, takesStrict)
    if (encoded) tools.push(encoded)
    else context.unsupported(`tools[${index}]`)
  }
  return tools
}

/**
 * Whether and which tool to call. Undefined where the API's default is what is asked. `answer`: what stands for the answer must be
 * called, or any tool where the client brought its own; a model that thinks takes no such order.
 */
export function encodeToolChoice(request: ChatRequest, answer?: { name: string; isThinking: boolean }): JsonObject | undefined {
  const isSerial = request.parallelToolCalls === false
  const choice = answer ? answerChoice(request, answer) : request.toolChoice ? choose(request.toolChoice) : undefined
  if (!isSerial || choice?.type === 'none') return choice
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true }
}

function encodeTool(tool: Tool, context: BlockContext, takesStrict: boolean): JsonObject | undefined {
  if (tool.kind === 'function') return encodeFunction(tool, context, takesStrict)
  return tool.kind === 'server' ? encodeServerTool(tool) : undefined
}

function encodeFunction(tool: FunctionTool, context: BlockContext, takesStrict: boolean): JsonObject {
  const encoded: JsonObject = { name: tool.name }
  if (tool.description !== undefined) encoded.description = tool.description
  encoded.input_schema = tool.parameters ? { type: 'object', ...tool.parameters } : { type: 'object', properties: {} }
  if (tool.strict === true && takesStrict) encoded.strict = true
  if (tool.cache) encoded.cache_control = encodeCache(tool.cache, context)
  return { ...encoded, ...tool.extra?.[NAME] }
}

function encodeServerTool(tool: ServerTool): JsonObject | undefined {
  if (tool.format === NAME) return tool.value
  return Object.hasOwn(SERVER_TOOLS, tool.name) ? SERVER_TOOLS[tool.name]?.(tool.value) : undefined
}

function answerChoice({ tools, toolChoice }: ChatRequest, { name, isThinking }: { name: string; isThinking: boolean }): JsonObject {
  if (isThinking) return { type: 'auto' }
  return tools?.length && toolChoice?.mode !== 'none' ? { type: 'any' } : { type: 'tool', name }
}

function choose(choice: ToolChoice): JsonObject {
  if (choice.mode === 'tool') return choice.kind === 'custom' ? { type: 'auto' } : { type: 'tool', name: choice.name }
  if (choice.mode === 'allowed') return { type: choice.required ? 'any' : 'auto' }
  return { type: choice.mode === 'required' ? 'any' : choice.mode }
}

/** OpenAI's place and domains, flat in Responses and nested once more in chat. */
function searchOptions(value: JsonObject): JsonObject {
  const options: JsonObject = {}
  const location = isObject(value.user_location) ? value.user_location : undefined
  const place = location && isObject(location.approximate) ? location.approximate : location
  if (place) options.user_location = { type: 'approximate', ...place }
  const domains = isObject(value.filters) ? value.filters.allowed_domains : value.allowed_domains
  if (Array.isArray(domains)) options.allowed_domains = domains
  return options
}
