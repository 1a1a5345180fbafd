import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Deadlines, systemClock } from '../../../core/deadlines.ts'
import { GatewayError } from '../../../core/errors.ts'
import { ExtraFields } from '../../../core/extra-fields.ts'
import type { Lane, LaneOptions } from '../../../core/stream/lane.ts'
import { PassthroughLane } from '../../../core/stream/passthrough.ts'
import { formats } from '../../../providers/formats/index.ts'

const format = formats.find((each) => each.name === 'openai-chat') as LaneOptions['source']
const FACTS = { requestType: 'chat_completion_stream', provider: 'p', originalModel: 'asked', resolvedModel: 'used' }

interface Run {
  lane: PassthroughLane
  text(): string
  /** After how many characters the stream was committed. */
  committedAt: number | undefined
  finished: { error: GatewayError | undefined; closing: string | undefined } | undefined
}

function start(options: Partial<LaneOptions> = {}, translate?: () => Lane): Run {
  const written: Buffer[] = []
  const run = { text: () => Buffer.concat(written).toString(), committedAt: undefined, finished: undefined } as unknown as Run
  let now = 0
  run.lane = new PassthroughLane(
    {
      source: format,
      target: format,
      live: {
        write: (chunk) => void written.push(Buffer.from(chunk)),
        commit: () => {
          run.committedAt ??= run.text().length
        },
        now: () => now++,
        deadlines: new Deadlines(systemClock),
      },
      extra: undefined,
      extraOnAll: false,
      sendsRaw: false,
      wantsUsage: false,
      hidesUsage: false,
      explain: (error) => (error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', {}, { cause: error })),
      finish: (error, closing) => {
        expect(run.finished).toBeUndefined()
        run.finished = { error, closing: closing?.toString() }
      },
      ...options,
    },
    translate,
  )
  return run
}

/** Feeds reads that are overwritten afterwards, as a socket's buffer is. */
function feed(run: Run, bytes: Buffer, places: readonly number[] = []): Run {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (const [index, end] of cuts.slice(1).entries()) {
    const lent = Buffer.from(bytes.subarray(cuts[index], end))
    run.lane.data(lent)
    lent.fill(0x58)
  }
  return run
}

const chunk = (delta: object, more: object = {}): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`
const ROLE = chunk({ role: 'assistant', content: '' })
const finish = (reason = 'stop'): string => chunk({}).replace('"finish_reason":null', `"finish_reason":"${reason}"`)
const USAGE = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } })}\n\n`
const DONE = 'data: [DONE]\n\n'
const content = (...texts: string[]): string => texts.map((text) => chunk({ content: text })).join('')
const GOOD = ROLE + content('Grüße', ' "quoted" \\', ' 👩‍👩‍👧‍👦 }', '\u2028{"usage":{}}') + finish() + USAGE + DONE

function withoutExtra(text: string): string {
  return text.replaceAll(/,"extra_fields":\{[^{}]*\}(?=\}\n)/g, '')
}
function extrasOf(text: string): ({ chunk_index: number } | undefined)[] {
  return text.split('\n\n').flatMap((event) => (event.startsWith('data: {') ? [JSON.parse(event.slice(6)).extra_fields] : []))
}

describe('bytes', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 20 })
  const stream = fc.array(anyText, { maxLength: 6 }).map((texts) => ROLE + content(...texts) + finish() + USAGE + DONE)
  const places = fc.array(fc.nat(), { maxLength: 12 })

  test('are the provider’s own, however they were split', () => {
    fc.assert(
      fc.property(stream, places, (text, cuts) => {
        const run = feed(start(), Buffer.from(text), cuts)
        expect(run.text()).toBe(text)
        expect(run.finished).toEqual({ error: undefined, closing: undefined })
      }),
    )
  })

  test('with extra_fields are the same but for extra_fields, in the same events', () => {
    fc.assert(
      fc.property(stream, places, fc.boolean(), (text, cuts, extraOnAll) => {
        const options = () => ({ extra: new ExtraFields(FACTS, 0), extraOnAll })
        const run = feed(start(options()), Buffer.from(text), cuts)
        expect(withoutExtra(run.text())).toBe(text)
        const whole = extrasOf(feed(start(options()), Buffer.from(text)).text())
        expect(extrasOf(run.text()).map((each) => each?.chunk_index)).toEqual(whole.map((each) => each?.chunk_index))
      }),
    )
  })

  test.each(['\r\n', '\r'])('keep their line ends: %j', (lineEnd) => {
    const text = GOOD.replaceAll('\n', lineEnd)
    for (let at = 0; at < text.length; at += 7) expect(feed(start(), Buffer.from(text), [at, at + 1]).text()).toBe(text)
  })

  test('comments and unknown fields go through too', () => {
    const text = `: hello\n\nid: 1\nretry: 3\n${GOOD}`
    expect(feed(start(), Buffer.from(text)).text()).toBe(text)
  })

  test('only whole events are sent', () => {
    const run = start()
    run.lane.data(Buffer.from(ROLE + chunk({ content: 'cut' }).slice(0, 30)))
    expect(run.text()).toBe(ROLE)
  })

  test('of an event that never ends are refused', () => {
    const run = start()
    for (let megabyte = 0; megabyte < 9; megabyte++) run.lane.data(Buffer.alloc(1024 * 1024, 'x'))
    expect(run.finished?.error?.code).toBe('GW_UPSTREAM_TOO_LARGE')
  })
})

describe('extra_fields', () => {
  test('stand in the first event and those with the finish and the usage, numbered among all', () => {
    const run = feed(start({ extra: new ExtraFields(FACTS, 0) }), Buffer.from(GOOD))
    expect(extrasOf(run.text()).map((extra) => extra?.chunk_index)).toEqual([0, undefined, undefined, undefined, undefined, 5, 6])
  })

  test('hold the provider’s event where it is asked for', () => {
    const run = feed(start({ extra: new ExtraFields(FACTS, 0), extraOnAll: true, sendsRaw: true }), Buffer.from(GOOD))
    for (const event of run
      .text()
      .split('\n\n')
      .filter((each) => each.startsWith('data: {'))) {
      const { extra_fields: extra, ...rest } = JSON.parse(event.slice(6))
      expect(extra.raw_response).toEqual(rest)
    }
  })
})

describe('commit', () => {
  test('comes with the first content, before its bytes', () => {
    expect(feed(start(), Buffer.from(ROLE)).committedAt).toBeUndefined()
    expect(feed(start(), Buffer.from(ROLE + content('a'))).committedAt).toBeDefined()
    expect(feed(start(), Buffer.from(ROLE + finish())).committedAt).toBeDefined()
  })
})

describe('the end', () => {
  test('after [DONE] nothing is sent and nothing fails', () => {
    const run = feed(start(), Buffer.from(GOOD + content('late')))
    run.lane.data(Buffer.from(content('later')))
    run.lane.end()
    run.lane.fail(new GatewayError('GW_UPSTREAM_RESET'))
    expect(run.text()).toBe(GOOD)
    expect(run.finished).toEqual({ error: undefined, closing: undefined })
  })

  test('[DONE] is written where the provider leaves it out after a finish', () => {
    const run = feed(start(), Buffer.from(ROLE + content('a') + finish()))
    run.lane.end()
    expect(run.finished).toEqual({ error: undefined, closing: DONE })
  })

  test('the last event may lack its blank line', () => {
    const run = feed(start(), Buffer.from((ROLE + content('a') + finish()).trimEnd()))
    run.lane.end()
    expect(run.finished).toEqual({ error: undefined, closing: DONE })
    expect(run.text()).toBe(ROLE + content('a') + finish())
  })

  test.each([
    ['nothing', ''],
    ['a role', ROLE],
    ['content', ROLE + content('a')],
  ])('after %s alone it was cut: an error event and no [DONE]', (_, text) => {
    const run = feed(start(), Buffer.from(text))
    run.lane.end()
    expect(run.finished?.error?.code).toBe('GW_UPSTREAM_TRUNCATED')
    expect(run.finished?.closing).toContain('upstream_truncated')
    expect(run.finished?.closing).not.toContain('[DONE]')
  })

  test('a lost connection is an error event, also after the finish', () => {
    const run = feed(start(), Buffer.from(ROLE + content('a')))
    run.lane.fail(new GatewayError('GW_UPSTREAM_RESET', { provider: 'p' }))
    expect(run.finished?.error?.code).toBe('GW_UPSTREAM_RESET')
    expect(run.finished?.closing).toContain('"error"')
  })

  test('an error event of the provider’s is not forwarded but told in the gateway’s words', () => {
    const run = feed(start(), Buffer.from(`${ROLE}${content('a')}data: {"error":{"message":"overloaded","type":"server_error"}}\n\n`))
    expect(run.text()).toBe(ROLE + content('a'))
    expect(run.finished?.error).toMatchObject({ code: 'GW_UPSTREAM_ERROR', detail: { upstream: { message: 'overloaded' } } })
    expect(run.finished?.closing).toContain('overloaded')
  })
})

describe('usage', () => {
  test('is read where it is wanted', () => {
    const run = feed(start({ wantsUsage: true }), Buffer.from(GOOD))
    expect(run.lane.usage).toMatchObject({ inputTokens: 3, outputTokens: 4 })
    expect(feed(start(), Buffer.from(GOOD)).lane.usage).toBeUndefined()
  })

  test('that the client did not ask for is read and left out, however it is split', () => {
    for (let at = 0; at < GOOD.length; at += 5) {
      const run = feed(start({ wantsUsage: true, hidesUsage: true }), Buffer.from(GOOD), [at])
      expect(run.text()).toBe(GOOD.replace(USAGE, ''))
      expect(run.lane.usage).toMatchObject({ inputTokens: 3 })
    }
  })
})

describe('an event that strict clients cannot read', () => {
  /** Stands in for the translating lane: keeps what it is given. */
  function successor() {
    const seen: Buffer[] = []
    const calls: string[] = []
    const lane: Lane = {
      data: (bytes) => void seen.push(Buffer.from(bytes)),
      end: () => void calls.push('end'),
      fail: (error) => void calls.push(error.code),
      usage: undefined,
    }
    return { lane, text: () => Buffer.concat(seen).toString(), calls }
  }

  const call = (value: object): string => chunk({ tool_calls: [value] })
  const GOOD_CALL = call({ index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '' } })
  const PIECE = call({ index: 0, function: { arguments: '{}' } })
  const BROKEN = [
    ['content before a role', '', content('a')],
    ['a finish before a role', '', finish()],
    ['a call without a type', ROLE, call({ index: 0, id: 'x', function: { name: 'f', arguments: '' } })],
    ['a call without an id', ROLE, call({ index: 0, type: 'function', function: { name: 'f', arguments: '' } })],
    ['a call without an index', ROLE, call({ id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } })],
    ['a later piece without an index', ROLE + GOOD_CALL, call({ function: { arguments: '{}' } })],
    ['a call in the event of the role', '', chunk({ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] })],
    ['an event of another kind', ROLE, 'data: {"type":"novelty"}\n\n'],
  ] as const

  test.each(BROKEN)('%s: it and all that follows is translated, what came before is not', (_, before, broken) => {
    const text = before + broken + GOOD
    for (let at = 0; at < text.length; at += 11) {
      const next = successor()
      const run = feed(
        start({}, () => next.lane),
        Buffer.from(text),
        [at],
      )
      run.lane.end()
      expect(run.text()).toBe(before)
      expect(next.text()).toBe(broken + GOOD)
      expect(next.calls).toEqual(['end'])
    }
  })

  test.each([
    ['a good stream', GOOD],
    ['calls as OpenAI writes them', ROLE + GOOD_CALL + PIECE + PIECE + finish('tool_calls') + DONE],
    ['a custom call', ROLE + call({ index: 0, id: 'x', type: 'custom', custom: { name: 'f', input: '' } }) + finish('tool_calls') + DONE],
    ['a call that repeats itself', ROLE + GOOD_CALL + GOOD_CALL + finish('tool_calls') + DONE],
    ['Azure’s opening without choices', `data: {"choices":[],"prompt_filter_results":[]}\n\n${GOOD}`],
    ['the role together with content', chunk({ role: 'assistant', content: 'a' }) + finish() + DONE],
    ['a text about "tool_calls":[{', ROLE + content('"tool_calls":[{"x":1}]') + finish() + DONE],
  ])('%s is forwarded', (_, text) => {
    const next = successor()
    expect(
      feed(
        start({}, () => next.lane),
        Buffer.from(text),
      ).text(),
    ).toBe(text)
    expect(next.text()).toBe('')
  })

  test('a loss after the hand-over is the successor’s to tell', () => {
    const next = successor()
    const run = feed(
      start({}, () => next.lane),
      Buffer.from(content('a')),
    )
    run.lane.fail(new GatewayError('GW_UPSTREAM_RESET'))
    expect(next.calls).toEqual(['GW_UPSTREAM_RESET'])
    expect(run.finished).toBeUndefined()
  })
})
