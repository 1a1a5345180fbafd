import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Deadlines } from '../../../core/deadlines.ts'
import { TailedStream } from '../../../core/upstream/follow-tail.ts'
import { UpstreamFault, type UpstreamHandler } from '../../../core/upstream/types.ts'
import { manualClock } from '../../helpers/clock.ts'

const TAIL = { url: '/p', before: 'done', as: 'prediction' }
const TOLD = 'event: prediction\ndata: {"n":1}\n\n'
const LAST = 'event: done\ndata: {}\n\n'

/** A stream before which somebody listens, and what was asked at its end. */
function open(answer?: string, status = 200) {
  const clock = manualClock()
  const heard: string[] = []
  const asked: UpstreamHandler[] = []
  let aborted = 0
  const stream = new TailedStream(
    {
      tail: TAIL,
      deadlines: new Deadlines(clock),
      ask(handler) {
        asked.push(handler)
        if (answer !== undefined) {
          handler.onHead({ status, headers: [] })
          handler.onData(Buffer.from(answer))
          handler.onEnd()
        }
        return { abort: () => void aborted++, pause() {}, resume() {} }
      },
    },
    {
      onData: (chunk) => void heard.push(chunk.toString()),
      onEnd: () => void heard.push('[end]'),
      onError: ({ kind }) => void heard.push(`[${kind}]`),
    },
  )
  return { stream, heard: () => heard.join(''), asked, clock, aborted: () => aborted }
}

describe('what is asked for at the end of a stream', () => {
  const lines = fc.constantFrom(
    'event: output',
    'data: a',
    'data: event: done',
    'data: ',
    ' event: done',
    'event: donee',
    'event: do',
    '',
    'd',
  )
  const text = fc.array(lines, { maxLength: 8 }).map((all) => all.map((line) => `${line}\n`).join(''))

  test('is told before its last event, however the stream is cut', () => {
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (said, sizes) => {
        const { stream, heard, asked } = open('{"n":1}')
        const bytes = Buffer.from(said + LAST)
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const size = sizes[index % sizes.length] as number
          stream.onData(bytes.subarray(at, at + size))
          at += size
        }
        stream.onEnd()
        expect(heard()).toBe(`${said}${TOLD}${LAST}[end]`)
        expect(asked).toHaveLength(1)
      }),
    )
  })

  test('is not asked for where the stream does not come to its end', () => {
    const { stream, heard, asked } = open()
    stream.onData(Buffer.from('event: output\ndata: a\n\nevent: d'))
    stream.onError(new UpstreamFault('reset', 'lost', false))
    expect(heard()).toBe('event: output\ndata: a\n\nevent: d[reset]')
    expect(asked).toEqual([])
  })

  test.each<[string, number]>([
    ['{"n":1}', 404],
    ['no JSON', 200],
    [`"${'x'.repeat(1024 * 1024)}"`, 200],
  ])('costs nothing where it is no answer (%#)', (answer, status) => {
    const { stream, heard } = open(answer, status)
    stream.onData(Buffer.from(LAST))
    stream.onEnd()
    expect(heard()).toBe(`${LAST}[end]`)
  })

  test('is waited for a second, and what the stream did meanwhile follows', () => {
    const { stream, heard, clock, asked, aborted } = open()
    stream.onData(Buffer.from(`a\n${LAST}`))
    stream.onData(Buffer.from(': more\n\n'))
    stream.onEnd()
    expect(heard()).toBe('a\n')
    clock.advance(2000)
    expect(heard()).toBe(`a\n${LAST}: more\n\n[end]`)
    expect(aborted()).toBe(1)
    asked[0]?.onEnd()
    expect(heard()).toBe(`a\n${LAST}: more\n\n[end]`)
  })

  test('is given up with the stream', () => {
    const { stream, heard, aborted, clock } = open()
    stream.onData(Buffer.from(LAST))
    stream.abort()
    clock.advance(2000)
    expect([aborted(), heard()]).toEqual([1, ''])
  })
})
