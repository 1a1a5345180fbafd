import { describe, expect, test } from 'vitest'
import type { GatewayError } from '../../../../core/errors.ts'
import { mergeBeta } from '../../../../providers/formats/anthropic-messages/index.ts'
import { outbound, turns } from './helpers.ts'

const body = (more: object) =>
  ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content: [],
    stop_reason: 'end_turn',
    stop_sequence: null,
    ...more,
  }) as never

test.each([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool-calls'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
  ['compaction', 'compaction'],
  ['from_tomorrow', 'other'],
  ['constructor', 'other'],
])('stop reason %s is %s', (raw, reason) => {
  expect(outbound.decodeResponse(body({ stop_reason: raw })).choices[0]?.stop).toEqual({ reason, raw })
})

test('the sequence that matched is told', () => {
  expect(outbound.decodeResponse(body({ stop_reason: 'stop_sequence', stop_sequence: 'END' })).choices[0]?.stop).toEqual({
    reason: 'stop',
    raw: 'stop_sequence',
    sequence: 'END',
  })
})

test('usage includes what the cache took and gave', () => {
  const usage = {
    input_tokens: 1,
    cache_read_input_tokens: 10,
    cache_creation_input_tokens: 100,
    cache_creation: { ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 60 },
    output_tokens: 7,
    output_tokens_details: { thinking_tokens: 5 },
    server_tool_use: { web_search_requests: 2 },
    service_tier: 'standard',
  }
  const response = outbound.decodeResponse(body({ usage }))
  expect(response.serviceTier).toBe('default')
  expect(response.usage).toEqual({
    inputTokens: 111,
    outputTokens: 7,
    cacheReadTokens: 10,
    cacheWriteTokens: 100,
    cacheWrite5mTokens: 40,
    cacheWrite1hTokens: 60,
    reasoningTokens: 5,
    searchQueries: 2,
    raw: { format: 'anthropic-messages', value: usage },
  })
})

test('a count that was not reported is absent', () => {
  expect(
    Object.keys(outbound.decodeResponse(body({ usage: { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: null } })).usage ?? {}),
  ).toEqual(['inputTokens', 'outputTokens', 'raw'])
})

test('citations keep what points into the source', () => {
  const own = { type: 'char_location', cited_text: 'q', document_index: 0, document_title: 'T', start_char_index: 1, end_char_index: 2 }
  const web = { type: 'web_search_result_location', cited_text: 'w', url: 'https://a', title: 'A', encrypted_index: 'e' }
  const [part] = outbound.decodeResponse(body({ content: [{ type: 'text', text: 'x', citations: [own, web] }] })).choices[0]?.parts ?? []
  expect(part).toEqual({
    type: 'text',
    text: 'x',
    citations: [
      { kind: 'document', title: 'T', text: 'q', extra: { 'anthropic-messages': own } },
      { kind: 'url', url: 'https://a', title: 'A', text: 'w', extra: { 'anthropic-messages': web } },
    ],
  })
})

test('what Anthropic ran itself is told apart from calls that the client must answer', () => {
  const hit = { type: 'web_search_result', url: 'https://a', title: 'A', encrypted_content: 'e' }
  const { parts } = outbound.decodeResponse(
    body({
      content: [
        { type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'q' } },
        { type: 'web_search_tool_result', tool_use_id: 's1', content: [hit] },
        { type: 'tool_use', id: 't1', name: 'f', input: {} },
      ],
    }),
  ).choices[0] as { parts: unknown }
  expect(parts).toEqual([
    {
      type: 'tool-call',
      kind: 'server',
      id: 's1',
      name: 'web_search',
      arguments: '{"query":"q"}',
      extra: { 'anthropic-messages': { type: 'server_tool_use' } },
    },
    {
      type: 'tool-result',
      kind: 'server',
      id: 's1',
      name: 'web_search',
      parts: [{ type: 'document', source: { kind: 'url', url: 'https://a' }, name: 'A', extra: { 'anthropic-messages': hit } }],
      extra: { 'anthropic-messages': { type: 'web_search_tool_result' } },
    },
    { type: 'tool-call', id: 't1', name: 'f', arguments: '{}' },
  ])
})

test.each([
  ['a list', [{ type: 'text', text: 'x' }]],
  ['one object', { type: 'code_execution_result', stdout: 'x' }],
  ['plain text', 'x'],
])('a result that is %s goes back as it came', (_, content) => {
  const blocks = [{ type: 'mcp_tool_result', tool_use_id: 'm1', is_error: false, content }]
  const parts = outbound.decodeResponse(body({ content: blocks })).choices[0]?.parts ?? []
  expect(turns([{ role: 'assistant', parts }])).toEqual([{ role: 'assistant', content: blocks }])
})

test('what is no message is refused', () => {
  expect(() => outbound.decodeResponse({ ok: true })).toThrowError(expect.objectContaining({ code: 'GW_UPSTREAM_INVALID' }) as GatewayError)
  expect(() => outbound.decodeResponse({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } })).toThrowError(
    expect.objectContaining({ code: 'GW_UPSTREAM_ERROR', status: 529 }) as GatewayError,
  )
})

describe('errors', () => {
  test.each([
    [
      { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' }, request_id: 'r' },
      { type: 'rate_limit_error', message: 'slow down' },
    ],
    [{ message: 'from a proxy', type: 'error' }, { message: 'from a proxy' }],
    [{ error: 'words' }, { message: 'words' }],
    [{ odd: 1 }, { message: '{"odd":1}' }],
    ['  upstream connect error ', { message: 'upstream connect error' }],
    ['<!DOCTYPE html><html></html>', { message: 'the provider answered with an HTML page' }],
    ['', { message: 'empty response' }],
    [undefined, { message: 'empty response' }],
    [null, { message: 'empty response' }],
  ])('%j', (answer, expected) => {
    expect(outbound.decodeError(answer as never)).toEqual(expected)
  })
})

test('beta flags of several sources are joined, each once', () => {
  expect(mergeBeta('a-1, B-2', 'b-2,c-3,,')).toBe('a-1,B-2,c-3')
  expect(mergeBeta(undefined, 'x')).toBe('x')
  expect(mergeBeta(undefined, undefined)).toBe('')
})
