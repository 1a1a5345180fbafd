import type { ChatRequest, DocumentPart, FunctionTool, Message, ToolCallPart } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { StopReason } from '../../../core/canonical/stop.ts'
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
  word,
} from '../shared/fields.ts'
import { type Answer, answersOf } from '../shared/text-answers.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { type Family, NAME, type Named } from './family.ts'

const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  max_tokens: ['maxOutputTokens', integer(1)],
  temperature: ['temperature', number],
  p: ['topP', number],
  k: ['topK', number],
  frequency_penalty: ['frequencyPenalty', number],
  presence_penalty: ['presencePenalty', number],
  seed: ['seed', number],
  stop_sequences: ['stop', strings],
  tools: ['tools', (value, param) => list(value, param).map((tool, index) => decodeTool(tool, `${param}[${index}]`))],
}
const SIMPLE_FIELDS = new Map(Object.entries(SIMPLE))
/** Switches that ask for another answer than a chat's. */
const OWN = ['search_queries_only', 'raw_prompting', 'return_prompt', 'force_single_step']
const OTHERS: ReadonlySet<string> = new Set([...OWN, 'message', 'chat_history', 'preamble', 'documents', 'tool_results', 'fallbacks'])

/** Cohere Command R and R+: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html */
export const cohere: Family = {
  decodeRequest(body: JsonObject, named: Named): DecodedRequest {
    const request: ChatRequest = { ...named, messages: decodeConversation(body) }
    const extra = readFields(request, body, { simple: SIMPLE_FIELDS, known: OTHERS })
    if (extra) request.extra = { [NAME]: extra }
    return { request, ownOnly: OWN.filter((name) => optional(body[name], name, boolean) === true) }
  },
  ...answersOf({
    whole: wholeAnswer,
    first: (id) => ({ is_finished: false, event_type: 'stream-start', generation_id: id }),
    piece: (text) => ({ is_finished: false, event_type: 'text-generation', text }),
    beforeLast: ({ calls }) =>
      calls.length === 0 ? [] : [{ is_finished: false, event_type: 'tool-calls-generation', tool_calls: calls.map(encodeCall) }],
    last: (answer) => {
      const response = wholeAnswer(answer)
      return { is_finished: true, event_type: 'stream-end', response, finish_reason: response.finish_reason as string }
    },
  }),
}

const ROLES = { USER: 'user', CHATBOT: 'assistant', SYSTEM: 'system' } as const

function decodeConversation(body: JsonObject): Message[] {
  const preamble = optional(body.preamble, 'preamble', string)
  const results = optional(body.tool_results, 'tool_results', list) ?? []
  // With results the message is the one that was answered by the calls, and may be left out or empty.
  const message = results.length > 0 ? optional(body.message, 'message', string) : required(body.message, 'message', filled)
  const history = (optional(body.chat_history, 'chat_history', list) ?? []).map((turn, index) => decodeTurn(turn, `chat_history[${index}]`))
  const documents = (optional(body.documents, 'documents', list) ?? []).map((each, index) => decodeDocument(each, `documents[${index}]`))
  const parts = [...(message ? [{ type: 'text' as const, text: message }] : []), ...documents]
  return [
    ...(preamble ? [{ role: 'system' as const, parts: [{ type: 'text' as const, text: preamble }] }] : []),
    ...history,
    ...(parts.length > 0 ? [{ role: 'user' as const, parts }] : []),
    ...decodeResults(results),
  ]
}

function decodeTurn(value: Json, param: string): Message {
  const turn = object(value, param)
  const role = required(turn.role, `${param}.role`, word('USER', 'CHATBOT', 'SYSTEM'))
  return { role: ROLES[role], parts: [{ type: 'text', text: required(turn.message, `${param}.message`, string) }] }
}

/** A document has free fields; what it says is its snippet or text, or all of it. */
function decodeDocument(value: Json, param: string): DocumentPart {
  const document = object(value, param)
  const { title, snippet, text } = document
  const said = [snippet, text].find((each) => typeof each === 'string') ?? JSON.stringify(document)
  const name = optional(title, `${param}.title`, string)
  return { type: 'document', source: { kind: 'text', text: said as string }, ...(name !== undefined && { name }), cites: true }
}

/** https://docs.cohere.com/v1/docs/tool-use: parameters are told one by one, their types in Python's words. */
function decodeTool(value: Json, param: string): FunctionTool {
  const tool = object(value, param)
  const definitions = optional(tool.parameter_definitions, `${param}.parameter_definitions`, object) ?? {}
  const properties: JsonObject = {}
  const needed: string[] = []
  for (const [name, definition] of Object.entries(definitions)) {
    const at = `${param}.parameter_definitions.${name}`
    const { type, description, required: isNeeded } = object(definition as Json, at)
    const kind = TYPES[optional(type, `${at}.type`, string)?.toLowerCase().replace(/\[.*/, '') ?? 'str']
    properties[name] = withoutUndefined<JsonObject>({ type: kind, description: optional(description, `${at}.description`, string) })
    if (optional(isNeeded, `${at}.required`, boolean) === true) needed.push(name)
  }
  return withoutUndefined<FunctionTool>({
    kind: 'function',
    name: required(tool.name, `${param}.name`, filled),
    description: optional(tool.description, `${param}.description`, string),
    parameters: { type: 'object', properties, ...(needed.length > 0 && { required: needed }) },
  })
}

const TYPES: Readonly<Record<string, string>> = {
  str: 'string',
  string: 'string',
  int: 'integer',
  integer: 'integer',
  float: 'number',
  number: 'number',
  bool: 'boolean',
  boolean: 'boolean',
  list: 'array',
  array: 'array',
  dict: 'object',
  object: 'object',
}

/** Calls and what they brought stand together, without ids: those are made from the places. */
function decodeResults(results: readonly Json[]): Message[] {
  if (results.length === 0) return []
  const read = results.map((value, index) => {
    const param = `tool_results[${index}]`
    const result = object(value, param)
    const call = required(result.call, `${param}.call`, object)
    const name = required(call.name, `${param}.call.name`, filled)
    const outputs = required(result.outputs, `${param}.outputs`, list)
    return { id: `call_${index}`, name, said: optional(call.parameters, `${param}.call.parameters`, object) ?? {}, outputs }
  })
  return [
    { role: 'assistant', parts: read.map(({ id, name, said }) => ({ type: 'tool-call', id, name, arguments: JSON.stringify(said) })) },
    {
      role: 'user',
      parts: read.map(({ id, name, outputs }) => ({
        type: 'tool-result',
        id,
        name,
        parts: outputs.map((output) => ({ type: 'text', text: typeof output === 'string' ? output : JSON.stringify(output) })),
      })),
    },
  ]
}

const WORDS: Partial<Record<StopReason, string>> = {
  length: 'MAX_TOKENS',
  'content-filter': 'ERROR_TOXIC',
  refusal: 'ERROR_TOXIC',
  error: 'ERROR',
}

function wholeAnswer({ id, text, calls, stop, usage }: Answer): JsonObject {
  return {
    response_id: id,
    text,
    generation_id: id,
    finish_reason: WORDS[stop.reason] ?? 'COMPLETE',
    ...(calls.length > 0 && { tool_calls: calls.map(encodeCall) }),
    ...(usage && {
      meta: {
        api_version: { version: '1' },
        billed_units: { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens },
      },
    }),
  }
}

function encodeCall({ name, arguments: said }: ToolCallPart): JsonObject {
  return { name, parameters: parseArguments(said) ?? {} }
}
