import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import type { RerankDocument, RerankRequest, RerankResponse, RerankResult } from '../../../core/canonical/rerank.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { Carry, EncodeOptions } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { answerList, answerNumber, badAnswer } from '../shared/answers.ts'
import { bad, integer, list, type Read, required, string } from '../shared/fields.ts'
import { type Losses, lossesOf } from '../shared/losses.ts'
import { count } from '../shared/usage.ts'

/** At most so many results. */
export const topN = integer(1)

/** A text with more than white space in it. */
export const words: Read<string> = (value, param) =>
  string(value, param).trim() === '' ? bad(param, 'must not be empty') : (value as string)

/** Checks query, documents and the number of results of a body that may go on as it came. Throws GW_INVALID_REQUEST. */
export function checkRanking(scan: Scan): void {
  const field = (name: string): Json | undefined => scan.value(name) as Json | undefined
  required(field('query'), 'query', words)
  readDocuments(field('documents'))
  const most = field('top_n')
  if (most !== undefined && most !== null) topN(most, 'top_n')
}

/** Documents as texts, or as objects with one. */
export function readDocuments(value: Json | undefined): RerankDocument[] {
  const documents = required(value, 'documents', list)
  if (documents.length === 0) return bad('documents', 'must not be empty')
  return documents.map((document, index) => readDocument(document, `documents[${index}]`))
}

function readDocument(value: Json, param: string): RerankDocument {
  if (!isObject(value)) return { text: words(value, param) }
  const text = required(value.text, `${param}.text`, words)
  const { id } = value
  return { text, ...(typeof id === 'string' && { id }), ...(Object.keys(value).length > 1 && { fields: value }) }
}

/** What a dialect of ranking can carry beside query and documents. */
export interface Abilities {
  provider: string
  maxTokens?: boolean
  priority?: boolean
  /** Most documents that a request may have. */
  most?: number
}

/** Reports what a dialect cannot carry. Throws GW_INVALID_REQUEST for more documents than it takes. */
export function lossesFor(request: RerankRequest, options: EncodeOptions, can: Abilities): Losses {
  const losses = lossesOf(options)
  losses.hint('max_tokens_per_doc', request.maxTokensPerDocument !== undefined && !can.maxTokens)
  losses.hint('priority', request.priority !== undefined && !can.priority)
  checkMost(request.documents.length, 'documents', { provider: options.provider ?? can.provider, most: can.most })
  return losses
}

function checkMost(length: number, param: string, { provider, most }: { provider: string; most: number | undefined }): void {
  if (most !== undefined && length > most) bad(param, `${provider} takes at most ${most} in one request, not ${length}`)
}

/** Scores in an answer: objects with a place and a number. */
export function readResults(value: Json | undefined, name: string, scoreName: string): RerankResult[] {
  return answerList(value, name).map((result) => {
    const index = count(result.index) ?? badAnswer(`"${name}" has an entry without an index`)
    const document = readReturned(result.document)
    return { index, score: answerNumber(result[scoreName], scoreName), ...(document && { document }) }
  })
}

/** Some send an empty document where none was asked for. */
function readReturned(value: Json | undefined): RerankDocument | undefined {
  const text = isObject(value) ? value.text : value
  if (typeof text !== 'string') return undefined
  return { text, ...(isObject(value) && Object.keys(value).length > 1 && { fields: value }) }
}

/** The documents for an answer that has to bring them back: what the request's decoder keeps. */
export function documentsFor(documents: readonly RerankDocument[], wanted: boolean | undefined): Carry | undefined {
  return wanted ? { documents: documents.map(writtenDocument) } : undefined
}

/** A result's document as an object; the provider's own, or the one that was kept. */
export function documentOf({ index, document }: RerankResult, carry: Carry | undefined): JsonObject | undefined {
  if (document) return writtenDocument(document)
  const kept = Array.isArray(carry?.documents) ? (carry.documents as readonly Json[])[index] : undefined
  return isObject(kept) ? kept : undefined
}

function writtenDocument({ text, fields }: RerankDocument): JsonObject {
  return fields ?? { text }
}

/** An answer in canonical form. */
export function ranking(
  model: string,
  results: readonly RerankResult[],
  more: { id?: string | undefined; usage?: Usage | undefined } = {},
): RerankResponse {
  return { kind: 'rerank', model, results, ...(more.id !== undefined && { id: more.id }), ...(more.usage && { usage: more.usage }) }
}

/** The query and the documents' texts, for guards that read without decoding. */
export function textsIn(scan: Scan): string[] {
  const documents = scan.value('documents') as Json | undefined
  const texts = (Array.isArray(documents) ? (documents as readonly Json[]) : []).map((each) => (isObject(each) ? each.text : each))
  return [scan.value('query'), ...texts].filter((text): text is string => typeof text === 'string')
}
