import { describe, expect, test } from 'vitest'
import type { ChatResponse, Choice, Part } from '../../../../core/canonical/chat.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import type { Usage } from '../../../../core/canonical/usage.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { inbound, REPLY } from './helpers.ts'

const answer = (choice: Partial<Choice> = {}, more: Partial<ChatResponse> = {}) =>
  inbound.encodeResponse({ id: 'r.1', model: 'm', choices: [{ index: 0, parts: [], stop: { reason: 'stop' }, ...choice }], ...more }, REPLY)
const call: Part = { type: 'tool-call', id: 'c:1', name: 'f', arguments: '{"x":1}' }

test('a whole answer of another vendor', () => {
  const usage: Usage = {
    inputTokens: 10,
    outputTokens: 5,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    cacheWrite1hTokens: 3,
    reasoningTokens: 1,
    searchQueries: 2,
  }
  const parts: Part[] = [
    { type: 'reasoning', text: 'hm' },
    { type: 'text', text: '' },
    { type: 'text', text: 'Hi', citations: [{ kind: 'document', title: 'D', text: 'quoted' }] },
    call,
  ]
  expect(answer({ parts, stop: { reason: 'tool-calls', raw: 'tool_calls' } }, { usage, serviceTier: 'default' })).toEqual({
    id: 'msg_r_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [
      { type: 'thinking', thinking: 'hm', signature: '' },
      {
        type: 'text',
        text: 'Hi',
        citations: [
          {
            type: 'char_location',
            cited_text: 'quoted',
            document_title: 'D',
            document_index: 0,
            start_char_index: 0,
            end_char_index: 0,
            file_id: null,
          },
        ],
      },
      { type: 'tool_use', id: 'c_1', name: 'f', input: { x: 1 } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: {
      input_tokens: 5,
      cache_creation_input_tokens: 3,
      cache_read_input_tokens: 2,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 3 },
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 1 },
      server_tool_use: { web_search_requests: 2 },
      service_tier: 'standard',
    },
  })
})

test('an answer that is none', () => {
  expect(inbound.encodeResponse({ id: '', model: '', choices: [] }, REPLY)).toMatchObject({
    id: 'msg_gw-1',
    model: 'asked-model',
    content: [],
    stop_reason: 'end_turn',
    usage: { input_tokens: 0, output_tokens: 0 },
  })
})

test.each<[written: string, part: Partial<Part>, input: unknown]>([
  ['nothing', { arguments: '' }, {}],
  ['null', { arguments: 'null' }, {}],
  ['free text', { arguments: 'ls', kind: 'custom' }, { input: 'ls' }],
  ['half an object', { arguments: '{"x":' }, { input: '{"x":' }],
  ['a list', { arguments: '[1]' }, { input: '[1]' }],
])('arguments that are %s become an object', (_, more, input) => {
  expect(answer({ parts: [{ ...call, ...more } as Part] })).toMatchObject({ content: [{ input }] })
})

test.each<[Stop, string, Part?]>([
  [{ reason: 'stop', raw: 'stop' }, 'end_turn'],
  [{ reason: 'stop', raw: 'end_turn' }, 'end_turn'],
  [{ reason: 'stop', raw: 'stop_sequence', sequence: 'END' }, 'stop_sequence'],
  [{ reason: 'stop', raw: 'STOP', sequence: 'END' }, 'stop_sequence'],
  [{ reason: 'length', raw: 'MAX_TOKENS' }, 'max_tokens'],
  [{ reason: 'length', raw: 'model_context_window_exceeded' }, 'model_context_window_exceeded'],
  [{ reason: 'tool-calls', raw: 'tool_calls' }, 'tool_use', call],
  [{ reason: 'stop', raw: 'STOP' }, 'tool_use', call],
  [{ reason: 'stop', raw: 'STOP' }, 'end_turn', { ...call, kind: 'server' } as Part],
  [{ reason: 'stop' }, 'refusal', { type: 'refusal', text: 'No.' }],
  [{ reason: 'content-filter', raw: 'SAFETY' }, 'refusal'],
  [{ reason: 'refusal' }, 'refusal'],
  [{ reason: 'pause', raw: 'pause_turn' }, 'pause_turn'],
  [{ reason: 'compaction', raw: 'compaction' }, 'compaction'],
  [{ reason: 'other', raw: 'of_next_year' }, 'of_next_year'],
  [{ reason: 'other', raw: 'MALFORMED_FUNCTION_CALL' }, 'end_turn'],
  [{ reason: 'other' }, 'end_turn'],
  [{ reason: 'length', raw: 'end_turn' }, 'max_tokens'],
])('%j stops with %s', (stop, word, part) => {
  expect(answer({ stop, parts: part ? [part] : [] })).toMatchObject({ stop_reason: word, stop_sequence: stop.sequence ?? null })
})

describe('errors', () => {
  const upstream = (status: number, type?: string, raw?: object) =>
    new GatewayError('GW_UPSTREAM_ERROR', { status, upstream: { message: 'm', type }, raw: raw as never })

  test.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'billing_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [409, 'invalid_request_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [502, 'api_error'],
    [503, 'overloaded_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
  ])('status %i is %s', (status, type) => {
    expect(inbound.encodeError(upstream(status, 'server_error'))).toEqual({ type: 'error', error: { type, message: 'm' } })
  })

  test('Anthropic’s own error keeps its type and id', () => {
    const raw = { type: 'error', error: { type: 'overloaded_error', message: 'm' }, request_id: 'req_1' }
    expect(inbound.encodeError(upstream(500, 'overloaded_error', raw))).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'm' },
      request_id: 'req_1',
    })
  })

  test('the gateway’s own tells what is wrong, and where', () => {
    expect(inbound.encodeError(new GatewayError('GW_INVALID_REQUEST', { param: 'max_tokens', reason: 'is required' }))).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'max_tokens: is required' },
    })
  })
})
