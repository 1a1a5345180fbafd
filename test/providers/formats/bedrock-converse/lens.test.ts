import { expect, test } from 'vitest'
import { scan } from '../../../../core/scan.ts'
import { lens } from '../../../../providers/formats/bedrock-converse/lens.ts'

const body = scan(
  Buffer.from(
    JSON.stringify({
      system: [{ text: 'sys' }, { cachePoint: { type: 'default' } }],
      inferenceConfig: { maxTokens: 5 },
      messages: [
        { role: 'user', content: [{ guardContent: { text: { text: 'hi', qualifiers: ['query'] } } }, { image: {} }] },
        { role: 'assistant', content: [{ toolUse: { toolUseId: 'x', name: 'f', input: {} } }, { text: 'so' }] },
        { role: 'user', content: [{ toolResult: { toolUseId: 'x', content: [{ text: 'res' }, { json: {} }] } }] },
      ],
    }),
  ),
)

test('reads what routing and guardrails need; model and streaming are not in the body', () => {
  expect([lens.model(body), lens.stream(body), lens.maxOutputTokens(body), lens.choices(body), lens.messageCount(body)]).toEqual([
    undefined,
    false,
    5,
    undefined,
    3,
  ])
  expect(lens.texts(body)).toEqual(['sys', 'hi', 'so', 'res'])
  expect(lens.withStreamUsage(body)).toEqual([])
  expect(lens.withModel(body, 'm')).toEqual({ start: 0, end: 0, text: '' })
})

test('a body without any of it', () => {
  const empty = scan(Buffer.from('{}'))
  expect([lens.maxOutputTokens(empty), lens.messageCount(empty), lens.texts(empty)]).toEqual([undefined, 0, []])
})

test('reads usage, the cache included', () => {
  const usage = {
    inputTokens: 2,
    outputTokens: 3,
    cacheReadInputTokens: 10,
    cacheWriteInputTokens: 20,
    cacheDetails: [{ ttl: '1h', inputTokens: 20 }],
  }
  expect(lens.usage(JSON.stringify({ usage, metrics: {} }))).toEqual({
    inputTokens: 32,
    outputTokens: 3,
    cacheReadTokens: 10,
    cacheWriteTokens: 20,
    cacheWrite1hTokens: 20,
    raw: { format: 'bedrock-converse', value: usage },
  })
  expect(lens.usage('{"stopReason":"end_turn"}')).toBeUndefined()
  expect(lens.usage('{"usage":')).toBeUndefined()
})

test.each([
  ['messageStart', '{"role":"assistant"}', 'other'],
  ['contentBlockStart', '{"contentBlockIndex":0,"start":{"toolUse":{}}}', 'content'],
  ['contentBlockStart', '{"contentBlockIndex":0,"start":{}}', 'other'],
  ['contentBlockDelta', '{}', 'content'],
  ['contentBlockStop', '{}', 'other'],
  ['messageStop', '{}', 'finish'],
  ['metadata', '{}', 'usage'],
  ['throttlingException', '{}', 'error'],
  ['InternalFailure', '{}', 'error'],
  ['novelty', '{}', 'other'],
])('marks %s %s as %s', (event, data, mark) => {
  expect(lens.mark({ event, data })).toBe(mark)
})
