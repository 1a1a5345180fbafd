import { describe, expect, test } from 'vitest'
import type { ChatResponse, Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { type ErrorCode, type ErrorDetail, GatewayError } from '../../../../core/errors.ts'
import { format } from '../../../../providers/formats/bedrock-converse/index.ts'
import { inbound, REPLY, read, write } from './helpers.ts'

const answerOf = (parts: Part[], stop: Stop = { reason: 'stop' }, more: Partial<ChatResponse> = {}): ChatResponse => ({
  id: 'a',
  model: 'm',
  choices: [{ index: 0, parts, stop }],
  ...more,
})
const whole = (...parts: Part[]) => inbound.encodeResponse(answerOf(parts), REPLY)
const contentOf = (...parts: Part[]) => (whole(...parts).output as { message: { content: JsonObject[] } }).message.content
const call = (id: string, name: string, written = '', more: object = {}): Part => ({
  type: 'tool-call',
  id,
  name,
  arguments: written,
  ...more,
})
const text: Part = { type: 'text', text: 'a' }

/** Events by their names, with what they hold. */
const events = (parts: readonly StreamPart[], failure?: Error) => write(parts, failure).map(({ event, data }) => [event, JSON.parse(data)])
const start = (index: number, part: Part): StreamPart => ({ type: 'part-start', choice: 0, index, part })
const delta = (index: number, change: object): StreamPart => ({ type: 'part-delta', choice: 0, index, delta: change })
const end = (index: number): StreamPart => ({ type: 'part-end', choice: 0, index })
const stop = (reason: Stop['reason']): StreamPart => ({ type: 'choice-end', choice: 0, stop: { reason } })
const NOTHING = { usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 }, metrics: { latencyMs: 0 } }

describe('a whole answer', () => {
  test('has all that strict clients want, whatever the provider said', () => {
    expect(whole()).toEqual({ output: { message: { role: 'assistant', content: [] } }, stopReason: 'end_turn', ...NOTHING })
    expect(inbound.encodeResponse({ id: '', model: '', choices: [] }, REPLY)).toEqual(whole())
  })

  test.each<[string, Part, JsonObject | undefined]>([
    ['text', text, { text: 'a' }],
    ['a refusal', { type: 'refusal', text: 'no' }, { text: 'no' }],
    ['a thought', { type: 'reasoning', text: 'hm' }, { reasoningContent: { reasoningText: { text: 'hm' } } }],
    [
      "another vendor's proof",
      { type: 'reasoning', text: 'hm', signature: 's', signedBy: 'google' },
      { reasoningContent: { reasoningText: { text: 'hm', signature: 'bf.google.s' } } },
    ],
    [
      'a sealed thought',
      { type: 'reasoning', text: '', redacted: 'AAAA', signedBy: 'anthropic' },
      { reasoningContent: { redactedContent: 'AAAA' } },
    ],
    ['a call', call('t', 'f', '{"x":1}'), { toolUse: { toolUseId: 't', name: 'f', input: { x: 1 } } }],
    ['a call without an id', call('', 'f', 'null'), { toolUse: { toolUseId: 'tooluse_gw-1_0', name: 'f', input: {} } }],
    ['a call that was cut', call('t', 'f', '{"x":'), { toolUse: { toolUseId: 't', name: 'f', input: { input: '{"x":' } } }],
    ['a call of free text', call('t', 'f', 'ls', { kind: 'custom' }), { toolUse: { toolUseId: 't', name: 'f', input: { input: 'ls' } } }],
    ['a signed call', call('t', 'f', '{}', { signature: 'AA+/' }), { toolUse: { toolUseId: 't_ts_AA-_', name: 'f', input: {} } }],
    ["another provider's own call", call('t', 'f', '{}', { kind: 'server' }), undefined],
    [
      'a picture',
      { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } },
      { image: { format: 'png', source: { bytes: 'AAAA' } } },
    ],
    ['a picture elsewhere', { type: 'image', source: { kind: 'url', url: 'https://e.com/a' } }, { text: '![image](https://e.com/a)' }],
    ['a sound', { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: 'AAAA' }, text: 'hi' }, { text: 'hi' }],
    [
      'a text with sources',
      { type: 'text', text: 'a', citations: [{ kind: 'url', url: 'https://e.com', title: 't', text: 'q' }] },
      {
        citationsContent: {
          content: [{ text: 'a' }],
          citations: [{ title: 't', sourceContent: [{ text: 'q' }], location: { web: { url: 'https://e.com' } } }],
        },
      },
    ],
  ])('%s', (_, part, block) => {
    expect(contentOf(part)).toEqual(block ? [block] : [])
  })

  test('a sealed thought of another family is base64, and reads back', () => {
    const part: Part = { type: 'reasoning', text: '', redacted: 'gAAA-_', signedBy: 'openai' }
    const [block] = contentOf(part)
    const { redactedContent } = (block as { reasoningContent: { redactedContent: string } }).reasoningContent
    expect(Buffer.from(redactedContent, 'base64').toString('base64')).toBe(redactedContent)
    const messages = [
      { role: 'user', content: [{ text: 'q' }] },
      { role: 'assistant', content: [block as JsonObject] },
    ]
    expect(read({ messages }).messages[1]?.parts).toEqual([part])
  })

  test.each<[Stop, Part[], string]>([
    [{ reason: 'stop', raw: 'stop' }, [text], 'end_turn'],
    [{ reason: 'stop', sequence: 'END' }, [text], 'stop_sequence'],
    [{ reason: 'length', raw: 'MAX_TOKENS' }, [text], 'max_tokens'],
    [{ reason: 'length', raw: 'model_context_window_exceeded' }, [text], 'model_context_window_exceeded'],
    [{ reason: 'tool-calls' }, [call('t', 'f')], 'tool_use'],
    [{ reason: 'stop', raw: 'STOP' }, [call('t', 'f')], 'tool_use'],
    [{ reason: 'stop', raw: 'end_turn' }, [call('t', 'f')], 'tool_use'],
    [{ reason: 'stop' }, [call('t', 'f', '{}', { kind: 'server' })], 'end_turn'],
    [{ reason: 'content-filter' }, [], 'content_filtered'],
    [{ reason: 'content-filter', raw: 'guardrail_intervened' }, [], 'guardrail_intervened'],
    [{ reason: 'refusal' }, [], 'content_filtered'],
    [{ reason: 'stop', raw: 'tool_use' }, [text], 'end_turn'],
    [{ reason: 'other', raw: 'x' }, [text], 'end_turn'],
  ])('that stopped by %j with %j says %s, streamed too', (reason, parts, word) => {
    expect(inbound.encodeResponse(answerOf(parts, reason), REPLY)).toMatchObject({ stopReason: word })
    expect(events(explode(answerOf(parts, reason))).find(([event]) => event === 'messageStop')?.[1]).toMatchObject({ stopReason: word })
  })

  test('tells usage without what the cache holds, its tier, and the sequence that stopped it', () => {
    const usage = { inputTokens: 10, outputTokens: 4, cacheReadTokens: 2, cacheWriteTokens: 3, cacheWrite5mTokens: 3, reasoningTokens: 1 }
    expect(
      inbound.encodeResponse(answerOf([text], { reason: 'stop', sequence: 'END' }, { usage, serviceTier: 'flex' }), REPLY),
    ).toMatchObject({
      additionalModelResponseFields: { stop_sequence: 'END' },
      serviceTier: { type: 'flex' },
      usage: {
        inputTokens: 5,
        outputTokens: 4,
        totalTokens: 14,
        cacheReadInputTokens: 2,
        cacheWriteInputTokens: 3,
        cacheDetails: [{ ttl: '5m', inputTokens: 3 }],
      },
    })
  })
})

describe('a stream', () => {
  test('has its usage at the end whenever it was told, and zeros when it was not', () => {
    const parts = [start(0, { type: 'text', text: '' }), delta(0, { text: 'hi' }), end(0), stop('stop')]
    const told: StreamPart = { type: 'usage', usage: { inputTokens: 3, outputTokens: 4 } }
    const expected = [
      ['messageStart', { role: 'assistant' }],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'hi' } }],
      ['contentBlockStop', { contentBlockIndex: 0 }],
      ['messageStop', { stopReason: 'end_turn' }],
    ]
    const metadata = ['metadata', { usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 }, metrics: { latencyMs: 0 } }]
    expect(events([...parts, { type: 'response-end' }])).toEqual([...expected, ['metadata', NOTHING]])
    expect(events([told, ...parts, { type: 'response-end' }])).toEqual([...expected, metadata])
    expect(events([...parts, told, { type: 'response-end' }])).toEqual([...expected, metadata])
    expect(events(parts)).toEqual([...expected, ['metadata', NOTHING]])
  })

  test('tells calls that came side by side one after another', () => {
    const parts = [
      start(0, { type: 'text', text: '' }),
      delta(0, { text: 'look' }),
      start(1, call('a', 'f')),
      start(2, call('b', 'g')),
      delta(2, { arguments: '{"y":' }),
      delta(1, { arguments: '{"x":1}' }),
      end(0),
      delta(2, { arguments: '2}' }),
      start(3, call('', 'h')),
      end(2),
      end(3),
      end(1),
      stop('tool-calls'),
    ]
    const input = (index: number, said: string) => ['contentBlockDelta', { contentBlockIndex: index, delta: { toolUse: { input: said } } }]
    const begin = (index: number, toolUse: object) => ['contentBlockStart', { contentBlockIndex: index, start: { toolUse } }]
    const over = (index: number) => ['contentBlockStop', { contentBlockIndex: index }]
    expect(events(parts).slice(1, -1)).toEqual([
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'look' } }],
      over(0),
      begin(1, { toolUseId: 'a', name: 'f' }),
      input(1, '{"x":1}'),
      over(1),
      begin(2, { toolUseId: 'b', name: 'g' }),
      input(2, '{"y":'),
      input(2, '2}'),
      over(2),
      begin(3, { toolUseId: 'tooluse_gw-1_3', name: 'h' }),
      input(3, '{}'),
      over(3),
      ['messageStop', { stopReason: 'tool_use' }],
    ])
  })

  test('leaves out empty texts, what others ran, other choices and what comes too late', () => {
    const parts = [
      start(0, { type: 'text', text: '' }),
      end(0),
      start(1, call('s', 'search', '{}', { kind: 'server' })),
      end(1),
      { type: 'part-start', choice: 1, index: 0, part: text } as StreamPart,
      start(2, text),
      end(2),
      stop('stop'),
      delta(2, { citation: { kind: 'url', url: 'https://e.com' } }),
    ]
    expect(events(parts).slice(1, -2)).toEqual([
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'a' } }],
      ['contentBlockStop', { contentBlockIndex: 0 }],
    ])
  })

  test('puts free text of a call into an object, cut anywhere', () => {
    const parts = [
      start(0, call('t', 'f', '', { kind: 'custom' })),
      delta(0, { arguments: 'a "b\ud83d' }),
      delta(0, { arguments: '\ude00\n' }),
      end(0),
    ]
    const inputs = events([...parts, start(1, call('u', 'f', '', { kind: 'custom' })), end(1)]).map(
      ([, { delta: said }]) => said?.toolUse.input ?? '',
    )
    const [first, second] = inputs.join('').split('}{')
    expect(JSON.parse(`${first}}`)).toEqual({ input: 'a "b😀\n' })
    expect(JSON.parse(`{${second}`)).toEqual({ input: '' })
  })

  test('gathers a picture, and tells what came whole', () => {
    const image: Part = { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AA' } }
    const opaque: Part = { type: 'opaque', format: 'bedrock-converse', value: { novelty: { a: 1 } } }
    const parts = [
      start(0, image),
      delta(0, { data: 'AA' }),
      end(0),
      start(1, opaque),
      end(1),
      start(2, { ...opaque, format: 'x' }),
      end(2),
    ]
    expect(events(parts).slice(1, -2)).toEqual([
      ['contentBlockStart', { contentBlockIndex: 0, start: { image: { format: 'png' } } }],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { image: { source: { bytes: 'AAAA' } } } }],
      ['contentBlockStop', { contentBlockIndex: 0 }],
      ['contentBlockStart', { contentBlockIndex: 1, start: { novelty: { a: 1 } } }],
      ['contentBlockStop', { contentBlockIndex: 1 }],
    ])
  })

  test('that was cut short by an earlier stage ends as a whole one', () => {
    const names = events([start(0, { type: 'text', text: '' }), delta(0, { text: 'hi' })]).map(([event]) => event)
    expect(names).toEqual(['messageStart', 'contentBlockDelta', 'contentBlockStop', 'messageStop', 'metadata'])
    expect(events([]).map(([event]) => event)).toEqual(['messageStart', 'messageStop', 'metadata'])
  })
})

describe('an error', () => {
  test.each<[ErrorCode, ErrorDetail, string, string]>([
    ['GW_INVALID_REQUEST', { param: 'messages', reason: 'r' }, 'ValidationException', 'validationException'],
    ['GW_MODEL_NOT_ALLOWED', {}, 'AccessDeniedException', 'validationException'],
    ['GW_ROUTE_NOT_FOUND', {}, 'ResourceNotFoundException', 'validationException'],
    ['GW_BODY_TOO_LARGE', {}, 'ValidationException', 'validationException'],
    ['GW_QUEUE_FULL', {}, 'ThrottlingException', 'throttlingException'],
    ['GW_INTERNAL', {}, 'InternalServerException', 'internalServerException'],
    ['GW_OVERLOADED', {}, 'ServiceUnavailableException', 'serviceUnavailableException'],
    ['GW_REQUEST_TIMEOUT', {}, 'ModelTimeoutException', 'modelStreamErrorException'],
    ['GW_UPSTREAM_TRUNCATED', {}, 'InternalServerException', 'modelStreamErrorException'],
    [
      'GW_UPSTREAM_ERROR',
      { status: 429, upstream: { message: 'slow', type: 'rate_limit_error' } },
      'ThrottlingException',
      'throttlingException',
    ],
    [
      'GW_UPSTREAM_ERROR',
      { status: 429, upstream: { message: 'x', type: 'ModelNotReadyException' } },
      'ModelNotReadyException',
      'throttlingException',
    ],
  ])('%s %j is a %s, in a stream a %s', (code, detail, exception, event) => {
    const error = new GatewayError(code, detail)
    const message = detail.upstream?.message ?? error.message
    expect(inbound.encodeError(error)).toEqual({ message, __type: exception })
    expect(inbound.errorHeaders?.(error)).toEqual({ 'x-amzn-errortype': exception })
    const frame = inbound.encodeErrorFrame(error)
    expect(frame.event).toBe(event)
    expect(JSON.parse(frame.data)).toMatchObject({ message })
    expect(format.lens.mark(frame)).toBe('error')
    expect(write([start(0, text)], error).at(-1)).toEqual(frame)
  })
})
