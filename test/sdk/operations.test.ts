import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vectorOf } from '../../bench/upstream/operations.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { type OperationsGateway, startOperations } from './operations-gateway.ts'

let behind: OperationsGateway
beforeAll(async () => {
  behind = await startOperations(['openai', 'anthropic', 'gemini', 'vertex', 'bedrock', 'cohere', 'vllm', 'mistral'])
})
afterAll(() => behind.close())

const openaiError = (param: string): JsonObject => ({
  error: { type: 'invalid_request_error', param, message: expect.stringContaining(param) },
})
const saidIn = (param: string): JsonObject => ({ message: expect.stringContaining(`${param}: `) })
const googleError = (param: string): JsonObject => ({
  error: { code: 400, status: 'INVALID_ARGUMENT', message: expect.stringContaining(`${param}: `) },
})

/** Bodies that cannot be right, to the dialect's own provider, where they would pass as bytes, and to another. */
const BAD: readonly (readonly [
  path: string,
  models: readonly string[],
  body: JsonObject,
  param: string,
  told: (param: string) => JsonObject,
])[] = [
  ...(
    [
      [{}, 'input'],
      [{ input: '' }, 'input'],
      [{ input: [] }, 'input'],
      [{ input: 7 }, 'input'],
      [{ input: { text: 'x' } }, 'input'],
      [{ input: ['a', ''] }, 'input[1]'],
      [{ input: ['a', null] }, 'input[1]'],
      [{ input: [1, 'a'] }, 'input[1]'],
    ] as const
  ).map(([body, param]) => ['/v1/embeddings', ['openai/m', 'cohere/m'], body as unknown as JsonObject, param, openaiError] as const),
  ['/v1/embeddings', ['cohere/m'], { input: 'a', dimensions: 0 }, 'dimensions', openaiError],
  ['/v1/embeddings', ['cohere/m'], { input: 'a', encoding_format: 'hex' }, 'encoding_format', openaiError],
  ['/v1/embeddings', ['cohere/m'], { input: [[]] }, 'input[0]', openaiError],
  ['/cohere/v2/embed', ['m', 'openai/m'], {}, 'texts', saidIn],
  ['/cohere/v2/embed', ['m', 'openai/m'], { texts: [] }, 'texts', saidIn],
  ['/cohere/v2/embed', ['openai/m'], { texts: ['a'], embedding_types: ['hex'] }, 'embedding_types[0]', saidIn],
  ['/cohere/v2/embed', ['openai/m'], { texts: ['a'], truncate: 'MIDDLE' }, 'truncate', saidIn],
  ['/genai/v1beta/models/MODEL:embedContent', ['m', 'openai/m'], {}, 'content', googleError],
  ['/genai/v1beta/models/MODEL:batchEmbedContents', ['m', 'openai/m'], { requests: [] }, 'requests', googleError],
  [
    '/genai/v1beta/models/MODEL:batchEmbedContents',
    ['openai/m'],
    { requests: [{ content: { parts: [] } }] },
    'requests[0].content.parts',
    googleError,
  ],
  ['/genai/v1beta/models/MODEL:predict', ['m', 'vertex/m'], { instances: [] }, 'instances', googleError],
  ['/bedrock/model/MODEL/invoke', ['titan-embed', 'openai/embed'], {}, 'inputText', saidIn],
  ['/bedrock/model/MODEL/invoke', ['titan-embed', 'openai/embed'], { texts: [] }, 'texts', saidIn],
  ['/bedrock/model/MODEL/invoke', ['openai/embed'], { inputText: 'a', embeddingTypes: ['int8'] }, 'embeddingTypes[0]', saidIn],
  ...(
    [
      [{ documents: ['a'] }, 'query'],
      [{ query: ' ', documents: ['a'] }, 'query'],
      [{ query: 'q' }, 'documents'],
      [{ query: 'q', documents: [] }, 'documents'],
      [{ query: 'q', documents: 'a' }, 'documents'],
      [{ query: 'q', documents: ['a', ' '] }, 'documents[1]'],
      [{ query: 'q', documents: [{ id: 'x' }] }, 'documents[0].text'],
      [{ query: 'q', documents: ['a'], top_n: 0 }, 'top_n'],
      [{ query: 'q', documents: ['a'], top_n: '1' }, 'top_n'],
    ] as const
  ).flatMap(
    ([body, param]) =>
      [
        ['/v1/rerank', ['cohere/m', 'vllm/small'], body as unknown as JsonObject, param, openaiError],
        ['/cohere/v2/rerank', ['m', 'vllm/small'], body as unknown as JsonObject, param, saidIn],
      ] as const,
  ),
  ['/v1/rerank', ['vertex/m'], { query: 'q', documents: Array(201).fill('a') }, 'documents', openaiError],
  ['/v1/rerank', ['bedrock/m'], { query: 'q', documents: Array(1001).fill('a') }, 'documents', openaiError],
  ['/bedrock/rerank', ['m'], { queries: [], sources: [] }, 'queries', saidIn],
  ['/v1/responses/input_tokens', ['openai/m', 'anthropic/m'], {}, 'input', openaiError],
  [
    '/anthropic/v1/messages/count_tokens',
    ['m', 'openai/m'],
    { messages: [] },
    'messages',
    (param) => ({ type: 'error', error: saidIn(param) }),
  ],
  ['/genai/v1beta/models/MODEL:countTokens', ['m', 'openai/m'], {}, 'contents', googleError],
  ['/bedrock/model/MODEL/count-tokens', ['m', 'openai/m'], { input: {} }, 'input', saidIn],
  ['/bedrock/model/MODEL/count-tokens', ['m', 'openai/m'], { input: { invokeModel: { body: '!' } } }, 'input.invokeModel.body', saidIn],
  ['/cohere/v1/tokenize', ['m'], { text: '' }, 'text', saidIn],
]

describe('a body that cannot be right is refused by the field, in the dialect, without an upstream call', () => {
  test.each(BAD.flatMap(([path, models, ...rest]) => models.map((model) => [path, model, ...rest] as const)))(
    '%s %s %j: %s',
    async (path, model, body, param, told) => {
      const before = behind.upstream.requests.length
      const inPath = path.includes('MODEL')
      const answer = await behind.post(
        path.replace('MODEL', encodeURIComponent(model)),
        inPath
          ? body
          : {
              ...body,
              model: path === '/bedrock/rerank' ? undefined : model,
              ...(path === '/bedrock/rerank' && {
                rerankingConfiguration: { bedrockRerankingConfiguration: { modelConfiguration: { modelArn: model } } },
              }),
            },
      )
      expect([answer.status, answer.body]).toMatchObject([400, told(param)])
      expect(behind.upstream.requests.length).toBe(before)
    },
  )

  test('a model is required where the body names it', async () => {
    for (const [path, body] of [
      ['/v1/embeddings', { input: 'a' }],
      ['/v1/rerank', { query: 'q', documents: ['a'] }],
      ['/v1/responses/input_tokens', { input: 'a' }],
    ] as const) {
      const answer = await behind.post(path, body)
      expect([answer.status, answer.body]).toMatchObject([400, { error: { message: 'model is required' } }])
    }
  })

  test('InvokeModel says what it serves', async () => {
    const { status, body } = await behind.post('/bedrock/model/titan-embed/invoke', { prompt: 'x' })
    expect([status, body]).toMatchObject([400, { message: expect.stringMatching(/embeddings of these three/) }])
  })
})

describe('to the same dialect bytes pass', () => {
  const PASSED: readonly (readonly [path: string, sentTo: string, body: JsonObject])[] = [
    ['/openai/v1/embeddings', '/v1/embeddings', { model: 'm', input: ['one', [{ next: 'year' }]], from: { next: 'year' }, big: 'WIDE' }],
    ['/cohere/v2/embed', '/v2/embed', { model: 'm', texts: ['one'], input_type: 'next_year', embedding_types: ['ubinary'], next: 1 }],
    ['/genai/v1beta/models/m:embedContent', '/v1beta/models/m:embedContent', { content: { parts: [{ text: 'one' }] }, next: { year: 1 } }],
    [
      '/genai/v1beta/models/m:batchEmbedContents',
      '/v1beta/models/m:batchEmbedContents',
      { requests: [{ model: 'models/m', content: { parts: [{ text: 'one' }] }, next: { year: 1 } }] },
    ],
    ['/bedrock/model/amazon.titan-embed-text-v2:0/invoke', '/model/amazon.titan-embed-text-v2%3A0/invoke', { inputText: 'one', next: [1] }],
    ['/cohere/v2/rerank', '/v2/rerank', { model: 'm', query: 'q', documents: ['q'], next: 1 }],
    [
      '/anthropic/v1/messages/count_tokens',
      '/v1/messages/count_tokens',
      { model: 'm', messages: [{ role: 'next', content: 'a b' }], next: 1 },
    ],
    ['/openai/v1/responses/input_tokens', '/v1/responses/input_tokens', { model: 'm', input: 'a', next: { year: 1 } }],
    ['/genai/v1beta/models/m:countTokens', '/v1beta/models/m:countTokens', { contents: [{ parts: [{ text: 'a', next: 1 }] }] }],
    ['/cohere/v1/tokenize', '/v1/tokenize', { model: 'm', text: 'a b', next: 1 }],
  ]

  test.each(PASSED)('%s', async (path, sentTo, body) => {
    const written = JSON.stringify(body).replace('"WIDE"', '12345678901234567890')
    const answer = await behind.gateway.fetch(path, written)
    const seen = behind.last()
    expect([seen.path, seen.body.toString()]).toEqual([sentTo, written])
    const own = await fetch(behind.upstream.url + sentTo, {
      method: 'POST',
      body: written,
      headers: { 'content-type': 'application/json' },
    })
    expect(await answer.text()).toBe(await own.text())
    expect(answer.headers.get('x-bifrost-request-type')).toMatch(/^(embedding|rerank|count_tokens)$/)
  })

  test("with the model and what is the gateway's own changed, and nothing else", async () => {
    const model = 'gemini/m'
    await behind.post('/genai/v1beta/models/gemini%2Fm:batchEmbedContents', {
      requests: [{ model: `models/${model}`, content: { parts: [{ text: 'one' }] }, next: 1 }],
      fallbacks: ['openai/m'],
    })
    expect(behind.last().json).toEqual({ requests: [{ model: 'models/m', content: { parts: [{ text: 'one' }] }, next: 1 }] })
    await behind.post('/v1/embeddings', { model: 'openai/m', input: 'one', fallbacks: ['cohere/m'] })
    expect(behind.last().json).toEqual({ model: 'm', input: 'one' })
  })
})

describe('what a dialect cannot carry (D13)', () => {
  test('hints are left out and told', async () => {
    const cohere = { model: 'openai/m', texts: ['one'], input_type: 'search_query', truncate: 'END' }
    const { headers } = await behind.post('/cohere/v2/embed', cohere)
    expect(headers.get('x-bifrost-dropped-compat-plugin-params')).toBe('input_type,truncate')
    const { body } = await behind.post('/v1/embeddings', { model: 'gemini/m', input: 'one', user: 'u' })
    expect(body).toMatchObject({ extra_fields: { dropped_compat_plugin_params: ['user'] } })
    const ranked = await behind.post('/v1/rerank', { model: 'bedrock/m', query: 'q', documents: ['q'], max_tokens_per_doc: 9, priority: 1 })
    expect(ranked.body).toMatchObject({ extra_fields: { dropped_compat_plugin_params: ['max_tokens_per_doc', 'priority'] } })
  })

  test.each([
    ['/v1/embeddings', { model: 'cohere/m', input: [1, 2] }, 'input[0]'],
    ['/v1/embeddings', { model: 'openai/m', input: ['a'], encoding_format: 'float' }, undefined],
    ['/cohere/v2/embed', { model: 'openai/m', texts: ['a'], embedding_types: ['int8'] }, 'embedding_types'],
    ['/cohere/v2/embed', { model: 'openai/m', images: ['data:image/png;base64,aGk='] }, 'input[0]'],
    [
      '/genai/v1beta/models/openai%2Fm:batchEmbedContents',
      { requests: ['CLUSTERING', 'SEMANTIC_SIMILARITY'].map((taskType) => ({ taskType, content: { parts: [{ text: 'a' }] } })) },
      'requests[1].taskType',
    ],
  ])('meaning is refused by name: %s %j', async (path, body, param) => {
    const before = behind.upstream.requests.length
    const answer = await behind.post(path, body)
    expect(answer.status).toBe(param === undefined ? 200 : 400)
    if (param !== undefined) expect(JSON.stringify(answer.body)).toContain(`${param} cannot be sent to provider`)
    expect(behind.upstream.requests.length - before).toBe(param === undefined ? 1 : 0)
  })

  test('a provider calls things otherwise', async () => {
    await behind.post('/v1/embeddings', { model: 'mistral/m', input: 'one', dimensions: 2 })
    expect(behind.last().json).toEqual({ model: 'm', input: 'one', output_dimension: 2 })
  })
})

describe('faults of a provider', () => {
  const ASKED: readonly (readonly [path: string, provider: string, body: JsonObject])[] = [
    ['/v1/embeddings', 'openai', { input: 'one' }],
    ['/v1/embeddings', 'cohere', { input: 'one' }],
    ['/v1/embeddings', 'gemini', { input: 'one' }],
    ['/v1/rerank', 'cohere', { query: 'q', documents: ['q'] }],
    ['/v1/rerank', 'vertex', { query: 'q', documents: ['q'] }],
    ['/v1/responses/input_tokens', 'anthropic', { input: 'a' }],
    ['/v1/responses/input_tokens', 'openai', { input: 'a' }],
  ]
  const FAULTS: readonly (readonly [fault: string, status: number, type: string])[] = [
    ['fault-400', 400, 'invalid_request_error'],
    ['fault-503', 503, 'upstream_error'],
    ['fault-empty-body', 502, 'upstream_invalid_response'],
    ['fault-bad-json-whole', 502, 'upstream_invalid_response'],
    ['fault-not-an-object', 502, 'upstream_invalid_response'],
    ['fault-html', 502, 'upstream_invalid_response'],
    ['fault-stream-for-json', 502, 'upstream_invalid_response'],
    ['fault-200-error-object', 502, 'upstream_error'],
    ['fault-rst-before-head', 502, 'upstream_connection_lost'],
    ['fault-fin-mid-body', 502, 'upstream_connection_lost'],
    ['fault-gzip-truncated', 502, 'upstream_invalid_response'],
  ]
  test.each(ASKED.flatMap(([path, provider, body]) => FAULTS.map((fault) => [path, provider, ...fault, body] as const)))(
    '%s to %s: %s is %s %s',
    async (path, provider, fault, status, type, body) => {
      const answer = await behind.post(path, { ...body, model: `${provider}/${fault}` })
      expect(answer.body).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } })
      // What the vendor itself says comes with its own status; some name none inside a 200.
      if (fault === 'fault-200-error-object') expect(answer.status).toBeGreaterThanOrEqual(500)
      else expect(answer.status).toBe(status)
      if (status !== 503 && fault !== 'fault-200-error-object') expect((answer.body.error as JsonObject).type).toBe(type)
    },
  )

  test('an answer that lacks its vectors is no answer, and a fallback takes its place', async () => {
    const { body } = await behind.post('/v1/embeddings', {
      model: 'openai/fault-503',
      input: 'one',
      fallbacks: ['gemini/m'],
      encoding_format: 'float',
    })
    expect(body).toMatchObject({
      data: [{ embedding: vectorOf('one') }],
      extra_fields: { provider: 'gemini', original_model_requested: 'm' },
    })
  })

  test('raw bodies are shown when asked for', async () => {
    const headers = { 'x-bf-send-back-raw-request': 'true', 'x-bf-send-back-raw-response': 'true' }
    const answer = await behind.gateway.fetch('/v1/embeddings', JSON.stringify({ model: 'cohere/m', input: 'one' }), headers)
    expect(((await answer.json()) as JsonObject).extra_fields).toMatchObject({
      raw_request: { model: 'm', texts: ['one'], input_type: 'search_document', embedding_types: ['float'] },
      raw_response: { response_type: 'embeddings_by_type' },
    })
  })
})
