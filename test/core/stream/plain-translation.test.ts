import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PlainEvents } from '../../../core/stream/plain-events.ts'
import { PlainTranslation } from '../../../core/stream/plain-translation.ts'
import { format as anthropicMessages } from '../../../providers/formats/anthropic-messages/index.ts'
import { format as openaiChat } from '../../../providers/formats/openai-chat/index.ts'
import { factsOf, translated } from '../../helpers/translate-lane.ts'

/** Translates a stream cut at the given places. Looking at the parts forces the full way for every event. */
function translate(stream: Buffer, cuts: readonly number[], isFull: boolean): string {
  const places = [0, ...[...cuts].sort((left, right) => left - right), stream.length]
  const reads = places.slice(0, -1).map((from, index) => stream.subarray(from, places[index + 1]))
  const reply = { id: 'x', created: 1, model: 'm' }
  const onPart = isFull ? () => {} : undefined
  return String(translated(reads, { source: anthropicMessages, target: openaiChat, extra: factsOf('p'), reply, onPart }))
}

function event(value: { type: string } & Record<string, unknown>): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
}

/** Blocks of text, thought and calls, one after the other, as Anthropic streams them. */
function streamOf(blocks: readonly { kind: 'text' | 'thinking' | 'tool_use'; pieces: readonly string[] }[]): Buffer {
  const events = [
    event({
      type: 'message_start',
      message: { id: 'msg', type: 'message', role: 'assistant', model: 'c', content: [], usage: { input_tokens: 1, output_tokens: 1 } },
    }),
  ]
  for (const [index, { kind, pieces }] of blocks.entries()) {
    const opening = {
      text: { type: 'text', text: '' },
      thinking: { type: 'thinking', thinking: '' },
      tool_use: { type: 'tool_use', id: `t${index}`, name: 'f', input: {} },
    }[kind]
    events.push(event({ type: 'content_block_start', index, content_block: opening }))
    for (const piece of pieces) {
      const delta = {
        text: { type: 'text_delta', text: piece },
        thinking: { type: 'thinking_delta', thinking: piece },
        tool_use: { type: 'input_json_delta', partial_json: piece },
      }[kind]
      events.push(event({ type: 'content_block_delta', index, delta }))
    }
    events.push(event({ type: 'content_block_stop', index }))
  }
  events.push(
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } }),
    event({ type: 'message_stop' }),
  )
  return Buffer.from(events.join(''))
}

const pieces = fc.array(
  fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\n', '"text":"', '", "', 'é漢🙂', '{"a":1}')),
  { maxLength: 6 },
)
const blocks = fc.array(fc.record({ kind: fc.constantFrom('text' as const, 'thinking' as const, 'tool_use' as const), pieces }), {
  maxLength: 4,
})

describe('translation by pattern', () => {
  test('says the same as the full way, whatever the text and the cuts', () => {
    fc.assert(
      fc.property(blocks, fc.array(fc.nat(4000), { maxLength: 8 }), (value, cuts) => {
        const stream = streamOf(value)
        const within = cuts.map((cut) => cut % stream.length)
        expect(translate(stream, within, false)).toBe(translate(stream, within, true))
      }),
      { numRuns: 400 },
    )
  })

  test('also with CRLF, where it steps aside', () => {
    const stream = Buffer.from(String(streamOf([{ kind: 'text', pieces: ['one', 'two', 'three'] }])).replaceAll('\n', '\r\n'))
    expect(translate(stream, [100, 300], false)).toBe(translate(stream, [100, 300], true))
  })
})

describe('plain events', () => {
  const plain = new PlainEvents('"text":"')
  const sample = 'data: {"text":"abc","n":1}\n\n'
  plain.learn(sample)

  test.each([
    ['data: {"text":"x","n":1}\n\n', true],
    ['data: {"text":"","n":1}\n\n', false],
    ['data: {"text":"line\\nfeed","n":1}\n\n', true],
    ['data: {"text":"x","n":2}\n\n', false],
    ['data: {"text":"x","m":"y","n":1}\n\n', false],
    ['data: {"text":"say \\"hi\\"","n":1}\n\n', false],
    ['data: {"text":"x\\","n":1}\n\n', false],
    ['data: {"txt":"x","n":1}\n\n', false],
  ])('%j is like the sample: %s', (text, isLike) => {
    expect(plain.has(`${sample}${text}`, sample.length, sample.length + text.length)).toBe(isLike)
  })

  test('nothing is recognised before an event was learnt, or without an opening', () => {
    expect(new PlainEvents('"text":"').has(sample, 0, sample.length)).toBe(false)
    const none = new PlainEvents(undefined)
    none.learn(sample)
    expect(none.has(sample, 0, sample.length)).toBe(false)
  })
})

describe('what a pattern is learnt from', () => {
  /** How many events went the full way, and what was said of the others; each event is said to tell `told`. */
  function run(texts: readonly string[], told = texts[0] ?? ''): { full: number; said: string[] } {
    const said: string[] = []
    let full = 0
    const target = {
      opening: undefined,
      watch: (translate: () => void) => {
        full++
        translate()
        return { frame: { data: '{}' }, text: told }
      },
      say: (json: string) => void said.push(json),
      write() {},
    }
    const translation = new PlainTranslation(target, '"text":"', () => {})
    for (const text of texts) translation.data(Buffer.from(`data: {"text":"${text}"}\n\n`))
    return { full, said }
  }

  test('text of any language', () => {
    expect(run(['a', 'b', '–'])).toEqual({ full: 1, said: ['b', '–'] })
    expect(run(['你', '好', 'c'])).toEqual({ full: 1, said: ['好', 'c'] })
  })

  test('not an event that tells something else than the text found in it', () => {
    expect(run(['a', 'b'], 'other')).toEqual({ full: 2, said: [] })
  })

  test('not text that JSON writes otherwise', () => {
    expect(run(['a\\n', 'b', 'c'], 'a\n')).toEqual({ full: 3, said: [] })
  })
})
