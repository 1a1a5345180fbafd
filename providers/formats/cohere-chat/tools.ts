import type { ChatRequest, FunctionTool, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'

/** Tools as functions; where the client allows or names only some of them, those alone: the dialect cannot name one. */
export function encodeTools(request: ChatRequest, unsupported: (param: string) => undefined): JsonObject[] {
  const { toolChoice: choice } = request
  const isWanted = (name: string): boolean =>
    choice?.mode === 'tool' ? name === choice.name : choice?.mode !== 'allowed' || choice.names.includes(name)
  const encode = (tool: Tool, index: number): JsonObject[] => {
    if (tool.kind === 'function') return isWanted(tool.name) ? [encodeTool(tool)] : []
    unsupported(`tools[${index}]`)
    return []
  }
  return (request.tools ?? []).flatMap(encode)
}

function encodeTool({ name, description, parameters }: FunctionTool): JsonObject {
  const schema = parameters ?? { type: 'object', properties: {} }
  return { type: 'function', function: { name, ...(description !== undefined && { description }), parameters: schema } }
}

/** Undefined leaves the choice to the model. */
export function encodeToolChoice(choice: ToolChoice | undefined): string | undefined {
  if (!choice || choice.mode === 'auto') return undefined
  if (choice.mode === 'none') return 'NONE'
  return choice.mode === 'allowed' && !choice.required ? undefined : 'REQUIRED'
}
