import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { UpstreamClient } from '../../../core/upstream/types.ts'
import {
  answerOf,
  createUpstreamClient,
  manualClock,
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
async function serve(answer: (seen: Seen) => void): Promise<RawServer> {
  const server = await rawServer(answer)
  closers.push(() => server.close())
  return server
}
function clientOf(options: Parameters<typeof createUpstreamClient>[0] = {}): UpstreamClient {
  const client = createUpstreamClient(options)
  closers.push(() => client.close())
  return client
}
const ok = (seen: Seen) => void seen.socket.write(answerOf('{"ok":1}'))
const path = (seen: Seen) => seen.text.split(' ')[1]

describe('the pool', () => {
  it('reuses the connection that was used last', async () => {
    const server = await serve(() => {})
    const client = clientOf()
    const target = targetOf(server.port)
    const running = ['/a', '/b', '/c'].map((one) => run(client, target, requestOf({ path: one })))
    await until(() => server.seen.length === 3)
    const of = (one: string) => server.seen.find((seen) => path(seen) === one) as Seen
    for (const [index, one] of ['/a', '/c', '/b'].entries()) {
      ok(of(one))
      await running[['/a', '/b', '/c'].indexOf(one)]?.done
      expect(client.stats()).toEqual({ open: 3, idle: index + 1, busy: 2 - index })
    }
    const next = run(client, target, requestOf({ path: '/d' }))
    await until(() => server.seen.length === 4)
    expect(of('/d').connection).toBe(of('/b').connection)
    next.call.abort()
  })

  it('lets calls over the limit wait in order, and forgets aborted ones', async () => {
    const server = await serve(() => {})
    const client = clientOf()
    const target = targetOf(server.port, { maxConnections: 1 })
    const [first, second, third] = ['/a', '/b', '/c'].map((one) => run(client, target, requestOf({ path: one })))
    await until(() => server.seen.length === 1)
    second?.call.abort()
    ok(server.seen[0] as Seen)
    await first?.done
    await until(() => server.seen.length === 2)
    ok(server.seen[1] as Seen)
    await third?.done
    expect(server.seen.map(path)).toEqual(['/a', '/c'])
    expect(server.sockets).toHaveLength(1)
  })

  it('gives the slot of a failed or aborted call to the next in line', async () => {
    const server = await serve((seen) =>
      path(seen) === '/dies' ? void seen.socket.destroy() : path(seen) === '/ok' ? ok(seen) : undefined,
    )
    const client = clientOf()
    const target = targetOf(server.port, { maxConnections: 1 })
    const stuck = run(client, target, requestOf({ path: '/stuck' }))
    const dies = run(client, target, requestOf({ path: '/dies' }))
    const last = run(client, target, requestOf({ path: '/ok' }))
    await until(() => server.seen.length === 1)
    stuck.call.abort()
    expect((await dies.done).fault?.kind).toBe('reset')
    expect((await last.done).fault).toBeUndefined()
  })

  it('bounds the line', async () => {
    const server = await serve(() => {})
    const client = clientOf({ maxWaiting: 1 })
    const target = targetOf(server.port, { maxConnections: 1 })
    const held = [run(client, target), run(client, target)]
    const { fault } = await run(client, target).done
    expect(fault).toMatchObject({ kind: 'connect', isReplayable: true })
    for (const one of held) one.call.abort()
  })

  it('shares connections between equal targets and not between different ones', async () => {
    const server = await serve(ok)
    const client = clientOf()
    for (const changes of [{}, {}, { provider: 'other' }, { insecureSkipVerify: true }])
      await run(client, targetOf(server.port, changes)).done
    expect(server.sockets).toHaveLength(3)
  })

  it('opens connections ahead, which calls then use; one that dies unused is replaced by a replay', async () => {
    const server = await serve((seen) => (seen.connection === 1 ? void seen.socket.destroy() : ok(seen)))
    const client = clientOf()
    const target = targetOf(server.port)
    client.preconnect(target, 2)
    await until(() => client.stats().idle === 2)
    client.preconnect(target, 2)
    expect(client.stats().open).toBe(2)
    expect((await run(client, target).done).fault).toBeUndefined()
    expect((await run(client, target).done).fault).toBeUndefined()
    expect(server.sockets).toHaveLength(3)
  })

  it('opens no more ahead than the limit', async () => {
    const server = await serve(ok)
    const client = clientOf()
    client.preconnect(targetOf(server.port, { maxConnections: 2 }), 9)
    await until(() => client.stats().idle === 2)
    expect(server.sockets.length).toBeLessThanOrEqual(2)
  })

  it('closes idle connections on close, and busy ones with their call', async () => {
    const server = await serve((seen) => void (path(seen) === '/slow' || ok(seen)))
    const client = clientOf()
    const target = targetOf(server.port)
    const slow = run(client, target, requestOf({ path: '/slow' }))
    await run(client, target).done
    await until(() => server.seen.length === 2)
    client.close()
    expect(client.stats()).toEqual({ open: 1, idle: 0, busy: 1 })
    ok(server.seen.find((seen) => path(seen) === '/slow') as Seen)
    expect((await slow.done).fault).toBeUndefined()
    expect(client.stats().open).toBe(0)
  })

  it('holds no connection and no timer after many calls that end in every way', async () => {
    const server = await serve((seen) => {
      if (path(seen) === '/0') seen.socket.destroy()
      else if (path(seen) === '/1') seen.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')
      else ok(seen)
    })
    const clock = manualClock()
    const client = clientOf(clock.options)
    const target = targetOf(server.port, { maxConnections: 5 })
    const running = Array.from({ length: 60 }, (_, index) => run(client, target, requestOf({ path: `/${index % 3}` })))
    await Promise.all(running.map((one, index) => (index % 3 === 1 ? one.firstData.then(() => one.call.abort()) : one.done)))
    await until(() => client.stats().busy === 0)
    clock.advance(60_000)
    expect(client.stats()).toEqual({ open: 0, idle: 0, busy: 0 })
  })
})

describe('connecting', () => {
  it('to a closed port is a connect fault', async () => {
    const server = await rawServer(ok)
    await server.close()
    const { fault } = await run(clientOf(), targetOf(server.port)).done
    expect(fault).toMatchObject({ kind: 'connect', isReplayable: true })
    expect(fault?.message).toContain('ECONNREFUSED')
  })

  it('to an impossible port is a connect fault', async () => {
    expect((await run(clientOf(), targetOf(70_000)).done).fault?.kind).toBe('connect')
  })

  it('to a name without an address is a connect fault', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND no.test'), { code: 'ENOTFOUND' })
    const client = clientOf({ lookupAll: (_, callback) => callback(error, []) })
    const { fault } = await run(client, targetOf(80, { hostname: 'no.test' })).done
    expect(fault).toMatchObject({ kind: 'connect', message: 'getaddrinfo ENOTFOUND no.test' })
  })

  it('tries the next address when one fails, of either family', async () => {
    const server = await serve(ok)
    const addresses = [
      { address: '::1', family: 6 },
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
    const client = clientOf({ lookupAll: (_, callback) => callback(null, addresses) })
    expect((await run(client, targetOf(server.port, { hostname: 'dual.test' })).done).fault).toBeUndefined()
    const closed = await rawServer(ok)
    await closed.close()
    const { fault } = await run(client, targetOf(closed.port, { hostname: 'dual.test' })).done
    expect(fault?.kind).toBe('connect')
    expect(fault?.message).toContain('127.0.0.1')
  })

  it('that takes longer than the connect timeout, names included, is a connect-timeout', async () => {
    const clock = manualClock()
    const client = clientOf({ ...clock.options, lookupAll: () => {} })
    const running = run(client, targetOf(80, { hostname: 'slow.test', connectTimeoutMs: 10_000 }))
    clock.advance(9999)
    expect(client.stats().open).toBe(1)
    clock.advance(1)
    expect((await running.done).fault).toMatchObject({ kind: 'connect-timeout', isReplayable: true })
    expect(client.stats().open).toBe(0)
  })

  it('is bounded by a real timer too', async () => {
    const client = clientOf({ lookupAll: () => {} })
    expect((await run(client, targetOf(80, { hostname: 'slow.test', connectTimeoutMs: 50 })).done).fault?.kind).toBe('connect-timeout')
  })

  it('works over a unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'upstream-'))
    const socketPath = join(folder, 's')
    const server = await rawServer(ok, { listen: socketPath })
    closers.push(
      () => server.close(),
      () => rm(folder, { recursive: true }),
    )
    const client = clientOf()
    for (let time = 0; time < 2; time++) expect((await run(client, targetOf(80, { socketPath, host: 'vllm' })).done).fault).toBeUndefined()
    expect(server.seen[0]?.text).toContain('host: vllm\r\n')
    expect(server.sockets).toHaveLength(1)
    expect((await run(client, targetOf(80, { socketPath: join(folder, 'none') })).done).fault?.kind).toBe('connect')
  })
})
