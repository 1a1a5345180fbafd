import { type Embedding, type EmbedInput, type EmbedRequest, type EmbedResponse, floatsOf } from '../../../core/canonical/embed.ts'
import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { EncodedRequest, EncodeOptions, Format, NamedByPath, ReplyOptions, Splice } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import type { Scan } from '../../../core/scan.ts'
import { answerList, badAnswer, vector } from '../shared/answers.ts'
import { withField } from '../shared/body-edits.ts'
import { bad, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import type { Losses } from '../shared/losses.ts'
import { count } from '../shared/usage.ts'
import { GOOGLE_PURPOSES } from './google-purposes.ts'
import { dimensions, lossesFor, own, pathLens } from './shared.ts'

const NAME = 'gemini-embed'
/** One content, or several in one request. */
const BATCH = 'batchEmbedContents'
const KNOWN: ReadonlySet<string> = new Set(['model', 'content', 'taskType', 'title', 'outputDimensionality'])

/** Gemini's embedContent and batchEmbedContents: https://ai.google.dev/api/embeddings */
export function geminiEmbed(dialect: Format, module: string): Format {
  return defineOperationFormat<EmbedRequest, EmbedResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check },
    outbound: { encodeRequest, decodeResponse },
    lens: { ...pathLens({ texts: textsIn, usage: (data) => decodeUsage(parseObject(data)) }), withModel },
  })
}

function check(scan: Scan): void {
  const requests = scan.value('requests') as Json | undefined
  if (requests === undefined) required(scan.value('content') as Json | undefined, 'content', object)
  else if (list(requests, 'requests').length === 0) bad('requests', 'must not be empty')
}

/** Bodies of both methods may name the model again, as `models/...`. */
function withModel(scan: Scan, model: string): Splice {
  const name = model.includes('/') ? model : `models/${model}`
  if (scan.spans.has('model')) return withField(scan, 'model', name)
  const isRight = (request: Json): boolean => !isObject(request) || request.model === name
  const requests = scan.value('requests') as Json | undefined
  if (!Array.isArray(requests) || requests.every(isRight)) return { start: 0, end: 0, text: '' }
  const written = scan.parse().requests as readonly Json[]
  return withField(
    scan,
    'requests',
    written.map((request) => (isObject(request) ? { ...request, model: name } : request)),
  )
}

function decodeRequest(body: JsonObject, named?: NamedByPath): Decoded<EmbedRequest> {
  const isBatch = named?.method === BATCH
  const requests = isBatch ? required(body.requests, 'requests', list) : [body]
  if (requests.length === 0) bad('requests', 'must not be empty')
  const each = requests.map((request, index) => decodeOne(object(request, `requests[${index}]`), isBatch ? `requests[${index}].` : ''))
  const [first] = each
  const { input: _input, ...settings } = first as One
  // One setting holds for all inputs elsewhere.
  const odd = each.findIndex(({ purpose, dimensions: size }) => purpose !== settings.purpose || size !== settings.dimensions)
  const request: EmbedRequest = { model: named?.model ?? '', inputs: each.map(({ input }) => input), ...settings }
  return {
    request: withoutUndefined(request),
    carry: { isBatch },
    ...(odd > 0 && { ownOnly: [`requests[${odd}].${each[odd]?.purpose === settings.purpose ? 'outputDimensionality' : 'taskType'}`] }),
  }
}

type One = Pick<EmbedRequest, 'purpose' | 'dimensions' | 'extra'> & { input: EmbedInput }

function decodeOne(body: JsonObject, path: string): One {
  const task = optional(body.taskType ?? body.task_type, `${path}taskType`, string)
  const purpose = task === undefined ? undefined : GOOGLE_PURPOSES.decode(task)
  const extra: JsonObject = { ...unknownFields(body, KNOWN), ...(task !== undefined && purpose === undefined && { taskType: task }) }
  return {
    input: decodeContent(required(body.content, `${path}content`, object), `${path}content`, optional(body.title, `${path}title`, string)),
    purpose,
    dimensions: optional(body.outputDimensionality ?? body.output_dimensionality, `${path}outputDimensionality`, dimensions),
    extra: Object.keys(extra).length > 0 ? { [NAME]: extra } : undefined,
  }
}

/** The parts of one content are one vector: texts are read one after the other. */
function decodeContent(content: JsonObject, param: string, title: string | undefined): EmbedInput {
  const parts = required(content.parts, `${param}.parts`, (value, at) =>
    Array.isArray(value) ? (value as readonly Json[]) : [object(value, at)],
  )
  if (parts.length === 0) return bad(`${param}.parts`, 'must not be empty')
  const texts = parts.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : undefined))
  if (texts.every((each) => each !== undefined)) return { type: 'text', text: texts.join('\n'), ...(title !== undefined && { title }) }
  const data = parts.length === 1 && isObject(parts[0]) ? (parts[0].inlineData ?? parts[0].inline_data) : undefined
  if (isObject(data) && typeof data.data === 'string')
    return { type: 'image', source: { kind: 'data', mediaType: String(data.mimeType ?? data.mime_type), data: data.data } }
  return { type: 'opaque', format: NAME, value: content }
}

/** Always as a batch, which may be one. */
function encodeRequest(request: EmbedRequest, options: EncodeOptions): EncodedRequest {
  const losses = lossesFor(request, options, { purpose: true, title: true })
  const { model, purpose, dimensions: size } = request
  const shared: JsonObject = {
    model: model.includes('/') ? model : `models/${model}`,
    ...(purpose !== undefined && { taskType: GOOGLE_PURPOSES.encode(purpose) }),
    ...(size !== undefined && { outputDimensionality: size }),
    ...own(request, NAME),
  }
  const requests = request.inputs.map((input, index) => ({
    ...shared,
    content: encodeContent(input, `input[${index}]`, losses),
    ...(input.type === 'text' && input.title !== undefined && { title: input.title }),
  }))
  const dropped = losses.names()
  return { body: { requests }, method: BATCH, ...(dropped && { dropped }) }
}

function encodeContent(input: EmbedInput, param: string, losses: Losses): JsonObject {
  if (input.type === 'text') return { parts: [{ text: input.text }] }
  if (input.type === 'opaque' && input.format === NAME) return input.value
  if (input.type !== 'image' || input.source.kind !== 'data') return losses.essential(param)
  return { parts: [{ inlineData: { mimeType: input.source.mediaType, data: input.source.data } }] }
}

function decodeResponse(body: JsonObject): EmbedResponse {
  const written = isObject(body.embedding) ? [body.embedding] : answerList(body.embeddings, 'embeddings')
  const embeddings: Embedding[] = written.map(({ values }) => ({ float: vector(values, 'values') }))
  const usage = decodeUsage(body)
  return { kind: 'embedding', model: '', embeddings, ...(usage && { usage }) }
}

/** Told by newer models alone. */
function decodeUsage(body: JsonObject | undefined): Usage | undefined {
  const value = body?.usageMetadata
  const tokens = isObject(value) ? count(value.promptTokenCount) : undefined
  return tokens === undefined ? undefined : { inputTokens: tokens, outputTokens: 0, raw: { format: NAME, value: value as JsonObject } }
}

function encodeResponse({ embeddings, usage }: EmbedResponse, { carry }: ReplyOptions): JsonObject {
  const written = embeddings.map((embedding) => ({ values: floatsOf(embedding) ?? badAnswer('the provider sent no floats') }))
  const isBatch = carry?.isBatch ?? written.length !== 1
  const told =
    usage?.raw?.format === NAME ? usage.raw.value : usage && { promptTokenCount: usage.inputTokens, totalTokenCount: usage.inputTokens }
  return { ...(isBatch ? { embeddings: written } : { embedding: written[0] }), ...(told && { usageMetadata: told }) }
}

function textsIn(scan: Scan): string[] {
  const requests = scan.value('requests')
  const contents = Array.isArray(requests)
    ? requests.map((request) => (isObject(request) ? request.content : undefined))
    : [scan.value('content')]
  const parts = contents.flatMap((content) => (isObject(content) && Array.isArray(content.parts) ? (content.parts as Json[]) : []))
  return parts.flatMap((part) => (isObject(part) && typeof part.text === 'string' ? [part.text] : []))
}
