import { describe, expect, test } from 'vitest'
import type { Frame } from '../../../core/format.ts'
import { decoderOf } from '../../../core/stream/framing.ts'
import { encodeAwsFrame } from '../../../core/stream/framing-aws.ts'
import { plainFrames } from '../../../core/stream/plain-frames.ts'
import { formats } from '../../../providers/formats/index.ts'
import { runFold } from '../../conformance/format.ts'
import { factsOf, translated } from '../../helpers/translate-lane.ts'

const source = formats.find(({ name }) => name === 'bedrock-converse') as (typeof formats)[number]
const TARGETS = formats.filter(
  ({ inbound, name, isWhole, framing }) => inbound && !isWhole && framing.startsWith('sse') && name !== source.name,
)

const delta = (said: object, index = 0): Frame => ({
  event: 'contentBlockDelta',
  data: JSON.stringify({ contentBlockIndex: index, delta: said }),
})
const padded = ({ event, data }: Frame, p: string): Frame => ({ event, data: `${data.slice(0, -1)},"p":"${p}"}` })
const stop = (index: number): Frame => ({ event: 'contentBlockStop', data: JSON.stringify({ contentBlockIndex: index }) })
const TEXTS = ['Hello', ' wor', 'ld', ' and\\n', ' "quotes"', '\\', ' – 你好', ' 👩‍🚀', '"},"p":"abc"}', ',"p":"abc"}', ' on']
const said = (text: string, at: number, index: number): Frame =>
  at % 2 ? delta({ text }, index) : padded(delta({ text }, index), 'abcdef'.slice(0, at))
/** A thought's events have text too, which is told otherwise. */
const thought = (text: string, index: number): Frame => delta({ reasoningContent: { text } }, index)
const FRAMES: Frame[] = [
  { event: 'messageStart', data: '{"role":"assistant"}' },
  ...TEXTS.map((text) => thought(text, 0)),
  stop(0),
  ...TEXTS.map((text, at) => said(text, at, 1)),
  ...TEXTS.map((text) => delta({ text }, 1)),
  stop(1),
  { event: 'contentBlockStart', data: '{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}}' },
  delta({ toolUse: { input: '{"a":1}' } }, 2),
  stop(2),
  ...TEXTS.map((text) => thought(text, 3)),
  stop(3),
  ...TEXTS.map((text) => delta({ text }, 4)),
  stop(4),
  { event: 'messageStop', data: '{"stopReason":"end_turn"}' },
  { event: 'metadata', data: '{"usage":{"inputTokens":3,"outputTokens":9,"totalTokens":12}}' },
]
const STREAM = Buffer.concat(FRAMES.map((frame) => encodeAwsFrame(frame)))

/** The events that a client of the target gets; translated in full where somebody looks at the parts. */
function eventsOf(target: (typeof formats)[number], { size, isFull }: { size: number; isFull: boolean }): unknown[] {
  const reads = []
  for (let at = 0; at < STREAM.length; at += size) reads.push(STREAM.subarray(at, at + size))
  const onPart = isFull ? () => {} : undefined
  const written = translated(reads, { source, target, extra: factsOf('bedrock'), onPart })
  const { out } = runFold(decoderOf(target.framing), [written])
  return (out as Frame[]).map(({ event, data }) => ({ event, data: data.startsWith('{') ? (JSON.parse(data) as unknown) : data }))
}

describe.each(TARGETS.map((target) => [target.name, target] as const))('from Bedrock to %s', (_, target) => {
  const full = eventsOf(target, { size: STREAM.length, isFull: true })

  test.each([1, 100, 1000, STREAM.length])('events by pattern are those of the full way, by reads of %i bytes', (size) => {
    expect(full.length).toBeGreaterThan(20)
    expect(eventsOf(target, { size, isFull: false })).toEqual(full)
  })
})

describe('the pattern', () => {
  /** What was written by pattern, and how many frames went the full way. */
  function run(frames: readonly Frame[]): { written: string[]; full: number } {
    const written: string[] = []
    let full = 0
    const target = {
      opening: '"t":"',
      watch: (translate: () => void) => {
        full++
        translate()
        const { text } = (JSON.parse(frames[0]?.data ?? '') as { delta: { text: string } }).delta
        return { frame: { data: `{"t":"${text}","n":1}` }, text }
      },
      write: ({ data }: Frame) => void written.push(`${data}}`),
    }
    const fold = plainFrames(target, { opening: '"text":"', padding: source.lens.padding })
    const sink = { push() {}, end() {}, refuse() {}, wake() {} }
    for (const frame of frames) fold.step(fold.start(), frame, sink)
    return { written, full }
  }

  test('is found whatever pads the events', () => {
    const { written, full } = run([padded(delta({ text: 'a' }), 'abc'), delta({ text: 'b' }), padded(delta({ text: 'c' }), '')])
    expect(full).toBe(1)
    expect(written).toEqual(['{"t":"b","n":1}', '{"t":"c","n":1}'])
  })

  test.each([
    ['another event', { ...delta({ text: 'b' }), event: 'other' }],
    ['another field', { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"b"},"q":"abc"}' }],
    ['a padding that is none', { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"b"},"p":"abc","q":1}' }],
    ['another place', delta({ text: 'b' }, 1)],
    ['a quote in it', delta({ text: 'b"' })],
    ['no text', delta({ text: '' })],
    ['a cut', { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"b"}' }],
  ])('is not found in an event with %s', (_, frame) => {
    expect(run([delta({ text: 'a' }), frame]).full).toBe(2)
  })
})
