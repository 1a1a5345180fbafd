import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vectorOf } from '../../bench/upstream/operations.ts'
import { type OperationsGateway, startOperations } from './operations-gateway.ts'

const COMPATIBLE = ['openai', 'azure', 'mistral', 'fireworks', 'nebius', 'openrouter', 'vllm', 'ollama', 'sgl'] as const
const TEXTS = ['one', 'three', 'seventeen']
const VECTORS = TEXTS.map((text) => vectorOf(text))
/** A model of each family of providers, and where it is asked for. */
const FAMILIES: readonly (readonly [model: string, path: string])[] = [
  ...COMPATIBLE.map((name): [string, string] => [`${name}/small`, name === 'azure' ? '/openai/v1/embeddings' : '/v1/embeddings']),
  ['cohere/embed-v4.0', '/v2/embed'],
  ['gemini/gemini-embedding-001', '/v1beta/models/gemini-embedding-001:batchEmbedContents'],
  ['vertex/text-embedding-005', '/v1/projects/my-project/locations/us-central1/publishers/google/models/text-embedding-005:predict'],
  ['bedrock/cohere.embed-english-v3', '/model/cohere.embed-english-v3/invoke'],
  ['huggingface/nebius/BAAI/bge-multilingual-gemma2', '/nebius/v1/embeddings'],
]

let behind: OperationsGateway
beforeAll(async () => {
  behind = await startOperations([...COMPATIBLE, 'cohere', 'gemini', 'vertex', 'bedrock', 'huggingface', 'anthropic'])
})
afterAll(() => behind.close())

describe.each(FAMILIES)('%s', (model, path) => {
  test('OpenAI: vectors in the order of the inputs, asked for as base64 and decoded by the client', async () => {
    const answer = await behind.openai.embeddings.create({ model, input: TEXTS })
    expect(behind.last().path).toBe(path)
    expect(answer.data.map(({ embedding }) => embedding)).toEqual(VECTORS)
    expect(answer.data.map(({ index }) => index)).toEqual([0, 1, 2])
    const isTold = !/^(gemini|bedrock)/.test(model)
    expect(answer.usage).toMatchObject({ prompt_tokens: isTold ? 15 : 0, total_tokens: isTold ? 15 : 0 })
    expect(answer).toMatchObject({
      object: 'list',
      extra_fields: { request_type: 'embedding', provider: model.split('/')[0], resolved_model_used: model.slice(model.indexOf('/') + 1) },
    })
  })

  test('OpenAI: floats, one text, dimensions', async () => {
    const answer = await behind.openai.embeddings.create({ model, input: 'one', encoding_format: 'float', dimensions: 2 })
    expect(answer.data.map(({ embedding }) => embedding)).toEqual([vectorOf('one', 2)])
  })

  test('Cohere: vectors by type', async () => {
    const answer = await behind.cohere.embed({ model, texts: TEXTS, inputType: 'search_query', embeddingTypes: ['float', 'base64'] })
    expect(answer.embeddings.float).toEqual(VECTORS)
    expect(answer.embeddings.base64?.[1]).toBe(Buffer.from(new Float32Array(VECTORS[1] as number[]).buffer).toString('base64'))
    expect(answer.texts).toEqual(TEXTS)
  })

  test('Google: one content and several', async () => {
    const several = await behind.google.models.embedContent({ model, contents: TEXTS, config: { taskType: 'CLUSTERING' } })
    expect(several.embeddings?.map(({ values }) => values)).toEqual(VECTORS)
    const one = await behind.google.models.embedContent({ model, contents: 'one' })
    expect(one.embeddings?.map(({ values }) => values)).toEqual([VECTORS[0]])
    const single = await behind.post(`/genai/v1beta/models/${model}:embedContent`, { content: { parts: [{ text: 'one' }] } })
    expect(single.body).toMatchObject({ embedding: { values: VECTORS[0] } })
    const predicted = await behind.post(`/genai/v1beta/models/${model}:predict`, { instances: TEXTS.map((content) => ({ content })) })
    expect(predicted.body).toMatchObject({ predictions: VECTORS.map((values) => ({ embeddings: { values } })) })
  })
})

const invoke = async (modelId: string, body: unknown): Promise<Record<string, unknown>> => {
  const { body: bytes } = await behind.aws.send(
    new InvokeModelCommand({ modelId, body: JSON.stringify(body), contentType: 'application/json' }),
  )
  return JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
}

describe('InvokeModel of AWS', () => {
  test.each(['amazon.titan-embed-text-v2:0', 'openai/text-embedding-3-small', 'cohere/embed-v4.0', 'gemini/gemini-embedding-001'])(
    'a Titan body for %s',
    async (modelId) => {
      const answer = await invoke(modelId, { inputText: 'one', dimensions: 2, normalize: true })
      expect(answer).toMatchObject({ embedding: vectorOf('one', 2), embeddingsByType: { float: vectorOf('one', 2) } })
    },
  )

  test.each(['cohere.embed-english-v3', 'openai/text-embedding-3-small', 'vertex/text-embedding-005'])(
    'a Cohere body for %s',
    async (modelId) => {
      const plain = await invoke(modelId, { texts: TEXTS, input_type: 'search_document' })
      expect(plain).toMatchObject({ embeddings: VECTORS, response_type: 'embeddings_floats' })
      const typed = await invoke(modelId, { texts: TEXTS, input_type: 'search_document', embedding_types: ['float'] })
      expect(typed).toMatchObject({ embeddings: { float: VECTORS }, response_type: 'embeddings_by_type' })
    },
  )

  test.each(['amazon.nova-2-multimodal-embeddings-v1:0', 'openai/text-embedding-3-small', 'cohere/embed-v4.0'])(
    'a Nova body for %s',
    async (modelId) => {
      const text = { truncationMode: 'END', value: 'one' }
      const params = { embeddingPurpose: 'GENERIC_RETRIEVAL', embeddingDimension: 2, text }
      const answer = await invoke(modelId, { taskType: 'SINGLE_EMBEDDING', singleEmbeddingParams: params })
      expect(answer).toEqual({ embeddings: [{ embeddingType: 'TEXT', embedding: vectorOf('one', 2) }] })
    },
  )

  test('Nova embeds a text or a picture for other clients', async () => {
    const model = 'bedrock/amazon.nova-2-multimodal-embeddings-v1:0'
    const text = await behind.openai.embeddings.create({ model, input: 'one', dimensions: 256 })
    expect(text.data[0]?.embedding).toEqual(vectorOf('one', 256))
    expect([behind.last().path, behind.last().json]).toEqual([
      '/model/amazon.nova-2-multimodal-embeddings-v1%3A0/invoke',
      {
        schemaVersion: 'nova-multimodal-embed-v1',
        taskType: 'SINGLE_EMBEDDING',
        singleEmbeddingParams: {
          embeddingPurpose: 'GENERIC_INDEX',
          embeddingDimension: 256,
          text: { truncationMode: 'NONE', value: 'one' },
        },
      },
    ])
    await behind.cohere.embed({ model, images: ['data:image/png;base64,AAAA'], inputType: 'image', embeddingTypes: ['float'] })
    expect(behind.last().json.singleEmbeddingParams).toMatchObject({ image: { format: 'png', source: { bytes: 'AAAA' } } })
  })

  test.each([
    [{ taskType: 'SEGMENTED_EMBEDDING', singleEmbeddingParams: { text: { value: 'x' } } }, 'taskType: must be SINGLE_EMBEDDING'],
    [{ taskType: 'SINGLE_EMBEDDING', singleEmbeddingParams: {} }, 'singleEmbeddingParams: must have one of'],
    [{ taskType: 'SINGLE_EMBEDDING', singleEmbeddingParams: { text: { value: 'x' }, image: {} } }, 'image: is one too many'],
  ])('%j is refused before anybody is asked', async (body, said) => {
    const { length } = behind.upstream.requests
    await expect(invoke('amazon.nova-2-multimodal-embeddings-v1:0', body)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(said),
    })
    expect(behind.upstream.requests).toHaveLength(length)
  })

  test('a film is Nova’s alone', async () => {
    const video = { format: 'mp4', embeddingMode: 'AUDIO_VIDEO_COMBINED', source: { s3Location: { uri: 's3://a/b' } } }
    const body = { taskType: 'SINGLE_EMBEDDING', singleEmbeddingParams: { embeddingPurpose: 'GENERIC_INDEX', video } }
    await expect(invoke('openai/text-embedding-3-small', body)).rejects.toMatchObject({ message: expect.stringContaining('input[0]') })
  })

  test('Titan embeds one text: a second is refused by name', async () => {
    const before = behind.upstream.requests.length
    const refused = behind.openai.embeddings.create({ model: 'bedrock/amazon.titan-embed-text-v2:0', input: TEXTS })
    await expect(refused).rejects.toMatchObject({ status: 400, param: 'input[1]', type: 'unsupported_parameter' })
    expect(behind.upstream.requests.length).toBe(before)
    const answer = await behind.openai.embeddings.create({ model: 'bedrock/amazon.titan-embed-text-v2:0', input: ['one'] })
    expect([answer.data[0]?.embedding, answer.usage.prompt_tokens]).toEqual([VECTORS[0], 5])
  })
})

describe('Hugging Face', () => {
  test.each(['huggingface/hf-inference/intfloat/e5', 'huggingface/intfloat/e5'])(
    '%s: feature extraction answers with a bare list',
    async (model) => {
      const answer = await behind.openai.embeddings.create({ model, input: TEXTS })
      expect(answer.data.map(({ embedding }) => embedding)).toEqual(VECTORS)
      expect([behind.last().path, behind.last().json]).toEqual([
        '/hf-inference/models/intfloat/e5/pipeline/feature-extraction',
        { inputs: TEXTS },
      ])
    },
  )

  test('other inference providers are sent the model without their name', async () => {
    await behind.openai.embeddings.create({ model: 'huggingface/scaleway/BAAI/bge', input: 'one' })
    expect([behind.last().path, behind.last().json.model]).toEqual(['/scaleway/v1/embeddings', 'BAAI/bge'])
  })
})

test("Azure's client names its deployment in the path", async () => {
  const answer = await behind.azure.embeddings.create({ model: 'ignored', input: TEXTS })
  expect(answer.data.map(({ embedding }) => embedding)).toEqual(VECTORS)
  expect([behind.last().path, behind.last().json.model]).toEqual(['/openai/v1/embeddings', 'small'])
})

test('a provider without embeddings says so', async () => {
  const refused = behind.openai.embeddings.create({ model: 'anthropic/small', input: 'one' })
  await expect(refused).rejects.toMatchObject({ status: 400, type: 'unsupported_operation' })
})

test.each(['openai/floats-only', 'ollama/floats-only'])("%s answers base64 in floats, and OpenAI's client reads them", async (model) => {
  const answer = await behind.openai.embeddings.create({ model, input: TEXTS })
  expect(behind.last().json.encoding_format).toBe('base64')
  expect(answer.data.map(({ embedding }) => embedding)).toEqual(VECTORS)
  expect(answer.usage.prompt_tokens).toBe(15)
})
