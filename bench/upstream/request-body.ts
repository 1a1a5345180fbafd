import type { Ask } from './answers.ts'
import { invokeProblem } from './bedrock-invoke.ts'
import { isOperation, operationProblem } from './operations.ts'

/** A message of any dialect, as loosely as an echo needs it. Gemini says `parts`. */
interface LooseMessage {
  role?: unknown
  content?: unknown
  parts?: unknown
  /** Of an item of the Responses API. */
  type?: unknown
  output?: unknown
}

/** What the last message says: its texts, tool results, and one phrase for each image or document. */
export function echoed(ask: Ask): string {
  return partsOf(contentOf(messagesOf(ask).at(-1)))
    .map(describe)
    .join(' ')
}

/** The conversation ends with the result of a tool. */
export function hasToolResult(ask: Ask): boolean {
  const last = messagesOf(ask).at(-1)
  const isResult = (part: Record<string, unknown>): boolean =>
    part.type === 'tool_result' || 'toolResult' in part || 'functionResponse' in part
  return last?.role === 'tool' || last?.type === 'function_call_output' || partsOf(contentOf(last)).some(isResult)
}

/** The tool that Claude is told to call, by Anthropic's dialect or by Converse. */
export function forcedTool({ body }: Ask): string | undefined {
  const choice = body?.tool_choice
  if (isRecord(choice) && choice.type === 'tool' && typeof choice.name === 'string') return choice.name
  const converse = isRecord(body?.toolConfig) ? body.toolConfig.toolChoice : undefined
  const tool = isRecord(converse) ? converse.tool : undefined
  return isRecord(tool) && typeof tool.name === 'string' ? tool.name : undefined
}

/** Why the provider would refuse this body, or undefined. Only what every vendor refuses, so that translators are caught. */
export function problemOf(ask: Ask): string | undefined {
  const body = ask.body
  if (body === undefined) return 'We could not parse the JSON body of your request.'
  if (isOperation(ask.dialect.name)) return operationProblem(ask.dialect.name, body)
  const problem = PROBLEMS[ask.dialect.name]?.(body)
  if (problem !== undefined || ask.dialect.name in PROBLEMS) return problem
  if (!ask.model) return 'you must provide a model parameter'
  if (!Array.isArray(body.messages)) return 'messages: Field required'
  if (ask.dialect.name !== 'anthropic-messages') return undefined
  const method = /:(streamRawPredict|rawPredict) /.exec(ask.headText)?.[1]
  if (method !== undefined) return vertexProblem(body, method)
  if (typeof body.max_tokens !== 'number') return 'max_tokens: Field required'
  if (!/\r\nanthropic-version:/i.test(ask.headText)) return 'anthropic-version: header is required'
  const roles = messagesOf(ask).map(({ role }) => role)
  const odd = roles.find((role) => role !== 'user' && role !== 'assistant')
  return odd === undefined ? undefined : `messages: Unexpected role "${String(odd)}"`
}

/** What Vertex refuses of a body for Claude: https://docs.claude.com/en/api/claude-on-vertex-ai */
function vertexProblem(body: Body, method: string): string | undefined {
  if (body.anthropic_version !== 'vertex-2023-10-16') return 'anthropic_version: Field required'
  if (typeof body.max_tokens !== 'number') return 'max_tokens: Field required'
  if ('model' in body) return 'model: Extra inputs are not permitted'
  if ((method === 'streamRawPredict') !== (body.stream === true)) return `stream: ${method} was asked for`
  const { format } = isRecord(body.output_config) ? body.output_config : {}
  return format === undefined ? undefined : 'output_config.format: Extra inputs are not permitted'
}

type Body = Readonly<Record<string, unknown>>

/** What the dialects whose paths name the model refuse: roles, and fields that they do not know. */
const PROBLEMS: Readonly<Record<string, (body: Body) => string | undefined>> = {
  gemini: (body) =>
    unknownField(body, GEMINI_FIELDS) ?? badRoles(body.contents, ['user', 'model'], 'contents') ?? emptyParts(body.contents, 'parts'),
  'bedrock-invoke': invokeProblem,
  'openai-responses': (body) => (body.input === undefined ? 'input is required' : undefined),
  'openai-completions': (body) => (typeof body.prompt === 'string' || Array.isArray(body.prompt) ? undefined : 'prompt is required'),
  'bedrock-converse': (body) =>
    unknownField(body, CONVERSE_FIELDS) ??
    badRoles(body.messages, ['user', 'assistant'], 'messages') ??
    emptyParts(body.messages, 'content'),
}
const GEMINI_FIELDS = [
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'safetySettings',
  'generationConfig',
  'cachedContent',
  'labels',
  'serviceTier',
]
const CONVERSE_FIELDS = [
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'guardrailConfig',
  'additionalModelRequestFields',
  'additionalModelResponseFieldPaths',
  'promptVariables',
  'requestMetadata',
  'performanceConfig',
  'serviceTier',
  'outputConfig',
]

function unknownField(body: Body, known: readonly string[]): string | undefined {
  const odd = Object.keys(body).find((name) => !known.includes(name))
  return odd === undefined ? undefined : `Invalid JSON payload received. Unknown name "${odd}"`
}

function badRoles(messages: unknown, roles: readonly string[], name: string): string | undefined {
  if (!Array.isArray(messages) || messages.length === 0) return `${name} is required`
  const odd = (messages as LooseMessage[]).find(({ role }) => !roles.includes(String(role)))
  return odd === undefined ? undefined : `${name}: unexpected role ${String(odd.role)}`
}

function emptyParts(messages: unknown, name: 'parts' | 'content'): string | undefined {
  const isEmpty = (messages as LooseMessage[]).some((message) => !Array.isArray(message[name]) || (message[name] as unknown[]).length === 0)
  return isEmpty ? `${name} must not be empty` : undefined
}

function contentOf(message: LooseMessage | undefined): unknown {
  return message?.parts ?? message?.content ?? message?.output
}

function messagesOf(ask: Ask): readonly LooseMessage[] {
  const messages = ask.body?.messages ?? ask.body?.contents ?? ask.body?.input
  return Array.isArray(messages) ? (messages as LooseMessage[]) : []
}

function partsOf(content: unknown): readonly Record<string, unknown>[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? (content as Record<string, unknown>[]) : []
}

function describe(part: Record<string, unknown>): string {
  if (typeof part.text === 'string') return part.text
  if (part.type === 'input_image') return `[image ${imageOf(part.image_url)}]`
  if (part.type === 'image_url') return `[image ${imageOf((part.image_url as { url?: unknown })?.url)}]`
  if (part.type === 'image' || part.type === 'document') return `[${part.type} ${sourceOf(part.source)}]`
  const inner = innerOf(part)
  if (inner !== undefined) return inner
  if (part.type === 'tool_result') return partsOf(part.content).map(describe).join(' ')
  return `[${String(part.type)}]`
}

/** What Bedrock and Gemini nest one level deeper: results, files and pictures. */
function innerOf({
  toolResult,
  functionResponse,
  json,
  image,
  document,
  inlineData,
  fileData,
  ...rest
}: Record<string, unknown>): string | undefined {
  if (toolResult !== undefined)
    return partsOf((toolResult as { content?: unknown }).content)
      .map(describe)
      .join(' ')
  if (functionResponse !== undefined) return textsIn((functionResponse as { response?: unknown }).response).join(' ')
  if (json !== undefined) return textsIn(json).join(' ')
  if (rest.type === 'document' && isRecord(document)) return textsIn(document.data).join(' ')
  const file = (image ?? document) as { source?: { bytes?: unknown } } | undefined
  if (rest.type === undefined && file !== undefined)
    return `[${image ? 'image' : 'document'} ${String(file.source?.bytes).length} characters]`
  if (inlineData !== undefined) {
    const { mimeType, data } = inlineData as Record<string, unknown>
    return `[image ${String(mimeType)} ${String(data).length} characters]`
  }
  return fileData === undefined ? undefined : `[image ${String((fileData as { fileUri?: unknown }).fileUri)}]`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Every text in a tree, in order. */
function textsIn(tree: unknown): string[] {
  if (!isRecord(tree)) return [String(tree)]
  return Object.values(tree).flatMap(textsIn)
}

function imageOf(url: unknown): string {
  const match = /^data:([^;,]+);base64,(.*)$/s.exec(String(url))
  return match === null ? String(url) : `${match[1]} ${match[2]?.length} characters`
}

function sourceOf(source: unknown): string {
  const { type, media_type: mediaType, data, url } = (source ?? {}) as Record<string, unknown>
  return type === 'base64' ? `${String(mediaType)} ${String(data).length} characters` : String(url ?? type)
}
