import type { LookupAddress } from 'node:dns'
import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { createUpstreamClient } from '../../core/upstream/index.ts'
import { rawServer } from '../core/upstream/support.ts'
import { blackHole, closedPort, mutePort } from '../helpers/bad-hosts.ts'
import { manualClock } from '../helpers/clock.ts'
import { type FaultBench, type FaultOptions, faultBench, type Verdict, WAYS, type Way } from '../helpers/faults.ts'

const SPARE: JsonObject = {
  spare: {
    keys: [{ name: 'spare-1', value: 'sk-spare', models: ['*'] }],
    network_config: { base_url: 'URL' },
    custom_provider_config: { base_provider_type: 'openai' },
  },
}
const FALLBACK = { body: { fallbacks: ['spare/text'] } }
const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8')

/** A gateway whose two providers are at `url`, beside a good one. */
function benchAt(url: string, options: FaultOptions = {}): Promise<FaultBench> {
  return faultBench({ ...options, network: { base_url: url, ...options.network }, providers: SPARE })
}

/** Names that resolve as the test says; a name without an address is never answered. */
function namesClient(addresses: Readonly<Record<string, string | Error>>, clock = manualClock()) {
  const client = createUpstreamClient({
    now: clock.now,
    every: clock.every,
    lookupAll(hostname, callback) {
      const address = addresses[hostname]
      if (address === undefined) return
      const found: LookupAddress[] = typeof address === 'string' ? [{ address, family: 4 }] : []
      setImmediate(() => callback(typeof address === 'string' ? null : address, found))
    },
  })
  return { client, clock }
}

function expectFailure(verdict: Verdict, way: Way, expected: { status: number; type: string; attempt?: number }): void {
  expect(verdict).toMatchObject({ text: undefined, isMidStream: false, status: expected.status, type: expected.type })
  expect(verdict.body?.extra_fields).toMatchObject({
    provider: way.side,
    selected_key_name: `${way.side}-1`,
    attempt: expected.attempt ?? 0,
  })
}

describe.each(WAYS)('$side, stream $stream', (way) => {
  it('1 connection refused: 502, after max_retries + 1 attempts; a fallback answers', async () => {
    const bench = await benchAt(`http://127.0.0.1:${await closedPort()}`, { network: { max_retries: 2 } })
    expectFailure(await bench.ask(way, 'text'), way, { status: 502, type: 'upstream_connect_error', attempt: 2 })
    expect((await bench.ask(way, 'text', FALLBACK)).text).toBe(PLAIN_TEXT)
    expect(bench.hits()).toHaveLength(1)
    await bench.settled()
  })

  it('2 a name that does not exist: 502, the fallback answers', async () => {
    const { client } = namesClient({
      'nowhere.test': Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.test'), { code: 'ENOTFOUND' }),
    })
    const bench = await benchAt('http://nowhere.test', { upstream: client })
    const verdict = await bench.ask(way, 'text')
    expectFailure(verdict, way, { status: 502, type: 'upstream_connect_error' })
    expect(verdict.message).toContain('ENOTFOUND')
    expect((await bench.ask(way, 'text', FALLBACK)).text).toBe(PLAIN_TEXT)
    await bench.settled()
  })

  it('4 an expired certificate, another host, no known authority: 502 at once, and no header was sent', async () => {
    for (const [name, trust] of [
      ['expired', 'ca.pem'],
      ['wrong-host', 'ca.pem'],
      ['server', undefined],
    ] as const) {
      const server = await rawServer(({ socket }) => socket.destroy(), { tls: { cert: pem(`${name}.pem`), key: pem(`${name}.key`) } })
      onTestFinished(() => server.close())
      const bench = await benchAt(`https://localhost:${server.port}`, {
        network: { max_retries: 3, ...(trust ? { ca_cert_pem: pem(trust) } : {}) },
      })
      expectFailure(await bench.ask(way, 'text'), way, { status: 502, type: 'upstream_tls_error', attempt: 0 })
      expect(server.seen).toEqual([])
      expect((await bench.ask(way, 'text', FALLBACK)).text).toBe(PLAIN_TEXT)
    }
  })

  it('5 silence: 504 at the request timeout, the provider sees the end, the fallback answers', async () => {
    const bench = await faultBench({ network: { default_request_timeout_in_seconds: 30 }, providers: SPARE })
    for (const model of ['fault-silent', 'fault-half-head-then-silent', 'fault-head-then-silent']) {
      const [{ length }, before] = [bench.upstream.requests, bench.clock.now()]
      const verdict = await bench.ask(way, model)
      expectFailure(verdict, way, { status: 504, type: 'request_timed_out' })
      expect(verdict.message).toContain('default_request_timeout_in_seconds')
      expect(bench.clock.now() - before).toBeGreaterThanOrEqual(30_000)
      expect(await bench.upstream.closed(length)).toBe('closed-by-client')
      expect((await bench.ask(way, model, FALLBACK)).text).toBe(PLAIN_TEXT)
      expect(await bench.upstream.closed(length + 1)).toBe('closed-by-client')
      expect(bench.hits(length)).toHaveLength(3)
      await bench.settled()
    }
  })
})

describe('2 names', () => {
  const [way] = WAYS as [Way]

  it('that are not answered end at the connect timeout and delay nobody else', async () => {
    const { client, clock } = namesClient({ 'good.test': '127.0.0.1' })
    const bench = await benchAt('http://slow.test', { upstream: client, network: { connect_timeout_in_seconds: 10 } })
    const lost = Array.from({ length: 20 }, () => bench.ask(way, 'text'))
    expect((await bench.ask(way, 'fault-ignored', { body: { model: 'spare/text' } })).text).toBe(PLAIN_TEXT)
    expect(clock.now()).toBe(manualClock().now())
    const ended = Promise.all(lost)
    await clock.drive(ended)
    for (const verdict of await ended) expectFailure(verdict, way, { status: 502, type: 'upstream_connect_error' })
    await bench.settled()
  })
})

describe('3 a black hole for SYN', () => {
  it.runIf(process.platform === 'linux').each(WAYS)(
    '504 at the connect timeout, then the fallback ($side, stream $stream)',
    async (way) => {
      const { client, clock } = namesClient({})
      const bench = await benchAt(`http://127.0.0.1:${await blackHole()}`, {
        upstream: client,
        network: { connect_timeout_in_seconds: 10 },
      })
      const start = clock.now()
      const verdict = await clock.drive(bench.ask(way, 'text'))
      expectFailure(verdict, way, { status: 504, type: 'upstream_connect_timeout' })
      expect(verdict.message).toContain('within 10000 ms')
      expect(clock.now() - start).toBeGreaterThanOrEqual(10_000)
      expect((await clock.drive(bench.ask(way, 'text', FALLBACK))).text).toBe(PLAIN_TEXT)
      expect(client.stats()).toMatchObject({ busy: 0 })
    },
  )
})

describe('4 a handshake that stalls', () => {
  it.each(WAYS)('ends at the connect timeout; nothing of the request was sent ($side, stream $stream)', async (way) => {
    const { port, accepted } = await mutePort()
    const { client, clock } = namesClient({})
    const bench = await benchAt(`https://127.0.0.1:${port}`, { upstream: client, network: { connect_timeout_in_seconds: 10 } })
    const sent: Buffer[] = []
    const verdict = clock.drive(bench.ask(way, 'text'))
    accepted[0]?.on('data', (bytes: Buffer) => sent.push(bytes))
    expectFailure(await verdict, way, { status: 502, type: 'upstream_connect_error' })
    expect((await verdict).message).toContain('TLS handshake')
    expect(Buffer.concat(sent).toString('latin1')).not.toContain('sk-good')
    expect((await clock.drive(bench.ask(way, 'text', FALLBACK))).text).toBe(PLAIN_TEXT)
  })
})
