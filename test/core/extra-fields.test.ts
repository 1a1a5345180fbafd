import { describe, expect, test } from 'vitest'
import { type ExtraFacts, ExtraFields, spliceMember } from '../../core/extra-fields.ts'

const FACTS: ExtraFacts = { requestType: 'chat_completion', provider: 'p', originalModel: 'alias "x"', resolvedModel: 'real' }

const read = (member: string): Record<string, unknown> =>
  (JSON.parse(`{${member}}`) as { extra_fields: Record<string, unknown> }).extra_fields

/** A chunk's member stands behind others. */
const readChunk = (member: string): Record<string, unknown> => read(`"id":1${member}`)

describe('a whole answer', () => {
  test('tells the facts, and the latency in whole milliseconds', () => {
    expect(read(new ExtraFields(FACTS, 100).whole(112.6))).toEqual({
      request_type: 'chat_completion',
      provider: 'p',
      original_model_requested: 'alias "x"',
      resolved_model_used: 'real',
      latency: 13,
    })
  })

  test('tells what was dropped, and the raw bodies, only where there are any', () => {
    const extra = new ExtraFields({ ...FACTS, dropped: ['seed'], rawRequest: '{"a":[1]}' }, 0)
    expect(read(extra.whole(1, '{"b":{}}'))).toMatchObject({
      dropped_compat_plugin_params: ['seed'],
      raw_request: { a: [1] },
      raw_response: { b: {} },
    })
    expect(read(new ExtraFields({ ...FACTS, dropped: [] }, 0).whole(1))).not.toHaveProperty('dropped_compat_plugin_params')
  })

  test('never tells a negative latency', () => {
    expect(read(new ExtraFields(FACTS, 100).whole(90)).latency).toBe(0)
  })
})

describe('a stream', () => {
  test('counts its events, those without a member too; latency is since the one before, at last the total', () => {
    const extra = new ExtraFields(FACTS, 100)
    const members = [extra.chunk(110, { isLast: false })]
    extra.skip(115)
    members.push(extra.chunk(120, { isLast: false }), extra.chunk(125, { isLast: true }))
    expect(members.map(readChunk).map(({ chunk_index, latency }) => [chunk_index, latency])).toEqual([
      [0, 10],
      [2, 5],
      [3, 25],
    ])
  })

  test('the request stands in the first event alone, the provider’s event in each', () => {
    const extra = new ExtraFields({ ...FACTS, rawRequest: '{}' }, 0)
    const first = readChunk(extra.chunk(1, { isLast: false, raw: '{"n":1}' }))
    const second = readChunk(extra.chunk(2, { isLast: false, raw: '{"n":2}' }))
    expect(first).toMatchObject({ raw_request: {}, raw_response: { n: 1 } })
    expect(second).toMatchObject({ raw_response: { n: 2 } })
    expect(second).not.toHaveProperty('raw_request')
  })
})

describe('splicing', () => {
  test.each([
    ['{}', '{"m":1}'],
    ['{"a":1}', '{"a":1,"m":1}'],
    ['{"a":{}}', '{"a":{},"m":1}'],
    ['{"a":"}"}\n', '{"a":"}","m":1}\n'],
    ['[DONE]', '[DONE]'],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(spliceMember(text, '"m":1')).toBe(expected)
  })
})
