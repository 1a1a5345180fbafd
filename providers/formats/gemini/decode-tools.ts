import type { FunctionTool, Tool, ToolChoice } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { filled, list, object, optional, required, string, strings, unknownFields, word } from '../shared/fields.ts'
import { camel } from './camel.ts'
import { decodeSchema } from './decode-schema.ts'
import { NAME } from './types.ts'

/** Neutral names of what Google runs itself (decision D18): https://ai.google.dev/api/caching#Tool */
const SERVER_TOOLS: Readonly<Record<string, string>> = {
  googleSearch: 'web_search',
  googleSearchRetrieval: 'web_search',
  codeExecution: 'code_execution',
  urlContext: 'web_fetch',
  computerUse: 'computer',
}
const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'parametersJsonSchema'])

/** `tools`: each entry may hold functions and several tools that Google runs. */
export function decodeTools(value: Json, param: string): Tool[] {
  return list(value, param).flatMap((item, index) => decodeEntry(camel(object(item, `${param}[${index}]`)), `${param}[${index}]`))
}

function decodeEntry(entry: JsonObject, param: string): Tool[] {
  const { functionDeclarations, ...others } = entry
  const at = `${param}.functionDeclarations`
  const functions = optional(functionDeclarations, at, list) ?? []
  const tools: Tool[] = functions.map((item, index) => decodeFunction(camel(object(item, `${at}[${index}]`)), `${at}[${index}]`))
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined || value === null) continue
    const known = Object.hasOwn(SERVER_TOOLS, name) ? (SERVER_TOOLS[name] as string) : name
    tools.push({ kind: 'server', name: known, format: NAME, value: { [name]: value } })
  }
  return tools
}

function decodeFunction(declaration: JsonObject, param: string): FunctionTool {
  const parameters = optional(declaration.parameters, `${param}.parameters`, object)
  const rest = unknownFields(declaration, FUNCTION_FIELDS)
  return withoutUndefined<FunctionTool>({
    kind: 'function',
    name: required(declaration.name, `${param}.name`, filled),
    description: optional(declaration.description, `${param}.description`, string),
    parameters:
      optional(declaration.parametersJsonSchema, `${param}.parametersJsonSchema`, object) ?? (parameters && decodeSchema(parameters)),
    extra: rest && { [NAME]: rest },
  })
}

/** `toolConfig.functionCallingConfig`: https://ai.google.dev/api/caching#FunctionCallingConfig */
export function decodeToolChoice(value: Json, param: string): ToolChoice | undefined {
  const config = camel(object(value, param))
  const mode = optional(config.mode, `${param}.mode`, word('MODE_UNSPECIFIED', 'AUTO', 'ANY', 'NONE', 'VALIDATED'))
  const names = optional(config.allowedFunctionNames, `${param}.allowedFunctionNames`, strings) ?? []
  const [only] = names
  if (mode === 'NONE') return { mode: 'none' }
  if (mode === 'ANY' && names.length === 1) return { mode: 'tool', name: only as string }
  if ((mode === 'ANY' || mode === 'VALIDATED') && names.length > 0) return { mode: 'allowed', names, required: mode === 'ANY' }
  if (mode === 'ANY') return { mode: 'required' }
  return mode === undefined ? undefined : { mode: 'auto' }
}
