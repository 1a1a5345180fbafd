import { expect, test } from 'vitest'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { GatewayError } from '../../../../core/errors.ts'
import type { Frame } from '../../../../core/format.ts'
import { expectOrder } from '../../../conformance/format.ts'
import { answer, call, decode, delta, frame, stopped } from './helpers.ts'

const errorOf = (errors: readonly Error[]) => errors[0] as GatewayError
const partsOf = (frames: readonly Frame[], carry = {}) => {
  const { parts, errors } = decode(frames, { carry })
  expect(errors).toEqual([])
  expectOrder(parts)
  return foldParts(parts).choices[0]
}

test('text, stop, usage and metrics become parts in order', () => {
  const { parts } = decode(answer([delta(0, { text: 'He' }), delta(0, { text: 'y' }), stopped(0)]))
  expect(parts.map((part) => part.type)).toEqual([
    'response-start',
    'part-start',
    'part-delta',
    'part-delta',
    'part-end',
    'choice-end',
    'usage',
    'opaque',
    'response-end',
  ])
  expect(foldParts(parts)).toEqual({
    id: '',
    model: '',
    choices: [{ index: 0, parts: [{ type: 'text', text: 'Hey' }], stop: { reason: 'stop', raw: 'end_turn' } }],
    usage: {
      inputTokens: 3,
      outputTokens: 7,
      raw: { format: 'bedrock-converse', value: { inputTokens: 3, outputTokens: 7, totalTokens: 10 } },
    },
    extra: { 'bedrock-converse': { metrics: { latencyMs: 5 } } },
  })
})

test('text reads alike on the fast path and off it', () => {
  const texts = [
    '{"contentBlockIndex":0,"delta":{"text":"first"},"p":"abc"}',
    '{"contentBlockIndex":0,"delta":{"text":"plain"}}',
    '{"contentBlockIndex":0,"delta":{"text":"padded"},"p":"abcXYZ019"}',
    '{"contentBlockIndex":0,"delta":{"text":"line\\n\\"quoted\\" \\u00e9"},"p":"a"}',
    '{"contentBlockIndex": 0, "delta": {"text": "spaced"}}',
    '{"delta":{"text":"turned"},"contentBlockIndex":0}',
    '{"contentBlockIndex":0,"delta":{"text":"more","new":1}}',
    '{"contentBlockIndex":0,"delta":{"text":""},"p":"abcd"}',
    '{"contentBlockIndex":0,"delta":{"text":"last"},"p":"x\\u0061"}',
  ].map((data) => ({ event: 'contentBlockDelta', data }))
  expect(partsOf(answer(texts))?.parts).toEqual([{ type: 'text', text: 'firstplainpaddedline\n"quoted" éspacedturnedmorelast' }])
})

test('a broken event that begins like plain text is refused', () => {
  const broken = { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"x"}} {}' }
  const { errors } = decode([delta(0, { text: 'a' }), broken])
  expect(errorOf(errors).code).toBe('GW_UPSTREAM_INVALID')
})

test('a fast text of a block of another kind is not mixed in', () => {
  const { errors, parts } = decode([
    frame('contentBlockStart', { contentBlockIndex: 0, start: { toolUse: { toolUseId: 't', name: 'f' } } }),
    { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"x"},"p":"a"}' },
  ])
  expect(errors).toHaveLength(1)
  expect(parts.filter((part) => part.type === 'part-delta')).toEqual([
    { type: 'part-delta', choice: 0, index: 0, delta: { arguments: '{}' } },
    { type: 'part-delta', choice: 0, index: 1, delta: { text: 'x' } },
  ])
})

test('a call without input has the arguments {}, as in a whole answer', () => {
  expect(partsOf(answer(call(0, 't1', 'now', '')))?.parts).toEqual([{ type: 'tool-call', id: 't1', name: 'now', arguments: '{}' }])
})

test('a call gets the name back that the client gave its tool', () => {
  expect(partsOf(answer(call(0, 't1', 'a_b', '{}')), { tools: { a_b: 'a.b' } })?.parts).toEqual([
    { type: 'tool-call', id: 't1', name: 'a.b', arguments: '{}' },
  ])
})

test('input of a call that did not begin is refused', () => {
  expect(errorOf(decode([delta(0, { toolUse: { input: '{' } })]).errors).code).toBe('GW_UPSTREAM_INVALID')
  expect(errorOf(decode([delta(0, { text: 'a' }), delta(0, { toolUse: { input: '{' } })]).errors).code).toBe('GW_UPSTREAM_INVALID')
})

test('reasoning, its signature and sealed thoughts', () => {
  const frames = answer([
    delta(0, { reasoningContent: { text: 'hm' } }),
    delta(0, { reasoningContent: { text: '' } }),
    delta(0, { reasoningContent: { signature: 'sig' } }),
    stopped(0),
    delta(1, { reasoningContent: { redactedContent: 'c2VhbGVk' } }),
    stopped(1),
  ])
  expect(partsOf(frames, { signedBy: 'anthropic' })?.parts).toEqual([
    { type: 'reasoning', text: 'hm', signature: 'sig', signedBy: 'anthropic' },
    { type: 'reasoning', text: '', redacted: 'c2VhbGVk', signedBy: 'anthropic' },
  ])
})

test('another kind of content at the same index begins another part', () => {
  const frames = answer([delta(0, { reasoningContent: { text: 'hm' } }), delta(0, { text: 'so' })])
  expect(partsOf(frames)?.parts).toEqual([
    { type: 'reasoning', text: 'hm' },
    { type: 'text', text: 'so' },
  ])
})

test('citations belong to their text', () => {
  const web = { title: 'T', location: { web: { url: 'https://a.example', domain: 'a.example' } } }
  const page = {
    title: 'D',
    sourceContent: [{ text: 'quo' }, { text: 'te' }],
    location: { documentPage: { documentIndex: 0, start: 1, end: 2 } },
  }
  expect(partsOf(answer([delta(0, { text: 'a' }), delta(0, { citation: web }), delta(0, { citation: page })]))?.parts).toEqual([
    {
      type: 'text',
      text: 'a',
      citations: [
        { kind: 'url', url: 'https://a.example', title: 'T', extra: { 'bedrock-converse': web } },
        { kind: 'document', title: 'D', text: 'quote', extra: { 'bedrock-converse': page } },
      ],
    },
  ])
})

test('a result of a system tool is told whole, in its place', () => {
  const frames = answer([
    frame('contentBlockStart', {
      contentBlockIndex: 0,
      start: { toolUse: { toolUseId: 's', name: 'nova_grounding', type: 'server_tool_use' } },
    }),
    stopped(0),
    frame('contentBlockStart', {
      contentBlockIndex: 1,
      start: { toolResult: { toolUseId: 's', type: 'nova_grounding_result', status: 'success' } },
    }),
    delta(1, { toolResult: [{ text: 'one' }] }),
    delta(1, { toolResult: [{ json: { a: 1 } }] }),
    stopped(1),
    delta(2, { text: 'so' }),
  ])
  expect(partsOf(frames)?.parts).toEqual([
    {
      type: 'tool-call',
      kind: 'server',
      id: 's',
      name: 'nova_grounding',
      arguments: '{}',
      extra: { 'bedrock-converse': { type: 'server_tool_use' } },
    },
    {
      type: 'tool-result',
      kind: 'server',
      id: 's',
      isError: false,
      parts: [
        { type: 'text', text: 'one' },
        { type: 'text', text: '{"a":1}', extra: { 'bedrock-converse': { json: true } } },
      ],
      extra: { 'bedrock-converse': { type: 'nova_grounding_result' } },
    },
    { type: 'text', text: 'so' },
  ])
})

test('a block that nobody knows is kept whole', () => {
  const frames = answer([
    frame('contentBlockStart', { contentBlockIndex: 0, start: { novelty: { a: 1 } } }),
    delta(0, { novelty: { b: 2 } }),
    stopped(0),
  ])
  expect(partsOf(frames)?.parts).toEqual([{ type: 'opaque', format: 'bedrock-converse', value: { novelty: { a: 1, b: 2 } } }])
})

test.each([
  [{ stopReason: 'max_tokens' }, { reason: 'length', raw: 'max_tokens' }],
  [{ stopReason: 'guardrail_intervened' }, { reason: 'content-filter', raw: 'guardrail_intervened' }],
  [{ stopReason: 'new_reason' }, { reason: 'other', raw: 'new_reason' }],
  [
    { stopReason: 'stop_sequence', additionalModelResponseFields: { stop_sequence: 'END' } },
    { reason: 'stop', raw: 'stop_sequence', sequence: 'END' },
  ],
  [
    { stopReason: 'stop_sequence', additionalModelResponseFields: { delta: { stop_sequence: 'END' } } },
    { reason: 'stop', raw: 'stop_sequence', sequence: 'END' },
  ],
])('%j', (stop, expected) => {
  expect(partsOf(answer([], stop))?.stop).toEqual(expected)
})

test('what a guardrail found and which tier served are kept', () => {
  const trace = { guardrail: { inputAssessment: {} } }
  const { parts } = decode([
    frame('messageStop', { stopReason: 'end_turn' }),
    frame('metadata', { trace, serviceTier: { type: 'flex' }, usage: {} }),
  ])
  expect(foldParts(parts)).toMatchObject({ serviceTier: 'flex', extra: { 'bedrock-converse': { trace } } })
})

test('an answer without metadata is whole, without usage; one without messageStop was cut', () => {
  const frames = answer([delta(0, { text: 'a' })])
  const { parts, errors } = decode(frames.slice(0, -1))
  expect(errors).toEqual([])
  expect(parts.at(-1)).toEqual({ type: 'response-end' })
  expect(foldParts(parts).usage).toBeUndefined()
  expect(errorOf(decode(frames.slice(0, -2)).errors).code).toBe('GW_UPSTREAM_TRUNCATED')
  expect(errorOf(decode([]).errors).code).toBe('GW_UPSTREAM_TRUNCATED')
})

test('nothing follows the end', () => {
  const late = [...answer([delta(0, { text: 'a' })]), delta(0, { text: 'late' }), frame('throttlingException', { message: 'late' })]
  expect(partsOf(late)?.parts).toEqual([{ type: 'text', text: 'a' }])
  const between = answer([])
  between.splice(-1, 0, frame('messageStop', { stopReason: 'end_turn' }))
  expect(partsOf(between)?.parts).toEqual([])
})

test('content between the end of the message and the end of the stream is no whole answer', () => {
  const between = answer([])
  between.splice(-1, 0, delta(0, { text: 'late' }))
  expect(decode(between).errors).toMatchObject([{ code: 'GW_UPSTREAM_INVALID' }])
})

test.each([
  ['throttlingException', 429],
  ['validationException', 400],
  ['modelStreamErrorException', 424],
  ['modelTimeoutException', 408],
  ['internalServerException', 500],
  ['serviceUnavailableException', 503],
  ['brandNewException', 502],
  ['InternalFailure', 500],
])('%s refuses with status %d', (type, status) => {
  for (const before of [[], [delta(0, { text: 'a' })]]) {
    const error = errorOf(decode([...before, frame(type, { message: 'no' })]).errors)
    expect({ code: error.code, status: error.status, type: error.type }).toEqual({ code: 'GW_UPSTREAM_ERROR', status, type })
    expect(error.detail.upstream?.message).toBe('no')
  }
})

test('an exception whose body is no JSON refuses all the same', () => {
  const error = errorOf(decode([{ event: 'throttlingException', data: 'slow down' }]).errors)
  expect([error.status, error.detail.upstream?.message]).toEqual([429, 'slow down'])
})

test('an error that names no known type refuses, an unknown event is passed over', () => {
  expect(errorOf(decode([frame('Oops', { message: 'no' })]).errors).status).toBe(502)
  expect(partsOf(answer([frame('novelty', { a: 1 }), delta(0, { text: 'a' })]))?.parts).toEqual([{ type: 'text', text: 'a' }])
})

test('an event that is no JSON is refused', () => {
  expect(errorOf(decode([{ event: 'contentBlockDelta', data: '{"con' }]).errors).code).toBe('GW_UPSTREAM_INVALID')
})

const carry = { answer: 'bf_so_sum' }

test('the input of the tool that stands for a schema is the answer, text around it is left out', () => {
  const frames = answer(
    [
      delta(0, { text: 'Here:' }),
      stopped(0),
      ...call(1, 'a', 'bf_so_sum', '{"answer"', ':4}'),
      delta(2, { text: 'Done.' }),
      ...call(3, 'b', 'bf_so_sum', '{"answer":5}'),
    ],
    { stopReason: 'tool_use' },
  )
  expect(partsOf(frames, carry)).toEqual({
    index: 0,
    parts: [{ type: 'text', text: '{"answer":4}' }],
    stop: { reason: 'stop', raw: 'tool_use' },
  })
})

test('an answer that does not use that tool is told as it is', () => {
  const text = [delta(0, { text: 'I can' }), delta(0, { text: 'not.' }), delta(0, { citation: { title: 'T' } })]
  expect(partsOf(answer(text), carry)?.parts).toMatchObject([{ type: 'text', text: 'I cannot.', citations: [{ title: 'T' }] }])
  const other = answer([...text, ...call(1, 'a', 'other', '{}'), delta(2, { text: 'And.' })], { stopReason: 'tool_use' })
  expect(partsOf(other, carry)).toMatchObject({
    parts: [{ text: 'I cannot.' }, { name: 'other' }, { text: 'And.' }],
    stop: { reason: 'tool-calls' },
  })
})

test('an answer by that tool without any input is {}', () => {
  expect(partsOf(answer(call(0, 'a', 'bf_so_sum')), carry)?.parts).toEqual([{ type: 'text', text: '{}' }])
})
