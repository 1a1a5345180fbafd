import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { ask, chunksOf, extraFields, PROVIDERS, startBench } from './support.ts'

const bench = startBench()

/** What the client throws for a failure that comes before any content, whole or streamed. */
const STATUS_ROWS = [
  { model: 'fault-400', kind: OpenAI.BadRequestError, status: 400, type: 'invalid_request_error' },
  { model: 'fault-404', kind: OpenAI.NotFoundError, status: 404 },
  { model: 'fault-422', kind: OpenAI.UnprocessableEntityError, status: 422 },
  { model: 'fault-429', kind: OpenAI.RateLimitError, status: 429 },
  { model: 'fault-429-ms', kind: OpenAI.RateLimitError, status: 429 },
  { model: 'fault-500', kind: OpenAI.InternalServerError, status: 500 },
  { model: 'fault-503', kind: OpenAI.InternalServerError, status: 503 },
  { model: 'fault-529', kind: OpenAI.InternalServerError, status: 529 },
  // The caller's own credential was good: a provider's refusal of the gateway's is no AuthenticationError (D25).
  { model: 'fault-401', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_credentials_exhausted' },
  { model: 'fault-402', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_credentials_exhausted' },
  { model: 'fault-403', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_credentials_exhausted' },
  { model: 'fault-redirect', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_redirect' },
  { model: 'fault-html', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_invalid_response' },
  { model: 'fault-html-502', kind: OpenAI.InternalServerError, status: 502 },
  { model: 'fault-text', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_invalid_response' },
  { model: 'fault-bad-json-whole', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_invalid_response', isWholeOnly: true },
  { model: 'fault-empty-body', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_invalid_response' },
  // A body that only says a message is no answer: then the gateway says so, with a status of its own.
  { model: 'fault-200-error-object', kind: OpenAI.InternalServerError, status: undefined },
  { model: 'fault-rst-before-head', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_connection_lost' },
  { model: 'fault-garbage', kind: OpenAI.InternalServerError, status: 502 },
  { model: 'fault-empty-stream', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_truncated' },
  { model: 'fault-error-event-first', kind: OpenAI.InternalServerError, status: undefined },
  { model: 'fault-error-after-start', kind: OpenAI.InternalServerError, status: undefined },
  { model: 'fault-fin-after-start', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_connection_lost' },
  { model: 'fault-end-after-start', kind: OpenAI.InternalServerError, status: 502, type: 'upstream_truncated' },
] as const

/** Failures after content has gone out: the status is 200, and only an error event tells. */
const LATE = [
  'fault-fin-mid-stream',
  'fault-rst-mid-stream',
  'fault-fin-mid-event',
  'fault-end-mid-stream',
  'fault-error-mid',
  'fault-error-then-silent',
  'fault-bad-json',
]

const ROWS = PROVIDERS.flatMap((provider) => STATUS_ROWS.map((row) => ({ ...row, provider, model: `${provider}/${row.model}` })))

async function thrown(work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await work.then(
    () => new Error('nothing was thrown'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(OpenAI.APIError)
  return error as InstanceType<typeof OpenAI.APIError>
}

describe.each(ROWS)('$model', (row) => {
  const request = { model: row.model, messages: ask() }
  const attempts: [string, () => Promise<unknown>][] = [
    ['whole', () => bench.client.chat.completions.create(request)],
    ['streamed', () => bench.client.chat.completions.create({ ...request, stream: true })],
  ]
  test.each(attempts.filter(([name]) => name === 'whole' || !('isWholeOnly' in row)))('%s', async (_, attempt) => {
    const error = await thrown(attempt())
    expect(error).toBeInstanceOf(row.kind)
    expect(error).not.toBeInstanceOf(OpenAI.AuthenticationError)
    if (row.status !== undefined) expect(error.status).toBe(row.status)
    if ('type' in row) expect(error.type).toBe(row.type)
    expect(error.message).not.toContain('sk-provider')
    expect(error.requestID).toEqual(expect.any(String))
  })
})

describe.each(PROVIDERS)('%s, a stream that fails after content', (provider) => {
  test.each(LATE)('%s throws in raw iteration and in the strict helper', async (model) => {
    const request = { model: `${provider}/${model}`, messages: ask() }
    const stream = await bench.client.chat.completions.create({ ...request, stream: true })
    await thrown(chunksOf(stream))
    await expect(bench.client.chat.completions.stream(request).finalChatCompletion()).rejects.toThrow()
  })
})

describe.each(PROVIDERS)('%s, facts of an error', (provider) => {
  test('Retry-After reaches the client', async () => {
    const error = await thrown(bench.client.chat.completions.create({ model: `${provider}/fault-429`, messages: ask() }))
    expect(error.headers?.get('retry-after')).toBe('2')
  })

  test('extra_fields name the provider, the model and the refused key', async () => {
    const work = bench.client.chat.completions.create({ model: `${provider}/fault-401`, messages: ask() })
    await thrown(work)
    const answer = await bench.gateway.fetch('/v1/chat/completions', { model: `${provider}/fault-401`, messages: ask() })
    const body: unknown = await answer.json()
    expect(extraFields(body)).toMatchObject({
      provider,
      original_model_requested: 'fault-401',
      key_statuses: [{ key: `${provider}-main`, status: 401 }],
    })
  })

  test('a provider that stays silent is a 504', async () => {
    const error = await thrown(bench.client.chat.completions.create({ model: `slow-${provider}/fault-silent`, messages: ask() }))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 504, type: 'request_timed_out' })
  })
})

describe('the gateway’s own refusals', () => {
  test.each([
    { name: 'no provider', request: { model: 'gpt', messages: ask() }, message: /provider\/model/ },
    { name: 'no model', request: { model: '', messages: ask() }, message: /model is required/ },
    { name: 'an unconfigured provider', request: { model: 'groq/llama', messages: ask() }, message: /no keys found for provider: groq/ },
  ])('$name is a BadRequestError', async ({ request, message }) => {
    const error = await thrown(bench.client.chat.completions.create(request))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error.message).toMatch(message)
  })

  test.each([
    { name: 'n above 1', more: { n: 2 } },
    { name: 'logprobs', more: { logprobs: true } },
  ])('$name cannot be said to Anthropic, and is refused with the field’s name', async ({ more }) => {
    const error = await thrown(bench.client.chat.completions.create({ model: 'anthropic/text', messages: ask(), ...more }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ type: 'unsupported_parameter', param: Object.keys(more)[0] })
  })
})
