import type { ChatRequest, FunctionTool, ServerTool, ToolChoice } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { BlockContext } from './messages.ts'
import { encodeCache } from './messages.ts'
import type { AnswerForm } from './schema.ts'
import { type Block, NAME } from './types.ts'

/** Tools that Nova runs itself, by their neutral name: https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-tools.html */
export const SYSTEM_TOOLS: Readonly<Record<string, string>> = { web_search: 'nova_grounding', code_execution: 'nova_code_interpreter' }

/** The API wants one. */
const NO_DESCRIPTION = 'Function tool'

/** What the tools of a request depend on besides it. */
export interface ToolOptions {
  context: BlockContext
  answer: AnswerForm['tool']
  isThinking: boolean
  takesStrict: boolean
}

/**
 * `toolConfig`: the client's tools, before them the one that stands for the answer's schema. A conversation with calls in it is
 * refused without, so tools are made up for it. Undefined where none are needed.
 */
export function encodeToolConfig(request: ChatRequest, options: ToolOptions): JsonObject | undefined {
  const { context, answer } = options
  const called = calledNames(request, context)
  // There is no way to say "none": without calls in the conversation the tools can stay here.
  const isLeftOut = request.toolChoice?.mode === 'none' && called.length === 0
  const own = isLeftOut ? [] : encodeTools(request, options)
  const tools = answer ? [{ toolSpec: answer.spec }, ...own] : own
  if (tools.length === 0) tools.push(...called.map(madeUp))
  if (tools.length === 0) return undefined
  const choice = answer ? answerChoice(request, options, own.length > 0) : own.length > 0 ? choose(request.toolChoice, context) : undefined
  return choice ? { tools, toolChoice: choice } : { tools }
}

function encodeTools(request: ChatRequest, options: ToolOptions): Block[] {
  const { toolChoice } = request
  const allowed = toolChoice?.mode === 'allowed' ? new Set(toolChoice.names) : undefined
  const tools: Block[] = []
  for (const [index, tool] of (request.tools ?? []).entries()) {
    if (allowed && !allowed.has(tool.name)) continue
    const encoded =
      tool.kind === 'function'
        ? encodeFunction(tool, options)
        : tool.kind === 'server'
          ? encodeServerTool(tool, options.context)
          : undefined
    if (encoded) tools.push(...encoded)
    else options.context.unsupported(`tools[${index}]`)
  }
  return tools
}

function encodeFunction(tool: FunctionTool, { context, takesStrict }: ToolOptions): Block[] {
  const spec: JsonObject = {
    name: context.names.get(tool.name) ?? tool.name,
    description: tool.description || NO_DESCRIPTION,
    inputSchema: { json: tool.parameters ? { type: 'object', ...tool.parameters } : { type: 'object', properties: {} } },
  }
  if (tool.strict === true && takesStrict) spec.strict = true
  // Nova takes breakpoints among messages, not among tools.
  const cache = context.family === 'nova' ? [] : encodeCache(tool.cache, context)
  return [{ toolSpec: { ...spec, ...tool.extra?.[NAME] } }, ...cache]
}

function encodeServerTool(tool: ServerTool, { family }: BlockContext): Block[] | undefined {
  if (tool.format === NAME) return [tool.value]
  if (family !== 'nova' || !Object.hasOwn(SYSTEM_TOOLS, tool.name)) return undefined
  return [{ systemTool: { name: SYSTEM_TOOLS[tool.name] } }]
}

/** Names of the tools that were called or answered in the conversation. */
function calledNames(request: ChatRequest, { names }: BlockContext): string[] {
  const called = new Set<string>()
  let hasResults = false
  for (const { parts } of request.messages) {
    for (const part of parts) {
      if (part.type === 'tool-call' && part.kind !== 'server') called.add(names.get(part.name) ?? part.name)
      else if (part.type === 'tool-result' && part.kind !== 'server') hasResults = true
    }
  }
  return called.size === 0 && hasResults ? ['tool'] : [...called]
}

function madeUp(name: string): Block {
  return { toolSpec: { name, description: NO_DESCRIPTION, inputSchema: { json: { type: 'object', properties: {} } } } }
}

/** The answer must be a call: of the one tool, or of any where the client brought its own. Models that think take no order. */
function answerChoice(request: ChatRequest, { answer, isThinking }: ToolOptions, hasOthers: boolean): JsonObject {
  if (isThinking) return { auto: {} }
  return hasOthers && request.toolChoice?.mode !== 'none' ? { any: {} } : { tool: { name: answer?.name } }
}

function choose(choice: ToolChoice | undefined, { names }: BlockContext): JsonObject | undefined {
  if (!choice || choice.mode === 'none') return undefined
  if (choice.mode === 'tool') return choice.kind === 'custom' ? { auto: {} } : { tool: { name: names.get(choice.name) ?? choice.name } }
  const isRequired = choice.mode === 'required' || (choice.mode === 'allowed' && choice.required)
  return isRequired ? { any: {} } : { auto: {} }
}
