import { describe, expect, test } from 'vitest'
import type { Part } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { inbound, outbound } from './helpers.ts'

const user = (...content: JsonObject[]): JsonObject => ({ role: 'user', content })
const assistant = (...content: JsonObject[]): JsonObject => ({ role: 'assistant', content })
const said = (text: string): JsonObject => ({ type: 'text', text })
const called = (id: string, more: JsonObject = {}): JsonObject => ({ type: 'tool_use', id, name: 'f', input: { x: 1 }, ...more })
const result = (id: string, more: JsonObject = {}): JsonObject => ({ type: 'tool_result', tool_use_id: id, ...more })
const body = (more: JsonObject = {}): JsonObject => ({
  model: 'claude-sonnet-4-5',
  max_tokens: 4096,
  messages: [user(said('hi'))],
  ...more,
})
const decode = (more: JsonObject = {}) => inbound.decodeRequest(body(more)).request
const partsOf = (turn: JsonObject, ...before: JsonObject[]): readonly Part[] =>
  decode({ messages: [...before, turn] }).messages.at(-1)?.parts ?? []
const again = (more: JsonObject) => JSON.parse(JSON.stringify(outbound.encodeRequest(decode(more), {}).body)) as JsonObject

function refusalOf(value: JsonObject): GatewayError {
  try {
    inbound.decodeRequest(value)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** A wire request that comes back byte for byte but for the order of its fields. */
const WIRES: readonly (readonly [string, JsonObject])[] = [
  ['instructions with a breakpoint', { system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral', ttl: '1h' } }] }],
  [
    'images and documents of every source',
    {
      messages: [
        user(
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' }, cache_control: { type: 'ephemeral' } },
          { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' }, transformations: { oversized_image: 'error' } },
          { type: 'image', source: { type: 'file', file_id: 'file_1' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERg==' }, title: 'T', context: 'C' },
          { type: 'document', source: { type: 'url', url: 'https://a.example/b.pdf' }, citations: { enabled: true } },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' }, citations: { enabled: false } },
          { type: 'document', source: { type: 'content', content: [said('one'), said('two')] } },
          { type: 'document', source: { type: 'file', file_id: 'file_2' } },
          { type: 'search_result', source: 'https://a.example', title: 'S', content: [said('found')], citations: { enabled: true } },
          { type: 'container_upload', file_id: 'file_3' },
        ),
      ],
    },
  ],
  [
    'thoughts, calls and results',
    {
      messages: [
        user(said('q')),
        assistant(
          { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
          { type: 'redacted_thinking', data: 'c2VhbA==' },
          said('I look'),
          called('toolu_1', { caller: { type: 'direct' } }),
          called('toolu_2', { input: {} }),
          called('toolu_3'),
        ),
        user(
          result('toolu_1', { content: 'plain' }),
          result('toolu_2', {
            content: [said('seen'), { type: 'image', source: { type: 'url', url: 'https://a.example/c.png' } }],
            is_error: true,
            cache_control: { type: 'ephemeral' },
          }),
          result('toolu_3', { content: [{ type: 'tool_reference', tool_name: 'g' }] }),
          said('go on'),
        ),
      ],
    },
  ],
  [
    'what Anthropic ran itself',
    {
      messages: [
        user(said('q')),
        assistant(
          { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' }, caller: { type: 'direct' } },
          {
            type: 'web_search_tool_result',
            tool_use_id: 'srvtoolu_1',
            content: [{ type: 'web_search_result', url: 'https://a.example', title: 'A', encrypted_content: 'ZW5j', page_age: null }],
          },
          { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: { type: 'web_search_tool_result_error', error_code: 'x' } },
          {
            type: 'code_execution_tool_result',
            tool_use_id: 'srvtoolu_2',
            content: { type: 'code_execution_result', stdout: '1', stderr: '', return_code: 0, content: [] },
          },
          { type: 'mcp_tool_use', id: 'mcptoolu_1', name: 'echo', server_name: 's', input: {} },
          { type: 'mcp_tool_result', tool_use_id: 'mcptoolu_1', is_error: false, content: [said('echoed')] },
          { type: 'compaction', content: 'shorter', cache_control: { type: 'ephemeral' } },
          { type: 'of_next_year', anything: [1] },
          {
            type: 'text',
            text: 'cited',
            citations: [
              { type: 'web_search_result_location', url: 'https://a.example', title: 'A', encrypted_index: 'RW8=', cited_text: 'a' },
              {
                type: 'char_location',
                cited_text: 'b',
                document_index: 0,
                document_title: null,
                start_char_index: 0,
                end_char_index: 4,
              },
            ],
          },
        ),
        user(said('more')),
      ],
    },
  ],
  [
    'tools of every kind',
    {
      tools: [
        {
          name: 'f',
          description: 'd',
          input_schema: { type: 'object', properties: {} },
          strict: true,
          cache_control: { type: 'ephemeral' },
        },
        { type: 'custom', name: 'g', input_schema: { type: 'object' }, defer_loading: true, input_examples: [{}] },
        { type: 'web_search_20250305', name: 'web_search', max_uses: 2 },
        { type: 'code_execution_20250825', name: 'code_execution' },
        { type: 'computer_20250124', name: 'computer', display_width_px: 1, display_height_px: 1 },
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
        { type: 'mcp_toolset', mcp_server_name: 's' },
      ],
      tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
      mcp_servers: [{ type: 'url', url: 'https://m.example', name: 's' }],
    },
  ],
  ['a budget to think', { thinking: { type: 'enabled', budget_tokens: 2048, display: 'omitted' } }],
  ['no thoughts', { thinking: { type: 'disabled' }, output_config: { effort: 'low' } }],
  ['adaptive thoughts', { model: 'claude-opus-4-6', thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }],
  ['an effort without thoughts', { model: 'claude-opus-4-5', max_tokens: 20, output_config: { effort: 'low' } }],
  ['thinking with a field of next year', { thinking: { type: 'enabled', budget_tokens: 2048, pace: 'slow' } }],
  [
    'a schema and a budget for the task',
    {
      output_config: {
        format: { type: 'json_schema', schema: { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false } },
        task_budget: { type: 'tokens', total: 9 },
      },
    },
  ],
  [
    'what only this dialect has',
    {
      container: 'c_1',
      context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
      cache_control: { type: 'ephemeral' },
      speed: 'fast',
      inference_geo: 'eu',
      of_next_year: { a: 1 },
      metadata: { user_id: 'u', team: 't' },
      service_tier: 'standard_only',
      stop_sequences: ['END'],
      top_k: 5,
      temperature: 0.3,
      stream: true,
    },
  ],
  ['a request that only fills the cache', { max_tokens: 0 }],
]

describe('requests', () => {
  test.each(WIRES)('%s: goes on as it came', (_, more) => {
    expect(again(more)).toEqual(body(more))
  })

  test('texts in short form become blocks', () => {
    expect(decode({ system: 'be kind', messages: [{ role: 'user', content: 'hi' }] }).messages).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'be kind' }] },
      { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
    ])
  })

  test('an empty answer comes back, and an empty instruction is none', () => {
    const { messages } = decode({
      system: '',
      messages: [user(said('a')), assistant(), { role: 'assistant', content: '' }, user(said('b'))],
    })
    expect(messages.map(({ role, parts }) => [role, parts.length])).toEqual([
      ['user', 1],
      ['assistant', 0],
      ['assistant', 0],
      ['user', 1],
    ])
  })

  test('instructions may stand in the conversation', () => {
    expect(decode({ messages: [user(said('a')), { role: 'system', content: 'briefly' }] }).messages[1]?.role).toBe('system')
  })

  test('fields that nobody knows stay with their message and their block', () => {
    const { messages } = decode({ messages: [{ ...user({ ...said('a'), of_next_year: 1 }), mark: 2 }] })
    expect(messages[0]).toMatchObject({
      extra: { 'anthropic-messages': { mark: 2 } },
      parts: [{ extra: { 'anthropic-messages': { of_next_year: 1 } } }],
    })
  })

  test.each([
    ['its own signature', { thinking: 'hm', signature: 'c2ln' }, { text: 'hm', signature: 'c2ln', signedBy: 'anthropic' }],
    ['no signature', { thinking: 'hm', signature: '' }, { text: 'hm' }],
    [
      'a signature of another vendor',
      { thinking: 'hm', signature: 'bf.openai.rs_1|s|Z0FB' },
      { text: 'hm', signature: 'Z0FB', signedBy: 'openai', id: 'rs_1', summary: true },
    ],
    ['only the name of a thought', { thinking: 'hm', signature: 'bf.openai.rs_1||' }, { text: 'hm', signedBy: 'openai', id: 'rs_1' }],
  ])('thinking with %s', (_, block, part) => {
    expect(partsOf(assistant({ type: 'thinking', ...block }), user(said('q')))).toEqual([{ type: 'reasoning', ...part }])
  })

  test('a sealed thought of another vendor goes back to it alone', () => {
    const [part] = partsOf(assistant({ type: 'redacted_thinking', data: 'bf.openai.rs_1||Z0FB' }), user(said('q')))
    expect(part).toEqual({ type: 'reasoning', text: '', redacted: 'Z0FB', signedBy: 'openai', id: 'rs_1' })
    expect(outbound.encodeRequest({ ...decode(), messages: [{ role: 'assistant', parts: [part as Part] }] }, {}).body.messages).toEqual([])
  })

  test('the proof of a call comes back out of its id, for the call and its result', () => {
    const messages = [user(said('q')), assistant(called('c-1_ts_-_8')), user(result('c-1_ts_-_8'))]
    expect(
      decode({ messages })
        .messages.slice(1)
        .map(({ parts }) => parts[0]),
    ).toMatchObject([{ id: 'c-1', signature: '+/8=' }, { id: 'c-1' }])
  })

  test('runs and sources of another vendor are not shown to Anthropic', () => {
    const turn = assistant(
      { type: 'server_tool_use', id: 'srvtoolu_bf_ws_1', name: 'web_search', input: { query: 'x' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_bf_ws_1',
        content: [{ type: 'web_search_result', url: 'https://a.example', title: 'A', encrypted_content: '', page_age: null }],
      },
      {
        type: 'text',
        text: 'so',
        citations: [{ type: 'web_search_result_location', url: 'https://a.example', title: 'A', encrypted_index: '', cited_text: 'a' }],
      },
    )
    const messages = [user(said('q')), turn, user(said('more'))]
    expect(partsOf(turn, user(said('q')))).toEqual([
      { type: 'tool-call', kind: 'server', id: 'ws_1', name: 'web_search', arguments: '{"query":"x"}' },
      {
        type: 'tool-result',
        kind: 'server',
        id: 'ws_1',
        name: 'web_search',
        parts: [{ type: 'document', source: { kind: 'url', url: 'https://a.example' }, name: 'A' }],
      },
      { type: 'text', text: 'so', citations: [{ kind: 'url', url: 'https://a.example', title: 'A', text: 'a' }] },
    ])
    expect((again({ messages }).messages as JsonObject[])[1]).toEqual(assistant(said('so')))
  })

  test.each([
    ['closed, all of it required', { type: 'object', properties: { a: {} }, required: ['a'], additionalProperties: false }, true],
    ['open', { type: 'object', properties: { a: {} }, required: ['a'] }, undefined],
    ['with a choice', { type: 'object', properties: { a: {} }, additionalProperties: false }, undefined],
    ['open inside', { type: 'array', items: { type: 'object', properties: {} } }, undefined],
  ])('a schema that is %s asks others for as much', (_, schema, strict) => {
    const format = { type: 'json-schema', name: 'answer', schema, ...(strict && { strict }) }
    expect(decode({ output_config: { format: { type: 'json_schema', schema } } }).responseFormat).toEqual(format)
    expect(decode({ output_format: { type: 'json_schema', schema } }).responseFormat).toEqual(format)
  })

  test('the choice of tools in common words', () => {
    const tools = [{ name: 'f', input_schema: {} }]
    expect(decode({ tools, tool_choice: { type: 'any' } })).toMatchObject({ toolChoice: { mode: 'required' } })
    expect(decode({ tools, tool_choice: { type: 'none' } })).toMatchObject({ toolChoice: { mode: 'none' } })
    expect(decode({ tools, tool_choice: { type: 'auto', disable_parallel_tool_use: false } })).toMatchObject({ parallelToolCalls: true })
  })

  test('fallbacks are the gateway’s own', () => {
    expect(decode({ fallbacks: ['openai/gpt'] }).extra).toBeUndefined()
  })
})

const image = (source: JsonObject): JsonObject => ({ messages: [user(said('a')), user({ type: 'image', source })] })
const inTurn = (...content: JsonObject[]): JsonObject => ({ messages: [user(said('a')), assistant(...content)] })

describe('bad input', () => {
  test.each<[param: string, more: JsonObject]>([
    ['max_tokens', { max_tokens: undefined }],
    ['max_tokens', { max_tokens: '10' }],
    ['max_tokens', { max_tokens: 1.5 }],
    ['stream', { stream: 'yes' }],
    ['stream', { stream: 1 }],
    ['model', { model: 7 }],
    ['messages', { messages: undefined }],
    ['messages', { messages: [] }],
    ['messages', { messages: {} }],
    ['messages[0]', { messages: ['hi'] }],
    ['messages[0].role', { messages: [{ content: 'hi' }] }],
    ['messages[0].role', { messages: [{ role: 'tool', content: 'hi' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: '' }] }],
    ['messages[0].content', { messages: [user()] }],
    ['messages[0].content', { messages: [{ role: 'user', content: said('no list') }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: ['hi'] }] }],
    ['messages[0].content[0].type', { messages: [user({ text: 'a' })] }],
    ['messages[0].content[0].type', { messages: [user({ type: 'hologram' })] }],
    ['messages[0].content[0].type', { messages: [user(called('toolu_1'))] }],
    ['messages[0].content[0].type', { messages: [user({ type: 'thinking', thinking: 'a', signature: 'b' })] }],
    ['messages[0].content[0].text', { messages: [user({ type: 'text' })] }],
    ['messages[0].content[0].cache_control', { messages: [user({ ...said('a'), cache_control: 'ephemeral' })] }],
    ['messages[1].content[0].source', { messages: [user(said('a')), user({ type: 'image' })] }],
    ['messages[1].content[0].source.type', image({ type: 'text', data: 'a' })],
    ['messages[1].content[0].source.media_type', image({ type: 'base64', data: 'AAAA' })],
    ['messages[1].content[0].source.data', image({ type: 'base64', media_type: 'image/png', data: 'not base64!' })],
    ['messages[1].content[0].source.data', image({ type: 'base64', media_type: 'image/png', data: 'data:image/png;base64,AAAA' })],
    ['messages[1].content[0].source.data', image({ type: 'base64', media_type: 'image/png', data: 'AAAAA' })],
    ['messages[1].content[0].source.data', image({ type: 'base64', media_type: 'image/png', data: 'AA=' })],
    ['messages[1].content[0].source.data', image({ type: 'base64', media_type: 'image/png', data: '' })],
    ['messages[1].content[0].source.url', image({ type: 'url' })],
    ['messages[1].content[0].source.file_id', image({ type: 'file', file_id: 3 })],
    [
      'messages[0].content[0].source.data',
      { messages: [user({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: '%' } })] },
    ],
    [
      'messages[0].content[0].source.content[0].type',
      { messages: [user({ type: 'document', source: { type: 'content', content: [called('a')] } })] },
    ],
    ['messages[0].content[0].title', { messages: [user({ type: 'search_result', source: 's', content: [] })] }],
    ['messages[1].content[0].input', inTurn(called('toolu_1', { input: '{"x":1}' }))],
    ['messages[1].content[0].input', inTurn(called('toolu_1', { input: [1] }))],
    ['messages[1].content[0].input', inTurn(called('toolu_1', { input: null }))],
    ['messages[1].content[0].id', inTurn(called(''))],
    ['messages[1].content[0].name', inTurn(called('toolu_1', { name: '' }))],
    ['messages[1].content[0].type', inTurn(result('toolu_1'))],
    ['messages[1].content[0].thinking', inTurn({ type: 'thinking', signature: 'a' })],
    ['messages[1].content[0].signature', inTurn({ type: 'thinking', thinking: 'a', signature: 1 })],
    ['messages[1].content[0].data', inTurn({ type: 'redacted_thinking' })],
    ['messages[1].content[0].citations', inTurn({ ...said('a'), citations: {} })],
    ['messages[0].content[0].tool_use_id', { messages: [user(result('toolu_1'))] }],
    ['messages[0].content[0].tool_use_id', { messages: [user({ type: 'tool_result' })] }],
    ['messages[0].content[0].tool_use_id', { messages: [user(result('toolu_1')), assistant(called('toolu_1'))] }],
    [
      'messages[2].content[0].content[1].type',
      { messages: [user(said('a')), assistant(called('t')), user(result('t', { content: [said('a'), result('t')] }))] },
    ],
    [
      'messages[2].content[0].content[0].source.data',
      {
        messages: [
          user(said('a')),
          assistant(called('t')),
          user(result('t', { content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '*' } }] })),
        ],
      },
    ],
    ['messages[2].content[0].is_error', { messages: [user(said('a')), assistant(called('t')), user(result('t', { is_error: 'no' }))] }],
    ['system', { system: 7 }],
    ['system', { system: said('a') }],
    ['system[1].type', { system: [said('a'), { type: 'image', source: { type: 'url', url: 'https://a.example' } }] }],
    ['tools', { tools: { name: 'f' } }],
    ['tools[0].name', { tools: [{ input_schema: {} }] }],
    ['tools[0].input_schema', { tools: [{ name: 'f' }] }],
    ['tools[0].input_schema', { tools: [{ name: 'f', input_schema: 'object' }] }],
    ['tool_choice', { tool_choice: 'auto' }],
    ['tool_choice.type', { tool_choice: { type: 'required' } }],
    ['tool_choice.name', { tool_choice: { type: 'tool' } }],
    ['tool_choice.disable_parallel_tool_use', { tool_choice: { type: 'auto', disable_parallel_tool_use: 'yes' } }],
    ['thinking', { thinking: true }],
    ['thinking.type', { thinking: { type: 'on' } }],
    ['thinking.budget_tokens', { thinking: { type: 'enabled' } }],
    ['output_config.effort', { output_config: { effort: 'huge' } }],
    ['output_config.format.type', { output_config: { format: { type: 'xml' } } }],
    ['output_config.format.schema', { output_config: { format: { type: 'json_schema' } } }],
    ['output_format.schema', { output_format: { type: 'json_schema', schema: 1 } }],
    ['stop_sequences', { stop_sequences: 'END' }],
    ['stop_sequences[1]', { stop_sequences: ['a', 1] }],
    ['temperature', { temperature: '1' }],
    ['top_k', { top_k: -1 }],
    ['metadata', { metadata: 'me' }],
    ['metadata.user_id', { metadata: { user_id: 7 } }],
    ['service_tier', { service_tier: 1 }],
  ])('%s: %j', (param, more) => {
    const error = refusalOf(body(more))
    expect([error.code, error.detail.param]).toEqual(['GW_INVALID_REQUEST', param])
    expect(inbound.encodeError(error)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
  })

  test('a request without a model', () => {
    expect(refusalOf(body({ model: undefined })).code).toBe('GW_MODEL_REQUIRED')
  })
})
