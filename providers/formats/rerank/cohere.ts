import { isObject, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { RerankRequest, RerankResponse } from '../../../core/canonical/rerank.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { EncodedRequest, EncodeOptions, Format, ReplyOptions } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import { integer, optional, required, string, unknownFields } from '../shared/fields.ts'
import { topLens } from '../shared/lenses.ts'
import { text } from '../shared/openai-text.ts'
import { count } from '../shared/usage.ts'
import { checkRanking, lossesFor, ranking, readDocuments, readResults, textsIn, topN, words } from './shared.ts'

const NAME = 'cohere-rerank'
/** https://docs.cohere.com/reference/rerank (documents) */
const MOST = 1000
const KNOWN: ReadonlySet<string> = new Set(['model', 'query', 'documents', 'top_n', 'max_tokens_per_doc', 'priority', 'fallbacks'])

/** Cohere's second rerank API: https://docs.cohere.com/reference/rerank */
export function cohereRerank(dialect: Format, module: string): Format {
  return defineOperationFormat<RerankRequest, RerankResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check: checkRanking },
    outbound: { encodeRequest, decodeResponse },
    lens: topLens({ texts: textsIn, usage: (data) => decodeUsage(parseObject(data)?.meta) }),
  })
}

function decodeRequest(body: JsonObject): Decoded<RerankRequest> {
  const extra = unknownFields(body, KNOWN)
  const request = withoutUndefined<RerankRequest>({
    model: optional(body.model, 'model', string) ?? '',
    query: required(body.query, 'query', words),
    documents: readDocuments(body.documents),
    topN: optional(body.top_n, 'top_n', topN),
    maxTokensPerDocument: optional(body.max_tokens_per_doc, 'max_tokens_per_doc', integer(1)),
    priority: optional(body.priority, 'priority', integer(0)),
    extra: extra && { [NAME]: extra },
  })
  return { request }
}

function encodeRequest(request: RerankRequest, options: EncodeOptions): EncodedRequest {
  const losses = lossesFor(request, options, { provider: 'cohere', maxTokens: true, priority: true, most: MOST })
  const { topN: most, maxTokensPerDocument, priority } = request
  const body: JsonObject = {
    model: request.model,
    query: request.query,
    documents: request.documents.map((document) => document.text),
    ...(most !== undefined && { top_n: most }),
    ...(maxTokensPerDocument !== undefined && { max_tokens_per_doc: maxTokensPerDocument }),
    ...(priority !== undefined && { priority }),
    ...request.extra?.[NAME],
  }
  const dropped = losses.names()
  return { body, ...(dropped && { dropped }) }
}

function decodeResponse(body: JsonObject): RerankResponse {
  return ranking('', readResults(body.results, 'results', 'relevance_score'), { id: text(body.id), usage: decodeUsage(body.meta) })
}

/** Ranking is billed by searches: 100 documents each. */
function decodeUsage(meta: unknown): Usage | undefined {
  const billed = isObject(meta) && isObject(meta.billed_units) ? meta.billed_units : undefined
  const searchQueries = count(billed?.search_units)
  if (!isObject(meta) || searchQueries === undefined) return undefined
  return { inputTokens: count(billed?.input_tokens) ?? 0, outputTokens: 0, searchQueries, raw: { format: NAME, value: meta } }
}

function encodeResponse({ id, results, usage }: RerankResponse, options: ReplyOptions): JsonObject {
  const units = usage?.searchQueries === undefined ? {} : { search_units: usage.searchQueries }
  const meta = { api_version: { version: '2' }, billed_units: { ...units, ...(usage?.inputTokens && { input_tokens: usage.inputTokens }) } }
  return {
    id: id ?? options.id,
    results: results.map(({ index, score }) => ({ index, relevance_score: score })),
    meta: usage?.raw?.format === NAME ? usage.raw.value : meta,
  }
}
