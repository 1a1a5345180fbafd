import { type EmbedRequest, type EmbedResponse, floatsOf } from '../../../core/canonical/embed.ts'
import { isObject, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry, EncodedRequest, EncodeOptions, Format, NamedByPath, ReplyOptions } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import type { Scan } from '../../../core/scan.ts'
import { badAnswer, vector } from '../shared/answers.ts'
import { bad, filled, required } from '../shared/fields.ts'
import { checkFilled, pathLens } from '../shared/lenses.ts'
import { text } from '../shared/openai-text.ts'
import { count } from '../shared/usage.ts'
import { cohereTexts, decodeBody, decodeEmbeddings, encodeBody, encodeEmbeddings } from './cohere-body.ts'
import {
  checkNova,
  decodeNova,
  decodeNovaEmbeddings,
  encodeNova,
  encodeNovaAnswer,
  isNovaAnswer,
  NOVA_FIELD,
  novaKind,
  novaText,
} from './nova-body.ts'
import { looseTexts, typesIn } from './shared.ts'
import { decodeTitan, encodeTitan } from './titan-body.ts'

const NAME = 'bedrock-embed'

/**
 * InvokeModel of embedding models, whose bodies are those of their makers: Amazon's Titan and Nova, and Cohere's Embed.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html, .../model-parameters-embed.html
 */
export function bedrockEmbed(dialect: Format, module: string): Format {
  return defineOperationFormat<EmbedRequest, EmbedResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check },
    outbound: { encodeRequest, decodeResponse },
    lens: pathLens({
      texts: (scan) => [...looseTexts(scan.value('inputText')), ...looseTexts(novaText(scan.value(NOVA_FIELD))), ...cohereTexts(scan)],
      usage: (data) => (data.includes('"inputTextTokenCount"') ? decodeUsage(parseObject(data)) : undefined),
    }),
  })
}

const COHERE_FIELDS = ['texts', 'images', 'inputs']
const TITAN_FIELDS = ['inputText', 'inputImage']

function check(scan: Scan): void {
  if (scan.spans.has(NOVA_FIELD)) return checkNova(scan.value('taskType'), scan.value(NOVA_FIELD))
  const given = COHERE_FIELDS.filter((name) => scan.spans.has(name))
  for (const name of given) checkFilled(scan, name)
  if (given.length === 0 && !TITAN_FIELDS.some((name) => scan.spans.has(name)))
    bad(
      'inputText',
      'is required (Titan), or texts (Cohere), or singleEmbeddingParams (Nova): InvokeModel serves the embeddings of these three',
    )
}

function decodeRequest(body: JsonObject, named?: NamedByPath): Decoded<EmbedRequest> {
  const model = named?.model ?? ''
  if (body[NOVA_FIELD] !== undefined)
    return { request: { model, ...decodeNova(body, NAME) }, carry: { family: 'nova', kind: novaKind(body) } }
  if (TITAN_FIELDS.some((name) => body[name] !== undefined)) {
    if (body.inputImage === undefined) required(body.inputText, 'inputText', filled)
    const request = decodeTitan(body, NAME)
    return { request: { model, ...request }, carry: { family: 'titan', ...(request.types && { types: [...request.types] }) } }
  }
  const { request, texts } = decodeBody(body, NAME)
  const carry: Carry = { family: 'cohere', ...(request.types && { types: [...request.types] }), ...(texts && { texts }) }
  return { request: { model, ...request }, carry }
}

function encodeRequest(request: EmbedRequest, options: EncodeOptions): EncodedRequest {
  const family = familyOf(request.model)
  const { body, dropped } = ENCODERS[family](request, options, NAME)
  return { body, ...(dropped && { dropped }) }
}

const ENCODERS = { titan: encodeTitan, cohere: encodeBody, nova: encodeNova }

/** Ids and ARNs of models name their maker. */
function familyOf(model: string): keyof typeof ENCODERS {
  if (/nova[^/]*embed/i.test(model)) return 'nova'
  if (/titan-(?:embed|e1)/i.test(model)) return 'titan'
  if (/cohere|embed-(?:english|multilingual|v\d)/i.test(model)) return 'cohere'
  throw new GatewayError('GW_INVALID_REQUEST', {
    param: 'model',
    reason: `"${model}" is no embedding model of Titan, Nova or Cohere on Bedrock`,
  })
}

function decodeResponse(body: JsonObject): EmbedResponse {
  if (isNovaAnswer(body)) return { kind: 'embedding', model: '', embeddings: decodeNovaEmbeddings(body) }
  if (body.embeddings !== undefined)
    return withoutUndefined<EmbedResponse>({ kind: 'embedding', id: text(body.id), model: '', embeddings: decodeEmbeddings(body) })
  const byType = isObject(body.embeddingsByType) ? body.embeddingsByType : {}
  const floats = body.embedding ?? byType.float
  const embedding = {
    ...(floats !== undefined && { float: vector(floats, 'embedding') }),
    ...(byType.binary !== undefined && { binary: vector(byType.binary, 'embeddingsByType.binary') }),
  }
  if (Object.keys(embedding).length === 0) badAnswer('"embedding" is missing')
  const usage = decodeUsage(body)
  return { kind: 'embedding', model: '', embeddings: [embedding], ...(usage && { usage }) }
}

/** Titan tells it in the body; Cohere's models in a header alone. */
function decodeUsage(body: JsonObject | undefined): Usage | undefined {
  const inputTokens = count(body?.inputTextTokenCount)
  return inputTokens === undefined ? undefined : { inputTokens, outputTokens: 0 }
}

function encodeResponse(response: EmbedResponse, { id, carry }: ReplyOptions): JsonObject {
  const types = typesIn(carry)
  if (carry?.family === 'titan') return titanAnswer(response, carry)
  if (carry?.family === 'nova') return encodeNovaAnswer(response, carry.kind)
  const vectors = types
    ? encodeEmbeddings(response, types)
    : response.embeddings.map((each) => floatsOf(each) ?? badAnswer('the provider sent no floats'))
  return {
    id: response.id ?? id,
    embeddings: vectors,
    ...(Array.isArray(carry?.texts) && { texts: carry.texts }),
    response_type: types ? 'embeddings_by_type' : 'embeddings_floats',
  }
}

function titanAnswer({ embeddings, usage }: EmbedResponse, carry: Carry): JsonObject {
  const types = typesIn(carry)
  const [embedding = {}] = embeddings
  const floats = floatsOf(embedding)
  const byType: JsonObject = {}
  if (types?.includes('float') ?? true) byType.float = floats ?? badAnswer('the provider sent no floats')
  if (types?.includes('binary')) byType.binary = embedding.binary ?? badAnswer('the provider sent no vectors of type binary')
  return {
    ...(byType.float !== undefined && { embedding: byType.float }),
    embeddingsByType: byType,
    inputTextTokenCount: usage?.inputTokens ?? 0,
  }
}
