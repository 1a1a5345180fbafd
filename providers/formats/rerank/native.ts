import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { RerankRequest, RerankResponse } from '../../../core/canonical/rerank.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { EncodedRequest, EncodeOptions, Format, ReplyOptions } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import { boolean, integer, optional, required, string, unknownFields } from '../shared/fields.ts'
import { topLens } from '../shared/lenses.ts'
import { text } from '../shared/openai-text.ts'
import { count } from '../shared/usage.ts'
import { checkRanking, documentOf, documentsFor, lossesFor, ranking, readDocuments, readResults, textsIn, topN, words } from './shared.ts'

const NAME = 'rerank'
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'query',
  'documents',
  'top_n',
  'max_tokens_per_doc',
  'priority',
  'return_documents',
  'fallbacks',
])
const lens = topLens({ texts: textsIn, usage: (data) => decodeUsage(parseObject(data)?.usage) })

/** `POST /v1/rerank` of the native API (api.md 1.2), which is Jina's as most servers have it. */
export function nativeRerank(dialect: Format, module: string): Format {
  return defineOperationFormat<RerankRequest, RerankResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check: checkRanking },
    outbound: { encodeRequest: (request, options) => encodeRequest(request, options, true), decodeResponse },
    lens,
  })
}

/** The same of servers that take documents as texts alone: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api */
export function textRerank(dialect: Format, module: string): Format {
  return defineOperationFormat<RerankRequest, RerankResponse>({
    name: 'text-rerank',
    module,
    dialect,
    outbound: { encodeRequest: (request, options) => encodeRequest(request, options, false), decodeResponse },
    lens,
  })
}

function decodeRequest(body: JsonObject): Decoded<RerankRequest> {
  const extra = unknownFields(body, KNOWN)
  const documents = readDocuments(body.documents)
  const returnDocuments = optional(body.return_documents, 'return_documents', boolean)
  const request = withoutUndefined<RerankRequest>({
    model: optional(body.model, 'model', string) ?? '',
    query: required(body.query, 'query', words),
    documents,
    topN: optional(body.top_n, 'top_n', topN),
    maxTokensPerDocument: optional(body.max_tokens_per_doc, 'max_tokens_per_doc', integer(1)),
    returnDocuments,
    priority: optional(body.priority, 'priority', integer(0)),
    extra: extra && { [NAME]: extra },
  })
  return { request, carry: documentsFor(documents, returnDocuments) }
}

function encodeRequest(request: RerankRequest, options: EncodeOptions, takesObjects: boolean): EncodedRequest {
  const losses = lossesFor(request, options, { provider: NAME, maxTokens: takesObjects, priority: takesObjects })
  const { topN: most, maxTokensPerDocument, priority, returnDocuments } = request
  const body: JsonObject = {
    model: request.model,
    query: request.query,
    documents: request.documents.map((document) => (takesObjects && document.fields) || document.text),
    ...(most !== undefined && { top_n: most }),
    ...(takesObjects && maxTokensPerDocument !== undefined && { max_tokens_per_doc: maxTokensPerDocument }),
    ...(takesObjects && priority !== undefined && { priority }),
    ...(takesObjects && returnDocuments !== undefined && { return_documents: returnDocuments }),
    ...request.extra?.[NAME],
  }
  const dropped = losses.names()
  return { body, ...(dropped && { dropped }) }
}

/** Most write `results`, some `data`. */
function decodeResponse(body: JsonObject): RerankResponse {
  const [name, written] = body.results === undefined ? ['data', body.data] : ['results', body.results]
  const results = readResults(written, name as string, 'relevance_score')
  return ranking(text(body.model) ?? '', results, { id: text(body.id), usage: decodeUsage(body.usage) })
}

function decodeUsage(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined
  const inputTokens = count(value.prompt_tokens) ?? count(value.total_tokens)
  const totalTokens = count(value.total_tokens)
  if (inputTokens === undefined) return undefined
  const searchQueries = count(value.search_units)
  const units = searchQueries !== undefined && { searchQueries }
  return { inputTokens, outputTokens: 0, ...(totalTokens !== undefined && { totalTokens }), ...units, raw: { format: NAME, value } }
}

function encodeResponse({ id, model, results, usage }: RerankResponse, options: ReplyOptions): JsonObject {
  return {
    id: id ?? options.id,
    model: model || options.model,
    results: results.map((result) => {
      const document = documentOf(result, options.carry)
      return { index: result.index, relevance_score: result.score, ...(document && { document }) }
    }),
    ...(usage && { usage: usage.raw?.format === NAME ? usage.raw.value : writtenUsage(usage) }),
  }
}

function writtenUsage({ inputTokens, totalTokens, searchQueries }: Usage): JsonObject {
  const units = searchQueries !== undefined && { search_units: searchQueries }
  return { prompt_tokens: inputTokens, total_tokens: totalTokens ?? inputTokens, ...units }
}
