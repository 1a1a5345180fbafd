import {
  base64Of,
  type Embedding,
  type EmbedInput,
  type EmbedRequest,
  type EmbedResponse,
  floatsOf,
  type VectorType,
} from '../../../core/canonical/embed.ts'
import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { EncodedRequest, EncodeOptions, Format, ReplyOptions } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import type { Scan } from '../../../core/scan.ts'
import { answerList, badAnswer, vector } from '../shared/answers.ts'
import { bad, filled, optional, type Read, string, unknownFields, word } from '../shared/fields.ts'
import { topLens } from '../shared/lenses.ts'
import type { Losses } from '../shared/losses.ts'
import { text } from '../shared/openai-text.ts'
import { count } from '../shared/usage.ts'
import { dimensions, looseTexts, lossesFor, own, typesIn } from './shared.ts'

const NAME = 'openai-embeddings'
const KNOWN: ReadonlySet<string> = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user', 'fallbacks'])

/** OpenAI's embeddings, and what compatible servers make of them: https://platform.openai.com/docs/api-reference/embeddings/create */
export function openaiEmbeddings(dialect: Format, module: string): Format {
  const adapt = dialect.outbound?.adapt
  const format = defineOperationFormat<EmbedRequest, EmbedResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check },
    outbound: { encodeRequest: (request, options) => encodeRequest(request, options, adapt), decodeResponse },
    lens: { ...topLens({ texts: (scan) => looseTexts(scan.value('input')), usage: usageIn }), fitsWhole },
  })
  return adapt && format.outbound ? { ...format, outbound: { ...format.outbound, adapt } } : format
}

/** Servers that know no base64 answer in floats, which OpenAI's client would read as text. */
function fitsWhole(answer: string, request?: Scan): boolean {
  if (!answer.includes('"data"')) return false
  return request?.value('encoding_format') !== 'base64' || !/"embedding"\s*:\s*\[/.test(answer)
}

/** What cannot be right in any form that inputs may yet take. */
function check(scan: Scan): void {
  const input = scan.value('input') as Json | undefined
  if (input === undefined || input === null) bad('input', 'is required')
  if (typeof input === 'string' ? input === '' : Array.isArray(input) && input.length === 0) bad('input', 'must not be empty')
  if (typeof input !== 'string' && !Array.isArray(input)) bad('input', 'must be a string or a list')
  const list = Array.isArray(input) ? (input as readonly Json[]) : []
  const isTokens = typeof list[0] === 'number'
  for (const [index, item] of list.entries()) checkItem(item, `input[${index}]`, isTokens)
}

function checkItem(item: Json, param: string, isTokens: boolean): void {
  if (isTokens ? typeof item === 'number' : typeof item === 'object' && item !== null) return
  if (isTokens) bad(param, 'must be a token, as the first is')
  if (typeof item !== 'string') bad(param, 'must be a string or a list of tokens')
  if (item === '') bad(param, 'must not be empty')
}

function decodeRequest(body: JsonObject, named?: { model: string }): Decoded<EmbedRequest> {
  const encoding = optional(body.encoding_format, 'encoding_format', word('float', 'base64'))
  const types: VectorType[] | undefined = encoding && [encoding]
  const extra = unknownFields(body, KNOWN)
  const request = withoutUndefined<EmbedRequest>({
    model: named?.model ?? optional(body.model, 'model', string) ?? '',
    inputs: decodeInput(body.input),
    dimensions: optional(body.dimensions, 'dimensions', dimensions),
    types,
    user: optional(body.user, 'user', string),
    extra: extra && { [NAME]: extra },
  })
  return { request, carry: types && { types } }
}

function decodeInput(input: Json | undefined): EmbedInput[] {
  if (input === undefined || input === null) return bad('input', 'is required')
  if (typeof input === 'string') return [{ type: 'text', text: filled(input, 'input') }]
  if (!Array.isArray(input)) return bad('input', 'must be a string or a list')
  const list = input as readonly Json[]
  if (list.length === 0) return bad('input', 'must not be empty')
  if (typeof list[0] === 'number') return [{ type: 'tokens', tokens: tokens(list, 'input') }]
  return list.map((item, index) => decodeItem(item, `input[${index}]`))
}

function decodeItem(item: Json, param: string): EmbedInput {
  if (Array.isArray(item)) return { type: 'tokens', tokens: tokens(item, param) }
  if (isObject(item)) return { type: 'opaque', format: NAME, value: item }
  return typeof item === 'string' ? { type: 'text', text: filled(item, param) } : bad(param, 'must be a string or a list of tokens')
}

const tokens: Read<number[]> = (value, param) => {
  const list = value as readonly Json[]
  if (list.length === 0) return bad(param, 'must not be empty')
  return list.map((token, index) => (Number.isInteger(token) ? (token as number) : bad(`${param}[${index}]`, 'must be a token')))
}

type Adapt = NonNullable<Format['outbound']>['adapt']

function encodeRequest(request: EmbedRequest, options: EncodeOptions, adapt: Adapt): EncodedRequest {
  const losses = lossesFor(request, options, { user: true })
  const written: JsonObject = {
    model: request.model,
    input: encodeInput(request.inputs, losses),
    // One form is asked for; the other is made of it.
    ...(request.types?.length === 1 && { encoding_format: request.types[0] as string }),
    ...(request.dimensions !== undefined && { dimensions: request.dimensions }),
    ...(request.user !== undefined && { user: request.user }),
    ...own(request, NAME),
  }
  const { body, dropped } = (options.quirks && adapt?.(written, options.quirks)) ?? { body: written, dropped: [] }
  const lost = [...(losses.names() ?? []), ...dropped]
  return { body, ...(lost.length > 0 && { dropped: lost }) }
}

function encodeInput(inputs: readonly EmbedInput[], losses: Losses): Json {
  const written = inputs.map((input, index) => encodeItem(input, `input[${index}]`, losses))
  const [first] = written
  return written.length === 1 && first !== undefined && !isObject(first) ? first : written
}

function encodeItem(input: EmbedInput, param: string, losses: Losses): Json {
  if (input.type === 'text') return input.text
  if (input.type === 'tokens') return input.tokens
  return input.type === 'opaque' && input.format === NAME ? input.value : losses.essential(param)
}

function decodeResponse(body: JsonObject): EmbedResponse {
  const data = answerList(body.data, 'data')
  const embeddings: Embedding[] = []
  for (const [place, entry] of data.entries()) embeddings[count(entry.index) ?? place] = decodeVector(entry.embedding)
  const isWhole = data.length > 0 && embeddings.length === data.length && !embeddings.includes(undefined as never)
  if (!isWhole) badAnswer('"data" does not have one vector for each input')
  const usage = decodeUsage(body.usage)
  return {
    kind: 'embedding',
    ...(text(body.id) && { id: text(body.id) }),
    model: text(body.model) ?? '',
    embeddings,
    ...(usage && { usage }),
  }
}

function decodeVector(value: Json | undefined): Embedding {
  return typeof value === 'string' ? { base64: value } : { float: vector(value, 'embedding') }
}

/** Tokens of the inputs; nothing is generated. */
function decodeUsage(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined
  const inputTokens = count(value.prompt_tokens) ?? count(value.total_tokens)
  const totalTokens = count(value.total_tokens)
  if (inputTokens === undefined) return undefined
  return { inputTokens, outputTokens: 0, ...(totalTokens !== undefined && { totalTokens }), raw: { format: NAME, value } }
}

/** Usage is looked for in the text after the vectors, where servers write it, or before them. */
function usageIn(data: string): Usage | undefined {
  const from = data.lastIndexOf('"usage"')
  if (from < 0) return undefined
  const open = data.indexOf('{', from)
  const flat = data.slice(open, data.indexOf('}', open) + 1)
  return decodeUsage(parseObject(flat) ?? parseObject(data)?.usage)
}

/** SDKs want the tokens: zeros where the provider told none. */
function encodeResponse(response: EmbedResponse, { model, carry }: ReplyOptions): JsonObject {
  const { usage, embeddings } = response
  const type = typesIn(carry)?.[0]
  const counts = { prompt_tokens: usage?.inputTokens ?? 0, total_tokens: usage?.totalTokens ?? usage?.inputTokens ?? 0 }
  return {
    object: 'list',
    data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding: encodeVector(embedding, type) })),
    model: response.model || model,
    usage: usage?.raw?.format === NAME ? usage.raw.value : counts,
  }
}

/** As it was asked for; floats where nothing was said. */
function encodeVector(embedding: Embedding, type: VectorType | undefined): Json {
  if (type === 'base64') return base64Of(embedding) ?? badAnswer('the provider sent no floats')
  if (type === undefined && embedding.float === undefined && embedding.base64 !== undefined) return embedding.base64
  return floatsOf(embedding) ?? badAnswer('the provider sent no floats')
}
