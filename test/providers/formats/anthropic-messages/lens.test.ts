import { expect, test } from 'vitest'
import type { Splice } from '../../../../core/format.ts'
import { scan } from '../../../../core/scan.ts'
import { lens } from '../../../../providers/formats/anthropic-messages/lens.ts'

const scanned = (body: unknown) => scan(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
const edit = (text: string, splices: readonly Splice[]) =>
  splices
    .toSorted((left, right) => right.start - left.start)
    .reduce(
      (bytes, { start, end, text: middle }) => Buffer.concat([bytes.subarray(0, start), Buffer.from(middle), bytes.subarray(end)]),
      Buffer.from(text),
    )
    .toString()

const request = {
  model: 'claude-é',
  max_tokens: 5,
  stream: true,
  system: [{ type: 'text', text: 'sys' }],
  messages: [
    { role: 'user', content: 'hi' },
    {
      role: 'assistant',
      content: [
        { type: 'tool_use', id: 'x', name: 'f', input: {} },
        { type: 'text', text: 'so' },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: [{ type: 'text', text: 'res' }] }] },
  ],
}

test('reads what routing and guardrails need', () => {
  const body = scanned(request)
  expect([lens.model(body), lens.stream(body), lens.maxOutputTokens(body), lens.choices(body), lens.messageCount(body)]).toEqual([
    'claude-é',
    true,
    5,
    undefined,
    3,
  ])
  expect(lens.texts(body)).toEqual(['sys', 'hi', 'so', 'res'])
  expect(lens.withStreamUsage(body)).toEqual([])
})

test('renames the model, and names one where there was none', () => {
  const text = JSON.stringify(request)
  expect(JSON.parse(edit(text, [lens.withModel(scanned(text), 'other')]))).toEqual({ ...request, model: 'other' })
  expect(edit('{"a":1}', [lens.withModel(scanned('{"a":1}'), 'm')])).toBe('{"model":"m","a":1}')
})

test.each([
  [['a'], '{"b":2,"c":3}'],
  [['b'], '{"a":1,"c":3}'],
  [['c'], '{"a":1,"b":2}'],
  [['a', 'b'], '{"c":3}'],
  [['b', 'c'], '{"a":1}'],
  [['a', 'c'], '{"b":2}'],
  [['a', 'b', 'c'], '{}'],
  [['none'], '{"a":1,"b":2,"c":3}'],
])('takes out %j', (names, expected) => {
  const text = '{ "a" : 1, "b":2 ,"c": 3 }'
  expect(JSON.stringify(JSON.parse(edit(text, lens.without(scanned(text), names))))).toBe(expected)
})

test.each([
  ['{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}', 5, 1],
  ['{"type":"message_delta","delta":{},"usage":{"output_tokens":9}}', 0, 9],
  ['{"id":"m","content":[{"type":"text","text":"\\"usage\\""}],"usage":{"input_tokens":2,"output_tokens":3}}', 2, 3],
])('reads the usage of %s', (data, inputTokens, outputTokens) => {
  expect(lens.usage(data)).toMatchObject({ inputTokens, outputTokens })
})

test('usage is undefined where there is none', () => {
  expect(lens.usage('{"type":"ping"}')).toBeUndefined()
  expect(lens.usage('{"usage":')).toBeUndefined()
})

test.each([
  ['content', '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\"type\\":\\"error\\""}}'],
  ['other', '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'],
  ['content', '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"x"}}'],
  ['other', '{"type":"message_start","message":{"type":"message"}}'],
  ['finish', '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'],
  ['terminal', '{"type": "message_stop"}'],
  ['error', '{"error":{"type":"overloaded_error"},"type":"error"}'],
  ['other', '{"type":"ping"}'],
  ['other', '{"type":"brand_new"}'],
  ['other', 'no json'],
])('marks %s: %s', (mark, data) => {
  expect(lens.mark({ data })).toBe(mark)
})

test('the name of a typed event is enough', () => {
  expect(lens.mark({ event: 'message_stop', data: '{}' })).toBe('terminal')
})
