import { describe, expect, it } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import { type FaultBench, faultBench, WAYS, type Way } from '../helpers/faults.ts'

const other = (way: Way) => (way.side === 'openai' ? 'anthropic' : 'openai')
/** Keys are tried in the order of the configuration. */
const IN_ORDER = { random: () => 0 }

/** When each request reached the provider, by the gateway's clock. */
function arrivals(bench: FaultBench, count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => bench.upstream.request(index).then(() => bench.clock.now())))
}
const keysOf = (bench: FaultBench, from = 0) => bench.hits(from).map(({ key }) => key)

describe.each(WAYS)('$side, stream $stream', (way) => {
  it.each([500, 502, 503, 504, 529])('9 HTTP %i: retried max_retries times, then the same class of status', async (status) => {
    const bench = await faultBench({ network: { max_retries: 2 } })
    const verdict = await bench.ask(way, `fault-${status}`)
    expect(verdict).toMatchObject({ status, isMidStream: false })
    expect(verdict.body?.extra_fields).toMatchObject({ attempt: 2 })
    expect(bench.hits()).toHaveLength(3)
    expect((await bench.ask(way, `fault-${status}-first-2`)).text).toBe(PLAIN_TEXT)
    expect(bench.hits()).toHaveLength(6)
    await bench.settled()
  })

  it('9 the pauses double up to retry_backoff_max, and jitter by a fifth', async () => {
    for (const [random, factor] of [
      [0, 0.8],
      [0.5, 1],
      [0.999, 1.2],
    ] as const) {
      const network = { max_retries: 4, retry_backoff_initial: 500, retry_backoff_max: 2000 }
      const bench = await faultBench({ network, random: () => random })
      const times = arrivals(bench, 5)
      await bench.ask(way, 'fault-500')
      const gaps = (await times).map((time, index, all) => time - (all[index - 1] ?? 0)).slice(1)
      const least = [500, 1000, 2000, 2000].map((base) => Math.min(2000, base * factor - 1))
      for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(least[index] as number)
    }
  })

  it.each([
    ['8 a reset on a fresh connection', 'fault-rst-first'],
    ['20 an error before content', 'fault-500-first-1'],
  ])('%s: retried by policy', async (_, model) => {
    const bench = await faultBench({ network: { max_retries: 1 } })
    expect((await bench.ask(way, model)).text).toBe(PLAIN_TEXT)
    expect(bench.hits()).toHaveLength(2)
  })

  it('9 all attempts together end at request_deadline_seconds', async () => {
    const bench = await faultBench({ client: { request_deadline_seconds: 5 }, network: { max_retries: 100 } })
    const start = bench.clock.now()
    const verdict = await bench.ask(way, 'fault-503', { body: { fallbacks: [`${other(way)}/text`] } })
    expect(verdict).toMatchObject({ status: 504, type: 'request_deadline_exceeded', isMidStream: false })
    expect(verdict.message).toContain(`provider ${way.side}`)
    expect(bench.clock.now() - start).toBeGreaterThanOrEqual(5_000)
    const { length } = bench.hits()
    expect(length).toBeGreaterThan(1)
    await bench.settled()
    expect(bench.hits()).toHaveLength(length)
  })

  it('9 a deadline that passes while the provider is silent ends the attempt too', async () => {
    const bench = await faultBench({ client: { request_deadline_seconds: 5 } })
    expect(await bench.ask(way, 'fault-silent')).toMatchObject({ status: 504, type: 'request_deadline_exceeded' })
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
  })

  it('10 429: the next key at once, and the limited one is left alone for its Retry-After', async () => {
    let wall = 1_000_000
    const bench = await faultBench({ ...IN_ORDER, keys: ['busy-1', 'sk-good'], wallClock: () => wall })
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect(keysOf(bench)).toEqual(['busy-1', 'sk-good', 'sk-good'])
    wall += 2_001
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect(keysOf(bench, 3)).toEqual(['busy-1', 'sk-good'])
  })

  it('10 429 without another key: its Retry-After reaches the client', async () => {
    const bench = await faultBench()
    for (const [model, seconds, ms] of [
      ['fault-429', '2', '2000'],
      ['fault-429-ms', '1', '250'],
    ] as const) {
      const verdict = await bench.ask(way, model)
      expect(verdict).toMatchObject({ status: 429, isMidStream: false })
      expect([verdict.headers?.get('retry-after'), verdict.headers?.get('retry-after-ms')]).toEqual([seconds, ms])
    }
    expect(bench.hits()).toHaveLength(2)
  })

  it('10 429 with retries left: waits as long as the provider says', async () => {
    const bench = await faultBench({ network: { max_retries: 1 } })
    const times = arrivals(bench, 2)
    expect((await bench.ask(way, 'fault-429-first-1')).text).toBe(PLAIN_TEXT)
    const [first, second] = (await times) as [number, number]
    expect(second - first).toBeGreaterThanOrEqual(2_000)
  })

  it('10 words of a rate limit count whatever the status is', async () => {
    const bench = await faultBench({ ...IN_ORDER, keys: ['sk-1', 'sk-2'] })
    expect(await bench.ask(way, 'fault-limit-500')).toMatchObject({ status: 500 })
    expect(keysOf(bench)).toEqual(['sk-1', 'sk-2'])
  })

  it('11 401, 402 and 403: all keys are tried whatever max_retries is', async () => {
    let wall = 1_000_000
    const bench = await faultBench({ ...IN_ORDER, keys: ['dead-1', 'dead-402-2', 'dead-403-3', 'sk-good'], wallClock: () => wall })
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect(bench.hits()).toHaveLength(4)
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect(keysOf(bench, 4)).toEqual(['sk-good'])
    wall += 60_001
    expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
    expect(keysOf(bench, 5)[0]).toBe('dead-1')
  })

  it("11 all keys dead: 502 with the state of each, never the provider's own 401 (D25)", async () => {
    const bench = await faultBench({ ...IN_ORDER, keys: ['dead-1', 'dead-402-2', 'dead-403-3'] })
    const verdict = await bench.ask(way, 'text')
    expect(verdict).toMatchObject({ status: 502, type: 'upstream_credentials_exhausted', isMidStream: false })
    expect(verdict.body).toMatchObject({ status_code: 502, is_bifrost_error: true })
    const statuses = (verdict.body?.extra_fields as { key_statuses: { key: string; status: number }[] } | undefined)?.key_statuses
    expect(statuses?.map(({ key, status }) => [key, status])).toEqual([
      [`${way.side}-1`, 401],
      [`${way.side}-2`, 402],
      [`${way.side}-3`, 403],
    ])
    expect(verdict.raw).not.toMatch(/dead-/)
    expect(bench.hits()).toHaveLength(3)
    expect((await bench.ask(way, 'text', { body: { fallbacks: [`${other(way)}/text`] } })).status).toBe(502)
  })

  it.each([[['busy-1', 'dead-1']], [['dead-1', 'busy-1']]])(
    '10, 11 a busy key and a dead one (%s): 429, in whatever order',
    async (keys) => {
      const bench = await faultBench({ ...IN_ORDER, keys })
      const verdict = await bench.ask(way, 'text')
      expect([verdict.status, verdict.headers?.get('retry-after')]).toEqual([429, '2'])
      expect(bench.hits()).toHaveLength(2)
    },
  )

  it.each([400, 404, 422])('12 HTTP %i: neither retried nor failed over (D26)', async (status) => {
    const bench = await faultBench({ network: { max_retries: 3 }, keys: ['sk-1', 'sk-2'] })
    expect((await bench.ask(way, `fault-${status}`, { body: { fallbacks: [`${other(way)}/text`] } })).status).toBe(status)
    expect(bench.hits()).toHaveLength(1)
  })

  it.each([
    'fault-500',
    'fault-503',
    'fault-529',
    'fault-429',
    'fault-401',
    'fault-html',
    'fault-redirect',
    'fault-rst-before-head',
    'fault-gzip-garbage',
  ])('a fallback answers after %s, each target with its own retries (D26)', async (model) => {
    const bench = await faultBench({ network: { max_retries: 1 } })
    const verdict = await bench.ask(way, model, { body: { fallbacks: [`${other(way)}/fault-500-first-1`] } })
    expect(verdict.text).toBe(PLAIN_TEXT)
    expect(bench.hits().length).toBeLessThanOrEqual(4)
    await bench.settled()
  })

  it('all targets fail: the primary error is the one that counts', async () => {
    const bench = await faultBench({ network: { max_retries: 1 } })
    const verdict = await bench.ask(way, 'fault-503', {
      body: { fallbacks: [`${other(way)}/fault-500`, `${other(way)}/fault-silent-not`] },
    })
    expect(verdict.text).toBe(PLAIN_TEXT)
    const lost = await bench.ask(way, 'fault-503', { body: { fallbacks: [`${other(way)}/fault-500`, `${other(way)}/fault-429`] } })
    expect(lost).toMatchObject({ status: 503 })
    expect(lost.body?.extra_fields).toMatchObject({ provider: way.side })
    expect(bench.hits()).toHaveLength(5 + 6)
  })

  it('a fallback that cannot serve is passed over', async () => {
    const bench = await faultBench()
    const fallbacks = ['nowhere/text', 'groq/text', `${other(way)}/text`]
    expect((await bench.ask(way, 'fault-500', { body: { fallbacks } })).text).toBe(PLAIN_TEXT)
  })
})
