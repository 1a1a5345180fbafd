import { describe, expect, test } from 'vitest'
import type { ChatResponse, Citation, Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { type ErrorCode, GatewayError } from '../../../../core/errors.ts'
import { format } from '../../../../providers/formats/cohere-chat/index.ts'
import { inbound, outbound, plain, REPLY, write } from './helpers.ts'

const NAME = 'cohere-chat'
const answerOf = (parts: Part[], stop: Stop = { reason: 'stop' }, more: Partial<ChatResponse> = {}): ChatResponse => ({
  id: '',
  model: 'm',
  choices: [{ index: 0, parts, stop }],
  ...more,
})
const messageOf = (...parts: Part[]) => inbound.encodeResponse(answerOf(parts), REPLY).message
const call = (id: string, name: string, written = '', more: object = {}): Part => ({
  type: 'tool-call',
  id,
  name,
  arguments: written,
  ...more,
})
const text: Part = { type: 'text', text: 'a' }
const NOTHING = { billed_units: { input_tokens: 0, output_tokens: 0 }, tokens: { input_tokens: 0, output_tokens: 0 } }

const start = (index: number, part: Part): StreamPart => ({ type: 'part-start', choice: 0, index, part })
const delta = (index: number, change: object): StreamPart => ({ type: 'part-delta', choice: 0, index, delta: change })
const end = (index: number): StreamPart => ({ type: 'part-end', choice: 0, index })
const stop = (reason: Stop['reason']): StreamPart => ({ type: 'choice-end', choice: 0, stop: { reason } })

type Told = [type: string, index: number | undefined, message: unknown]

/** Events between the first and the last, each as its type, its index and what its message holds. */
function told(...parts: StreamPart[]): Told[] {
  const events = write(parts).map(({ event, data }): Told => {
    const { type, index, delta: change } = JSON.parse(data) as { type: string; index?: number; delta?: { message?: unknown } }
    expect(type).toBe(event)
    return [type, index, change?.message]
  })
  return events.slice(1, -1)
}

describe('a whole answer', () => {
  test('has all that strict clients want, whatever the provider said', () => {
    const empty = { id: 'gw-1', finish_reason: 'COMPLETE', message: { role: 'assistant' }, usage: NOTHING }
    expect(inbound.encodeResponse(answerOf([]), REPLY)).toEqual(empty)
    expect(inbound.encodeResponse({ id: '', model: '', choices: [] }, REPLY)).toEqual(empty)
  })

  test.each<[string, Part, JsonObject]>([
    ['text', text, { content: [{ type: 'text', text: 'a' }] }],
    ['an empty text', { type: 'text', text: '' }, {}],
    ['a refusal', { type: 'refusal', text: 'no' }, { content: [{ type: 'text', text: 'no' }] }],
    [
      'a thought',
      { type: 'reasoning', text: 'hm', signature: 's', signedBy: 'google' },
      { content: [{ type: 'thinking', thinking: 'hm' }] },
    ],
    ['a sealed thought', { type: 'reasoning', text: '', redacted: 'x' }, {}],
    ['a plan', { type: 'reasoning', text: 'p', extra: { [NAME]: { tool_plan: true } } }, { tool_plan: 'p' }],
    ['a call', call('c', 'f', '{"x":1}'), { tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }] }],
    [
      'a call without anything',
      call('', 'f'),
      { tool_calls: [{ id: 'gw-1_0', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    ],
    [
      'a call of free text',
      call('c', 'f', 'ls', { kind: 'custom' }),
      { tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"input":"ls"}' } }] },
    ],
    [
      'a signed call',
      call('c', 'f', '{}', { signature: 'AA+/' }),
      { tool_calls: [{ id: 'c_ts_AA-_', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    ],
    ["another provider's own call", call('c', 'f', '{}', { kind: 'server' }), {}],
    [
      'a picture',
      { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AA' } },
      { content: [{ type: 'text', text: '![image](data:image/png;base64,AA)' }] },
    ],
    ['a sound', { type: 'audio', source: { kind: 'file', id: 'f' }, text: 'hi' }, { content: [{ type: 'text', text: 'hi' }] }],
  ])('%s', (_, part, message) => {
    expect(messageOf(part)).toEqual({ role: 'assistant', ...message })
  })

  test('tells sources of one passage together, and its own as they came', () => {
    const cited = (url: string, start: number): Citation => ({ kind: 'url', url, title: 't', text: 'q', start, end: start + 1 })
    const own: Citation = { kind: 'document', text: 'q', start: 9, end: 10, extra: { [NAME]: { start: 9, sources: [1, 2] } } }
    const follower: Citation = { kind: 'document', text: 'q', start: 9, end: 10, title: 'second' }
    const citations = [cited('https://a', 0), cited('https://b', 0), cited('https://c', 3), own, follower]
    const message = messageOf({ type: 'reasoning', text: 'hm' }, { ...text, citations } as Part) as { citations: JsonObject[] }
    const source = (url: string) => ({ type: 'document', id: url, document: { id: url, url, title: 't', text: 'q' } })
    const passage = { text: 'q', content_index: 1, type: 'TEXT_CONTENT' }
    expect(message.citations).toEqual([
      { ...passage, start: 0, end: 1, sources: [source('https://a'), source('https://b')] },
      { ...passage, start: 3, end: 4, sources: [source('https://c')] },
      { start: 9, sources: [1, 2] },
    ])
  })

  test.each<[Stop, Part[], string]>([
    [{ reason: 'stop', raw: 'end_turn' }, [text], 'COMPLETE'],
    [{ reason: 'stop', sequence: 'END' }, [text], 'STOP_SEQUENCE'],
    [{ reason: 'stop', raw: 'STOP_SEQUENCE' }, [text], 'STOP_SEQUENCE'],
    [{ reason: 'length', raw: 'length' }, [text], 'MAX_TOKENS'],
    [{ reason: 'tool-calls' }, [call('c', 'f')], 'TOOL_CALL'],
    [{ reason: 'stop', raw: 'STOP' }, [call('c', 'f')], 'TOOL_CALL'],
    [{ reason: 'stop' }, [call('c', 'f', '{}', { kind: 'server' })], 'COMPLETE'],
    [{ reason: 'content-filter' }, [], 'ERROR_TOXIC'],
    [{ reason: 'error' }, [], 'ERROR'],
    [{ reason: 'refusal' }, [], 'ERROR_TOXIC'],
    [{ reason: 'other', raw: 'x' }, [], 'COMPLETE'],
  ])('that stopped by %j with %j says %s, streamed too', (reason, parts, word) => {
    expect(inbound.encodeResponse(answerOf(parts, reason), REPLY)).toMatchObject({ finish_reason: word })
    expect(JSON.parse(write(explode(answerOf(parts, reason))).at(-1)?.data ?? '')).toMatchObject({ delta: { finish_reason: word } })
  })

  test('tells usage of other providers, and log-probabilities one by one', () => {
    const usage = { inputTokens: 10, outputTokens: 4, cacheReadTokens: 2, searchQueries: 1 }
    const logprobs = {
      content: [
        { token: 'a', logprob: -1, bytes: null },
        { token: 'b', logprob: -2 },
      ],
    }
    const response: ChatResponse = { id: 'x', model: '', usage, choices: [{ index: 0, parts: [text], stop: { reason: 'stop' }, logprobs }] }
    const items = [
      { text: 'a', token_ids: [], logprobs: [-1] },
      { text: 'b', token_ids: [], logprobs: [-2] },
    ]
    expect(inbound.encodeResponse(response, REPLY)).toMatchObject({
      id: 'x',
      usage: { tokens: { input_tokens: 10, output_tokens: 4 }, billed_units: { search_units: 1 }, cached_tokens: 2 },
      logprobs: items,
    })
    const streamed = write(explode(response)).flatMap(({ data }) => (JSON.parse(data) as { logprobs?: unknown }).logprobs ?? [])
    expect(streamed).toEqual(items)
    const own = { ...response, choices: [{ index: 0, parts: [text], stop: { reason: 'stop' as const, raw: 'COMPLETE' }, logprobs: items }] }
    expect(outbound.decodeResponse(plain(inbound.encodeResponse(own, REPLY))).choices).toEqual(own.choices)
  })
})

describe('a stream', () => {
  test('has its usage in the last event whenever it was told, and zeros when it was not', () => {
    const parts = [start(0, { type: 'text', text: '' }), delta(0, { text: 'hi' }), end(0), stop('stop')]
    const usage: StreamPart = { type: 'usage', usage: { inputTokens: 3, outputTokens: 4 } }
    const last = (...steps: StreamPart[]) => JSON.parse(write(steps).at(-1)?.data ?? '') as JsonObject
    const tokens = { input_tokens: 3, output_tokens: 4 }
    const done: StreamPart = { type: 'response-end' }
    expect(last(...parts, usage, done)).toEqual({
      type: 'message-end',
      delta: { finish_reason: 'COMPLETE', usage: { billed_units: tokens, tokens } },
    })
    expect(last(usage, ...parts, done)).toEqual(last(...parts, usage, done))
    expect(last(...parts, done)).toEqual({ type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: NOTHING } })
    expect(last(...parts)).toEqual(last(...parts, done))
    expect(JSON.parse(write(parts)[0]?.data ?? '')).toMatchObject({
      type: 'message-start',
      id: 'gw-1',
      delta: { message: { role: 'assistant' } },
    })
  })

  test('tells calls that came side by side one after another', () => {
    const begin = (id: string, name: string) => ({ tool_calls: { id, type: 'function', function: { name, arguments: '' } } })
    const said = (written: string) => ({ tool_calls: { function: { arguments: written } } })
    expect(
      told(
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
      ),
    ).toEqual([
      ['content-start', 0, { content: { type: 'text', text: '' } }],
      ['content-delta', 0, { content: { text: 'look' } }],
      ['content-end', 0, undefined],
      ['tool-call-start', 0, begin('a', 'f')],
      ['tool-call-delta', 0, said('{"x":1}')],
      ['tool-call-end', 0, undefined],
      ['tool-call-start', 1, begin('b', 'g')],
      ['tool-call-delta', 1, said('{"y":')],
      ['tool-call-delta', 1, said('2}')],
      ['tool-call-end', 1, undefined],
      ['tool-call-start', 2, begin('gw-1_3', 'h')],
      ['tool-call-delta', 2, said('{}')],
      ['tool-call-end', 2, undefined],
    ])
  })

  test('tells plans, thoughts and pictures, and leaves out what says nothing', () => {
    const plan: Part = { type: 'reasoning', text: 'p', extra: { [NAME]: { tool_plan: true } } }
    const image: Part = { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AA' } }
    expect(
      told(
        start(0, plan),
        delta(0, { text: 'q' }),
        end(0),
        start(1, { type: 'reasoning', text: '', redacted: 'x' }),
        end(1),
        start(2, { type: 'reasoning', text: '' }),
        delta(2, { text: 'hm', signature: 's' }),
        end(2),
        start(3, { type: 'text', text: '' }),
        end(3),
        start(4, call('s', 'search', '{}', { kind: 'server' })),
        end(4),
        start(5, image),
        delta(5, { data: 'BB' }),
        end(5),
        { type: 'part-start', choice: 1, index: 0, part: text },
      ),
    ).toEqual([
      ['tool-plan-delta', undefined, { tool_plan: 'p' }],
      ['tool-plan-delta', undefined, { tool_plan: 'q' }],
      ['content-start', 0, { content: { type: 'thinking', thinking: '' } }],
      ['content-delta', 0, { content: { thinking: 'hm' } }],
      ['content-end', 0, undefined],
      ['content-start', 1, { content: { type: 'text', text: '' } }],
      ['content-delta', 1, { content: { text: '![image](data:image/png;base64,AABB)' } }],
      ['content-end', 1, undefined],
    ])
  })

  test('tells sources also behind the text, and of a text that still waits in its turn', () => {
    const citation = (url: string): Citation => ({ kind: 'url', url, start: 0, end: 1 })
    const names = told(
      start(0, { type: 'text', text: 'a' }),
      start(1, { type: 'text', text: 'b' }),
      delta(1, { citation: citation('https://b') }),
      end(1),
      end(0),
      delta(0, { citation: citation('https://a') }),
    )
    const urls = names.flatMap(([type, index, message]) => {
      const { citations } = (message ?? {}) as { citations?: { content_index: number; sources: { id: string }[] } }
      return type === 'citation-start' ? [[index, citations?.content_index, citations?.sources[0]?.id]] : []
    })
    expect(urls).toEqual([
      [0, 1, 'https://b'],
      [1, 0, 'https://a'],
    ])
    expect(names.map(([type]) => type)).toEqual([
      'content-start',
      'content-delta',
      'content-end',
      'content-start',
      'content-delta',
      'citation-start',
      'citation-end',
      'content-end',
      'citation-start',
      'citation-end',
    ])
  })

  test('puts free text of a call into an object, cut anywhere', () => {
    const custom = call('c', 'f', '', { kind: 'custom' })
    const parts = [
      start(0, custom),
      delta(0, { arguments: 'a "b\ud83d' }),
      delta(0, { arguments: '\ude00\n' }),
      end(0),
      start(1, custom),
      end(1),
    ]
    const written = ['', '']
    for (const [type, index, message] of told(...parts) as [string, number, { tool_calls: { function: { arguments: string } } }][])
      if (type === 'tool-call-delta') written[index] += message.tool_calls.function.arguments
    expect(written.map((said) => JSON.parse(said))).toEqual([{ input: 'a "b😀\n' }, { input: '' }])
  })
})

test.each<[ErrorCode, string]>([
  ['GW_UPSTREAM_TRUNCATED', 'ERROR'],
  ['GW_STREAM_IDLE', 'TIMEOUT'],
])('%s is a message, in a stream a finish reason', (code, reason) => {
  const error = new GatewayError(code, { provider: 'p' })
  expect(inbound.encodeError(error)).toEqual({ message: error.message })
  const frame = inbound.encodeErrorFrame(error)
  expect(JSON.parse(frame.data)).toEqual({ type: 'message-end', delta: { finish_reason: reason, error: error.message, usage: NOTHING } })
  expect(format.lens.mark(frame)).toBe('error')
  expect(write([start(0, text)], error).at(-1)).toEqual(frame)
  const upstream = { message: 'slow down', type: 'x' }
  expect(inbound.encodeError(new GatewayError('GW_UPSTREAM_ERROR', { status: 429, upstream }))).toEqual({ message: 'slow down' })
})
