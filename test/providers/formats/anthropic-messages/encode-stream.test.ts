import { describe, expect, test } from 'vitest'
import type { Part, PartDelta, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { format } from '../../../../providers/formats/anthropic-messages/index.ts'
import { framesOf, runFold, splits } from '../../../conformance/format.ts'
import { blocksOf, bytesOf, events, inbound, outbound, seeded, write } from './helpers.ts'

const begin: StreamPart = { type: 'response-start', id: 'chatcmpl-1', model: 'gpt' }
const end: StreamPart[] = [
  { type: 'choice-end', choice: 0, stop: { reason: 'stop', raw: 'stop' } },
  { type: 'usage', usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 3 } },
  { type: 'response-end' },
]
const open = (index: number, part: Part, choice = 0): StreamPart => ({ type: 'part-start', choice, index, part })
const add = (index: number, delta: PartDelta, choice = 0): StreamPart => ({ type: 'part-delta', choice, index, delta })
const close = (index: number, choice = 0): StreamPart => ({ type: 'part-end', choice, index })
const text: Part = { type: 'text', text: '' }
const call = (id: string, more: object = {}): Part => ({ type: 'tool-call', id, name: 'f', arguments: '', ...more })
const whole = (...parts: StreamPart[]): StreamPart[] => [begin, ...parts, ...end]
const blocks = (...parts: StreamPart[]): JsonObject[] => blocksOf(events(whole(...parts)))
const delta = (parts: readonly StreamPart[]): JsonObject => events(parts).at(-2) as JsonObject

describe('a message', () => {
  test('begins with zeros, has every count at its end, however late it came', () => {
    const told = events(whole(open(0, text), add(0, { text: 'Hi' }), close(0)))
    expect(told[0]).toEqual({
      type: 'message_start',
      message: {
        id: 'msg_chatcmpl-1',
        type: 'message',
        role: 'assistant',
        model: 'gpt',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
      },
    })
    expect(told.at(-2)).toEqual({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { input_tokens: 7, cache_creation_input_tokens: 0, cache_read_input_tokens: 3, output_tokens: 4 },
    })
  })

  test('tells usage with its start where it is known then', () => {
    const [start] = events([begin, { type: 'usage', usage: { inputTokens: 9, outputTokens: 0 } }, open(0, text), ...end])
    expect(start).toMatchObject({ message: { usage: { input_tokens: 9 } } })
  })

  test('without a word, an id, a model or a choice is one that says nothing', () => {
    const told = events([{ type: 'response-start', id: '', model: '' }, { type: 'response-end' }])
    expect(told.map(({ type }) => type)).toEqual(['message_start', 'message_delta', 'message_stop'])
    expect(told[0]).toMatchObject({ message: { id: 'msg_gw-1', model: 'asked-model' } })
  })

  test('ends with the error event alone', () => {
    const failure = new GatewayError('GW_OVERLOADED')
    const frames = write([begin, open(0, text), add(0, { text: 'Hi' })], failure)
    expect(frames.at(-1)).toEqual(inbound.encodeErrorFrame(failure))
    expect(frames.at(-1)).toMatchObject({ event: 'error' })
    expect(JSON.parse(frames.at(-1)?.data ?? '')).toMatchObject({ type: 'error', error: { type: 'overloaded_error' } })
  })

  test('that an earlier stage cut short ends cleanly', () => {
    expect(events([begin, open(0, text), add(0, { text: 'Hi' }), open(1, call('a'))]).at(-1)).toEqual({ type: 'message_stop' })
  })

  test('has the first answer alone', () => {
    const other = [
      open(0, text, 1),
      add(0, { text: 'no' }, 1),
      close(0, 1),
      { type: 'choice-end', choice: 1, stop: { reason: 'length' } },
    ] as const
    expect(delta(whole(open(0, text), ...other, add(0, { text: 'yes' }), close(0)))).toMatchObject({ delta: { stop_reason: 'end_turn' } })
    expect(blocks(open(0, text), ...other, add(0, { text: 'yes' }), close(0))).toEqual([{ type: 'text', text: 'yes' }])
  })

  test('tells what only this dialect knows where clients look for it', () => {
    const extra = { 'anthropic-messages': { container: { id: 'c' }, stop_details: null, context_management: { applied_edits: [] } } }
    const told = delta([begin, { type: 'choice-end', choice: 0, stop: { reason: 'stop' }, extra }, { type: 'response-end' }])
    expect(told).toMatchObject({ delta: { container: { id: 'c' }, stop_details: null }, context_management: { applied_edits: [] } })
  })

  test('pings as Anthropic does', () => {
    expect(inbound.keepAlive).toBe('event: ping\ndata: {"type": "ping"}\n\n')
    expect(framesOf(format, Buffer.from(inbound.keepAlive ?? ''))).toEqual([{ event: 'ping', data: '{"type": "ping"}' }])
  })
})

describe('blocks', () => {
  test('calls side by side are told one after the other', () => {
    const told = blocks(
      open(0, text),
      add(0, { text: 'Look' }),
      open(1, call('a')),
      add(1, { arguments: '{"x"' }),
      open(2, call('b')),
      add(2, { arguments: '{"y":2' }),
      add(0, { text: 'ing' }),
      add(1, { arguments: ':1}' }),
      add(2, { arguments: '}' }),
      close(1),
      close(0),
      close(2),
    )
    expect(told).toEqual([
      { type: 'text', text: 'Looking' },
      { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'f', input: { y: 2 } },
    ])
  })

  test('what comes to a part that is over, but not told yet, is not lost', () => {
    const told = blocks(
      open(0, call('a')),
      open(1, text),
      add(1, { text: 'so' }),
      close(1),
      add(1, { citation: { kind: 'url', url: 'https://a.example' } }),
      close(0),
    )
    expect(told[1]).toMatchObject({ text: 'so', citations: [{ type: 'web_search_result_location', url: 'https://a.example' }] })
  })

  test('a source that comes when its text is told is left out', () => {
    expect(
      blocks(open(0, text), add(0, { text: 'so' }), close(0), add(0, { citation: { kind: 'url', url: 'https://a.example' } })),
    ).toEqual([{ type: 'text', text: 'so' }])
  })

  test('empty texts and thoughts are left out: strict APIs refuse them when they come back', () => {
    expect(
      blocks(
        open(0, text),
        add(0, { text: '' }),
        close(0),
        open(1, { type: 'reasoning', text: '' }),
        close(1),
        open(2, call('a')),
        close(2),
      ),
    ).toEqual([{ type: 'tool_use', id: 'a', name: 'f', input: {} }])
  })

  test('a part that begins with all it says', () => {
    expect(blocks(open(0, { type: 'text', text: 'Hi' }), close(0), open(1, call('a', { arguments: '{"x":1}' })), close(1))).toEqual([
      { type: 'text', text: 'Hi' },
      { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
    ])
  })

  test('ids that the API refuses are changed, missing ones made', () => {
    expect(blocks(open(0, call('functions.f:0')), close(0), open(1, call('')), close(1)).map(({ id }) => id)).toEqual([
      'functions_f_0',
      'toolu_gw-1_1',
    ])
  })

  test('the proof of a call goes with its id, and comes back', () => {
    const [block] = blocks(open(0, call('c_ts_1', { signature: '+/8=' })), close(0))
    const { messages } = inbound.decodeRequest({
      model: 'm',
      max_tokens: 1,
      messages: [{ role: 'assistant', content: [block as JsonObject] }],
    }).request
    expect(messages[0]?.parts[0]).toMatchObject({ id: 'c_ts_1', signature: '+/8=' })
  })

  test('arguments that are no object become one', () => {
    expect(blocks(open(0, call('a')), add(0, { arguments: 'null' }), close(0))).toMatchObject([{ input: {} }])
    const custom = call('a', { kind: 'custom' })
    expect(
      blocks(
        open(0, custom),
        add(0, { arguments: 'say "h\u00e9' }),
        add(0, { arguments: '\n\ud83d' }),
        add(0, { arguments: '\ude00' }),
        close(0),
      ),
    ).toMatchObject([{ input: { input: 'say "hé\n😀' } }])
    expect(blocks(open(0, custom), close(0))).toMatchObject([{ input: { input: '' } }])
  })

  test.each<[string, Part, PartDelta[], JsonObject]>([
    [
      'its own',
      { type: 'reasoning', text: '', signedBy: 'anthropic' },
      [{ text: 'hm' }, { signature: 'c2ln' }],
      { thinking: 'hm', signature: 'c2ln' },
    ],
    ['none', { type: 'reasoning', text: '' }, [{ text: 'hm' }], { thinking: 'hm', signature: '' }],
    [
      'another vendor’s',
      { type: 'reasoning', text: '', signedBy: 'google' },
      [{ text: 'hm' }, { signature: 'Z0o=' }],
      { thinking: 'hm', signature: 'bf.google.||Z0o=' },
    ],
    [
      'only a name',
      { type: 'reasoning', text: '', signedBy: 'openai', id: 'rs_1', summary: true },
      [{ text: 'hm' }],
      { thinking: 'hm', signature: 'bf.openai.rs_1|s|' },
    ],
    ['no text', { type: 'reasoning', text: '', signedBy: 'anthropic' }, [{ signature: 'c2ln' }], { thinking: '', signature: 'c2ln' }],
  ])('a thought with a signature: %s', (_, part, deltas, block) => {
    expect(blocks(open(0, part), ...deltas.map((each) => add(0, each)), close(0))).toEqual([{ type: 'thinking', ...block }])
  })

  test('sealed thoughts, at once or by and by', () => {
    const sealed = { type: 'reasoning', text: '', redacted: 'c2VhbA==', signedBy: 'anthropic' } as const
    expect(blocks(open(0, sealed), close(0))).toEqual([{ type: 'redacted_thinking', data: 'c2VhbA==' }])
    expect(
      blocks(open(0, { type: 'reasoning', text: '', signedBy: 'openai' }), add(0, { text: 'hm' }), add(0, { redacted: 'Z0FB' }), close(0)),
    ).toEqual([
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'redacted_thinking', data: 'bf.openai.||Z0FB' },
    ])
  })

  test('a refusal is a text that says why it stopped', () => {
    const parts = whole(open(0, { type: 'refusal', text: '' }), add(0, { text: 'No.' }), close(0))
    expect(blocksOf(events(parts))).toEqual([{ type: 'text', text: 'No.' }])
    expect(delta(parts)).toMatchObject({ delta: { stop_reason: 'refusal' } })
  })

  test('pictures are told by their address, sounds by their words', () => {
    const picture: Part = { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: '' } }
    const sound: Part = { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: '' } }
    const told = blocks(
      open(0, picture),
      add(0, { data: 'AA' }),
      add(0, { data: 'AA' }),
      close(0),
      open(1, { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } }),
      close(1),
      open(2, sound),
      add(2, { data: 'UklG' }),
      add(2, { text: 'said' }),
      close(2),
      open(3, sound),
      add(3, { data: 'UklG' }),
      close(3),
    )
    expect(told.map((block) => block.text)).toEqual(['![image](data:image/png;base64,AAAA)', '![image](https://a.example/b.png)', 'said'])
  })

  test('what other vendors ran themselves: searches and code are told, the rest is not ours', () => {
    const page: Part = { type: 'document', source: { kind: 'url', url: 'https://a.example' }, name: 'A' }
    const told = blocks(
      open(0, call('ws_1', { kind: 'server', name: 'web_search', arguments: '{"query":"x"}' })),
      close(0),
      open(1, { type: 'tool-result', kind: 'server', id: 'ws_1', name: 'web_search', parts: [page] }),
      close(1),
      open(2, call('ci_1', { kind: 'server', name: 'code_execution', arguments: '{"code":"1"}' })),
      close(2),
      open(3, {
        type: 'tool-result',
        kind: 'server',
        id: 'ci_1',
        name: 'code_execution',
        parts: [{ type: 'text', text: 'oh' }],
        isError: true,
      }),
      close(3),
      open(4, call('fs_1', { kind: 'server', name: 'file_search' })),
      add(4, { arguments: '{}' }),
      close(4),
      open(5, { type: 'opaque', format: 'gemini', value: { a: 1 } }),
      close(5),
    )
    expect(told).toEqual([
      { type: 'server_tool_use', id: 'srvtoolu_bf_ws_1', name: 'web_search', input: { query: 'x' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_bf_ws_1',
        content: [{ type: 'web_search_result', url: 'https://a.example', title: 'A', encrypted_content: '', page_age: null }],
      },
      { type: 'server_tool_use', id: 'srvtoolu_bf_ci_1', name: 'code_execution', input: { code: '1' } },
      {
        type: 'code_execution_tool_result',
        tool_use_id: 'srvtoolu_bf_ci_1',
        content: { type: 'code_execution_result', stdout: '', stderr: 'oh', return_code: 1, content: [] },
      },
    ])
  })
})

/** Parts side by side, their steps shuffled by a seed; each part's own steps stay in order. */
function shuffled(seed: number): { steps: StreamPart[]; said: string[] } {
  const random = seeded(seed)
  const count = 2 + Math.floor(random() * 4)
  const queues: StreamPart[][] = []
  const said: string[] = []
  for (let index = 0; index < count; index++) {
    const isCall = random() < 0.6
    const value = `p${index}é😀\\"${'x'.repeat(Math.floor(random() * 30))}`
    const written = isCall ? JSON.stringify({ value }) : value
    said.push(value)
    const pieces: StreamPart[] = [...framesIn(written, random)].map((piece) => add(index, isCall ? { arguments: piece } : { text: piece }))
    queues.push([open(index, isCall ? call(`c${index}`) : text), ...pieces, close(index)])
  }
  const steps: StreamPart[] = []
  let begun = 0
  while (queues.some((queue) => queue.length > 0)) {
    const at = Math.floor(random() * count)
    const step = at > begun ? undefined : queues[at]?.shift()
    if (!step) continue
    if (at === begun) begun++
    steps.push(step)
  }
  return { steps, said }
}

function* framesIn(written: string, random: () => number): Generator<string> {
  for (let from = 0; from < written.length; ) {
    const to = from + 1 + Math.floor(random() * 5)
    yield written.slice(from, to)
    from = to
  }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))('parts in any mixture become the same blocks (seed %i)', (seed) => {
  const { steps, said } = shuffled(seed)
  const parts = whole(...steps)
  const heard = blocksOf(events(parts)).map((block) => (block.type === 'text' ? block.text : (block.input as JsonObject).value))
  expect(heard).toEqual(said)
  const bytes = bytesOf(write(parts))
  for (const sizes of [splits(seed + 1, 3), splits(seed + 2)]) {
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytes, sizes), {})
    expect(error).toBeUndefined()
    expect(foldParts(out).choices[0]?.parts).toHaveLength(said.length)
  }
})
