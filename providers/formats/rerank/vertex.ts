import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { RerankDocument, RerankRequest, RerankResponse } from '../../../core/canonical/rerank.ts'
import type { EncodedRequest, EncodeOptions, Format, ReplyOptions } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import type { Scan } from '../../../core/scan.ts'
import { answerList, answerNumber, badAnswer } from '../shared/answers.ts'
import { bad, boolean, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { topLens } from '../shared/lenses.ts'
import { lossesFor, ranking, topN, words } from './shared.ts'

const NAME = 'vertex-rank'
/** https://cloud.google.com/generative-ai-app-builder/docs/ranking (limits) */
const MOST = 200
const KNOWN: ReadonlySet<string> = new Set(['model', 'query', 'records', 'topN', 'ignoreRecordDetailsInResponse', 'fallbacks'])

/** The ranking API of Vertex AI Search: https://cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1/projects.locations.rankingConfigs/rank */
export function vertexRank(dialect: Format, module: string): Format {
  return defineOperationFormat<RerankRequest, RerankResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check },
    outbound: { encodeRequest, decodeResponse },
    // It tells no usage.
    lens: topLens({ texts: textsIn, usage: () => undefined }),
  })
}

function check(scan: Scan): void {
  required(scan.value('query') as Json | undefined, 'query', words)
  readRecords(scan.value('records') as Json | undefined)
}

function readRecords(value: Json | undefined): JsonObject[] {
  const records = required(value, 'records', list)
  if (records.length === 0) bad('records', 'must not be empty')
  return records.map((each, index) => {
    const record = object(each, `records[${index}]`)
    if (record.title === undefined && record.content === undefined) bad(`records[${index}].content`, 'is required, or title')
    return record
  })
}

function decodeRequest(body: JsonObject): Decoded<RerankRequest> {
  const records = readRecords(body.records)
  const extra = unknownFields(body, KNOWN)
  const hidesDetails = optional(body.ignoreRecordDetailsInResponse, 'ignoreRecordDetailsInResponse', boolean) ?? false
  const request = withoutUndefined<RerankRequest>({
    model: optional(body.model, 'model', string) ?? '',
    query: required(body.query, 'query', words),
    documents: records.map(decodeRecord),
    topN: optional(body.topN, 'topN', topN),
    extra: extra && { [NAME]: extra },
  })
  const kept = hidesDetails ? records.map(({ id }, index) => ({ id: id ?? String(index) })) : records
  return { request, carry: { records: kept } }
}

/** A title is read before the content. */
function decodeRecord(record: JsonObject, index: number): RerankDocument {
  const at = `records[${index}]`
  const parts = [optional(record.title, `${at}.title`, string), optional(record.content, `${at}.content`, string)]
  const id = optional(record.id, `${at}.id`, string)
  return { text: parts.filter((part) => part !== undefined).join('\n'), ...(id !== undefined && { id }) }
}

/** Records are numbered, so that their places can be told from the answer. */
function encodeRequest(request: RerankRequest, options: EncodeOptions): EncodedRequest {
  const losses = lossesFor(request, options, { provider: 'vertex', most: MOST })
  const { topN: most } = request
  const body: JsonObject = {
    model: request.model,
    query: request.query,
    records: request.documents.map(({ text }, index) => ({ id: String(index), content: text })),
    ...(most !== undefined && { topN: most }),
    ignoreRecordDetailsInResponse: true,
    ...request.extra?.[NAME],
  }
  const dropped = losses.names()
  return { body, ...(dropped && { dropped }) }
}

/** Ids are the numbers that the encoder gave; others are the client's, in a body that nobody decoded. */
function decodeResponse(body: JsonObject): RerankResponse {
  const results = answerList(body.records, 'records').map(({ id, score: told }) => {
    const score = answerNumber(told, 'score')
    const isNumber = /^\d{1,9}$/.test(String(id))
    return isNumber
      ? { index: Number(id), score }
      : { index: -1, id: typeof id === 'string' ? id : badAnswer('"records" has no ids'), score }
  })
  return ranking('', results)
}

/** As the client named its records. */
function encodeResponse({ results }: RerankResponse, { carry }: ReplyOptions): JsonObject {
  const kept = Array.isArray(carry?.records) ? (carry.records as readonly Json[]) : []
  return {
    records: results.map(({ index, id, score }) => {
      const record = kept[index]
      return { id: id ?? String(index), ...(isObject(record) && record), score }
    }),
  }
}

function textsIn(scan: Scan): string[] {
  const records = scan.value('records') as Json | undefined
  const texts = (Array.isArray(records) ? (records as readonly Json[]) : []).flatMap((record) =>
    isObject(record) ? [record.title, record.content] : [],
  )
  return [scan.value('query'), ...texts].filter((text): text is string => typeof text === 'string')
}
