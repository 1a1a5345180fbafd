import type { ChatRequest, FunctionTool, Reasoning, ResponseFormat, ToolChoice } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest } from '../../../core/format.ts'
import {
  boolean,
  filled,
  integer,
  list,
  number,
  object,
  optional,
  type Read,
  readFields,
  required,
  string,
  strings,
  unknownFields,
  word,
} from '../shared/fields.ts'
import { addDocuments, decodeDocument, decodeMessages } from './decode-messages.ts'
import { NAME } from './types.ts'

/** Fields that are one value on both sides. */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  stream: ['stream', boolean],
  max_tokens: ['maxOutputTokens', integer(1)],
  temperature: ['temperature', number],
  p: ['topP', number],
  k: ['topK', number],
  stop_sequences: ['stop', strings],
  seed: ['seed', number],
  frequency_penalty: ['frequencyPenalty', number],
  presence_penalty: ['presencePenalty', number],
  logprobs: ['logprobs', boolean],
  tool_choice: ['toolChoice', decodeToolChoice],
  response_format: ['responseFormat', decodeFormat],
  thinking: ['reasoning', decodeThinking],
}

const SIMPLE_FIELDS = new Map(Object.entries(SIMPLE))

/** Fields that only this API has, and what they must be: kept as they came. */
const KEPT = Object.entries<Read<unknown>>({ citation_options: object, safety_mode: string, priority: number })

/** Read by hand below; `fallbacks` is the gateway's own and never sent on. */
const OTHERS: ReadonlySet<string> = new Set(['model', 'messages', 'documents', 'tools', 'strict_tools', 'fallbacks'])

/** The body of POST /v2/chat: https://docs.cohere.com/reference/chat. Throws GW_INVALID_REQUEST with the field's path. */
export function decodeRequest(body: JsonObject): DecodedRequest {
  const model = optional(body.model, 'model', string)
  if (!model) throw new GatewayError('GW_MODEL_REQUIRED')
  for (const [field, read] of KEPT) optional(body[field], field, read)
  const strict = optional(body.strict_tools, 'strict_tools', boolean)
  const tools = optional(body.tools, 'tools', list)?.map((tool, index) => decodeTool(tool, `tools[${index}]`, strict === true))
  const request: ChatRequest = {
    model,
    messages: addDocuments(decodeMessages(body.messages), decodeDocuments(body)),
    stream: false,
    ...(tools && { tools }),
  }
  const rest = readFields(request, body, { simple: SIMPLE_FIELDS, known: OTHERS })
  const extra = { ...rest, ...(strict === false && { strict_tools: false }) }
  if (Object.keys(extra).length > 0) request.extra = { [NAME]: extra }
  return { request }
}

/** Answers cite their documents unless the client says otherwise. */
function decodeDocuments({ documents, citation_options: options }: JsonObject): ReturnType<typeof decodeDocument>[] {
  const mode = isObject(options) && typeof options.mode === 'string' ? options.mode.toUpperCase() : undefined
  const cites = mode !== 'OFF' && mode !== 'DISABLED'
  const written = optional(documents, 'documents', list) ?? []
  return written.map((document, index) => ({ ...decodeDocument(document, `documents[${index}]`), cites }))
}

const TOOL_FIELDS = new Set(['type', 'function'])

function decodeTool(value: Json, param: string, isStrict: boolean): FunctionTool {
  const tool = object(value, param)
  optional(tool.type, `${param}.type`, word('function'))
  const at = `${param}.function`
  const described = required(tool.function, at, object)
  const rest = unknownFields(tool, TOOL_FIELDS)
  return withoutUndefined<FunctionTool>({
    kind: 'function',
    name: required(described.name, `${at}.name`, filled),
    description: optional(described.description, `${at}.description`, string),
    parameters: optional(described.parameters, `${at}.parameters`, object),
    strict: isStrict ? true : undefined,
    extra: rest && { [NAME]: rest },
  })
}

function decodeToolChoice(value: Json, param: string): ToolChoice {
  return { mode: word('REQUIRED', 'NONE')(value, param) === 'NONE' ? 'none' : 'required' }
}

/** The API knows no name for a schema, other formats want one. */
const UNNAMED = 'response'

function decodeFormat(value: Json, param: string): ResponseFormat {
  const format = object(value, param)
  if (required(format.type, `${param}.type`, word('text', 'json_object')) === 'text') return { type: 'text' }
  const schema = optional(format.json_schema, `${param}.json_schema`, object)
  return schema ? { type: 'json-schema', name: UNNAMED, schema } : { type: 'json-object' }
}

/** https://docs.cohere.com/docs/reasoning */
function decodeThinking(value: Json, param: string): Reasoning {
  const thinking = object(value, param)
  const budgetTokens = optional(thinking.token_budget, `${param}.token_budget`, integer(1))
  if (required(thinking.type, `${param}.type`, word('enabled', 'disabled')) === 'disabled') return { effort: 'none' }
  return budgetTokens === undefined ? { adaptive: true } : { budgetTokens }
}
