import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { RerankDocument, RerankRequest, RerankResponse } from '../../../core/canonical/rerank.ts'
import type { EncodedRequest, EncodeOptions, Format, Splice } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import type { Scan } from '../../../core/scan.ts'
import { answerList, answerNumber, badAnswer } from '../shared/answers.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { bad, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { count } from '../shared/usage.ts'
import { lossesFor, ranking, topN, words } from './shared.ts'

const NAME = 'bedrock-rerank'
/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html (sources) */
const MOST = 1000
const CONFIGURATION = 'rerankingConfiguration'
const KNOWN: ReadonlySet<string> = new Set(['queries', 'sources', CONFIGURATION, 'fallbacks'])
const FOUNDATION_MODEL = /^arn:[^/]*:foundation-model\/(.+)$/

/** Rerank of Amazon Bedrock's agent runtime: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html */
export function bedrockRerank(dialect: Format, module: string): Format {
  return defineOperationFormat<RerankRequest, RerankResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check },
    outbound: { encodeRequest, decodeResponse },
    // It tells no usage.
    lens: { model: (scan) => modelIn(configurationIn(scan)), withModel, texts: textsIn, without: withoutFields, usage: () => undefined },
  })
}

function check(scan: Scan): void {
  const body = { queries: scan.value('queries'), sources: scan.value('sources'), [CONFIGURATION]: configurationIn(scan) } as JsonObject
  decodeRequest(body)
}

function configurationIn(scan: Scan): Json | undefined {
  return scan.value(CONFIGURATION) as Json | undefined
}

function settingsOf(configuration: Json | undefined): JsonObject {
  const inner = isObject(configuration) ? configuration.bedrockRerankingConfiguration : undefined
  return isObject(inner) ? inner : {}
}

/** The model's id, of an ARN or as a client of the gateway writes it. */
function modelIn(configuration: Json | undefined): string | undefined {
  const { modelConfiguration } = settingsOf(configuration)
  const arn = isObject(modelConfiguration) ? modelConfiguration.modelArn : undefined
  return typeof arn === 'string' ? (FOUNDATION_MODEL.exec(arn)?.[1] ?? arn) : undefined
}

function withModel(scan: Scan, model: string): Splice {
  const configuration = configurationIn(scan)
  const settings = settingsOf(configuration)
  const modelConfiguration = { ...(isObject(settings.modelConfiguration) && settings.modelConfiguration), modelArn: model }
  return withField(scan, CONFIGURATION, {
    ...(isObject(configuration) && configuration),
    bedrockRerankingConfiguration: { ...settings, modelConfiguration },
  })
}

function decodeRequest(body: JsonObject): Decoded<RerankRequest> {
  const [query, second] = required(body.queries, 'queries', list)
  if (query === undefined || second !== undefined) bad('queries', 'must have one entry')
  const textQuery = required(object(query, 'queries[0]').textQuery, 'queries[0].textQuery', object)
  const sources = required(body.sources, 'sources', list)
  if (sources.length === 0) bad('sources', 'must not be empty')
  const settings = settingsOf(body[CONFIGURATION])
  const extra = unknownFields(body, KNOWN)
  const request = withoutUndefined<RerankRequest>({
    model: modelIn(body[CONFIGURATION]) ?? '',
    query: required(textQuery.text, 'queries[0].textQuery.text', words),
    documents: sources.map((source, index) => decodeSource(source, `sources[${index}]`)),
    topN: optional(settings.numberOfResults, `${CONFIGURATION}.bedrockRerankingConfiguration.numberOfResults`, topN),
    extra: extra && { [NAME]: extra },
  })
  return { request }
}

/** JSON documents are ranked as their text. */
function decodeSource(value: Json, param: string): RerankDocument {
  const inline = required(object(value, param).inlineDocumentSource, `${param}.inlineDocumentSource`, object)
  const at = `${param}.inlineDocumentSource`
  const fields = optional(inline.jsonDocument, `${at}.jsonDocument`, object)
  if (fields) return { text: JSON.stringify(fields), fields }
  const document = required(inline.textDocument, `${at}.textDocument`, object)
  return { text: required(document.text, `${at}.textDocument.text`, string) }
}

function encodeRequest(request: RerankRequest, options: EncodeOptions): EncodedRequest {
  const losses = lossesFor(request, options, { provider: 'bedrock', most: MOST })
  const { topN: most } = request
  const body: JsonObject = {
    queries: [{ type: 'TEXT', textQuery: { text: request.query } }],
    sources: request.documents.map((document) => ({ type: 'INLINE', inlineDocumentSource: encodeSource(document) })),
    [CONFIGURATION]: {
      type: 'BEDROCK_RERANKING_MODEL',
      bedrockRerankingConfiguration: {
        modelConfiguration: { modelArn: request.model },
        ...(most !== undefined && { numberOfResults: Math.min(most, request.documents.length) }),
      },
    },
    ...request.extra?.[NAME],
  }
  const dropped = losses.names()
  return { body, ...(dropped && { dropped }) }
}

function encodeSource({ text, fields }: RerankDocument): JsonObject {
  if (fields && JSON.stringify(fields) === text) return { type: 'JSON', jsonDocument: fields }
  return { type: 'TEXT', textDocument: { text } }
}

function decodeResponse(body: JsonObject): RerankResponse {
  const results = answerList(body.results, 'results').map((result) => ({
    index: count(result.index) ?? badAnswer('"results" has an entry without an index'),
    score: answerNumber(result.relevanceScore, 'relevanceScore'),
  }))
  return ranking('', results)
}

function encodeResponse({ results }: RerankResponse): JsonObject {
  return { results: results.map(({ index, score }) => ({ index, relevanceScore: score })) }
}

function textsIn(scan: Scan): string[] {
  const lists = [scan.value('queries'), scan.value('sources')] as (Json | undefined)[]
  return lists.flatMap((entries) => (Array.isArray(entries) ? (entries as readonly Json[]).flatMap(textOf) : []))
}

function textOf(entry: Json): string[] {
  if (!isObject(entry)) return []
  const { textQuery, inlineDocumentSource } = entry
  const holder = isObject(inlineDocumentSource) ? (inlineDocumentSource.textDocument ?? inlineDocumentSource.jsonDocument) : textQuery
  if (!isObject(holder)) return []
  return typeof holder.text === 'string' ? [holder.text] : [JSON.stringify(holder)]
}
