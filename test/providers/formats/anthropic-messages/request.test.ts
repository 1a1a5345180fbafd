import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { decodeRequest as decodeChat } from '../../../../providers/formats/openai-chat/decode-request.ts'
import { betas, chat, encode, outbound, turns } from './helpers.ts'

const text = (text: string, more: object = {}): Part => ({ type: 'text', text, ...more })
const user = (...parts: Part[]): Message => ({ role: 'user', parts })
const assistant = (...parts: Part[]): Message => ({ role: 'assistant', parts })
const system = (...parts: Part[]): Message => ({ role: 'system', parts })
const refusal = (run: () => unknown): GatewayError => {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('messages', () => {
  test('system and developer texts become system blocks, breakpoints kept', () => {
    const { body } = encode({
      messages: [system(text('a', { cache: { ttl: '1h' } })), user(text('hi')), { role: 'developer', parts: [text('b')] }],
    })
    expect(body.system).toEqual([
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: '1h' } },
      { type: 'text', text: 'b' },
    ])
    expect(body.messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'hi' }] }])
  })

  test('system alone is said by the user', () => {
    const { body } = encode({ messages: [system(text('only'))] })
    expect(body.system).toBeUndefined()
    expect(body.messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'only' }] }])
  })

  test('turns of one role are joined, results of tools first', () => {
    const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', arguments: '{"x":1}' })
    const result = (id: string, ...parts: Part[]): Part => ({ type: 'tool-result', id, parts })
    expect(
      turns([
        user(text('q')),
        assistant(call('a'), call('b')),
        user(result('a', text('1'))),
        user(text('and?'), result('b', text('2'), { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AA==' } })),
      ]),
    ).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'q' }] },
      { role: 'assistant', content: ['a', 'b'].map((id) => ({ type: 'tool_use', id, name: 'f', input: { x: 1 } })) },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: '1' },
          {
            type: 'tool_result',
            tool_use_id: 'b',
            content: [
              { type: 'text', text: '2' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
            ],
          },
          { type: 'text', text: 'and?' },
        ],
      },
    ])
  })

  test('empty texts are left out, and turns that hold nothing else', () => {
    expect(turns([user(text('q'), text('')), assistant(text(' ')), user(text('r'))])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'q' },
          { type: 'text', text: 'r' },
        ],
      },
    ])
  })

  test('an answer to be continued does not end in white space', () => {
    expect(turns([user(text('q')), assistant(text('So: \n'))])).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'q' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'So:' }] },
    ])
  })

  test('thoughts go back with their proof only', () => {
    expect(
      turns([
        user(text('q')),
        assistant(
          { type: 'reasoning', text: 'mine', signature: 's' },
          { type: 'reasoning', text: '', redacted: 'sealed' },
          { type: 'reasoning', text: 'unsigned' },
          { type: 'reasoning', text: '', redacted: 'foreign', signedBy: 'openai' },
          text('a'),
        ),
      ]),
    ).toMatchObject([
      {},
      {
        content: [{ type: 'thinking', thinking: 'mine', signature: 's' }, { type: 'redacted_thinking', data: 'sealed' }, { type: 'text' }],
      },
    ])
  })

  test.each([
    ['', {}],
    ['  ', {}],
    ['null', {}],
    ['{"a":1}', { a: 1 }],
  ])('arguments %j become an object', (written, input) => {
    expect(turns([user(text('q')), assistant({ type: 'tool-call', id: 'x', name: 'f', arguments: written })])).toMatchObject([
      {},
      { content: [{ input }] },
    ])
  })

  test.each(['{', '[1]', 'plain'])('arguments %j are refused with their path', (written) => {
    const error = refusal(() => turns([user(text('q')), assistant({ type: 'tool-call', id: 'x', name: 'f', arguments: written })]))
    expect([error.code, error.detail.param]).toEqual(['GW_INVALID_REQUEST', 'messages[1].content[0].arguments'])
  })

  test('ids of other providers are made acceptable, alike in call and result', () => {
    const id = 'call:7/é'
    expect(
      turns([
        user(text('q')),
        assistant({ type: 'tool-call', id, name: 'f', arguments: '' }),
        user({ type: 'tool-result', id, parts: [] }),
      ]),
    ).toMatchObject([{}, { content: [{ id: 'call_7__' }] }, { content: [{ type: 'tool_result', tool_use_id: 'call_7__' }] }])
  })

  test('a breakpoint inside a tool result is lifted to its block', () => {
    expect(turns([user({ type: 'tool-result', id: 'x', isError: true, parts: [text('no', { cache: {} })] })])).toMatchObject([
      { content: [{ type: 'tool_result', content: 'no', is_error: true, cache_control: { type: 'ephemeral' } }] },
    ])
  })

  test('images and documents from every source', () => {
    const { body, headers } = encode({
      messages: [
        user(
          { type: 'image', source: { kind: 'url', url: 'https://a/b.png' } },
          { type: 'image', source: { kind: 'file', id: 'file_1' } },
          { type: 'document', source: { kind: 'data', mediaType: 'application/pdf', data: 'JVBE' }, name: 'n', context: 'c', cites: true },
          { type: 'document', source: { kind: 'data', mediaType: 'text/csv', data: 'YSxi' } },
          { type: 'document', source: { kind: 'text', text: 'plain' } },
          { type: 'document', source: { kind: 'url', url: 'https://a/b.pdf' } },
          { type: 'document', source: { kind: 'parts', parts: [text('p')] } },
          { type: 'document', source: { kind: 'data', mediaType: 'image/png', data: 'AA==' } },
        ),
      ],
    })
    expect(body.messages).toMatchObject([
      {
        content: [
          { type: 'image', source: { type: 'url', url: 'https://a/b.png' } },
          { type: 'image', source: { type: 'file', file_id: 'file_1' } },
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
            title: 'n',
            context: 'c',
            citations: { enabled: true },
          },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' } },
          { type: 'document', source: { type: 'url', url: 'https://a/b.pdf' } },
          { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'p' }] } },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
        ],
      },
    ])
    expect(headers?.['anthropic-beta']).toBe('files-api-2025-04-14')
  })

  test('sound is refused, or left out where that is asked for', () => {
    const audio: Message = user(text('q'), { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: 'AA==' } })
    const error = refusal(() => encode({ messages: [audio] }, { provider: 'anthropic' }))
    expect([error.code, error.detail.param]).toEqual(['GW_UNSUPPORTED_PARAMETER', 'messages[0].content[1]'])
    expect(encode({ messages: [audio] }, { dropUnsupported: true }).dropped).toEqual(['messages[0].content[1]'])
  })

  test('video is refused, text in any wrapping is sent as text', () => {
    const document = (mediaType: string) => user({ type: 'document', source: { kind: 'data', mediaType, data: 'e30=' } })
    expect(refusal(() => turns([document('video/mp4')])).code).toBe('GW_UNSUPPORTED_PARAMETER')
    expect(turns([document('application/json')])).toMatchObject([{ content: [{ source: { type: 'text', data: '{}' } }] }])
  })

  test('parts of other formats and calls that other providers ran stay behind', () => {
    expect(
      turns([
        user(text('q')),
        assistant(
          { type: 'opaque', format: 'openai-responses', value: { type: 'image_generation_call' } },
          { type: 'tool-call', id: 'ws', name: 'web_search', arguments: '{}', kind: 'server' },
          { type: 'tool-result', id: 'ws', parts: [], kind: 'server' },
          { type: 'refusal', text: 'no' },
        ),
      ]),
    ).toMatchObject([{}, { content: [{ type: 'text', text: 'no' }] }])
  })
})

describe('parameters', () => {
  test('the plain ones', () => {
    expect(
      encode({ stream: true, maxOutputTokens: 9, temperature: 0.5, topK: 3, stop: ['a'], user: 'u', serviceTier: 'default' }).body,
    ).toEqual({
      model: 'claude-sonnet-4-5',
      max_tokens: 9,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      temperature: 0.5,
      top_k: 3,
      stop_sequences: ['a'],
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
      stream: true,
    })
  })

  test.each([
    [undefined, 4096],
    [8192, 8192],
  ])('the limit is the default of the entry (%s), else 4096', (defaultMaxOutputTokens, expected) => {
    expect(encode({}, { defaultMaxOutputTokens }).body.max_tokens).toBe(expected)
  })

  test('of temperature and top_p only temperature is sent, within its range', () => {
    const { body, dropped } = encode({ temperature: 1.7, topP: 0.5 })
    expect([body.temperature, body.top_p, dropped]).toEqual([1, undefined, ['top_p']])
    expect(encode({ topP: 0.5 }).body.top_p).toBe(0.5)
  })

  test('models from 4.7 on take neither temperature, top_p nor top_k', () => {
    const { body, dropped } = encode({ model: 'claude-opus-4-7', temperature: 0.5, topK: 3 })
    expect([body.temperature, body.top_k]).toEqual([undefined, undefined])
    expect(dropped).toEqual(['temperature', 'top_k'])
  })

  test('hints are dropped and named, neutral values too (D13)', () => {
    const { dropped } = encode({
      seed: 1,
      store: true,
      metadata: {},
      verbosity: 'low',
      promptCacheKey: 'k',
      presencePenalty: 0,
      frequencyPenalty: 0,
      choices: 1,
      logprobs: false,
      logitBias: {},
      serviceTier: 'flex',
      parallelToolCalls: true,
    })
    expect(dropped?.toSorted()).toEqual([
      'frequency_penalty',
      'logit_bias',
      'logprobs',
      'metadata',
      'n',
      'parallel_tool_calls',
      'presence_penalty',
      'prompt_cache_key',
      'seed',
      'service_tier',
      'store',
      'verbosity',
    ])
  })

  test.each([
    ['n', { choices: 2 }],
    ['logprobs', { logprobs: true }],
    ['top_logprobs', { topLogprobs: 2 }],
    ['logit_bias', { logitBias: { 5: 1 } }],
    ['presence_penalty', { presencePenalty: 0.5 }],
    ['frequency_penalty', { frequencyPenalty: -1 }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['audio', { audio: { voice: 'alloy' } }],
    ['tools[0]', { tools: [{ kind: 'custom', name: 'free' } as const] }],
    ['tools[0]', { tools: [{ kind: 'server', name: 'file_search', format: 'openai-responses', value: {} } as const] }],
  ])('%s changes the answer: refused, or dropped where that is asked for (D13)', (param, more) => {
    const error = refusal(() => encode(more))
    expect([error.code, error.status, error.detail.param]).toEqual(['GW_UNSUPPORTED_PARAMETER', 400, param])
    expect(encode(more, { dropUnsupported: true }).dropped).toContain(param)
  })

  test('every drop names a field and a parameter', () => {
    for (const drop of outbound.drops) expect(drop.param).toMatch(/^[a-z_]+$/)
  })

  test('a schema becomes the format of the answer, its objects closed', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'object', properties: {} } } },
      $defs: { b: { type: 'object', properties: {}, additionalProperties: true } },
    }
    expect(encode({ responseFormat: { type: 'json-schema', name: 'n', schema } }).body.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { a: { type: 'array', items: { type: 'object', properties: {}, additionalProperties: false } } },
          $defs: { b: { type: 'object', properties: {}, additionalProperties: true } },
          additionalProperties: false,
        },
      },
    })
    expect(encode({ responseFormat: { type: 'json-object' } }).body.output_config).toEqual({
      format: { type: 'json_schema', schema: { type: 'object', additionalProperties: true } },
    })
    expect(encode({ responseFormat: { type: 'text' } }).body.output_config).toBeUndefined()
    expect(betas({ responseFormat: { type: 'json-object' } })).toEqual(['structured-outputs-2025-11-13'])
  })

  test("what only this format knows is sent, the gateway's fallbacks are not", () => {
    const { body, headers } = encode({
      responseFormat: { type: 'json-object' },
      user: 'u',
      extra: {
        'anthropic-messages': {
          fallbacks: ['openai/gpt'],
          container: 'c',
          metadata: { tag: 1 },
          task_budget: { type: 'tokens', total: 5 },
          speed: 'fast',
          mcp_servers: [],
          context_management: { edits: [{ type: 'compact_20260112' }] },
        },
        'openai-chat': { foreign: true },
      },
    })
    expect(body).toMatchObject({
      container: 'c',
      metadata: { user_id: 'u', tag: 1 },
      output_config: { task_budget: { total: 5 }, format: {} },
    })
    expect(body).not.toHaveProperty('fallbacks')
    expect(body).not.toHaveProperty('task_budget')
    expect(body).not.toHaveProperty('foreign')
    expect(headers?.['anthropic-beta']?.split(',').toSorted()).toEqual([
      'compact-2026-01-12',
      'context-management-2025-06-27',
      'fast-mode-2026-02-01',
      'mcp-client-2025-11-20',
      'structured-outputs-2025-11-13',
      'task-budgets-2026-03-13',
    ])
  })

  test('the request is not changed', () => {
    const request = chat({
      messages: [user(text('q', { cache: {} })), assistant(text('a '))],
      tools: [{ kind: 'function', name: 'f', parameters: { type: 'object' } }],
    })
    const before = structuredClone(request)
    outbound.encodeRequest(request, {})
    expect(request).toEqual(before)
  })
})

describe('tools', () => {
  const tool = { kind: 'function', name: 'f', description: 'd', parameters: { type: 'object', properties: {} } } as const

  test('functions, with what only this format knows', () => {
    expect(
      encode({
        tools: [
          { ...tool, strict: true, cache: { scope: 'global' }, extra: { 'anthropic-messages': { defer_loading: true } } },
          { kind: 'function', name: 'g' },
        ],
      }),
    ).toMatchObject({
      body: {
        tools: [
          {
            name: 'f',
            description: 'd',
            input_schema: { type: 'object' },
            strict: true,
            cache_control: { type: 'ephemeral', scope: 'global' },
            defer_loading: true,
          },
          { name: 'g', input_schema: { type: 'object', properties: {} } },
        ],
      },
      headers: { 'anthropic-beta': 'structured-outputs-2025-11-13,advanced-tool-use-2025-11-20,prompt-caching-scope-2026-01-05' },
    })
  })

  test.each([
    [{ mode: 'auto' }, { type: 'auto' }],
    [{ mode: 'none' }, { type: 'none' }],
    [{ mode: 'required' }, { type: 'any' }],
    [
      { mode: 'tool', name: 'f' },
      { type: 'tool', name: 'f' },
    ],
    [{ mode: 'tool', name: 'f', kind: 'custom' }, { type: 'auto' }],
    [{ mode: 'allowed', names: ['f'], required: true }, { type: 'any' }],
    [{ mode: 'allowed', names: ['f'], required: false }, { type: 'auto' }],
  ] as const)('the choice %j', (toolChoice, expected) => {
    expect(encode({ tools: [tool], toolChoice }).body.tool_choice).toEqual(expected)
  })

  test('allowed tools are the only ones sent', () => {
    expect(
      encode({ tools: [tool, { ...tool, name: 'g' }], toolChoice: { mode: 'allowed', names: ['g'], required: true } }).body.tools,
    ).toMatchObject([{ name: 'g' }])
  })

  test('one call at a time', () => {
    expect(encode({ tools: [tool], parallelToolCalls: false }).body.tool_choice).toEqual({ type: 'auto', disable_parallel_tool_use: true })
    expect(encode({ tools: [tool], parallelToolCalls: false, toolChoice: { mode: 'none' } }).body.tool_choice).toEqual({ type: 'none' })
    expect(encode({ tools: [tool], parallelToolCalls: true }).body.tool_choice).toBeUndefined()
  })

  test('a choice without tools is not sent', () => {
    expect(encode({ toolChoice: { mode: 'auto' }, parallelToolCalls: false })).toMatchObject({
      body: { messages: [{}] },
      dropped: ['parallel_tool_calls', 'tool_choice'],
    })
  })

  test("Anthropic's own tools go as they are, and call for their beta", () => {
    const value = { type: 'computer_20250124', name: 'computer', display_width_px: 1 }
    const tools = [{ kind: 'server', name: 'computer', format: 'anthropic-messages', value } as const]
    expect(encode({ tools }).body.tools).toEqual([value])
    expect(betas({ tools })).toEqual(['computer-use-2025-01-24'])
  })

  test('web search and code execution of other formats are mapped (D18)', () => {
    const location = { type: 'approximate', city: 'Oslo' }
    const server = (name: string, value: object) => ({ kind: 'server', name, format: 'x', value: value as never }) as const
    expect(
      encode({
        tools: [
          server('web_search', { user_location: location, filters: { allowed_domains: ['a.b'] } }),
          server('web_search', { user_location: { type: 'approximate', approximate: { city: 'Oslo' } } }),
          server('code_execution', {}),
        ],
      }).body.tools,
    ).toEqual([
      { type: 'web_search_20250305', name: 'web_search', user_location: location, allowed_domains: ['a.b'] },
      { type: 'web_search_20250305', name: 'web_search', user_location: location },
      { type: 'code_execution_20250825', name: 'code_execution' },
    ])
  })
})

describe('what other dialects say', () => {
  const asked = (body: JsonObject) => encode(decodeChat({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }).request)

  test("D18: OpenAI's web_search_options become the search tool", () => {
    const place = { city: 'Rome', country: 'IT' }
    const { body } = asked({
      web_search_options: { search_context_size: 'low', user_location: { type: 'approximate', approximate: place } },
    })
    expect(body.tools).toEqual([{ type: 'web_search_20250305', name: 'web_search', user_location: { type: 'approximate', ...place } }])
  })

  test('a thought goes back to whom it was signed by, and to nobody else', () => {
    const thought = (format: string): JsonObject => ({
      role: 'assistant',
      content: 'A',
      reasoning_details: [{ index: 0, type: 'reasoning.text', format, text: 'Hm', signature: 's' }],
    })
    const sent = (format: string) => asked({ messages: [{ role: 'user', content: 'hi' }, thought(format)] }).body.messages
    expect(sent('anthropic-claude-v1')).toMatchObject([{}, { content: [{ type: 'thinking', signature: 's' }, { type: 'text' }] }])
    expect(sent('openai-responses-v1')).toMatchObject([{}, { content: [{ type: 'text', text: 'A' }] }])
  })
})
