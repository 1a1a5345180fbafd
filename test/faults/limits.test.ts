import { describe, expect, it } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { turn, until } from '../helpers/clock.ts'
import { type FaultBench, faultBench, WAYS, type Way } from '../helpers/faults.ts'
import { openStream } from '../helpers/open-stream.ts'

const STREAMED = WAYS.filter((way) => way.stream)
const ONE_PLACE = { provider: { concurrency_and_buffer_size: { concurrency: 1, buffer_size: 2 } } }

/** Places and queue of a provider. */
function load({ gateway }: FaultBench, { side }: Way): { inFlight: number; queued: number } {
  const { shared, tables } = gateway.core.runtime
  const slot = tables.providers.get(side)?.slot ?? -1
  return { inFlight: shared.inFlight.count(slot), queued: shared.queue.count(slot) }
}

describe.each(WAYS)('37 the queue ($side, stream $stream)', (way) => {
  it('full with drop_excess_requests: 429 at once with Retry-After; the others are served in turn', async () => {
    const bench = await faultBench({ ...ONE_PLACE, client: { drop_excess_requests: true } })
    const served = [bench.ask(way, 'gated-a'), bench.ask(way, 'text'), bench.ask(way, 'text')]
    await until(() => load(bench, way).queued === 2)
    const verdict = await bench.ask(way, 'text')
    expect(verdict).toMatchObject({ status: 429, type: 'request_dropped', isMidStream: false })
    expect(verdict.headers?.get('retry-after')).toBe('1')
    expect(load(bench, way)).toEqual({ inFlight: 1, queued: 2 })
    bench.upstream.release('a')
    for (const { text } of await Promise.all(served)) expect(text).toBe(PLAIN_TEXT)
    expect(bench.hits()).toHaveLength(3)
    await bench.settled()
    expect(load(bench, way)).toEqual({ inFlight: 0, queued: 0 })
  })

  it('a dropped request falls back', async () => {
    const bench = await faultBench({ ...ONE_PLACE, client: { drop_excess_requests: true } })
    const other = way.side === 'openai' ? 'anthropic' : 'openai'
    const served = [bench.ask(way, 'gated-a'), bench.ask(way, 'text'), bench.ask(way, 'text')]
    await until(() => load(bench, way).queued === 2)
    expect((await bench.ask(way, 'text', { body: { fallbacks: [`${other}/text`] } })).text).toBe(PLAIN_TEXT)
    bench.upstream.release('a')
    await Promise.all(served)
  })

  it('full without it: a bounded wait, then 429; the provider is never asked', async () => {
    const bench = await faultBench({ ...ONE_PLACE, network: { default_request_timeout_in_seconds: 30 } })
    const { runtime } = bench.gateway.core
    const slot = runtime.tables.providers.get(way.side)?.slot ?? -1
    expect(runtime.shared.inFlight.tryTake(slot, 1)).toBe(true)
    const start = bench.clock.now()
    const verdicts = await Promise.all([1, 2, 3, 4].map(() => bench.ask(way, 'text')))
    for (const verdict of verdicts) expect(verdict).toMatchObject({ status: 429, type: 'request_dropped' })
    expect(bench.clock.now() - start).toBeGreaterThanOrEqual(30_000)
    expect(bench.hits()).toHaveLength(0)
    runtime.shared.inFlight.give(slot)
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect(load(bench, way)).toEqual({ inFlight: 0, queued: 0 })
  })

  it('a client that leaves the queue gives its place in it back', async () => {
    const bench = await faultBench({ ...ONE_PLACE, client: { drop_excess_requests: true } })
    const first = bench.ask(way, 'gated-a')
    await until(() => load(bench, way).inFlight === 1)
    const leaving = new AbortController()
    const body = { model: `${way.side}/text`, stream: way.stream, messages: [{ role: 'user', content: 'hi' }] }
    const left = fetch(`${bench.gateway.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body), signal: leaving.signal })
    left.catch(() => {})
    await until(() => load(bench, way).queued === 1)
    leaving.abort()
    await until(() => load(bench, way).queued === 0)
    bench.upstream.release('a')
    expect((await first).text).toBe(PLAIN_TEXT)
    await bench.settled()
    expect(bench.hits()).toHaveLength(1)
  })

  it('places come back after every kind of end', async () => {
    const bench = await faultBench({
      ...ONE_PLACE,
      network: { default_request_timeout_in_seconds: 300 },
      client: { drop_excess_requests: true },
    })
    for (const model of [
      'text',
      'fault-500',
      'fault-401',
      'fault-html',
      'fault-redirect',
      'fault-rst-before-head',
      'fault-error-mid',
      'fault-fin-mid-stream',
      'fault-gzip-garbage',
      'fault-silent',
      'fault-bad-json-whole',
    ]) {
      await bench.ask(way, model)
      await bench.settled()
      expect([model, load(bench, way)]).toEqual([model, { inFlight: 0, queued: 0 }])
    }
  })
})

describe.each(STREAMED)('a stream ($side)', (way) => {
  const COMMIT = { client: { stream_commit_after_ms: 10_000 } }

  it('is committed after stream_commit_after_ms without content; then a failure is the error event', async () => {
    const bench = await faultBench({ ...COMMIT, network: { default_request_timeout_in_seconds: 30 } })
    const start = bench.clock.now()
    const response = bench.clock.drive(openStream(bench, way, 'fault-head-then-silent', { fallbacks: [`${way.side}/text`] }))
    const stream = await response
    expect(bench.clock.now() - start).toBeGreaterThanOrEqual(10_000)
    const text = await bench.clock.drive(stream.rest())
    expect(text).toContain('request_timed_out')
    expect(text).not.toContain('[DONE]')
    expect(bench.hits()).toHaveLength(1)
    await bench.settled()
  })

  it('fails over before that', async () => {
    const bench = await faultBench({ ...COMMIT, network: { default_request_timeout_in_seconds: 5 } })
    const other = way.side === 'openai' ? 'anthropic' : 'openai'
    expect((await bench.ask(way, 'fault-head-then-silent', { body: { fallbacks: [`${other}/text`] } })).text).toBe(PLAIN_TEXT)
  })

  it('is kept alive by a comment after 15 s of silence, which does not reset the idle limit', async () => {
    const bench = await faultBench({ network: { stream_idle_timeout_in_seconds: 60 } })
    const stream = await openStream(bench, way, 'fault-stall-after-2', {}, 'Hello')
    const pings = (text: string): number => text.match(/^: ping$/gm)?.length ?? 0
    for (const [seconds, count] of [
      [14, 0],
      [2, 1],
      [14, 1],
      [2, 2],
      [14, 2],
      [2, 3],
    ] as const) {
      bench.clock.advance(seconds * 1000)
      await until(() => pings(stream.text) >= count)
      for (let turns = 0; turns < 20; turns++) await turn()
      expect([seconds, pings(stream.text)]).toEqual([seconds, count])
    }
    bench.clock.advance(13_000)
    expect(await stream.rest()).toContain('stream_idle_timeout')
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  it('is not touched by request_deadline_seconds once it has begun', async () => {
    const bench = await faultBench({ client: { request_deadline_seconds: 5 } })
    const stream = await openStream(bench, way, 'gated-stream-a', {}, 'Hello')
    bench.clock.advance(20_000)
    bench.upstream.release('a')
    expect(await stream.rest()).toContain('[DONE]')
    await bench.settled()
  })
})
