import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { vectorOf } from '../../bench/upstream/operations.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { type AnyRequest, definePlugin, type EmbedRequest, GatewayError, type Outcome } from '../../core/index.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

/** What the handlers saw, and what they are to do. */
const seen: { operation?: string; asked?: AnyRequest | undefined; texts?: readonly string[]; outcome?: Outcome } = {}
let task: 'watch' | 'edit' | 'answer' | 'wrong-answer' | 'refuse' | 'read-chat' | 'replace' | 'embed' = 'watch'

const OPERATIONS = ['embedding', 'rerank', 'count_tokens', 'chat_completion'] as const
const spy = definePlugin({
  name: 'spy',
  setup: () => ({
    hooks: {
      preRequest: {
        async: true,
        operations: OPERATIONS,
        needs: ['canonical', 'texts'],
        async handler(ctx) {
          seen.operation = ctx.operation
          seen.texts = ctx.texts
          seen.asked =
            ctx.embedding ?? ctx.rerank ?? (task === 'read-chat' || !/embedding|rerank/.test(ctx.operation) ? ctx.request : undefined)
          if (task === 'read-chat') return { response: { id: '', model: ctx.request.model, choices: [] } }
          if (task === 'edit' && ctx.embedding) ctx.request = { ...ctx.embedding, dimensions: 2 }
          if (task === 'answer') return { answer: { kind: 'embedding', model: 'cache', embeddings: [{ float: [1, 2] }] } }
          if (task === 'wrong-answer') return { response: { id: 'x', model: 'm', choices: [] } }
          if (task !== 'embed' || ctx.operation !== 'chat_completion') return undefined
          const request: EmbedRequest = { model: 'gemini/m', inputs: [{ type: 'text', text: ctx.texts.join(' ') }] }
          const { embeddings } = await ctx.embed(request, { reason: 'cache' })
          const text = JSON.stringify(embeddings[0]?.float)
          return {
            response: { id: 'x', model: 'cache', choices: [{ index: 0, parts: [{ type: 'text', text }], stop: { reason: 'stop' } }] },
          }
        },
      },
      governance: (ctx) => (task === 'refuse' ? new GatewayError('GW_REQUEST_BLOCKED', { reason: `no ${ctx.operation}` }) : undefined),
      postHook: {
        operations: OPERATIONS,
        needs: 'response',
        handler(outcome) {
          seen.outcome = outcome
          if (task !== 'replace' || !outcome.ok || outcome.answer?.kind !== 'embedding') return undefined
          return { ...outcome, answer: { ...outcome.answer, embeddings: [{ float: [9] }] } }
        },
      },
    },
  }),
})

let upstream: FakeUpstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await startUpstream()
  const block = (name: string, more: JsonObject = {}): JsonObject => ({
    keys: [{ name: `${name}-main`, value: 'sk-provider', models: ['*'] }],
    network_config: { base_url: upstream.url, max_retries: 0 },
    ...more,
  })
  const custom = (base: string, allowed: JsonObject): JsonObject =>
    block(base, {
      keys: [{ name: `only-${base}`, value: 'sk', models: ['*'] }],
      custom_provider_config: { base_provider_type: base, allowed_requests: allowed },
    })
  const slow: JsonObject = {
    ...custom('openai', { embedding: true }),
    keys: [{ name: 'slow', value: 'sk', models: ['*'] }],
    network_config: { base_url: upstream.url, max_retries: 0, default_request_timeout_in_seconds: 0.05 },
  }
  const providers = {
    openai: block('openai'),
    cohere: block('cohere'),
    gemini: block('gemini'),
    vertex: block('vertex', {
      keys: [{ name: 'v', value: 'sk', models: ['*'], vertex_key_config: { project_id: 'my-project', region: 'us-central1' } }],
    }),
    'vectors-only': custom('openai', { embedding: true }),
    'no-vectors': custom('cohere', { rerank: true }),
    slow,
  }
  gateway = await createGateway({ config: { providers }, plugins: [spy] })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})
beforeEach(() => {
  task = 'watch'
  for (const name of Object.keys(seen)) delete seen[name as keyof typeof seen]
})

const post = async (path: string, body: JsonObject): Promise<[number, JsonObject]> => {
  const answer = await gateway.fetch(path, JSON.stringify(body))
  return [answer.status, (await answer.json()) as JsonObject]
}
const embed = (model: string, more: JsonObject = {}): Promise<[number, JsonObject]> =>
  post('/v1/embeddings', { model, input: 'one', ...more })

describe('handlers see the operations', () => {
  test.each([
    [
      '/v1/embeddings',
      { model: 'openai/m', input: ['a', 'b'] },
      'embedding',
      { inputs: [{ text: 'a' }, { text: 'b' }] },
      ['a', 'b'],
      { inputTokens: 10 },
    ],
    ['/v1/embeddings', { model: 'gemini/m', input: 'a' }, 'embedding', { inputs: [{ text: 'a' }] }, ['a'], undefined],
    [
      '/v1/rerank',
      { model: 'cohere/m', query: 'q', documents: ['a'] },
      'rerank',
      { query: 'q', documents: [{ text: 'a' }] },
      ['q', 'a'],
      { searchQueries: 1 },
    ],
    ['/cohere/v2/rerank', { model: 'm', query: 'q', documents: ['a'] }, 'rerank', { query: 'q' }, ['q', 'a'], { searchQueries: 1 }],
    [
      '/v1/responses/input_tokens',
      { model: 'gemini/m', input: 'a b' },
      'count_tokens',
      { messages: [{ role: 'user' }] },
      ['a b'],
      undefined,
    ],
    [
      '/genai/v1beta/models/m:countTokens',
      { contents: [{ parts: [{ text: 'a b' }] }] },
      'count_tokens',
      { messages: [{ role: 'user' }] },
      ['a b'],
      undefined,
    ],
  ] as const)('%s %j', async (path, body, operation, asked, texts, usage) => {
    const [status] = await post(path, body as unknown as JsonObject)
    expect(status).toBe(200)
    expect(seen).toMatchObject({
      operation,
      asked,
      texts,
      outcome: { ok: true, isStream: false, key: expect.any(String), answer: { kind: operation } },
    })
    const told = (seen.outcome as Extract<Outcome, { ok: true }>).usage
    if (usage) expect(told).toMatchObject(usage)
    else expect(told).toBeUndefined()
  })

  test('records that a client named are ranked by their ids where the answer passes as bytes', async () => {
    const records = [
      { id: 'a', content: 'x' },
      { id: 'b', content: 'q' },
    ]
    const [status, body] = await post('/genai/v1/projects/p/locations/global/rankingConfigs/c:rank', { model: 'm', query: 'q', records })
    expect([status, (body.records as JsonObject[]).map(({ id }) => id)]).toEqual([200, ['b', 'a']])
    expect(seen.outcome).toMatchObject({
      answer: {
        results: [
          { index: -1, id: 'b' },
          { index: -1, id: 'a' },
        ],
      },
    })
  })

  test('a failure is an outcome too', async () => {
    const [status] = await embed('openai/fault-503')
    expect([status, seen.outcome]).toMatchObject([503, { ok: false, error: { code: 'GW_UPSTREAM_ERROR' } }])
  })
})

describe('handlers change the operations', () => {
  test('an edited request goes out in place of the bytes', async () => {
    task = 'edit'
    const [, body] = await embed('openai/m')
    expect((body.data as JsonObject[])[0]?.embedding).toEqual(vectorOf('one', 2))
    expect(upstream.requests.at(-1)?.json).toEqual({ model: 'm', input: 'one', dimensions: 2 })
  })

  test('an answer in place of the provider, which waits for governance', async () => {
    task = 'answer'
    const before = upstream.requests.length
    const [status, body] = await embed('openai/m')
    expect([status, body]).toMatchObject([200, { object: 'list', data: [{ embedding: [1, 2] }], model: 'cache' }])
    expect(upstream.requests.length).toBe(before)
  })

  test.each(['answer', 'wrong-answer'] as const)('the answer of another operation is none: %s', async (wrong) => {
    task = wrong
    const path = wrong === 'answer' ? '/v1/rerank' : '/v1/embeddings'
    const [status, body] = await post(path, { model: 'cohere/m', query: 'q', documents: ['a'], input: 'a' })
    expect([status, body]).toMatchObject([500, { error: { type: 'internal_error' } }])
  })

  test('a refusal', async () => {
    task = 'refuse'
    expect(await embed('openai/m')).toMatchObject([403, { error: { type: 'request_blocked', message: 'no embedding' } }])
  })

  test.each(['openai/m', 'cohere/m'])('another answer, from %s', async (model) => {
    task = 'replace'
    const [, body] = await embed(model)
    expect((body.data as JsonObject[])[0]?.embedding).toEqual([9])
  })

  test('a handler that takes an embedding for a chat fails closed', async () => {
    task = 'read-chat'
    const [status, body] = await post('/v1/rerank', { model: 'cohere/m', query: 'q', documents: ['a'] })
    expect([status, body]).toMatchObject([500, {}])
    expect(JSON.stringify(body)).not.toContain('choices')
  })

  test('a chat may ask for vectors of its own', async () => {
    task = 'embed'
    const [status, body] = await post('/v1/chat/completions', { model: 'openai/m', messages: [{ role: 'user', content: 'one' }] })
    expect([status, body]).toMatchObject([200, { choices: [{ message: { content: JSON.stringify(vectorOf('one')) } }] }])
    expect(upstream.requests.at(-1)?.path).toBe('/v1beta/models/m:batchEmbedContents')
  })
})

describe('settings of a provider', () => {
  test('allowed_requests names them', async () => {
    expect((await embed('vectors-only/m'))[0]).toBe(200)
    expect(await embed('no-vectors/m')).toMatchObject([400, { error: { message: 'embedding is not supported by no-vectors provider' } }])
    expect((await post('/v1/rerank', { model: 'no-vectors/m', query: 'q', documents: ['a'] }))[0]).toBe(200)
    const counted = await post('/v1/responses/input_tokens', { model: 'vectors-only/m', input: 'a' })
    expect(counted).toMatchObject([400, { error: { message: 'count_tokens is not supported by vectors-only provider' } }])
  })

  test.each(['fault-silent', 'fault-stall-mid-body'])('a provider that answers too late: %s', async (fault) => {
    expect(await embed(`slow/${fault}`)).toMatchObject([504, { error: { type: 'request_timed_out' } }])
  })
})
