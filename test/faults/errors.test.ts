import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { definePlugin } from '../../core/plugin/plugin.ts'
import type { ProviderSettings } from '../../core/snapshot.ts'
import { type FaultOptions, faultBench, WAYS } from '../helpers/faults.ts'
import { chatBody } from '../helpers/raw-client.ts'

const PATH = '/v1/chat/completions'
const key = (fields: JsonObject): JsonObject => ({ name: 'k1', value: 'sk-good', ...fields })
const custom = (fields: JsonObject, more: JsonObject = {}): JsonObject => ({
  own: { network_config: { base_url: 'URL' }, custom_provider_config: { base_provider_type: 'openai', ...more }, ...fields },
})

/** One failure class of api.md 1.4. */
interface Row {
  name: string
  options?: FaultOptions
  method?: string
  path?: string
  body?: object | string
  headers?: Record<string, string>
  status: number
  type: string
  message: RegExp
  /** `is_bifrost_error`; false unless said. */
  isOwn?: true
  replyHeaders?: Record<string, string>
}

const INVALID = { status: 400, type: 'invalid_request_error' }
const BLOCKED = { status: 403, type: 'model_blocked' }

const TABLE: readonly Row[] = [
  { name: 'malformed JSON', body: '{"model":', ...INVALID, message: /invalid request format/ },
  { name: 'an empty body', body: '', ...INVALID, message: /invalid request format/ },
  { name: 'no model', body: { messages: [] }, ...INVALID, message: /^model is required$/ },
  { name: 'an empty model', body: chatBody(''), ...INVALID, message: /^model is required$/ },
  { name: 'a provider without a model', body: chatBody('openai/'), ...INVALID, message: /^model is required$/ },
  { name: 'a model of no type', body: { ...chatBody('x'), model: 7 }, ...INVALID, message: /^model is required$/ },
  { name: 'no provider', body: chatBody('gpt-5'), ...INVALID, message: /provider\/model form, got "gpt-5"/ },
  { name: 'an unknown provider', body: chatBody('nowhere/gpt-5'), ...INVALID, message: /"nowhere" is no configured provider/ },
  { name: 'no messages, translated', body: { model: 'anthropic/text' }, ...INVALID, message: /messages/ },
  {
    name: 'a required header is missing',
    options: { client: { required_headers: ['X-Tenant', 'X-Team'] } },
    headers: { 'x-team': 'a' },
    body: chatBody('openai/text'),
    status: 400,
    type: 'missing_required_headers',
    message: /^missing required headers: x-tenant$/,
  },
  {
    name: 'a provider without keys',
    body: chatBody('groq/llama'),
    status: 400,
    type: 'no_keys',
    message: /^no keys found for provider: groq and model: llama$/,
  },
  {
    name: 'only disabled keys',
    options: { providers: custom({ keys: [key({ models: ['*'], enabled: false })] }) },
    body: chatBody('own/m'),
    status: 400,
    type: 'no_keys',
    message: /provider: own and model: m/,
  },
  {
    name: 'no key lists the model',
    options: { providers: custom({ keys: [key({ models: ['other'] })] }) },
    body: chatBody('own/m'),
    ...BLOCKED,
    message: /support model: m \(provider own: models of its keys\)/,
  },
  {
    name: 'an empty list of models',
    options: { providers: custom({ keys: [key({ models: [] })] }) },
    body: chatBody('own/m'),
    ...BLOCKED,
    message: /models of its keys/,
  },
  {
    name: 'a blacklisted model',
    options: { providers: custom({ keys: [key({ models: ['*'], blacklisted_models: ['m'] })] }) },
    body: chatBody('own/m'),
    ...BLOCKED,
    message: /blacklisted_models/,
  },
  {
    name: 'an operation that the provider does not serve',
    options: { providers: custom({ keys: [key({ models: ['*'] })] }, { allowed_requests: { list_models: true } }) },
    body: chatBody('own/m'),
    status: 400,
    type: 'unsupported_operation',
    message: /chat_completion is not supported by own provider/,
  },
  {
    name: 'a stream where only whole answers are allowed',
    options: { providers: custom({ keys: [key({ models: ['*'] })] }, { allowed_requests: { chat_completion: true } }) },
    body: chatBody('own/m', { stream: true }),
    status: 400,
    type: 'unsupported_operation',
    message: /chat_completion_stream is not supported/,
  },
  {
    name: 'a parameter that the target cannot take',
    body: chatBody('anthropic/text', { n: 2 }),
    status: 400,
    type: 'unsupported_parameter',
    message: /^n cannot be sent to provider anthropic.*should_drop_params.*x-bf-compat/,
  },
  {
    name: 'a body over the limit',
    options: { client: { max_request_body_size_mb: 0.001 } },
    body: chatBody('openai/text', { user: 'x'.repeat(5000) }),
    status: 413,
    type: 'request_too_large',
    message: /1048 bytes/,
  },
  { name: 'an unknown route', path: '/v1/nothing', body: {}, status: 404, type: 'not_found', message: /^Route not found: \/v1\/nothing$/ },
  {
    name: 'a wrong method',
    method: 'DELETE',
    status: 405,
    type: 'method_not_allowed',
    message: /DELETE is not allowed/,
    replyHeaders: { allow: 'POST, OPTIONS' },
  },
  {
    name: 'a refusal by a plugin',
    options: { plugins: [refuser('no')] },
    body: chatBody('openai/text'),
    status: 500,
    type: 'plugin_error',
    message: /plugin refuser failed in governance/,
    isOwn: true,
  },
  {
    name: 'a request that has passed too many gateways',
    headers: { 'x-bifrost-hop': '5' },
    body: chatBody('openai/text'),
    status: 508,
    type: 'loop_detected',
    message: /passed this gateway 5 times/,
    isOwn: true,
  },
]

function refuser(reason: string) {
  return definePlugin({
    name: 'refuser',
    setup: () => ({
      hooks: {
        governance() {
          throw new Error(reason)
        },
      },
    }),
  })
}

describe('api.md 1.4', () => {
  it.each(TABLE)('$name: $status $type', async (row) => {
    const bench = await faultBench(row.options)
    const { method = 'POST', path = PATH, body, headers = {} } = row
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(bench.gateway.url + path, {
      method,
      headers: { 'x-request-id': 'given-1', ...headers },
      ...(text === undefined ? {} : { body: text }),
    })
    expect(response.status).toBe(row.status)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('x-request-id')).toBe('given-1')
    for (const [name, value] of Object.entries(row.replyHeaders ?? {})) expect(response.headers.get(name)).toBe(value)
    const parsed = (await response.json()) as JsonObject
    expect(parsed).toMatchObject({
      type: row.type,
      is_bifrost_error: row.isOwn ?? false,
      status_code: row.status,
      error: { type: row.type, code: row.type },
    })
    expect((parsed.error as JsonObject).message).toMatch(row.message)
    expect(bench.hits()).toHaveLength(0)
    await bench.settled()
  })

  it.each(WAYS)("a provider's error keeps its status, type, code and param ($side, stream $stream)", async (way) => {
    const bench = await faultBench()
    const verdict = await bench.ask(way, 'fault-404')
    expect(verdict.body).toMatchObject({ is_bifrost_error: false, status_code: 404, error: { message: 'The model does not exist.' } })
    const error = verdict.body?.error as JsonObject
    expect(error.type).toBe(way.side === 'openai' ? 'invalid_request_error' : 'not_found_error')
    if (way.side === 'openai') expect(error.code).toBe('model_not_found')
    expect(verdict.body?.extra_fields).toMatchObject({
      provider: way.side,
      original_model_requested: 'fault-404',
      resolved_model_used: 'fault-404',
      request_type: way.stream ? 'chat_completion_stream' : 'chat_completion',
    })
  })

  it.each(WAYS)('the raw error body is sent only where asked for ($side, stream $stream)', async (way) => {
    const bench = await faultBench()
    const raw = (headers: Record<string, string>) =>
      bench.ask(way, 'fault-404', { headers }).then(({ body }) => (body?.extra_fields as JsonObject | undefined)?.raw_response)
    expect(await raw({})).toBeUndefined()
    expect(await raw({ 'x-bf-send-back-raw-response': 'true' })).toSatisfy((body) =>
      JSON.stringify(body).includes('"message":"The model does not exist."'),
    )
  })

  it.each(WAYS)('the body that went out is sent only where asked for, without a credential ($side, stream $stream)', async (way) => {
    const secret = 'sk-provider-credential'
    const bench = await faultBench({ keys: [secret] })
    const headers = { 'x-bf-send-back-raw-request': 'true' }
    for (const model of ['fault-404', 'fault-html', 'fault-silent']) {
      const { body, raw } = await bench.ask(way, model, { headers, body: { user: secret } })
      expect((body?.extra_fields as JsonObject | undefined)?.raw_request).toSatisfy((body) =>
        JSON.stringify(body).includes('"role":"user"'),
      )
      expect(raw).not.toContain(secret)
    }
    const { body } = await bench.ask(way, 'fault-404')
    expect(body?.extra_fields).not.toHaveProperty('raw_request')
  })

  it("an answer nobody can parse and a lost connection are the gateway's errors", async () => {
    const bench = await faultBench()
    for (const model of ['fault-html', 'fault-rst-before-head', 'fault-redirect']) {
      for (const way of WAYS) expect((await bench.ask(way, model)).body).toMatchObject({ is_bifrost_error: true, status_code: 502 })
    }
  })

  it.each(WAYS.filter((way) => way.side === 'openai'))(
    'the gateway as its own provider is a loop, and ends (stream $stream)',
    async ({ stream }) => {
      const bench = await faultBench({ providers: custom({ keys: [key({ models: ['*'], aliases: { again: 'own/again' } })] }) })
      const { providers } = bench.gateway.core.runtime.tables
      const settings = providers.get('own') as ProviderSettings
      providers.set('own', { ...settings, network: { ...settings.network, baseUrl: bench.gateway.url } })
      const verdict = await bench.ask({ side: 'openai', stream }, '', { body: { model: 'own/again' } })
      expect(verdict).toMatchObject({ status: 508, isMidStream: false })
      expect(verdict.message).toContain('passed this gateway 5 times')
      await bench.settled()
    },
  )
})
