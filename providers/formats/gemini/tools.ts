import type { ChatRequest, FunctionTool, ServerTool, ToolChoice } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { NameRule } from '../shared/tool-names.ts'
import type { PartContext } from './messages.ts'
import { NAME } from './types.ts'

/** https://ai.google.dev/api/caching#FunctionDeclaration */
export const NAME_RULE: NameRule = { right: /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/, wrong: /^[^a-zA-Z_]|[^a-zA-Z0-9_.:-]/g, most: 64 }

/** Tools that Google runs as other vendors do, by their neutral name (decision D18): https://ai.google.dev/api/caching#Tool */
const SERVER_TOOLS: Readonly<Record<string, JsonObject>> = {
  web_search: { googleSearch: {} },
  web_search_preview: { googleSearch: {} },
  code_execution: { codeExecution: {} },
  code_interpreter: { codeExecution: {} },
  web_fetch: { urlContext: {} },
  computer: { computerUse: { environment: 'ENVIRONMENT_BROWSER' } },
  computer_use_preview: { computerUse: { environment: 'ENVIRONMENT_BROWSER' } },
}

/** `tools`: all functions in one entry, each server tool in its own. Those that Google cannot run are refused, or left out where that is asked for. */
export function encodeTools(request: ChatRequest, context: PartContext): JsonObject[] {
  const functions: JsonObject[] = []
  const others: JsonObject[] = []
  for (const [index, tool] of (request.tools ?? []).entries()) {
    const server = tool.kind === 'server' ? encodeServerTool(tool) : undefined
    if (tool.kind === 'function') functions.push(encodeFunction(tool, context))
    else if (server) others.push(server)
    else context.unsupported(`tools[${index}]`)
  }
  return functions.length > 0 ? [{ functionDeclarations: functions }, ...others] : others
}

/** `toolConfig`: only where there is a function to choose, or the API refuses it. */
export function encodeToolConfig(request: ChatRequest, context: PartContext): JsonObject | undefined {
  const { toolChoice, tools } = request
  if (!toolChoice || !tools?.some((tool) => tool.kind === 'function')) return undefined
  return { functionCallingConfig: choose(toolChoice, (name) => context.names.get(name) ?? name) }
}

function encodeFunction(tool: FunctionTool, { names }: PartContext): JsonObject {
  const declaration: JsonObject = { name: names.get(tool.name) ?? tool.name }
  if (tool.description !== undefined) declaration.description = tool.description
  // The API refuses a schema without properties; a function without parameters has none.
  if (tool.parameters && Object.keys(tool.parameters).length > 0) declaration.parametersJsonSchema = tool.parameters
  return { ...declaration, ...tool.extra?.[NAME] }
}

function encodeServerTool(tool: ServerTool): JsonObject | undefined {
  if (tool.format === NAME) return tool.value
  return Object.hasOwn(SERVER_TOOLS, tool.name) ? SERVER_TOOLS[tool.name] : undefined
}

function choose(choice: ToolChoice, wireName: (name: string) => string): JsonObject {
  if (choice.mode === 'tool')
    return choice.kind === 'custom' ? { mode: 'AUTO' } : { mode: 'ANY', allowedFunctionNames: [wireName(choice.name)] }
  // Names may stand beside a mode that restricts; VALIDATED is the one that leaves the model free to answer in words.
  if (choice.mode === 'allowed') return { mode: choice.required ? 'ANY' : 'VALIDATED', allowedFunctionNames: choice.names.map(wireName) }
  return { mode: { auto: 'AUTO', none: 'NONE', required: 'ANY' }[choice.mode] }
}
