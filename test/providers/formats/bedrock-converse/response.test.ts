import { expect, test } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { outbound } from './helpers.ts'

const body = (content: JsonObject[], more: JsonObject = {}): JsonObject => ({
  output: { message: { role: 'assistant', content } },
  stopReason: 'end_turn',
  usage: { inputTokens: 3, outputTokens: 7, totalTokens: 10 },
  ...more,
})
const parts = (content: JsonObject[], carry = {}) => outbound.decodeResponse(body(content), carry).choices[0]?.parts

test('blocks of every kind become parts', () => {
  expect(
    parts([
      { text: 'a' },
      { reasoningContent: { redactedContent: 'c2VhbGVk' } },
      {
        citationsContent: {
          content: [{ text: 'b' }, { text: 'c' }],
          citations: [{ title: 'T', sourceContent: [{ text: 'q' }], location: {} }],
        },
      },
      { image: { format: 'png', source: { bytes: 'AAAA' } } },
      { image: { format: 'png', source: { s3Location: { uri: 's3://b/k' } } } },
      { toolUse: { toolUseId: 't', name: 'f' } },
      { novelty: { x: 1 } },
    ]),
  ).toEqual([
    { type: 'text', text: 'a' },
    { type: 'reasoning', text: '', redacted: 'c2VhbGVk' },
    {
      type: 'text',
      text: 'bc',
      citations: [
        {
          kind: 'document',
          title: 'T',
          text: 'q',
          extra: { 'bedrock-converse': { title: 'T', sourceContent: [{ text: 'q' }], location: {} } },
        },
      ],
    },
    { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } },
    { type: 'opaque', format: 'bedrock-converse', value: { image: { format: 'png', source: { s3Location: { uri: 's3://b/k' } } } } },
    { type: 'tool-call', id: 't', name: 'f', arguments: '{}' },
    { type: 'opaque', format: 'bedrock-converse', value: { novelty: { x: 1 } } },
  ])
})

test('metrics, trace and tier are kept, and the sequence that stopped it', () => {
  const response = outbound.decodeResponse(
    body([], {
      stopReason: 'stop_sequence',
      metrics: { latencyMs: 1 },
      trace: { guardrail: {} },
      performanceConfig: { latency: 'optimized' },
      serviceTier: { type: 'priority' },
      additionalModelResponseFields: { stop_sequence: 'END' },
    }),
  )
  expect(response).toMatchObject({
    serviceTier: 'priority',
    extra: { 'bedrock-converse': { metrics: { latencyMs: 1 }, trace: { guardrail: {} }, performanceConfig: { latency: 'optimized' } } },
    choices: [
      {
        stop: { reason: 'stop', raw: 'stop_sequence', sequence: 'END' },
        extra: { 'bedrock-converse': { additionalModelResponseFields: { stop_sequence: 'END' } } },
      },
    ],
  })
})

test('names and signatures by what the request left behind', () => {
  const content = [
    { reasoningContent: { reasoningText: { text: 'hm', signature: 's' } } },
    { toolUse: { toolUseId: 't', name: 'a_b', input: { c: 1 } } },
  ]
  expect(parts(content, { tools: { a_b: 'a.b' }, signedBy: 'anthropic' })).toEqual([
    { type: 'reasoning', text: 'hm', signature: 's', signedBy: 'anthropic' },
    { type: 'tool-call', id: 't', name: 'a.b', arguments: '{"c":1}' },
  ])
})

test.each([[{}], [{ output: {} }], [{ output: { message: { content: 'text' } } }]])('%j is no answer', (answer) => {
  expect(() => outbound.decodeResponse(answer)).toThrow(expect.objectContaining({ code: 'GW_UPSTREAM_INVALID' }))
})

test('an error that came with status 200', () => {
  const error = { __type: 'com.amazon.coral.service#ThrottlingException:http://internal/', message: 'slow' }
  expect(() => outbound.decodeResponse(error)).toThrow(
    expect.objectContaining({ code: 'GW_UPSTREAM_ERROR', detail: expect.objectContaining({ status: 429 }) }),
  )
})

test.each([
  [{ message: 'm' }, { message: 'm' }],
  [{ Message: 'M' }, { message: 'M' }],
  [
    { __type: 'ValidationException', message: 'm' },
    { message: 'm', type: 'ValidationException' },
  ],
  [{ odd: 1 }, { message: '{"odd":1}' }],
  ['', { message: 'empty response' }],
  [undefined, { message: 'empty response' }],
  ['<html><body>no</body></html>', { message: 'the provider answered with an HTML page' }],
  ['plain', { message: 'plain' }],
])('reads the error %j', (error, expected) => {
  expect(outbound.decodeError(error)).toEqual(expected)
})
