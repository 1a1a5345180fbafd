import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, Choice, Part, StreamPart } from '../../../core/canonical/chat.ts'
import { collector, foldParts } from '../../../core/canonical/collect.ts'
import { explode } from '../../../core/canonical/explode.ts'
import type { Json } from '../../../core/canonical/json.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const count = fc.nat(5000)
const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>
const extra = fc.dictionary(
  fc.constantFrom('openai-chat', 'gemini'),
  fc.dictionary(
    text.filter((name) => name !== '__proto__'),
    json,
  ),
  { minKeys: 1, maxKeys: 2 },
)
const source = fc.oneof(
  fc.record({ kind: fc.constant('data' as const), mediaType: fc.constant('image/png'), data: text }),
  fc.record({ kind: fc.constant('url' as const), url: text }),
)
const citation = fc.record(
  { kind: fc.constantFrom('url' as const, 'document' as const), url: text, start: count },
  { requiredKeys: ['kind'] },
)
const only = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type)
const optional = ['type', 'text', 'id', 'name', 'arguments', 'source', 'redacted', 'parts', 'format', 'value'] as const

/** A record of which everything may be left out but what makes it the part it is. */
function part<T extends Part>(fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }, needed: readonly string[] = optional): fc.Arbitrary<T> {
  const requiredKeys = Object.keys(fields).filter((name) => needed.includes(name)) as never[]
  return fc.record(fields as never, { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<T>
}

const cache = fc.record({ ttl: fc.constantFrom('5m', '1h') })
const parts: fc.Arbitrary<Part> = fc.oneof(
  part({ type: only('text'), text, citations: fc.array(citation, { minLength: 1, maxLength: 2 }), extra, cache }),
  part({ type: only('refusal'), text, extra }),
  part({ type: only('reasoning'), text, signature: text, summary: fc.boolean(), signedBy: fc.constant('anthropic'), extra }),
  part({ type: only('reasoning'), text: fc.constant(''), redacted: text }),
  part({
    type: only('tool-call'),
    id: text,
    name: text,
    arguments: text,
    kind: fc.constantFrom('function', 'custom', 'server'),
    signature: text,
    extra,
  }),
  part({ type: only('image'), source }),
  part({ type: only('audio'), source }),
  part({ type: only('document'), source, extra }, ['type', 'source']),
  part({
    type: only('opaque'),
    format: fc.constant('gemini'),
    value: fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      json,
    ),
  }),
  part(
    {
      type: only('tool-result'),
      id: text,
      parts: fc.constant([{ type: 'text' as const, text: 'x' }]),
      kind: fc.constant('server' as const),
    },
    ['type', 'id', 'parts', 'kind'],
  ),
)

const stop = fc.record(
  {
    reason: fc.constantFrom('stop' as const, 'length' as const, 'tool-calls' as const, 'refusal' as const, 'other' as const),
    raw: text,
    sequence: text,
  },
  { requiredKeys: ['reason'], noNullPrototype: true },
)
const choices: fc.Arbitrary<Choice[]> = fc
  .array(
    fc.record(
      { parts: fc.array(parts, { maxLength: 5 }), stop, logprobs: json, extra },
      { requiredKeys: ['parts', 'stop'], noNullPrototype: true },
    ),
    { maxLength: 3 },
  )
  .map((list) => list.map((choice, index) => ({ index, ...choice })))
const usage = fc.record(
  { inputTokens: count, outputTokens: count, cacheReadTokens: count, reasoningTokens: count },
  { requiredKeys: ['inputTokens', 'outputTokens'], noNullPrototype: true },
)
const response: fc.Arbitrary<ChatResponse> = fc.record(
  { id: text, model: text, created: count, choices, usage, serviceTier: text, extra },
  { requiredKeys: ['id', 'model', 'choices'], noNullPrototype: true },
)

describe('a whole answer as a stream', () => {
  test('folds back to the same answer', () => {
    fc.assert(
      fc.property(response, (whole) => {
        expect(foldParts(explode(whole))).toStrictEqual(whole)
      }),
    )
  })

  test('folds back with the collector’s state cloned between any two parts', () => {
    fc.assert(
      fc.property(response, (whole) => {
        let state = collector.start()
        for (const each of explode(whole)) {
          collector.step(state, each)
          state = structuredClone(state)
        }
        expect(state.isComplete).toBe(true)
        expect(collector.result(state)).toEqual(whole)
      }),
    )
  })

  test('leaves the answer as it was, frozen all the way down', () => {
    fc.assert(
      fc.property(response, (whole) => {
        const before = structuredClone(whole)
        foldParts(explode(frozen(whole)))
        expect(whole).toEqual(before)
      }),
    )
  })

  test('keeps the order that a stream promises', () => {
    fc.assert(
      fc.property(response, (whole) => {
        const stream = explode(whole)
        expect(stream[0]?.type).toBe('response-start')
        expect(stream.at(-1)?.type).toBe('response-end')
        expect(stream.filter((each) => each.type === 'choice-end')).toHaveLength(whole.choices.length)
        for (const choice of whole.choices) expectOrder(stream.filter((each) => 'choice' in each && each.choice === choice.index))
      }),
    )
  })
})

describe('a stream in an order of its own', () => {
  const start: StreamPart = { type: 'response-start', id: 'r', model: 'm' }
  const opened = (index: number, type: 'text' | 'reasoning'): StreamPart => ({
    type: 'part-start',
    choice: 0,
    index,
    part: { type, text: '' },
  })
  const said = (index: number, words: string): StreamPart => ({ type: 'part-delta', choice: 0, index, delta: { text: words } })
  const end: StreamPart = { type: 'choice-end', choice: 0, stop: { reason: 'stop' } }

  test('parts that overlap are kept apart by their index', () => {
    const stream = [
      start,
      opened(1, 'text'),
      opened(0, 'reasoning'),
      said(1, 'a'),
      said(0, 'x'),
      said(1, 'b'),
      end,
      { type: 'response-end' } as const,
    ]
    expect(foldParts(stream).choices[0]?.parts).toEqual([
      { type: 'reasoning', text: 'x' },
      { type: 'text', text: 'ab' },
    ])
  })

  test('choices come out in their order, and a cut one says so', () => {
    const stream: StreamPart[] = [start, { ...end, choice: 1 } as StreamPart, opened(0, 'text'), said(0, 'cut')]
    const state = collector.start()
    for (const each of stream) collector.step(state, each)
    expect(state.isComplete).toBe(false)
    expect(collector.result(state).choices).toEqual([
      { index: 0, parts: [{ type: 'text', text: 'cut' }], stop: { reason: 'other' } },
      { index: 1, parts: [], stop: { reason: 'stop' } },
    ])
  })

  test('later usage replaces earlier, log-probabilities grow', () => {
    const logprobs = (token: string): StreamPart => ({ type: 'logprobs', choice: 0, value: { content: [{ token }], refusal: null } })
    const count = (outputTokens: number): StreamPart => ({ type: 'usage', usage: { inputTokens: 1, outputTokens } })
    const answer = foldParts([start, count(1), logprobs('a'), logprobs('b'), count(2), end])
    expect(answer.usage).toEqual({ inputTokens: 1, outputTokens: 2 })
    expect(answer.choices[0]?.logprobs).toEqual({ content: [{ token: 'a' }, { token: 'b' }], refusal: null })
  })

  test('a citation may come after its part has ended', () => {
    const late: StreamPart = { type: 'part-delta', choice: 0, index: 0, delta: { citation: { kind: 'url', url: 'u' } } }
    const answer = foldParts([start, opened(0, 'text'), said(0, 'a'), { type: 'part-end', choice: 0, index: 0 }, late, end])
    expect(answer.choices[0]?.parts).toEqual([{ type: 'text', text: 'a', citations: [{ kind: 'url', url: 'u' }] }])
  })
})

function expectOrder(stream: readonly StreamPart[]): void {
  const open = new Set<number>()
  for (const [at, each] of stream.entries()) {
    if (each.type === 'part-start') {
      expect(open.has(each.index)).toBe(false)
      open.add(each.index)
    } else if (each.type === 'part-delta') expect(open.has(each.index)).toBe(true)
    else if (each.type === 'part-end') expect(open.delete(each.index)).toBe(true)
    else if (each.type === 'choice-end') {
      expect(open.size).toBe(0)
      expect(at).toBe(stream.length - 1)
    }
  }
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const member of Object.values(value)) frozen(member)
  }
  return value
}
