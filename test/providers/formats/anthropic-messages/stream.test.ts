import { expect, test } from 'vitest'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { GatewayError } from '../../../../core/errors.ts'
import { block, decode, message } from './helpers.ts'

const text = (...texts: string[]) => block(0, { type: 'text', text: '' }, ...texts.map((text) => ({ type: 'text_delta', text })))
const errorOf = (errors: readonly Error[]) => errors[0] as GatewayError

test('text, ping and stop become parts in order', () => {
  const { parts, errors } = decode(message([{ type: 'ping' }, ...text('He', 'y'), { type: 'ping' }]))
  expect(errors).toEqual([])
  expect(parts.map((part) => part.type)).toEqual([
    'response-start',
    'usage',
    'part-start',
    'part-delta',
    'part-delta',
    'part-end',
    'usage',
    'choice-end',
    'response-end',
  ])
  expect(foldParts(parts).choices[0]).toEqual({
    index: 0,
    parts: [{ type: 'text', text: 'Hey' }],
    stop: { reason: 'stop', raw: 'end_turn' },
  })
})

test('text reads alike on the fast path and off it', () => {
  const frames = [
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"plain"}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"padded"}      }',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"line\\n\\"quoted\\" \\u00e9"}}',
    '{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "spaced"}}',
    '{"index":0,"delta":{"text":"turned","type":"text_delta"},"type":"content_block_delta"}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"more","new":1}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}',
  ]
  const [start, ...rest] = message([])
  const { parts } = decode([
    JSON.stringify(start),
    '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
    ...frames,
    ...rest.map((event) => JSON.stringify(event)),
  ])
  expect(foldParts(parts).choices[0]?.parts).toEqual([{ type: 'text', text: 'plainpaddedline\n"quoted" éspacedturnedmore' }])
})

test('a broken frame that begins like plain text is refused', () => {
  const [start] = message([])
  const { errors } = decode([
    JSON.stringify(start),
    '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}} {}',
  ])
  expect(errorOf(errors).code).toBe('GW_UPSTREAM_INVALID')
})

test('a call without input has the arguments {}, as in a whole answer', () => {
  const { parts } = decode(
    message(block(0, { type: 'tool_use', id: 't1', name: 'now', input: {} }, { type: 'input_json_delta', partial_json: '' })),
  )
  expect(parts.filter((part) => part.type === 'part-delta')).toEqual([
    { type: 'part-delta', choice: 0, index: 0, delta: { arguments: '{}' } },
  ])
})

test('a call whose start brings its input keeps it', () => {
  const { parts } = decode(
    message(block(0, { type: 'tool_use', id: 't1', name: 'roll', input: { player: 1 }, caller: { type: 'direct' } })),
  )
  expect(foldParts(parts).choices[0]?.parts).toEqual([
    {
      type: 'tool-call',
      id: 't1',
      name: 'roll',
      arguments: '{"player":1}',
      extra: { 'anthropic-messages': { caller: { type: 'direct' } } },
    },
  ])
})

test('interleaved blocks stay apart', () => {
  const [firstStart, firstDelta, firstStop] = block(
    0,
    { type: 'tool_use', id: 'a', name: 'f', input: {} },
    { type: 'input_json_delta', partial_json: '{"x":1}' },
  )
  const [secondStart, secondDelta, secondStop] = block(
    1,
    { type: 'tool_use', id: 'b', name: 'g', input: {} },
    { type: 'input_json_delta', partial_json: '{"y":2}' },
  )
  const { parts } = decode(
    message([firstStart, secondStart, secondDelta, firstDelta, firstStop, secondStop].filter((event) => event !== undefined)),
  )
  expect(foldParts(parts).choices[0]?.parts).toEqual([
    { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' },
    { type: 'tool-call', id: 'b', name: 'g', arguments: '{"y":2}' },
  ])
})

test('thoughts keep their signature, sealed ones their data', () => {
  const { parts } = decode(
    message([
      ...block(
        0,
        { type: 'thinking', thinking: '', signature: '' },
        { type: 'thinking_delta', thinking: 'Hm.' },
        { type: 'signature_delta', signature: 'sig' },
      ),
      ...block(1, { type: 'redacted_thinking', data: 'sealed' }),
    ]),
  )
  expect(foldParts(parts).choices[0]?.parts).toEqual([
    { type: 'reasoning', text: 'Hm.', signature: 'sig', signedBy: 'anthropic' },
    { type: 'reasoning', text: '', redacted: 'sealed', signedBy: 'anthropic' },
  ])
})

test('blocks and deltas of unknown type are kept whole', () => {
  const { parts } = decode(
    message(
      block(
        0,
        { type: 'compaction', content: null },
        { type: 'compaction_delta', content: 'a' },
        { type: 'compaction_delta', content: 'b' },
      ),
    ),
  )
  expect(foldParts(parts).choices[0]?.parts).toEqual([
    { type: 'opaque', format: 'anthropic-messages', value: { type: 'compaction', content: 'ab' } },
  ])
})

test('unknown events and deltas are passed over', () => {
  const odd = [
    { type: 'brand_new' },
    { type: 'constructor' },
    ...block(0, { type: 'text', text: '' }, { type: 'shiny_delta', shine: 1 }, { type: 'text_delta', text: 'ok' }),
  ]
  const { parts, errors } = decode(message(odd))
  expect(errors).toEqual([])
  expect(foldParts(parts).choices[0]?.parts).toEqual([{ type: 'text', text: 'ok' }])
})

test('usage of the start is kept where the end says less, and replaced where it says more', () => {
  const [start] = message([])
  const events = (usage: Record<string, number>) =>
    [start as object, { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }, { type: 'message_stop' }] as never[]
  expect(foldParts(decode(events({ output_tokens: 7 })).parts).usage).toMatchObject({ inputTokens: 3, outputTokens: 7 })
  expect(foldParts(decode(events({ input_tokens: 61, output_tokens: 7, cache_read_input_tokens: 5 })).parts).usage).toMatchObject({
    inputTokens: 66,
    cacheReadTokens: 5,
  })
  expect(foldParts(decode(events({ input_tokens: 0, output_tokens: 7 })).parts).usage).toMatchObject({ inputTokens: 3 })
})

test('a repeated message_start is passed over (faults 24)', () => {
  const [start, ...rest] = message(text('x'))
  const { parts, errors } = decode([start, start, ...rest].filter((event) => event !== undefined))
  expect(errors).toEqual([])
  expect(parts.filter((part) => part.type === 'response-start')).toHaveLength(1)
})

test('another message inside the answer is refused (faults 24)', () => {
  const [start] = message([])
  const { parts, errors } = decode([
    start as never,
    ...text('x'),
    { ...start, message: { id: 'msg_2' } },
    ...text('y'),
    { type: 'message_stop' },
  ])
  expect(errors.map((error) => (error as GatewayError).code)).toEqual(['GW_UPSTREAM_INVALID'])
  expect(parts.some((part) => part.type === 'response-end')).toBe(false)
})

test('what comes after the end is passed over (faults 24)', () => {
  const { parts, errors } = decode([...message(text('x')), ...message(text('y')), 'no json'])
  expect(errors).toEqual([])
  expect(parts.filter((part) => part.type === 'response-end')).toHaveLength(1)
})

test.each([
  ['before it begins', 0],
  ['inside a block', 3],
  ['after the stop reason', 6],
])('a stream that ends %s is cut (faults 17)', (_, length) => {
  const { parts, errors } = decode(message(text('a', 'b')).slice(0, length))
  expect(errorOf(errors).code).toBe('GW_UPSTREAM_TRUNCATED')
  expect(parts.some((part) => part.type === 'response-end' || part.type === 'choice-end')).toBe(false)
})

test('a cut that an earlier stage told of is not told again', async () => {
  const { decodeStream } = await import('../../../../providers/formats/anthropic-messages/stream.ts')
  const refused: Error[] = []
  decodeStream.end(
    decodeStream.start(),
    { push() {}, end() {}, refuse: (error) => void refused.push(error), wake() {} },
    new Error('reset'),
  )
  expect(refused).toEqual([])
})

test.each([
  ['overloaded_error', 529],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['invalid_request_error', 400],
  ['something_new', 502],
])('an error event of type %s has status %i (faults 20)', (type, status) => {
  const { errors } = decode([...message(text('x')).slice(0, 3), { type: 'error', error: { type, message: 'no' } }])
  expect(errors).toHaveLength(1)
  const error = errorOf(errors)
  expect([error.code, error.status, error.detail.upstream]).toEqual(['GW_UPSTREAM_ERROR', status, { type, message: 'no' }])
})

test.each([
  ['bad JSON', ['{"type":"content_block_de']],
  ['a list', ['[]']],
  ['a delta for no block', [JSON.stringify({ type: 'content_block_delta', index: 4, delta: { type: 'text_delta', text: 'x' } })]],
])('%s is refused (faults 21)', (_, frames) => {
  const [start] = message([])
  expect(errorOf(decode([start as never, ...frames]).errors).code).toBe('GW_UPSTREAM_INVALID')
})

test('content before message_start is refused', () => {
  expect(errorOf(decode(text('x')).errors).code).toBe('GW_UPSTREAM_INVALID')
})

test('a missing content_block_stop costs nothing', () => {
  const { parts } = decode(message(text('x').slice(0, -1)))
  expect(parts.filter((part) => part.type === 'part-end')).toHaveLength(1)
})

test('what the end says beyond the stop reason is kept', () => {
  const { parts } = decode(message([], { stop_reason: 'refusal', stop_details: { category: 'cyber' }, container: { id: 'c' } }))
  expect(foldParts(parts).choices[0]).toEqual({
    index: 0,
    parts: [],
    stop: { reason: 'refusal', raw: 'refusal' },
    extra: { 'anthropic-messages': { stop_details: { category: 'cyber' }, container: { id: 'c' } } },
  })
})

test('the type may be named by the frame alone', async () => {
  const { decodeStream } = await import('../../../../providers/formats/anthropic-messages/stream.ts')
  const refused: Error[] = []
  const state = decodeStream.start()
  decodeStream.step(
    state,
    { event: 'error', data: '{"error":{"type":"overloaded_error","message":"busy"}}' },
    { push() {}, end() {}, refuse: (error) => void refused.push(error), wake() {} },
  )
  expect((refused[0] as GatewayError).status).toBe(529)
})
