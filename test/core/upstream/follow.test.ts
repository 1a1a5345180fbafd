import { afterEach, describe, expect, it } from 'vitest'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { Deadlines } from '../../../core/deadlines.ts'
import type { NextStep } from '../../../core/provider.ts'
import { type FollowOptions, openFollowed } from '../../../core/upstream/follow.ts'
import { placeOf } from '../../../core/upstream/follow-step.ts'
import type { UpstreamClient } from '../../../core/upstream/types.ts'
import { manualClock } from '../../helpers/clock.ts'
import {
  answerOf,
  createUpstreamClient,
  type Outcome,
  type RawServer,
  rawServer,
  requestOf,
  run,
  type Seen,
  targetOf,
  until,
} from './support.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const HEADERS = [
  ['authorization', 'Bearer k'],
  ['content-type', 'application/json'],
  ['prefer', 'wait'],
] as const
const WAITING = { status: 'processing', urls: { get: '/v1/p/1', cancel: '/v1/p/1/cancel' } }
const DONE = { status: 'succeeded', output: 'x', urls: { get: '/v1/p/1', cancel: '/v1/p/1/cancel' } }

/** As a provider would: the stream where one is wanted and offered, else every 2 seconds its state. */
function follow({ status, urls }: JsonObject, wantsStream: boolean): NextStep | undefined {
  if (status !== 'processing' || !isObject(urls)) return undefined
  const cancelUrl = urls.cancel as string
  if (wantsStream && urls.stream) return { url: urls.stream as string, isStream: true, cancelUrl }
  return { url: urls.get as string, afterMs: (urls.afterMs as number | undefined) ?? 2000, cancelUrl }
}

interface Bench {
  server: RawServer
  clock: ReturnType<typeof manualClock>
  deadlines: Deadlines
  /** `POST /v1/p` and so on, in order. */
  asked(): string[]
  open(changes?: Partial<FollowOptions>): ReturnType<typeof run>
  finish(done: Promise<Outcome>): Promise<Outcome>
}

/** `answers`: what the server writes to each request in turn; undefined leaves it open. */
async function start(answers: (string | undefined)[], prefix = ''): Promise<Bench> {
  let served = 0
  const server = await rawServer(({ socket }: Seen) => {
    const answer = answers[served++]
    if (answer === 'reset') socket.destroy()
    else if (answer !== undefined) socket.write(answer)
  })
  const client = createUpstreamClient()
  closers.push(
    () => client.close(),
    () => server.close(),
  )
  const clock = manualClock()
  const deadlines = new Deadlines(clock)
  const target = targetOf(server.port, { prefix })
  const options: Omit<FollowOptions, 'target' | 'request'> = {
    upstream: client,
    follow,
    hosts: [],
    staysAtTarget: false,
    wantsStream: false,
    deadlines,
    wallClock: () => 0,
    endsAt: 1_000_000,
  }
  return {
    server,
    clock,
    deadlines,
    asked: () => server.seen.map(({ text }) => text.split(' ').slice(0, 2).join(' ')),
    open(changes = {}) {
      const open: UpstreamClient['open'] = (at, request, handler) => openFollowed({ ...options, target: at, request, ...changes }, handler)
      return run({ ...client, open }, target, requestOf({ path: `${prefix}/v1/p`, headers: HEADERS }))
    },
    finish: (done) => clock.drive(done, 50),
  }
}

const json = (body: JsonObject, headers = ''): string => answerOf(JSON.stringify(body), headers)
const failure = (status: number, headers = ''): string =>
  `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\n${headers}content-length: 13\r\n\r\n{"detail":""}`
const STREAM = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: output\ndata: a\n\n'

describe('polling', () => {
  it('gives an answer that leads nowhere as it is', async () => {
    const bench = await start([json(DONE, 'x-one: 1\r\n')])
    const { head, body } = await bench.open().done
    expect(JSON.parse(body.toString())).toEqual(DONE)
    expect(head?.headers).toContainEqual(['x-one', '1'])
    expect(bench.deadlines.size).toBe(0)
  })

  it('asks again after each pause, with the key and without what belonged to the first body', async () => {
    const bench = await start([json(WAITING), json(WAITING), json(DONE)])
    const { done } = bench.open()
    await until(() => bench.deadlines.size === 1)
    bench.clock.advance(1_990)
    expect(bench.asked()).toEqual(['POST /v1/p'])
    const { body, chunks } = await bench.finish(done)
    expect([JSON.parse(body.toString()), chunks]).toEqual([DONE, 1])
    expect(bench.asked()).toEqual(['POST /v1/p', 'GET /v1/p/1', 'GET /v1/p/1'])
    const [, second] = bench.server.seen
    expect(second?.text).toContain('authorization: Bearer k\r\n')
    expect(second?.text).toContain('accept: application/json\r\n')
    expect(second?.text).not.toMatch(/prefer|content-type/)
    expect(bench.deadlines.size).toBe(0)
  })

  it('never asks twice within 100 ms', async () => {
    const bench = await start([json({ ...WAITING, urls: { ...WAITING.urls, afterMs: 0 } }), json(DONE)])
    const { done } = bench.open()
    await until(() => bench.deadlines.size === 1)
    bench.clock.advance(99)
    expect(bench.deadlines.size).toBe(1)
    bench.clock.advance(1)
    expect(bench.deadlines.size).toBe(0)
    await done
  })

  it.each(['text/plain', 'application/json'])('gives %s that is no object to the handler', async (type) => {
    const bench = await start([`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: 2\r\n\r\n[]`])
    expect((await bench.open().done).body.toString()).toBe('[]')
  })

  it('bounds each answer', async () => {
    const bench = await start([json({ ...WAITING, logs: 'x'.repeat(1_000_000) })])
    expect((await bench.open().done).fault?.kind).toBe('too-large')
  })

  it('says when the provider leads on to nonsense, or the rule for it throws', async () => {
    const bench = await start([json(WAITING), json(WAITING)])
    const boom = (): never => {
      throw new Error('boom')
    }
    expect((await bench.open({ follow: boom }).done).fault).toMatchObject({ kind: 'internal', message: 'boom' })
    const lost = bench.open({ follow: () => ({ url: 'http://[' }) })
    expect((await bench.finish(lost.done)).fault).toMatchObject({ kind: 'protocol', message: 'the provider leads on to what is no URL' })
  })
})

describe('failures', () => {
  it('of the first request are the answer', async () => {
    const bench = await start([failure(429)])
    expect((await bench.open().done).head?.status).toBe(429)
    expect(bench.asked()).toEqual(['POST /v1/p'])
  })

  it('later: 429, 5xx and lost connections are asked again, after Retry-After', async () => {
    const bench = await start([json(WAITING), failure(429, 'retry-after: 7\r\n'), failure(503), 'reset', json(DONE)])
    const { done } = bench.open()
    await until(() => bench.deadlines.size === 1)
    bench.clock.advance(2_000)
    await until(() => bench.deadlines.size === 1)
    bench.clock.advance(6_990)
    expect(bench.deadlines.size).toBe(1)
    expect(JSON.parse((await bench.finish(done)).body.toString())).toEqual(DONE)
    expect(bench.asked().filter((line) => line === 'GET /v1/p/1').length).toBeGreaterThanOrEqual(4)
    expect(bench.asked()).not.toContain('POST /v1/p/1/cancel')
  })

  it('give up after five in a row, and cancel', async () => {
    const bench = await start([json(WAITING), ...Array.from({ length: 6 }, () => failure(502))])
    const { head, body } = await bench.finish(bench.open().done)
    expect([head?.status, body.toString()]).toEqual([502, '{"detail":""}'])
    await until(() => bench.server.seen.length === 8)
    expect(bench.asked().slice(-2)).toEqual(['GET /v1/p/1', 'POST /v1/p/1/cancel'])
  })

  it('are the answer when the pause would outlast the time limit', async () => {
    const bench = await start([json(WAITING), failure(429, 'retry-after: 9999\r\n')])
    const { head } = await bench.finish(bench.open({ endsAt: 60_000 }).done)
    expect(head).toMatchObject({ status: 429 })
    expect(head?.headers).toContainEqual(['retry-after', '9999'])
  })

  it('of another status are the answer', async () => {
    const bench = await start([json(WAITING), failure(404)])
    expect((await bench.finish(bench.open().done)).head?.status).toBe(404)
  })
})

describe('streams', () => {
  const streaming = { ...WAITING, urls: { ...WAITING.urls, stream: '/v1/s/1?t=2' } }

  it('go through as they come', async () => {
    const bench = await start([json(streaming), STREAM])
    const running = bench.open({ wantsStream: true })
    await running.firstData
    expect((await running.head)?.headers).toContainEqual(['content-type', 'text/event-stream'])
    expect(bench.server.seen[1]?.text).toContain('accept: text/event-stream\r\n')
    bench.server.seen[1]?.socket.end('event: done\ndata: {}\n\n')
    expect((await running.done).body.toString()).toBe('event: output\ndata: a\n\nevent: done\ndata: {}\n\n')
    expect(bench.asked()).toEqual(['POST /v1/p', 'GET /v1/s/1?t=2'])
  })

  it('can be held and let go', async () => {
    const bench = await start([json(streaming), STREAM])
    const running = bench.open({ wantsStream: true })
    running.call.pause()
    running.call.resume()
    await running.firstData
    running.call.pause()
    bench.server.seen[1]?.socket.end('event: done\ndata: {}\n\n')
    running.call.resume()
    expect((await running.done).body.toString()).toContain('done')
  })

  it('of a model that has none are answers', async () => {
    const bench = await start([json(WAITING), json(DONE)])
    expect(JSON.parse((await bench.finish(bench.open({ wantsStream: true }).done)).body.toString())).toEqual(DONE)
  })
})

describe('an abort', () => {
  it('of the first request has nothing to cancel', async () => {
    const bench = await start([undefined])
    const { call } = bench.open()
    await until(() => bench.server.seen.length === 1)
    call.abort()
    await bench.server.closed(0)
    expect([bench.asked(), bench.deadlines.size]).toEqual([['POST /v1/p'], 0])
  })

  it('in a pause cancels, once', async () => {
    const bench = await start([json(WAITING), json({})])
    const { call } = bench.open()
    await until(() => bench.deadlines.size === 1)
    call.abort()
    call.abort()
    await until(() => bench.server.seen.length === 2 && bench.deadlines.size === 0)
    expect(bench.asked()).toEqual(['POST /v1/p', 'POST /v1/p/1/cancel'])
    expect(bench.server.seen[1]?.text).toContain('authorization: Bearer k\r\n')
  })

  it.each([
    ['a question', false],
    ['a stream', true],
  ])('of %s ends it and cancels', async (_, wantsStream) => {
    const bench = await start([
      json({ ...WAITING, urls: { ...WAITING.urls, stream: '/v1/s/1' } }),
      wantsStream ? STREAM : undefined,
      json({}),
    ])
    const running = bench.open({ wantsStream })
    if (wantsStream) await running.firstData
    else
      await bench.clock.drive(
        until(() => bench.server.seen.length === 2),
        50,
      )
    running.call.abort()
    await bench.server.closed(bench.server.seen[1]?.connection ?? 0)
    await until(() => bench.server.seen.length === 3 && bench.deadlines.size === 0)
    expect(bench.asked()[2]).toBe('POST /v1/p/1/cancel')
  })

  it('waits no more than ten seconds for the cancellation', async () => {
    const bench = await start([json(WAITING), undefined])
    const { call } = bench.open()
    await until(() => bench.deadlines.size === 1)
    call.abort()
    await until(() => bench.server.seen.length === 2)
    bench.clock.advance(10_000)
    await bench.server.closed(bench.server.seen[1]?.connection ?? 0)
    expect(bench.deadlines.size).toBe(0)
  })

  it('after the answer does nothing', async () => {
    const bench = await start([json(WAITING), json(DONE)])
    const running = bench.open()
    await bench.finish(running.done)
    running.call.abort()
    expect([bench.asked().length, bench.deadlines.size]).toEqual([2, 0])
  })
})

describe('where it leads', () => {
  const vendors = { ...targetOf(443), protocol: 'https:' as const, hostname: 'api.vendor.com', host: 'api.vendor.com', prefix: '/base' }
  const hosts = ['stream.vendor.com', '.vendor.net']
  const lead = (url: string, staysAtTarget = false) => {
    const place = placeOf(url, { target: vendors, hosts, staysAtTarget })
    return typeof place === 'string' ? place : `${place.target.protocol}//${place.target.host}|${place.target.port}|${place.path}`
  }

  it.each([
    ['https://api.vendor.com/base/v1/p?x=1', 'https://api.vendor.com|443|/base/v1/p?x=1'],
    ['/other/v1/p', 'https://api.vendor.com|443|/other/v1/p'],
    ['https://stream.vendor.com/s', 'https://stream.vendor.com|443|/s'],
    ['https://a.b.vendor.net:8443/s', 'https://a.b.vendor.net:8443|8443|/s'],
    ['https://evil.com/s', 'the provider leads on to https://evil.com, which is not sent the key'],
    ['https://evilvendor.net/s', 'the provider leads on to https://evilvendor.net, which is not sent the key'],
    ['https://x.stream.vendor.com/s', 'the provider leads on to https://x.stream.vendor.com, which is not sent the key'],
    ['http://stream.vendor.com/s', 'the provider leads on to http://stream.vendor.com, which is not sent the key'],
    ['http://api.vendor.com/s', 'the provider leads on to http://api.vendor.com, which is not sent the key'],
    ['https://api.vendor.com:444/s', 'the provider leads on to https://api.vendor.com:444, which is not sent the key'],
    ['file:///etc/passwd', 'the provider leads on to file://, which is not sent the key'],
  ])('%s', (url, place) => {
    expect(lead(url)).toBe(place)
  })

  it('stays at a base URL that the operator set, whose prefix is not doubled', () => {
    expect(lead('https://evil.com/v1/p', true)).toBe('https://api.vendor.com|443|/base/v1/p')
    expect(lead('https://stream.vendor.com/base/v1/p', true)).toBe('https://api.vendor.com|443|/base/v1/p')
    expect(lead('https://stream.vendor.com/basement', true)).toBe('https://api.vendor.com|443|/base/basement')
  })

  it('keeps the way there: proxy, trust and limits', () => {
    const proxy = { type: 'http' as const, url: new URL('http://proxy:1') }
    const place = placeOf('https://stream.vendor.com/s', { target: { ...vendors, proxy, caCertPem: 'pem' }, hosts, staysAtTarget: false })
    expect(place).toMatchObject({ target: { proxy, caCertPem: 'pem', prefix: '', hostname: 'stream.vendor.com' } })
  })

  it('refuses a foreign host before a byte goes there, and cancels at home', async () => {
    const bench = await start([json({ ...WAITING, urls: { ...WAITING.urls, get: 'https://evil.com/x' } }), json({})])
    const { fault } = await bench.finish(bench.open().done)
    expect(fault).toMatchObject({ kind: 'protocol', message: 'the provider leads on to https://evil.com, which is not sent the key' })
    await until(() => bench.server.seen.length === 2)
    expect(bench.asked()[1]).toBe('POST /v1/p/1/cancel')
  })

  it('asks a host that is named', async () => {
    const other = await rawServer(({ socket }) => void socket.write(json(DONE)))
    closers.push(() => other.close())
    const bench = await start([json({ ...WAITING, urls: { ...WAITING.urls, get: `http://localhost:${other.port}/v1/p/1` } })])
    const { done } = bench.open({ hosts: ['localhost'] })
    expect(JSON.parse((await bench.finish(done)).body.toString())).toEqual(DONE)
    expect(other.seen[0]?.text).toContain('authorization: Bearer k\r\n')
  })
})
