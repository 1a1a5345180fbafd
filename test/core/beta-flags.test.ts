import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passBetas, passesBeta } from '../../core/beta-flags.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { claudeBetas } from '../../providers/formats/shared/claude-betas.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

describe('a beta flag', () => {
  test.each([
    ['any, where nothing is known', {}, 'new-thing-2030-01-01', true],
    ['a known one', { known: ['files-'] }, 'files-api-2025-04-14', true],
    ['whatever its case', { known: ['files-'] }, 'Files-API-2025-04-14', true],
    ['no unknown one', { known: ['files-'] }, 'new-thing-2030-01-01', false],
    ['one that the operator allows', { known: [], overrides: [['new-', true]] }, 'new-thing-2030-01-01', true],
    ['none that the operator denies', { overrides: [['new-', false]] }, 'new-thing-2030-01-01', false],
  ] as const)('%s', (_, rules, flag, isSent) => {
    expect(passesBeta({ overrides: [], ...rules }, flag)).toBe(isSent)
  })

  test('the longest override counts', () => {
    const overrides = [
      ['context-1m-', true],
      ['context-', false],
    ] as const
    expect(['context-1m-2025', 'context-management-2025'].map((flag) => passesBeta({ overrides }, flag))).toEqual([true, false])
  })
})

test('lines keep what is sent; an empty one is left out, other lines stay', () => {
  const rules = { known: ['a'], overrides: [] }
  const lines = [
    ['anthropic-beta', 'a-1, b-1,,A-2'],
    ['other', 'b-1, c'],
  ] as const
  expect(passBetas(lines, ['anthropic-beta'], rules)).toEqual([['anthropic-beta', 'a-1,A-2'], lines[1]])
  expect(passBetas([['anthropic-beta', 'b-1']], ['anthropic-beta'], rules)).toEqual([])
  expect(passBetas(lines, undefined, rules)).toBe(lines)
})

test('what each host of Claude takes (providers.md 3.1)', () => {
  expect(claudeBetas('vertex')).toEqual(['computer-use-', 'compact-', 'context-management-', 'interleaved-thinking-', 'context-1m-'])
  expect(claudeBetas('bedrock')).toEqual([
    'computer-use-',
    'structured-outputs-',
    'compact-',
    'context-management-',
    'interleaved-thinking-',
    'context-1m-',
  ])
  expect(claudeBetas('azure')).not.toContain('fast-mode-')
})

describe('through the gateway', () => {
  let upstream: FakeUpstream
  let gateway: TestGateway
  beforeAll(async () => {
    upstream = await startUpstream()
    let made = 0
    const block = (more: JsonObject, network: JsonObject = {}): JsonObject => ({
      keys: [{ name: `key ${++made}`, value: 'sk-claude', models: ['*'], ...more }],
      network_config: { base_url: upstream.url, ...network },
    })
    gateway = await createGateway({
      config: {
        providers: {
          anthropic: block({}),
          azure: block({ azure_key_config: { endpoint: upstream.url } }),
          openai: block({}),
          mine: {
            ...block(
              {},
              {
                beta_header_overrides: { 'structured-outputs-': false, 'files-': true },
                extra_headers: { 'Anthropic-Beta': 'operators-1' },
              },
            ),
            custom_provider_config: { base_provider_type: 'anthropic' },
          },
          bedrock: block({ bedrock_key_config: { region: 'us-east-1' } }),
          careful: {
            ...block({ bedrock_key_config: { region: 'us-east-1' } }, { beta_header_overrides: { 'structured-outputs-': false } }),
            custom_provider_config: { base_provider_type: 'bedrock' },
          },
        },
      },
    })
  })
  afterAll(async () => {
    await gateway.close()
    await upstream.close()
  })

  const schema = {
    type: 'json_schema',
    json_schema: { name: 'n', strict: true, schema: { type: 'object', properties: {}, additionalProperties: false } },
  }
  async function ask(model: string, headers: Record<string, string>, body: object = {}) {
    const request = { model, messages: [{ role: 'user', content: 'hi' }], ...body }
    await (await gateway.fetch('/v1/chat/completions', request, headers)).text()
    const seen = upstream.requests.at(-1)
    return { header: seen?.headers.get('anthropic-beta'), json: seen?.json as JsonObject }
  }
  const flags = { 'x-bf-eh-anthropic-beta': 'FAST-mode-2026-02-01,context-1m-2025-08-07,new-1' }

  test.each([
    ['anthropic/claude-sonnet-4-5', flags, {}, 'FAST-mode-2026-02-01,context-1m-2025-08-07,new-1'],
    ['azure/claude-sonnet-4-5', flags, {}, 'context-1m-2025-08-07'],
    ['azure/claude-sonnet-4-5', { 'x-bf-eh-anthropic-beta': 'new-1' }, {}, undefined],
    ['openai/gpt-4o', flags, {}, 'FAST-mode-2026-02-01,context-1m-2025-08-07,new-1'],
    [
      'anthropic/claude-sonnet-4-5',
      { 'x-bf-eh-anthropic-beta': 'Structured-Outputs-2025-11-13' },
      { response_format: schema },
      'structured-outputs-2025-11-13',
    ],
    ['mine/claude-sonnet-4-5', { 'x-bf-eh-anthropic-beta': 'files-api-2025' }, { response_format: schema }, 'operators-1,files-api-2025'],
  ])('%s with %j is sent the flags it takes', async (model, headers, body, expected) => {
    expect((await ask(model, headers as Record<string, string>, body)).header).toBe(expected)
  })

  const CLAUDE = 'anthropic.claude-sonnet-4-5-20250929-v1:0'
  const messages = [{ role: 'user', content: 'hi' }]
  async function betasInBody(path: string, model: string, { headers, body = {} }: { headers: Record<string, string>; body?: object }) {
    const answer = await gateway.fetch(path, { model, messages, max_tokens: 100, ...body }, headers)
    await answer.text()
    const seen = upstream.requests.at(-1)
    const { additionalModelRequestFields: fields } = (seen?.json ?? {}) as { additionalModelRequestFields?: JsonObject }
    return { status: answer.status, header: seen?.headers.get('anthropic-beta'), betas: fields?.anthropic_beta }
  }

  test.each([
    [
      '/anthropic/v1/messages',
      'bedrock',
      { 'anthropic-beta': 'context-1m-2025-08-07, files-api-2025-04-14,new-1' },
      ['context-1m-2025-08-07'],
    ],
    ['/anthropic/v1/messages', 'bedrock', { 'x-bf-eh-anthropic-beta': 'Context-1M-2025-08-07' }, ['Context-1M-2025-08-07']],
    ['/v1/chat/completions', 'bedrock', { 'x-bf-eh-anthropic-beta': 'context-1m-2025-08-07' }, ['context-1m-2025-08-07']],
    ['/v1/chat/completions', 'bedrock', { 'anthropic-beta': 'context-1m-2025-08-07' }, undefined],
    ['/anthropic/v1/messages', 'bedrock', { 'anthropic-beta': 'new-1' }, undefined],
    [
      '/anthropic/v1/messages',
      'bedrock',
      { 'anthropic-beta': 'compact-2026-01-12,context-1m-2025-08-07', 'x-bf-eh-anthropic-beta': 'Compact-2026-01-12' },
      ['compact-2026-01-12', 'context-1m-2025-08-07'],
    ],
    ['/anthropic/v1/messages', 'careful', { 'anthropic-beta': 'structured-outputs-2025-11-13' }, undefined],
    ['/anthropic/v1/messages', 'careful', { 'anthropic-beta': 'compact-2026-01-12' }, ['compact-2026-01-12']],
  ] as const)('%s to %s with %j: Bedrock is told in the body', async (path, provider, headers, betas) => {
    expect(await betasInBody(path, `${provider}/${CLAUDE}`, { headers })).toEqual({ status: 200, header: undefined, betas })
  })

  test('the client’s flags and those that its request calls for are one list, each once', async () => {
    const headers = { 'x-bf-eh-anthropic-beta': 'context-1m-2025-08-07,Structured-Outputs-2025-11-13' }
    const { betas } = await betasInBody('/v1/chat/completions', `bedrock/${CLAUDE}`, { headers, body: { response_format: schema } })
    expect(betas).toEqual(['context-1m-2025-08-07', 'Structured-Outputs-2025-11-13'])
  })

  test.each([
    ['anthropic.claude-sonnet-4-20250514-v1:0', ['interleaved-thinking-2025-05-14']],
    ['anthropic.claude-3-5-haiku-20241022-v1:0', undefined],
  ])('%s is sent the flag that only some models take where it takes it', async (model, betas) => {
    const headers = { 'anthropic-beta': 'interleaved-thinking-2025-05-14' }
    expect(await betasInBody('/anthropic/v1/messages', `bedrock/${model}`, { headers })).toEqual({ status: 200, header: undefined, betas })
  })

  test('no other family of models is told of them', async () => {
    const headers = { 'anthropic-beta': 'context-1m-2025-08-07' }
    expect(await betasInBody('/anthropic/v1/messages', 'bedrock/amazon.nova-lite-v1:0', { headers })).toEqual({ status: 200 })
  })

  test('those in a body too', async () => {
    const fields = (await ask('careful/anthropic.claude-sonnet-4-5-20250929-v1:0', {}, { response_format: schema })).json
      .additionalModelRequestFields
    expect(fields).not.toHaveProperty('anthropic_beta')
  })
})
