import { describe, expect, it } from 'vitest'
import type { ChatResponse, StreamPart } from '../../../core/canonical/chat.ts'
import { collector, foldParts } from '../../../core/canonical/collect.ts'
import { explode } from '../../../core/canonical/explode.ts'

const response: ChatResponse = {
  id: 'r',
  model: 'm',
  created: 5,
  serviceTier: 'default',
  choices: [
    {
      index: 0,
      parts: [
        { type: 'reasoning', text: 'Hm', signature: 's' },
        { type: 'reasoning', text: '', redacted: 'x' },
        { type: 'text', text: 'A', citations: [{ kind: 'url', url: 'https://e.com' }] },
        { type: 'tool-call', id: 'c', name: 'f', arguments: '{}' },
        { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } },
      ],
      stop: { reason: 'tool-calls', raw: 'tool_use' },
      logprobs: { content: [1, 2], refusal: null },
      extra: { f: { a: 1 } },
    },
    { index: 1, parts: [{ type: 'refusal', text: 'No' }], stop: { reason: 'refusal' } },
  ],
  usage: { inputTokens: 1, outputTokens: 2 },
  extra: { f: { b: 2 } },
}

describe('foldParts', () => {
  it('makes the answer again that was taken apart', () => {
    expect(foldParts(explode(response))).toEqual(response)
  })

  it('puts interleaved choices and parts in order', () => {
    const start = (choice: number, index: number): StreamPart => ({ type: 'part-start', choice, index, part: { type: 'text', text: '' } })
    const delta = (choice: number, index: number, text: string): StreamPart => ({ type: 'part-delta', choice, index, delta: { text } })
    const { choices } = foldParts([
      start(1, 0),
      start(0, 1),
      start(0, 0),
      delta(0, 1, 'b'),
      delta(1, 0, 'c'),
      delta(0, 0, 'a'),
      delta(0, 1, 'B'),
    ])
    expect(choices.map((choice) => choice.parts.map((part) => 'text' in part && part.text))).toEqual([['a', 'bB'], ['c']])
  })

  it('merges what comes in pieces: log probabilities, bytes, extras, usage', () => {
    const folded = foldParts([
      { type: 'response-start', id: 'r', model: 'm', extra: { f: { a: 1, b: 1 } } },
      { type: 'part-start', choice: 0, index: 0, part: { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: 'AA' } } },
      { type: 'part-delta', choice: 0, index: 0, delta: { data: 'BB', extra: { f: { id: 1 } } } },
      { type: 'logprobs', choice: 0, value: { content: [1] } },
      { type: 'logprobs', choice: 0, value: { content: [2] } },
      { type: 'usage', usage: { inputTokens: 1, outputTokens: 1 } },
      { type: 'usage', usage: { inputTokens: 1, outputTokens: 9 }, serviceTier: 'flex' },
      { type: 'opaque', format: 'f', value: { b: 2 } },
    ])
    expect(folded).toEqual({
      id: 'r',
      model: 'm',
      serviceTier: 'flex',
      usage: { inputTokens: 1, outputTokens: 9 },
      extra: { f: { a: 1, b: 2 } },
      choices: [
        {
          index: 0,
          parts: [{ type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: 'AABB' }, extra: { f: { id: 1 } } }],
          stop: { reason: 'other' },
          logprobs: { content: [1, 2] },
        },
      ],
    })
  })

  it('keeps its state as plain data, and knows a cut answer from a whole one', () => {
    let state = collector.start()
    for (const part of explode(response).slice(0, -1)) {
      state = structuredClone(state)
      collector.step(state, part)
    }
    expect(state.isComplete).toBe(false)
    collector.step(state, { type: 'response-end' })
    expect(state.isComplete).toBe(true)
    expect(collector.result(state)).toEqual(response)
  })
})
