import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame } from '../../../core/format.ts'
import { FRAMINGS, type SseState } from '../../../core/stream/framing.ts'

const { decode, encode } = FRAMINGS.sse

interface Decoded {
  frames: Frame[]
  error?: Error
}

/** Decodes reads that are lent: each is overwritten once `step` has returned, as a socket's buffer is. */
function decodeReads(reads: readonly Uint8Array[], each: (state: SseState) => SseState = (state) => state): Decoded {
  const decoded: Decoded = { frames: [] }
  const sink = {
    push: (frame: Frame) => void decoded.frames.push(frame),
    end() {},
    refuse: (error: Error) => {
      decoded.error ??= error
    },
    wake() {},
  }
  let state = decode.start()
  for (const read of reads) {
    const lent = Buffer.from(read)
    decode.step(state, lent, sink)
    lent.fill(0x58)
    if (decoded.error) return decoded
    state = each(state)
  }
  decode.end(state, sink)
  return decoded
}

function framesOf(text: string): Frame[] {
  const { frames, error } = decodeReads([Buffer.from(text)])
  expect(error).toBeUndefined()
  return frames
}

/** The bytes cut at each of the places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end))
}

/** Streams with everything the standard allows in them; the same events in several spellings. */
const TEXTS: Readonly<Record<string, { text: string; frames: Frame[] }>> = {
  plain: {
    text: 'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    frames: [{ data: '{"a":1}' }, { data: '{"b":2}' }, { data: '[DONE]' }],
  },
  crlf: { text: 'data: a\r\n\r\ndata: b\r\n\r\n', frames: [{ data: 'a' }, { data: 'b' }] },
  cr: { text: 'data: a\r\rdata: b\r\r', frames: [{ data: 'a' }, { data: 'b' }] },
  mixed: { text: 'data: a\r\n\ndata: b\n\r\ndata: c\r\rdata: d\n\n', frames: [{ data: 'a' }, { data: 'b' }, { data: 'c' }, { data: 'd' }] },
  bom: { text: '\ufeffdata: a\n\ndata: \ufeffb\n\n', frames: [{ data: 'a' }, { data: '\ufeffb' }] },
  comments: { text: ': hello\n\ndata: a\n: between\ndata: b\n\n:\n\n', frames: [{ data: 'a\nb' }] },
  'several data lines': { text: 'data: {\ndata: "a":1\ndata: }\n\n', frames: [{ data: '{\n"a":1\n}' }] },
  'empty data': { text: 'data\n\ndata:\n\ndata: \n\n', frames: [{ data: '' }, { data: '' }] },
  events: {
    text: 'event: ping\ndata: {}\n\ndata: a\n\nevent:x\n\ndata: b\n\n',
    frames: [{ event: 'ping', data: '{}' }, { data: 'a' }, { data: 'b' }],
  },
  'other fields': { text: 'id: 1\nretry: 5\nnovelty: x\ndata: a\nnovelty\n\n', frames: [{ data: 'a' }] },
  'one blank only': { text: 'data:a\n\ndata:  b\n\n', frames: [{ data: 'a' }, { data: ' b' }] },
  'no blank line at the end': { text: 'data: a\n\ndata: b', frames: [{ data: 'a' }, { data: 'b' }] },
  'a line end at the end': { text: 'data: a\n\ndata: b\n', frames: [{ data: 'a' }, { data: 'b' }] },
  'a return at the end': { text: 'data: a\n\ndata: b\r', frames: [{ data: 'a' }, { data: 'b' }] },
  unicode: { text: 'data: Grüße 👩‍👩‍👧‍👦 你好 \u2028 \u0085 é\n\n', frames: [{ data: 'Grüße 👩‍👩‍👧‍👦 你好 \u2028 \u0085 é' }] },
  nul: { text: ': a \u0000 here\n\ndata: a\u0000b\n\n', frames: [{ data: 'a\u0000b' }] },
  nothing: { text: '\n\n\r\n\r\r', frames: [] },
}
const ROWS = Object.entries(TEXTS).map(([name, row]) => ({ name, ...row }))

describe('server-sent events', () => {
  test.each(ROWS)('$name', ({ text, frames }) => {
    expect(framesOf(text)).toEqual(frames)
  })

  test.each(ROWS)('$name, byte by byte and split at every single place', ({ text, frames }) => {
    const bytes = Buffer.from(text)
    expect(decodeReads(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))).frames).toEqual(frames)
    for (let at = 0; at <= bytes.length; at++) expect(decodeReads([bytes.subarray(0, at), bytes.subarray(at)]).frames).toEqual(frames)
  })

  test('any events in any line ends, split anywhere, with the state cloned between reads', () => {
    const line = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replaceAll(/[\r\n]/g, ''))
    const frame = fc.record({
      event: fc.option(
        line.filter((name) => name !== ''),
        { nil: undefined },
      ),
      data: fc.array(line, { minLength: 1, maxLength: 3 }),
    })
    const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
    fc.assert(
      fc.property(fc.array(fc.tuple(frame, lineEnd), { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (events, places) => {
        const text = events
          .map(([{ event, data }, end]) =>
            [...(event === undefined ? [] : [`event: ${event}`]), ...data.map((each) => `data: ${each}`), '', ''].join(end),
          )
          .join('')
        const expected = events.map(([{ event, data }]) => ({ event, data: data.join('\n') }))
        const reads = cutAt(Buffer.from(text), places)
        expect(decodeReads(reads).frames).toEqual(expected)
        expect(decodeReads(reads, (state) => structuredClone(state)).frames).toEqual(expected)
      }),
    )
  })

  test('what is encoded decodes to the same', () => {
    const data = fc.json()
    fc.assert(
      fc.property(fc.array(fc.record({ event: fc.constantFrom(undefined, 'ping', 'content_block_delta'), data })), (frames) => {
        expect(framesOf(frames.map((frame) => encode(frame)).join(''))).toEqual(frames)
      }),
    )
  })

  test('a stream that was lost does not deliver the event it was cut in', () => {
    const frames: Frame[] = []
    const sink = { push: (frame: Frame) => void frames.push(frame), end() {}, refuse() {}, wake() {} }
    const state = decode.start()
    decode.step(state, Buffer.from('data: a\n\ndata: {"cu'), sink)
    decode.end(state, sink, new Error('lost'))
    expect(frames).toEqual([{ data: 'a' }])
  })
})

describe('an event without end', () => {
  const megabyte = Buffer.alloc(1024 * 1024, 'x')

  test('in one line is refused before it is all held', () => {
    const { frames, error } = decodeReads([Buffer.from('data: '), ...Array(9).fill(megabyte)])
    expect(error).toMatchObject({ code: 'GW_UPSTREAM_TOO_LARGE' })
    expect(frames).toEqual([])
  })

  test('in many lines is refused', () => {
    const line = Buffer.concat([Buffer.from('data: '), megabyte, Buffer.from('\n')])
    expect(decodeReads(Array(9).fill(line)).error).toMatchObject({ code: 'GW_UPSTREAM_TOO_LARGE' })
  })

  test('of one megabyte is an event', () => {
    const { frames, error } = decodeReads([Buffer.from('data: '), megabyte, Buffer.from('\n\n')])
    expect(error).toBeUndefined()
    expect(frames[0]?.data.length).toBe(megabyte.length)
  })
})
