import type { Extra } from './chat.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

/** A document to be ranked. `fields` is the whole object where the client sent one with more than a text. */
export interface RerankDocument {
  text: string
  id?: string | undefined
  fields?: JsonObject | undefined
}

/** Which of the documents answer the query best. */
export interface RerankRequest {
  model: string
  query: string
  documents: readonly RerankDocument[]
  /** At most so many results; absent: all. */
  topN?: number | undefined
  maxTokensPerDocument?: number | undefined
  /** The client wants the documents back with their scores. */
  returnDocuments?: boolean | undefined
  priority?: number | undefined
  extra?: Extra | undefined
}

/** One document's score. `index` is its place in the request; the higher the score, the better it fits. */
export interface RerankResult {
  index: number
  score: number
  document?: RerankDocument | undefined
}

/** Documents by falling score. */
export interface RerankResponse {
  kind: 'rerank'
  id?: string | undefined
  /** Empty where the provider names none. */
  model: string
  results: readonly RerankResult[]
  usage?: Usage | undefined
  extra?: Extra | undefined
}
