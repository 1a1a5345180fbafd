import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { GoogleGenAI } from '@google/genai'
import { CohereClientV2 } from 'cohere-ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'

const FOLDER = join(import.meta.dirname, '../../../shared/fixtures/vercel-ai')
const isThere = existsSync(FOLDER)
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8')

/** Recordings by the path that asks for them. */
const RECORDED: Readonly<Record<string, string>> = {
  '/v1/embeddings': 'openai/embedding/openai-embedding.json',
  '/v2/embed': 'cohere/cohere-embedding.json',
  ':predict': 'google-vertex/google-vertex-embedding.json',
  '/v2/rerank': 'cohere/reranking/cohere-reranking.1.json',
  '/rerank': 'amazon-bedrock/reranking/amazon-bedrock-reranking.1.json',
}

test.skipIf(isThere)('skipped: no recordings at ../shared/fixtures', () => {
  expect(isThere).toBe(false)
})

describe.skipIf(!isThere)('recorded answers', () => {
  let server: Server
  let gateway: TestGateway
  /** What `/v1/rerank` of the vendor under test says: several vendors have it. */
  let reranking = 'togetherai/reranking/togetherai-reranking.1.json'
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? ''
      const file = path === '/v1/rerank' ? reranking : Object.entries(RECORDED).find(([end]) => path.endsWith(end))?.[1]
      request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(read(file as string)))
    })
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const block = (key: JsonObject = {}, network: JsonObject = { base_url: url }): JsonObject => ({
      keys: [{ value: 'sk', models: ['*'], ...key }],
      network_config: network,
    })
    const providers = {
      openai: block({ name: 'o' }),
      cohere: block({ name: 'c' }),
      vertex: block({ name: 'v', vertex_key_config: { project_id: 'my-project', region: 'us-central1' } }),
      bedrock: block({ name: 'b' }),
      vllm: block({ name: 'l', vllm_key_config: { url, model_name: 'm' } }, {}),
    }
    gateway = await createGateway({ config: { providers } })
  })
  afterAll(async () => {
    await gateway.close()
    server.close()
  })

  const VECTORS: Readonly<Record<string, () => number[][]>> = {
    openai: () =>
      (JSON.parse(read(RECORDED['/v1/embeddings'] as string)) as { data: { embedding: number[] }[] }).data.map(
        ({ embedding }) => embedding,
      ),
    cohere: () => (JSON.parse(read(RECORDED['/v2/embed'] as string)) as { embeddings: { float: number[][] } }).embeddings.float,
    vertex: () =>
      (JSON.parse(read(RECORDED[':predict'] as string)) as { predictions: { embeddings: { values: number[] } }[] }).predictions.map(
        ({ embeddings }) => embeddings.values,
      ),
  }
  const TOKENS: Readonly<Record<string, number>> = { openai: 12, cohere: 10, vertex: 11 }
  const vendors = Object.keys(VECTORS)

  test.each(vendors)("vectors of %s reach OpenAI's, Cohere's and Google's clients", async (vendor) => {
    const wanted = VECTORS[vendor]?.() ?? []
    const openai = new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const told = await openai.embeddings.create({ model: `${vendor}/m`, input: ['a', 'b'], encoding_format: 'float' })
    expect(told.data.map(({ embedding }) => embedding)).toEqual(wanted)
    expect(told.usage.prompt_tokens).toBe(TOKENS[vendor])
    const small = await openai.embeddings.create({ model: `${vendor}/m`, input: ['a', 'b'], encoding_format: 'base64' })
    if (vendor !== 'openai') {
      const bytes = Buffer.from(small.data[1]?.embedding as unknown as string, 'base64')
      expect([...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)]).toEqual([...new Float32Array(wanted[1] as number[])])
    }
    const cohere = new CohereClientV2({ token: 'x', environment: `${gateway.url}/cohere`, maxRetries: 0 })
    const typed = await cohere.embed({ model: `${vendor}/m`, texts: ['a', 'b'], inputType: 'search_query', embeddingTypes: ['float'] })
    expect([typed.embeddings.float, typed.meta?.billedUnits?.inputTokens]).toEqual([wanted, TOKENS[vendor]])
    const google = new GoogleGenAI({ apiKey: 'x', httpOptions: { baseUrl: `${gateway.url}/genai` } })
    const listed = await google.models.embedContent({ model: `${vendor}/m`, contents: ['a', 'b'] })
    expect(listed.embeddings?.map(({ values }) => values)).toEqual(wanted)
  })

  test.each([
    ['/openai/v1/embeddings', { model: 'm', input: ['a', 'b'] }, '/v1/embeddings'],
    ['/cohere/v2/embed', { model: 'm', texts: ['a', 'b'] }, '/v2/embed'],
    ['/genai/v1beta/models/vertex%2Fm:predict', { instances: [{ content: 'a' }] }, ':predict'],
    ['/cohere/v2/rerank', { model: 'm', query: 'q', documents: ['a', 'b'] }, '/v2/rerank'],
    [
      '/bedrock/rerank',
      {
        queries: [{ textQuery: { text: 'q' } }],
        sources: [{ inlineDocumentSource: { textDocument: { text: 'a' } } }],
        rerankingConfiguration: { bedrockRerankingConfiguration: { modelConfiguration: { modelArn: 'm' } } },
      },
      '/rerank',
    ],
  ])('%s gives the bytes of its vendor', async (path, body, recorded) => {
    const answer = await gateway.fetch(path, JSON.stringify(body))
    expect(await answer.text()).toBe(read(RECORDED[recorded] as string))
  })

  test.each([
    ['cohere/m', 'cohere/reranking/cohere-reranking.1.json', 'results', 'relevance_score'],
    ['bedrock/m', 'amazon-bedrock/reranking/amazon-bedrock-reranking.1.json', 'results', 'relevanceScore'],
    ['vllm/m', 'togetherai/reranking/togetherai-reranking.1.json', 'results', 'relevance_score'],
    ['vllm/m', 'voyage/reranking/voyage-reranking.1.json', 'data', 'relevance_score'],
  ])("the ranking of %s (%s) reaches the native API and Cohere's client", async (model, file, list, score) => {
    if (model.startsWith('vllm')) reranking = file
    const wanted = ((JSON.parse(read(file)) as JsonObject)[list] as JsonObject[]).map((each) => [each.index, each[score]])
    const documents = ['a', 'b', 'c', 'd', 'e', 'f']
    const native = await gateway.fetch('/v1/rerank', JSON.stringify({ model, query: 'q', documents }))
    const { results } = (await native.json()) as { results: JsonObject[] }
    expect(results.map((each) => [each.index, each.relevance_score])).toEqual(wanted)
    const cohere = new CohereClientV2({ token: 'x', environment: `${gateway.url}/cohere`, maxRetries: 0 })
    const told = await cohere.rerank({ model, query: 'q', documents })
    expect(told.results.map(({ index, relevanceScore }) => [index, relevanceScore])).toEqual(wanted)
  })
})
