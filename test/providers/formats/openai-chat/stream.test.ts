import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import type { StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { GatewayError } from '../../../../core/errors.ts'
import type { Frame } from '../../../../core/format.ts'
import { FRAMINGS } from '../../../../core/stream/framing.ts'
import { decodeStream } from '../../../../providers/formats/openai-chat/decode-stream.ts'
import { encodeStream } from '../../../../providers/formats/openai-chat/stream.ts'
import { REPLY, runFold } from '../../../conformance/format.ts'

const frame = (body: JsonObject | string): Frame => ({
  data: typeof body === 'string' ? body : JSON.stringify({ id: 'c', model: 'm', ...body }),
})
const delta = (fields: JsonObject | null, rest: JsonObject = {}): JsonObject => ({ choices: [{ index: 0, delta: fields, ...rest }] })
const finish = (reason = 'stop'): JsonObject => delta({}, { finish_reason: reason })
const decode = (...events: (JsonObject | string)[]) => runFold(decodeStream, events.map(frame))
const fold = (...events: (JsonObject | string)[]) => foldParts(decode(...events, finish(), '[DONE]').out)
const partsOf = (...events: (JsonObject | string)[]) => fold(...events).choices[0]?.parts
const call = (id: string, name: string, args: string) => ({ type: 'tool-call', id, name, arguments: args })

describe('decodeStream: what compatible servers do', () => {
  it('thinks in one field or in three, counted once', () => {
    const thought = [{ type: 'reasoning', text: 'Hmm' }]
    expect(partsOf(delta({ reasoning: 'Hm' }), delta({ reasoning: 'm' }))).toEqual(thought)
    expect(partsOf(delta({ reasoning_content: 'Hmm' }))).toEqual(thought)
    const both = { reasoning: 'Hmm', reasoning_content: 'Hmm', reasoning_details: [{ type: 'reasoning.text', text: 'Hmm', index: 0 }] }
    expect(partsOf(delta(both))).toEqual(thought)
  })

  it('signs thoughts behind their text, and seals others', () => {
    const details = (detail: JsonObject): JsonObject => delta({ reasoning_details: [{ index: 0, type: 'reasoning.text', ...detail }] })
    expect(
      partsOf(details({ text: 'Hm' }), details({ signature: 's' }), details({ type: 'reasoning.encrypted', index: 1, data: 'x' })),
    ).toEqual([
      { type: 'reasoning', text: 'Hm', signature: 's' },
      { type: 'reasoning', text: '', redacted: 'x' },
    ])
  })

  it('sends calls whole, without index or id', () => {
    const tool = (name: string): JsonObject => ({ function: { name, arguments: '{"a":1}' } })
    expect(partsOf(delta({ tool_calls: [tool('f'), tool('g')] }))).toEqual([
      call('call_0_0', 'f', '{"a":1}'),
      call('call_0_1', 'g', '{"a":1}'),
    ])
  })

  it('numbers all calls 0', () => {
    const tool = (id: string): JsonObject =>
      delta({ tool_calls: [{ index: 0, id, type: 'function', function: { name: 'f', arguments: '{}' } }] })
    expect(partsOf(tool('a'), tool('b'))).toEqual([call('a', 'f', '{}'), call('b', 'f', '{}')])
  })

  it('interleaves the arguments of two calls', () => {
    const start = (index: number): JsonObject => delta({ tool_calls: [{ index, id: `c${index}`, function: { name: 'f', arguments: '' } }] })
    const more = (index: number, args: string): JsonObject => delta({ tool_calls: [{ index, function: { arguments: args } }] })
    expect(partsOf(start(0), start(1), more(0, '{"a"'), more(1, '{'), more(0, ':1}'), more(1, '}'))).toEqual([
      call('c0', 'f', '{"a":1}'),
      call('c1', 'f', '{}'),
    ])
  })

  it('names a call after its arguments began, repeats names, sends arguments as an object', () => {
    const tool = (fields: JsonObject): JsonObject => delta({ tool_calls: [{ index: 0, ...fields }] })
    expect(
      partsOf(
        tool({ id: 'a', function: { arguments: '{"a"' } }),
        tool({ function: { name: 'f', arguments: ':1' } }),
        tool({ function: { name: 'f', arguments: '}' } }),
      ),
    ).toEqual([call('a', 'f', '{"a":1}')])
    expect(partsOf(tool({ id: 'a', function: { name: 'f', arguments: { a: 1 } } }))).toEqual([call('a', 'f', '{"a":1}')])
  })

  it('still calls functions the old way', () => {
    expect(partsOf(delta({ function_call: { name: 'f', arguments: '' } }), delta({ function_call: { arguments: '{}' } }))).toEqual([
      call('call_0_0', 'f', '{}'),
    ])
  })

  it('finishes with a null delta, leaves out roles, sends empty texts', () => {
    const { out, error } = decode(delta({ content: '' }), delta({ content: 'A' }), delta(null, { finish_reason: 'stop' }))
    expect(error).toBeUndefined()
    expect(foldParts(out).choices).toEqual([{ index: 0, parts: [{ type: 'text', text: 'A' }], stop: { reason: 'stop', raw: 'stop' } }])
  })

  it('reports usage anywhere, and ends with zeros', () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2 }
    expect(fold(delta({ content: 'A' }), { choices: [], x_groq: { usage } }).usage).toMatchObject({ inputTokens: 3, outputTokens: 2 })
    expect(
      fold(delta({ content: 'A' }), { ...delta({}), usage }, { choices: [], usage: { prompt_tokens: 0, completion_tokens: 0 } }).usage
        ?.inputTokens,
    ).toBe(3)
  })

  it('finishes twice and goes on after the end', () => {
    const { out } = decode(
      delta({ content: 'A' }),
      finish(),
      delta({ content: 'B' }),
      finish('length'),
      '[DONE]',
      delta({ content: 'C' }),
      '[DONE]',
    )
    expect(foldParts(out).choices[0]).toMatchObject({ parts: [{ text: 'A' }], stop: { reason: 'stop' } })
    expect(out.filter((part) => part.type === 'response-end')).toHaveLength(1)
  })

  it('24: says nothing before its finish reason: what comes late is the answer', () => {
    const late = [delta({ role: 'assistant' }), finish('length'), delta({ content: 'A' }), delta({ content: 'B' })]
    for (const events of [late, [...late, '[DONE]'], [...late, finish('length'), delta({ content: 'C' }), '[DONE]']]) {
      const { out, error } = decode(...events)
      expect(error).toBeUndefined()
      expect(foldParts(out).choices).toMatchObject([{ parts: [{ text: 'AB' }], stop: { reason: 'length' } }])
      expect(out.filter((part) => part.type === 'choice-end')).toHaveLength(1)
    }
    expect(foldParts(decode(finish('content_filter')).out).choices).toMatchObject([{ parts: [], stop: { reason: 'content-filter' } }])
  })

  it('names the family that signed a thought', () => {
    const details = (detail: JsonObject): JsonObject => delta({ reasoning_details: [{ index: 0, type: 'reasoning.text', ...detail }] })
    expect(
      partsOf(details({ text: 'Hm', format: 'anthropic-claude-v1' }), details({ signature: 's', format: 'anthropic-claude-v1' })),
    ).toEqual([{ type: 'reasoning', text: 'Hm', signature: 's', signedBy: 'anthropic' }])
  })

  it('interleaves several choices', () => {
    const of = (index: number, fields: JsonObject, rest: JsonObject = {}): JsonObject => ({ choices: [{ index, delta: fields, ...rest }] })
    const { out } = decode(
      of(1, { content: 'B' }),
      of(0, { content: 'A' }),
      of(1, { content: 'b' }),
      of(0, {}, { finish_reason: 'stop' }),
      of(1, {}, { finish_reason: 'length' }),
    )
    expect(foldParts(out).choices).toMatchObject([
      { index: 0, parts: [{ text: 'A' }], stop: { reason: 'stop' } },
      { index: 1, parts: [{ text: 'Bb' }], stop: { reason: 'length' } },
    ])
  })

  it('cites', () => {
    const annotation = { type: 'url_citation', url_citation: { url: 'https://e.com', title: 'E', start_index: 0, end_index: 1 } }
    expect(partsOf(delta({ content: 'A', annotations: [annotation] }))).toEqual([
      { type: 'text', text: 'A', citations: [{ kind: 'url', url: 'https://e.com', title: 'E', start: 0, end: 1 }] },
    ])
  })
})

describe('decodeStream: faults', () => {
  it.each<[string, string, (JsonObject | string)[]]>([
    ['17: ends before a finish', 'GW_UPSTREAM_TRUNCATED', [delta({ content: 'A' })]],
    ['17: ends before anything', 'GW_UPSTREAM_TRUNCATED', []],
    ['19: one choice of two is cut', 'GW_UPSTREAM_TRUNCATED', [{ choices: [{ index: 1, delta: { content: 'B' } }] }, finish()]],
    ['21: bad JSON', 'GW_UPSTREAM_INVALID', [delta({ content: 'A' }), '{"id":']],
    ['21: JSON that is no object', 'GW_UPSTREAM_INVALID', ['[1]']],
    ['15: usage and no answer', 'GW_UPSTREAM_INVALID', [{ choices: [], usage: { prompt_tokens: 1 } }, '[DONE]']],
    ['a terminator and nothing else', 'GW_UPSTREAM_INVALID', ['[DONE]']],
    ['20: an error event', 'GW_UPSTREAM_ERROR', [delta({ content: 'A' }), { error: { message: 'boom', code: 429 } }]],
    [
      '20: an error beside a choice',
      'GW_UPSTREAM_ERROR',
      [{ ...delta({ content: '' }, { finish_reason: 'error' }), error: { message: 'boom' } }],
    ],
  ])('%s', (_, code, events) => {
    const { out, error } = decode(...events)
    expect((error as GatewayError | undefined)?.code).toBe(code)
    expect(out.some((part) => part.type === 'response-end')).toBe(false)
  })

  it('tells status and words of an error event', () => {
    const { error } = decode({ error: { message: 'slow down', type: 'rate_limit_error', code: null } })
    expect((error as GatewayError).status).toBe(429)
    expect((error as GatewayError).detail.upstream).toEqual({ message: 'slow down', type: 'rate_limit_error' })
    const named = runFold(decodeStream, [{ event: 'error', data: 'overloaded' }]).error as GatewayError
    expect([named.code, named.status, named.message]).toEqual(['GW_UPSTREAM_ERROR', 502, expect.stringContaining('overloaded')])
  })

  it('is silent when an earlier stage failed', () => {
    const { out, error } = runFold(decodeStream, [frame(delta({ content: 'A' }))], undefined, new Error('cut'))
    expect(error).toBeUndefined()
    expect(out.at(-1)?.type).toBe('part-delta')
  })
})

const start: StreamPart = { type: 'response-start', id: 'r', model: 'm', created: 5 }
const text: StreamPart[] = [
  { type: 'part-start', choice: 0, index: 0, part: { type: 'text', text: '' } },
  { type: 'part-delta', choice: 0, index: 0, delta: { text: 'Hi "you"\n' } },
  { type: 'part-end', choice: 0, index: 0 },
]
const stop: StreamPart = { type: 'choice-end', choice: 0, stop: { reason: 'stop' } }
const usage: StreamPart = { type: 'usage', usage: { inputTokens: 3, outputTokens: 2, cacheReadTokens: 1 } }
const end: StreamPart = { type: 'response-end' }
const encode = (parts: readonly StreamPart[], options: object = {}, failure?: Error) =>
  runFold(encodeStream, parts, { ...REPLY, streamUsage: false, ...options }, failure).out
const chunks = (frames: readonly Frame[]) =>
  frames.filter((event) => event.data !== '[DONE]').map((event) => JSON.parse(event.data) as { choices: JsonObject[]; usage?: JsonObject })

describe('encodeStream', () => {
  it('writes role, text, and finish reason with usage, then one terminator', () => {
    const frames = encode([start, ...text, usage, stop, end])
    expect(chunks(frames)).toEqual([
      {
        id: 'r',
        object: 'chat.completion.chunk',
        created: 5,
        model: 'm',
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
      },
      expect.objectContaining({ choices: [{ index: 0, delta: { content: 'Hi "you"\n' }, finish_reason: null }] }),
      expect.objectContaining({
        choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, prompt_tokens_details: { cached_tokens: 1 } },
      }),
    ])
    expect(frames.at(-1)).toEqual({ data: '[DONE]' })
  })

  it('writes the official usage chunk when the client asked for it', () => {
    const last = chunks(encode([start, ...text, stop, usage, end], { streamUsage: true })).at(-1)
    expect(last?.choices).toEqual([])
    expect(last?.usage).toMatchObject({ prompt_tokens: 3 })
  })

  it('24: leaves out double starts, double ends and what follows the end', () => {
    const twice = encode([start, start, ...text, stop, stop, ...text, end, end, ...text])
    expect(twice).toEqual(encode([start, ...text, stop, end]))
  })

  it('keeps a source that is named behind its text, or behind the choice', () => {
    const cite = (url: string): StreamPart => ({ type: 'part-delta', choice: 0, index: 0, delta: { citation: { kind: 'url', url } } })
    const frames = chunks(encode([start, ...text, cite('https://a.com'), stop, cite('https://b.com'), end]))
    const cited = frames.flatMap((chunk) => (chunk.choices[0]?.delta as { annotations?: JsonObject[] } | undefined)?.annotations ?? [])
    expect(cited.map(({ url_citation }) => (url_citation as JsonObject).url)).toEqual(['https://a.com', 'https://b.com'])
    expect(frames.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
  })

  it('says who signed a thought in each of its details', () => {
    const thought: StreamPart[] = [
      { type: 'part-start', choice: 0, index: 0, part: { type: 'reasoning', text: '', signedBy: 'anthropic' } },
      { type: 'part-delta', choice: 0, index: 0, delta: { text: 'Hm' } },
      { type: 'part-delta', choice: 0, index: 0, delta: { signature: 's' } },
      { type: 'part-end', choice: 0, index: 0 },
    ]
    const details = chunks(encode([start, ...thought, stop, end])).flatMap(
      (chunk) => (chunk.choices[0]?.delta as { reasoning_details?: JsonObject[] } | undefined)?.reasoning_details ?? [],
    )
    expect(details).toEqual([
      { index: 0, type: 'reasoning.text', format: 'anthropic-claude-v1', text: 'Hm' },
      { index: 0, type: 'reasoning.text', format: 'anthropic-claude-v1', signature: 's' },
    ])
  })

  it('numbers calls 0, 1 per choice, whatever the parts are', () => {
    const tool = (index: number, kind?: 'server'): StreamPart[] => [
      { type: 'part-start', choice: 0, index, part: { type: 'tool-call', id: `c${index}`, name: 'f', arguments: '', kind } },
      { type: 'part-end', choice: 0, index },
    ]
    const calls = chunks(encode([start, ...text, ...tool(1), ...tool(2, 'server'), ...tool(3), stop, end])).flatMap(
      (chunk) => ((chunk.choices[0]?.delta as JsonObject | undefined)?.tool_calls ?? []) as JsonObject[],
    )
    expect(calls).toEqual([
      { index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } },
      { index: 0, function: { arguments: '{}' } },
      { index: 1, id: 'c3', type: 'function', function: { name: 'f', arguments: '' } },
      { index: 1, function: { arguments: '{}' } },
    ])
  })

  it('finishes in order when an earlier stage ended the answer', () => {
    const frames = encode([start, ...text.slice(0, 2)])
    expect(chunks(frames).at(-1)?.choices).toEqual([{ index: 0, delta: {}, finish_reason: 'stop' }])
    expect(frames.at(-1)).toEqual({ data: '[DONE]' })
    expect(chunks(encode([])).map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([null, 'stop'])
  })

  it('passes stop reasons that it does not know', () => {
    const ended = (stop: object): unknown =>
      chunks(encode([start, { type: 'choice-end', choice: 0, stop } as StreamPart, end])).at(-1)?.choices[0]?.finish_reason
    expect(ended({ reason: 'other', raw: 'recitation' })).toBe('recitation')
    expect(ended({ reason: 'pause', raw: 'pause_turn' })).toBe('pause_turn')
    expect(ended({ reason: 'refusal', raw: 'refusal' })).toBe('content_filter')
    expect(ended({ reason: 'other' })).toBe('stop')
  })
})

describe('the official client', () => {
  const client = (frames: readonly Frame[]): OpenAI =>
    new OpenAI({
      apiKey: 'none',
      baseURL: 'http://localhost/v1',
      maxRetries: 0,
      fetch: async () => new Response(frames.map(FRAMINGS.sse.encode).join(''), { headers: { 'content-type': 'text/event-stream' } }),
    })
  const strict = (frames: readonly Frame[]) => client(frames).chat.completions.stream({ model: 'm', messages: [] }).finalChatCompletion()

  it('reads a text with calls, thoughts and choices', async () => {
    const { out } = decode(
      { choices: [{ index: 1, delta: { content: 'B' }, finish_reason: 'length' }] },
      delta({ reasoning_content: 'Hm' }),
      delta({ content: 'A' }),
      delta({ tool_calls: [{ function: { name: 'f', arguments: '{"a":1}' } }, { function: { name: 'g' } }] }),
      finish('tool_calls'),
    )
    const answer = await strict(encode(out, { streamUsage: true }))
    expect(answer.choices).toMatchObject([
      {
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: 'A',
          tool_calls: [
            { id: 'call_0_0', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            { id: 'call_0_1', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
      },
      { finish_reason: 'length', message: { role: 'assistant', content: 'B' } },
    ])
  })

  it('throws on a stream that was lost', async () => {
    const { out, error } = decode(delta({ content: 'A' }))
    await expect(strict(encode(out, {}, error))).rejects.toThrow()
  })
})

describe('encodeStream: clients that take calls whole alone', () => {
  const start = (index: number, id: string, said = ''): StreamPart => ({
    type: 'part-start',
    choice: 0,
    index,
    part: { type: 'tool-call', id, name: 'f', arguments: said },
  })
  const more = (index: number, said: string): StreamPart => ({ type: 'part-delta', choice: 0, index, delta: { arguments: said } })
  const end = (index: number): StreamPart => ({ type: 'part-end', choice: 0, index })
  const calls = (...parts: StreamPart[]): unknown[] =>
    runFold(encodeStream, [{ type: 'response-start', id: 'c', model: 'm' }, ...parts], { ...REPLY, wholeCalls: true })
      .out.filter(({ data }) => data.includes('"tool_calls":['))
      .flatMap(({ data }) => (JSON.parse(data) as { choices: { delta: { tool_calls: unknown[] } }[] }).choices[0]?.delta.tool_calls ?? [])
  const whole = (index: number, id: string, said: string) => ({ index, id, type: 'function', function: { name: 'f', arguments: said } })

  it('each is told once, at its end, however their pieces come', () => {
    expect(calls(start(0, 'a'), start(1, 'b', '{'), more(0, '{"x"'), more(1, '}'), end(1), more(0, ':1}'), end(0))).toEqual([
      whole(1, 'b', '{}'),
      whole(0, 'a', '{"x":1}'),
    ])
  })

  it('one without arguments, and one that nobody ended', () => {
    expect(calls(start(0, 'a'), end(0), start(1, 'b'), more(1, '{"x":1}'))).toEqual([whole(0, 'a', '{}'), whole(1, 'b', '{"x":1}')])
  })
})
