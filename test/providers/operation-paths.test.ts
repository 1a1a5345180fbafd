import { expect, test } from 'vitest'
import type { Operation, PathFacts, Provider } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { azure } from '../../providers/azure.ts'
import { bedrock } from '../../providers/bedrock.ts'
import { gemini } from '../../providers/gemini.ts'
import { vertex } from '../../providers/vertex.ts'

const keyWith = (config: Record<string, string>): KeySettings => ({ aliases: {}, config }) as unknown as KeySettings
const at = (baseUrl?: string): ProviderSettings => ({ network: { baseUrl } }) as unknown as ProviderSettings

/** The path that an entry, or the variant that serves the model, asks for. */
function pathFor(entry: Provider, operation: Operation, facts: Partial<PathFacts> & { model: string }): unknown {
  const path = (entry.variant?.(facts.model, operation) ?? entry).paths[operation]
  return typeof path === 'function' ? path({ isStream: false, key: undefined, settings: at(), ...facts }) : path
}

test.each([
  ['us-east-1', 'https://bedrock-agent-runtime.us-east-1.amazonaws.com/rerank', 'arn:aws:bedrock:us-east-1::foundation-model/m'],
  ['cn-north-1', 'https://bedrock-agent-runtime.cn-north-1.amazonaws.com.cn/rerank', 'arn:aws-cn:bedrock:cn-north-1::foundation-model/m'],
])('Bedrock ranks in %s by the agent runtime and names models by ARN', (region, path, arn) => {
  const key = keyWith({ region })
  expect(pathFor(bedrock, 'rerank', { model: 'm', key })).toBe(path)
  expect(pathFor(bedrock, 'rerank', { model: 'm', key, settings: at('http://localhost') })).toBe('/rerank')
  expect(bedrock.wireModel?.('m', { operation: 'rerank', key })).toBe(arn)
  expect(bedrock.wireModel?.('arn:aws:x', { operation: 'rerank', key })).toBe('arn:aws:x')
  expect(bedrock.wireModel?.('m', { operation: 'embedding', key })).toBe('m')
})

test('Vertex AI ranks at a host of its own, and counts for Claude by a model of its own', () => {
  const key = keyWith({ project_id: 'my-project', region: 'eu' })
  const ranking = '/v1/projects/my-project/locations/global/rankingConfigs/default_ranking_config:rank'
  expect(pathFor(vertex, 'rerank', { model: 'm', key })).toBe(`https://discoveryengine.googleapis.com${ranking}`)
  expect(pathFor(vertex, 'rerank', { model: 'm', key, settings: at('http://localhost') })).toBe(ranking)
  const below = '/v1/projects/my-project/locations/eu/publishers'
  expect(pathFor(vertex, 'embedding', { model: 'text-embedding-005', key })).toBe(`${below}/google/models/text-embedding-005:predict`)
  expect(pathFor(vertex, 'count_tokens', { model: 'claude-opus-4', key })).toBe(`${below}/anthropic/models/count-tokens:rawPredict`)
  expect(pathFor(vertex, 'count_tokens', { model: 'gemini-2.5-pro', key })).toBe(`${below}/google/models/gemini-2.5-pro:countTokens`)
  expect(pathFor(vertex, 'count_tokens', { model: 'mistral-large', key })).toBeUndefined()
})

test('Azure asks its dated versions for embeddings by deployment', () => {
  expect(pathFor(azure, 'embedding', { model: 'a b', key: keyWith({ api_version: '2024-10-21' }) })).toBe(
    '/openai/deployments/a%20b/embeddings?api-version=2024-10-21',
  )
  expect(pathFor(azure, 'embedding', { model: 'm', key: keyWith({}) })).toBe('/openai/v1/embeddings')
})

test('Gemini is asked as the client asked where its body goes on as it came', () => {
  expect(pathFor(gemini, 'embedding', { model: 'm', method: 'embedContent' })).toBe('/v1beta/models/m:embedContent')
  expect(pathFor(gemini, 'embedding', { model: 'm' })).toBe('/v1beta/models/m:batchEmbedContents')
})

test('pictures are no models to list', () => {
  const models = [
    { modelId: 'text', outputModalities: ['TEXT'] },
    { modelId: 'embed', outputModalities: ['EMBEDDING'] },
    { modelId: 'image', outputModalities: ['IMAGE'] },
    { modelId: 'untold' },
  ]
  expect(bedrock.modelIds?.({ modelSummaries: models })).toEqual(['text', 'embed', 'untold'])
})
