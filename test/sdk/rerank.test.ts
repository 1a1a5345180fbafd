import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { type OperationsGateway, startOperations } from './operations-gateway.ts'

const QUERY = 'a black dog'
const DOCUMENTS = ['the cat', 'a black dog barks', 'a dog']
/** Places and scores as the fake provider ranks them: the share of the query's words. */
const RANKED = [
  [1, 1],
  [2, 2 / 3],
]
const FAMILIES: readonly (readonly [model: string, path: string])[] = [
  ['cohere/rerank-v3.5', '/v2/rerank'],
  ['vllm/small', '/v1/rerank'],
  ['bedrock/cohere.rerank-v3-5:0', '/rerank'],
  ['vertex/semantic-ranker-default-004', '/v1/projects/my-project/locations/global/rankingConfigs/default_ranking_config:rank'],
]

let behind: OperationsGateway
beforeAll(async () => {
  behind = await startOperations(['cohere', 'vllm', 'bedrock', 'vertex', 'openai'])
})
afterAll(() => behind.close())

const pairs = (results: unknown, score: string): unknown[] => (results as JsonObject[]).map((each) => [each.index, each[score]])

describe.each(FAMILIES)('%s', (model, path) => {
  test('the native API, with documents as texts and as objects', async () => {
    const documents = [DOCUMENTS[0], { text: DOCUMENTS[1], id: 'one' }, DOCUMENTS[2]]
    const { status, body } = await behind.post('/v1/rerank', { model, query: QUERY, documents, top_n: 2, return_documents: true })
    expect([status, behind.last().path]).toEqual([200, path])
    expect(pairs(body.results, 'relevance_score')).toEqual(RANKED)
    expect((body.results as JsonObject[]).map(({ document }) => (document as JsonObject).text)).toEqual([DOCUMENTS[1], DOCUMENTS[2]])
    expect(body).toMatchObject({
      id: expect.any(String),
      model: expect.any(String),
      extra_fields: { request_type: 'rerank', provider: model.split('/')[0] },
    })
  })

  test("Cohere's client", async () => {
    const answer = await behind.cohere.rerank({ model, query: QUERY, documents: DOCUMENTS, topN: 2 })
    expect(answer.results.map(({ index, relevanceScore }) => [index, relevanceScore])).toEqual(RANKED)
    if (model.startsWith('cohere')) expect(answer.meta?.billedUnits?.searchUnits).toBe(1)
  })

  test("Bedrock's agent runtime and Vertex AI's ranking API, by their own bodies", async () => {
    const sources = DOCUMENTS.map((text) => ({ type: 'INLINE', inlineDocumentSource: { type: 'TEXT', textDocument: { text } } }))
    const modelConfiguration = {
      modelArn: model.startsWith('bedrock') ? 'arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0' : model,
    }
    const rerankingConfiguration = {
      type: 'BEDROCK_RERANKING_MODEL',
      bedrockRerankingConfiguration: { modelConfiguration, numberOfResults: 2 },
    }
    const bedrock = await behind.post('/bedrock/rerank', {
      queries: [{ type: 'TEXT', textQuery: { text: QUERY } }],
      sources,
      rerankingConfiguration,
    })
    expect(pairs(bedrock.body.results, 'relevanceScore')).toEqual(RANKED)
    const records = DOCUMENTS.map((content, index) => ({ id: `d${index}`, content }))
    const vertex = await behind.post('/genai/v1/projects/p/locations/global/rankingConfigs/default_ranking_config:rank', {
      model,
      query: QUERY,
      records,
      topN: 2,
    })
    expect(vertex.body.records).toEqual(RANKED.map(([index, score]) => ({ ...records[index as number], score })))
  })
})

test('Bedrock is told the model by its ARN', async () => {
  await behind.post('/v1/rerank', { model: 'bedrock/cohere.rerank-v3-5:0', query: QUERY, documents: DOCUMENTS })
  expect(JSON.stringify(behind.last().json)).toContain('"arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"')
})

test('a provider that does not rank says so in the dialect of the client', async () => {
  const native = await behind.post('/v1/rerank', { model: 'openai/small', query: QUERY, documents: DOCUMENTS })
  expect([native.status, native.body]).toMatchObject([
    400,
    { error: { type: 'unsupported_operation', message: 'rerank is not supported by openai provider' } },
  ])
  const cohere = await behind.post('/cohere/v2/rerank', { model: 'openai/small', query: QUERY, documents: DOCUMENTS })
  expect([cohere.status, cohere.body.message]).toEqual([400, 'rerank is not supported by openai provider'])
})
