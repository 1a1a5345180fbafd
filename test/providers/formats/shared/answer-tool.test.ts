import { describe, expect, test } from 'vitest'
import type { Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { collector } from '../../../../core/canonical/collect.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import { answerParts, answerSink, answerStop, answerTool, startAnswer } from '../../../../providers/formats/shared/answer-tool.ts'

const RULE = { right: /^[a-z_0-9]{1,16}$/, wrong: /[^a-z_0-9]/g, most: 16 }
const text = (value: string): Part => ({ type: 'text', text: value })
const call = (name: string, kind?: 'server'): Part => ({ type: 'tool-call', id: name, name, arguments: '{"a":1}', ...(kind && { kind }) })
const thought: Part = { type: 'reasoning', text: 'hm' }
const answer = text('{"a":1}')

/** An answer with these parts, streamed piece by piece; the state is cloned before each. */
function streamed(parts: readonly Part[]) {
  const out: StreamPart[] = []
  const sink = { push: (part: StreamPart) => void out.push(part), end() {}, refuse() {}, wake() {} }
  let state = startAnswer('so')
  const response = { id: 'r', model: 'm', choices: [{ index: 0, parts, stop: { reason: 'tool-calls' as const, raw: 'tool_use' } }] }
  for (const part of explode(response)) {
    state = structuredClone(state)
    answerSink(state, sink).push(part)
  }
  const collected = collector.start()
  for (const part of out) collector.step(collected, part)
  const [choice] = collector.result(collected).choices
  return { parts: choice?.parts, stop: choice?.stop, open: state.open.size }
}

describe.each<[string, Part[], Part[], string]>([
  ['the call alone', [call('so')], [answer], 'stop'],
  ['text before it', [text('Here: '), call('so')], [answer], 'stop'],
  ['text after it', [call('so'), text(' done')], [answer], 'stop'],
  ['thoughts stay', [thought, text('x'), call('so')], [thought, answer], 'stop'],
  ['a second answer', [call('so'), call('so')], [answer], 'stop'],
  ['a call of the client’s own', [text('first '), call('look')], [text('first '), call('look')], 'tool-calls'],
  ['both', [call('so'), call('look')], [answer, call('look')], 'tool-calls'],
  ['what the provider ran itself', [text('x'), call('search', 'server'), call('so')], [call('search', 'server'), answer], 'stop'],
  ['no call at all', [text('I would '), text('rather not')], [text('I would '), text('rather not')], 'tool-calls'],
])('%s', (_, parts, expected, reason) => {
  test('whole', () => {
    const read = answerParts(parts, 'so')
    expect([read.parts, answerStop({ reason: 'tool-calls' }, read.isAnswer).reason]).toEqual([expected, reason])
  })

  test('streamed', () => {
    const read = streamed(parts)
    expect([read.parts, read.stop?.reason, read.open]).toEqual([expected, reason, 0])
  })
})

test('without such a tool nothing changes', () => {
  expect(answerParts([call('so'), text('x')], undefined)).toEqual({ parts: [call('so'), text('x')], isAnswer: false })
  expect(answerStop({ reason: 'length' }, true)).toEqual({ reason: 'length' })
})

test('text that is under way when another tool is called goes on', () => {
  const out: StreamPart[] = []
  const state = startAnswer('so')
  const sink = answerSink(state, { push: (part) => void out.push(part), end() {}, refuse() {}, wake() {} })
  const pieces: StreamPart[] = [
    { type: 'part-start', choice: 0, index: 0, part: text('') },
    { type: 'part-delta', choice: 0, index: 0, delta: { text: 'one ' } },
    { type: 'part-start', choice: 0, index: 1, part: call('look') },
    { type: 'part-delta', choice: 0, index: 0, delta: { text: 'two' } },
    { type: 'part-end', choice: 0, index: 1 },
    { type: 'part-end', choice: 0, index: 0 },
  ]
  for (const piece of pieces) sink.push(piece)
  expect(out.map((part) => (part.type === 'part-delta' ? part.delta.text : part.type))).toEqual([
    'part-start',
    'one ',
    'part-start',
    'two',
    'part-end',
    'part-end',
  ])
})

test('the tool has a name that is right and free, and an object for its input', () => {
  const format = { type: 'json-schema' as const, name: 'My Answer', schema: { properties: {} } }
  expect(answerTool(format, new Set(), RULE)).toMatchObject({ name: 'bf_so__y__nswer', schema: { type: 'object', properties: {} } })
  expect(answerTool({ type: 'json-object' }, new Set(['bf_so_json_respo']), RULE)).toMatchObject({
    name: 'bf_so_json_res_2',
    schema: { type: 'object' },
  })
})
