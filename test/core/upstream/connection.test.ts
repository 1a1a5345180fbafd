import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer } from 'node:net'
import fc from 'fast-check'
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

describe('requests', () => {
  it('have one Host and one Content-Length, ask for identity, and carry the pieces of the body in order', async () => {
    const server = await serve(ok)
    const headers: [string, string][] = [
      ['content-length', '99'],
      ['host', 'evil'],
      ['connection', 'close'],
      ['accept-encoding', 'gzip'],
      ['x-a', 'caf\xe9'],
    ]
    const body = [Buffer.from('{"a":'), Buffer.from('"é"}')]
    await run(clientOf(), targetOf(server.port, { host: 'api.test' }), requestOf({ headers, body, path: '/v1/x?y=1' })).done
    expect(server.seen[0]?.text).toBe(
      `POST /v1/x?y=1 HTTP/1.1\r\nhost: api.test\r\naccept-encoding: identity\r\nx-a: caf\xe9\r\ncontent-length: 10\r\n\r\n{"a":"${Buffer.from('é').toString('latin1')}"}`,
    )
  })

  it('say Content-Length: 0 for an empty POST and nothing for a GET', async () => {
    const server = await serve(ok)
    const client = clientOf()
    await run(client, targetOf(server.port), requestOf({ body: [] })).done
    await run(client, targetOf(server.port), requestOf({ method: 'GET', body: [] })).done
    expect(server.seen.map((seen) => /content-length: \d+/.exec(seen.text)?.[0])).toEqual(['content-length: 0', undefined])
  })

  it.each(['/a b', '/a\r\nx: y', 'a', '/é'])('refuse the path %j, which would be another request', async (path) => {
    const server = await serve(ok)
    const { fault } = await run(clientOf(), targetOf(server.port), requestOf({ path })).done
    expect(fault?.kind).toBe('protocol')
    expect(server.seen).toEqual([])
  })

  it.each([20_000, 2_000_000])('of %i bytes arrive whole', async (length) => {
    const server = await serve(ok)
    const body = [Buffer.alloc(length >> 1, 'a'), Buffer.alloc(length >> 1, 'b')]
    const client = clientOf()
    for (let time = 0; time < 2; time++) expect((await run(client, targetOf(server.port), requestOf({ body })).done).fault).toBeUndefined()
    for (const seen of server.seen) expect(seen.text.endsWith(Buffer.concat(body).toString('latin1'))).toBe(true)
    expect(server.sockets).toHaveLength(1)
  })
})

describe('reuse', () => {
  it('serves call after call on one connection, also one made in the last callback', async () => {
    const server = await serve(ok)
    const client = clientOf()
    const second = Promise.withResolvers<void>()
    const target = targetOf(server.port)
    const handler = { onHead() {}, onData() {}, onError: second.reject }
    client.open(target, requestOf(), {
      ...handler,
      onEnd: () => void client.open(target, requestOf(), { ...handler, onEnd: second.resolve }),
    })
    await second.promise
    expect(server.sockets).toHaveLength(1)
    expect(client.stats()).toEqual({ open: 1, idle: 1, busy: 0 })
  })

  it('replays once, on a fresh connection, when a reused one dies before any byte of the answer', async () => {
    for (const die of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const server = await serve((seen) => (seen.connection === 0 && seen.index === 1 ? void seen.socket[die]() : ok(seen)))
      const client = clientOf()
      await run(client, targetOf(server.port)).done
      const outcome = await run(client, targetOf(server.port)).done
      expect(outcome).toMatchObject({ fault: undefined, head: { status: 200 } })
      expect(server.seen.map((seen) => [seen.connection, seen.index])).toEqual([
        [0, 0],
        [0, 1],
        [1, 0],
      ])
    }
  })

  it('does not replay a second time', async () => {
    const server = await serve((seen) => (seen.connection === 0 && seen.index === 0 ? ok(seen) : void seen.socket.resetAndDestroy()))
    const client = clientOf()
    await run(client, targetOf(server.port)).done
    const { fault } = await run(client, targetOf(server.port)).done
    expect(fault).toMatchObject({ kind: 'reset', isReplayable: true })
    expect(server.seen).toHaveLength(3)
    expect(client.stats().open).toBe(0)
  })

  it('does not replay on a fresh connection', async () => {
    const server = await serve((seen) => void seen.socket.resetAndDestroy())
    const { fault } = await run(clientOf(), targetOf(server.port)).done
    expect(fault).toMatchObject({ kind: 'reset', isReplayable: true })
    expect(server.seen).toHaveLength(1)
  })

  it('does not replay once a byte of the answer was read', async () => {
    const server = await serve((seen) => (seen.index === 0 ? ok(seen) : void seen.socket.end('H')))
    const client = clientOf()
    await run(client, targetOf(server.port)).done
    const { fault } = await run(client, targetOf(server.port)).done
    expect(fault).toMatchObject({ kind: 'reset', isReplayable: false })
    expect(server.seen).toHaveLength(2)
  })

  it('replays ahead of the calls that wait, within the limit of connections', async () => {
    const server = await serve((seen) => (seen.connection === 0 && seen.index === 1 ? void seen.socket.destroy() : ok(seen)))
    const client = clientOf()
    const target = targetOf(server.port, { maxConnections: 1 })
    await run(client, target).done
    const paths = ['/a', '/b'].map((path) => run(client, target, requestOf({ path })).done)
    for (const outcome of await Promise.all(paths)) expect(outcome.fault).toBeUndefined()
    expect(server.seen.map((seen) => seen.text.split(' ')[1])).toEqual(['/v1/x', '/a', '/a', '/b'])
    expect(server.sockets).toHaveLength(2)
  })

  it.each([
    ['a FIN', (server: RawServer) => server.sockets[0]?.end()],
    ['unread data', (server: RawServer) => server.sockets[0]?.write('HTTP/1.1 408 Timeout\r\n\r\n')],
    ['a reset', (server: RawServer) => server.sockets[0]?.resetAndDestroy()],
  ])('drops an idle connection upon %s', async (_, disturb) => {
    const server = await serve(ok)
    const client = clientOf()
    await run(client, targetOf(server.port)).done
    expect(client.stats().idle).toBe(1)
    disturb(server)
    await server.closed(0)
    await until(() => client.stats().open === 0)
    expect((await run(client, targetOf(server.port)).done).fault).toBeUndefined()
    expect(server.sockets).toHaveLength(2)
  })

  it('does not use a connection again whose answer was followed by other bytes', async () => {
    const server = await serve((seen) => void seen.socket.write(`${answerOf('1')}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`))
    const client = clientOf()
    const first = await run(client, targetOf(server.port)).done
    expect(first).toMatchObject({ fault: undefined, body: Buffer.from('1') })
    expect(client.stats().open).toBe(0)
    expect((await run(client, targetOf(server.port)).done).body.toString()).toBe('1')
  })

  it.each(['connection: close\r\n', 'keep-alive: timeout=1\r\n', 'keep-alive: timeout=0, max=5\r\n'])(
    'does not keep a connection after %j',
    async (header) => {
      const server = await serve((seen) => void seen.socket.write(answerOf('1', header)))
      const client = clientOf()
      await run(client, targetOf(server.port)).done
      expect(client.stats().open).toBe(0)
      await server.closed(0)
    },
  )

  it('keeps a connection for the time the server names less one second', async () => {
    const clock = manualClock()
    const server = await serve((seen) => void seen.socket.write(answerOf('1', 'keep-alive: timeout=5\r\n')))
    const client = clientOf(clock.options)
    await run(client, targetOf(server.port)).done
    clock.advance(3999)
    expect(client.stats().idle).toBe(1)
    clock.advance(1)
    expect(client.stats().open).toBe(0)
  })

  it('keeps no connection idle for 60 s or older than 10 minutes', async () => {
    const clock = manualClock()
    const server = await serve(ok)
    const client = clientOf(clock.options)
    await run(client, targetOf(server.port)).done
    clock.advance(59_999)
    expect(client.stats().idle).toBe(1)
    clock.advance(1)
    expect(client.stats().open).toBe(0)
    for (let seconds = 0; seconds < 600; seconds += 50) {
      await run(client, targetOf(server.port)).done
      clock.advance(50_000)
    }
    expect(client.stats().open).toBe(0)
    expect(server.sockets).toHaveLength(2)
  })

  it('does not let a busy connection die of age, but uses it no more', async () => {
    const clock = manualClock()
    const server = await serve((seen) => void seen.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n1'))
    const client = clientOf(clock.options)
    const running = run(client, targetOf(server.port))
    await running.firstData
    clock.advance(700_000)
    server.sockets[0]?.write('2')
    expect((await running.done).body.toString()).toBe('12')
    expect(client.stats().open).toBe(0)
  })
})

describe('answers', () => {
  it.each(['stays', 'resets'])('come early, while the body is still being sent, from a server that then %s', async (then) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig', () => then === 'resets' && socket.destroy())
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close())
    const client = clientOf()
    const { port } = server.address() as { port: number }
    const outcome = await run(client, targetOf(port), requestOf({ body: [Buffer.alloc(50_000_000)] })).done
    expect(outcome).toMatchObject({ fault: undefined, head: { status: 413 } })
    expect(outcome.body.toString()).toBe('big')
    expect(client.stats().open).toBe(0)
  })

  it('to HEAD, 204 and 304 have no body, and the connection goes on', async () => {
    const heads = [
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-encoding: gzip\r\n\r\n',
      'HTTP/1.1 204 x\r\n\r\n',
      'HTTP/1.1 304 x\r\ncontent-length: 9\r\n\r\n',
    ]
    const server = await serve((seen) => void seen.socket.write(heads[seen.index] as string))
    const client = clientOf()
    for (const method of ['HEAD', 'POST', 'POST']) {
      expect(await run(client, targetOf(server.port), requestOf({ method })).done).toMatchObject({ fault: undefined, chunks: 0 })
    }
    expect(server.sockets).toHaveLength(1)
  })

  it('that redirect are handed on, not followed', async () => {
    const server = await serve(
      (seen) => void seen.socket.write('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
    )
    expect((await run(clientOf(), targetOf(server.port)).done).head?.status).toBe(302)
    expect(server.seen).toHaveLength(1)
  })

  it('end with the FIN where they have no length', async () => {
    const server = await serve((seen) => void seen.socket.end('HTTP/1.1 200 OK\r\n\r\nhello'))
    expect(await run(clientOf(), targetOf(server.port)).done).toMatchObject({ fault: undefined, body: Buffer.from('hello') })
  })

  it('without a length that end in a reset are no answers', async () => {
    const server = await serve((seen) => void seen.socket.write('HTTP/1.1 200 OK\r\n\r\nhello'))
    const running = run(clientOf(), targetOf(server.port))
    await running.firstData
    server.sockets[0]?.resetAndDestroy()
    expect((await running.done).fault).toMatchObject({ kind: 'reset', isReplayable: false })
  })

  it.each(['end', 'resetAndDestroy'] as const)('cut off by %s before their length or last chunk are a reset', async (cut) => {
    for (const text of [
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    ]) {
      const server = await serve((seen) => void seen.socket.write(text))
      const client = clientOf()
      const running = run(client, targetOf(server.port))
      await running.firstData
      server.sockets[0]?.[cut]()
      expect(await running.done).toMatchObject({ fault: { kind: 'reset', isReplayable: false }, body: Buffer.from('hello') })
      expect(client.stats().open).toBe(0)
    }
  })

  it('cut inside a code point keep their bytes', async () => {
    const text = Buffer.from('data: "é😀"\n\n')
    const server = await serve((seen) => {
      seen.socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${text.length}\r\n\r\n`)
      seen.socket.write(text.subarray(0, 8))
    })
    const running = run(clientOf(), targetOf(server.port))
    await running.firstData
    server.sockets[0]?.write(text.subarray(8))
    expect((await running.done).body).toEqual(text)
  })

  it.each([
    ['garbage', 'SSH-2.0-x\r\n'],
    ['a header bomb', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`],
    ['a huge status line', `HTTP/1.1 200 ${'x'.repeat(100_000)}`],
    ['a flood of interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)],
    ['both lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('that are %s are a protocol fault and end the connection', async (_, text) => {
    const server = await serve((seen) => void seen.socket.write(text))
    const client = clientOf()
    expect(await run(client, targetOf(server.port)).done).toMatchObject({
      head: undefined,
      fault: { kind: 'protocol', isReplayable: false },
    })
    await server.closed(0)
    expect(client.stats().open).toBe(0)
  })
})

describe('a damaged answer', () => {
  it('always ends the call, by onEnd or onError, and leaves no connection', async () => {
    const whole = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n')
    let answer: Buffer = whole
    const server = await serve((seen) => void seen.socket.end(answer))
    const client = clientOf()
    const edit = fc.tuple(fc.nat(whole.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 10, 13, 32, 58)))
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 5 }), fc.nat(whole.length), async (edits, length) => {
        answer = Buffer.from(whole)
        for (const [at, byte] of edits) answer[at] = byte
        answer = answer.subarray(0, length)
        const { fault, head } = await run(client, targetOf(server.port)).done
        expect(fault === undefined ? head : fault.kind).toBeDefined()
        await until(() => client.stats().open === 0)
      }),
      { numRuns: 200 },
    )
  })
})

describe('limits', () => {
  it('refuse a Content-Length over the limit at once', async () => {
    const server = await serve((seen) => void seen.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n'))
    const outcome = await run(clientOf(), targetOf(server.port), requestOf({ maxResponseBytes: 1000 })).done
    expect(outcome).toMatchObject({ head: undefined, fault: { kind: 'too-large', isReplayable: false } })
    await server.closed(0)
  })

  it('stop a chunked or unbounded answer that grows over the limit', async () => {
    for (const head of ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n', 'HTTP/1.1 200 OK\r\n\r\n']) {
      const server = await serve(
        (seen) => void seen.socket.write(head + 'x'.repeat(1000) + (head.includes('chunked') ? '\r\n1\r\nx\r\n' : 'x')),
      )
      const outcome = await run(clientOf(), targetOf(server.port), requestOf({ maxResponseBytes: 1000 })).done
      expect(outcome.fault?.kind).toBe('too-large')
      expect(outcome.body.length).toBeLessThanOrEqual(1000)
      await server.closed(0)
    }
  })

  it.each(['text/event-stream; charset=utf-8', 'Application/vnd.amazon.eventstream'])('do not bound %s', async (type) => {
    const server = await serve(
      (seen) => void seen.socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: 2000\r\n\r\n${'x'.repeat(2000)}`),
    )
    const outcome = await run(clientOf(), targetOf(server.port), requestOf({ maxResponseBytes: 1000 })).done
    expect(outcome).toMatchObject({ fault: undefined })
    expect(outcome.body).toHaveLength(2000)
  })
})

describe('control', () => {
  it('abort ends the socket at once and no callback follows', async () => {
    const server = await serve((seen) => void seen.socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n'))
    const client = clientOf()
    const running = run(client, targetOf(server.port))
    let isOver = false
    void running.done.then(() => {
      isOver = true
    })
    await running.firstData
    running.call.abort()
    running.call.abort()
    expect(client.stats().open).toBe(0)
    await server.closed(0)
    expect(isOver).toBe(false)
  })

  it('abort before the answer and while connecting ends the socket', async () => {
    const server = await serve(() => {})
    const client = clientOf()
    const waiting = run(client, targetOf(server.port))
    await until(() => server.seen.length === 1)
    waiting.call.abort()
    await server.closed(0)
    run(client, targetOf(server.port)).call.abort()
    expect(client.stats()).toEqual({ open: 0, idle: 0, busy: 0 })
  })

  it('abort in a callback stops the delivery', async () => {
    const server = await serve((seen) => void seen.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello'))
    const client = clientOf()
    const heard: string[] = []
    const call = client.open(targetOf(server.port), requestOf(), {
      onHead() {
        heard.push('head')
        call.abort()
      },
      onData: () => void heard.push('data'),
      onEnd: () => void heard.push('end'),
      onError: () => void heard.push('error'),
    })
    await server.closed(0)
    expect(heard).toEqual(['head'])
  })

  it('abort after the end leaves the connection alone', async () => {
    const server = await serve(ok)
    const client = clientOf()
    const running = run(client, targetOf(server.port))
    await running.done
    running.call.abort()
    running.call.pause()
    expect(client.stats().idle).toBe(1)
    expect((await run(client, targetOf(server.port)).done).fault).toBeUndefined()
    expect(server.sockets).toHaveLength(1)
  })

  it('pause stops the upstream, resume goes on, and the connection serves the next call', async () => {
    const size = 50_000_000
    let isDrained = true
    const server = await serve((seen) => {
      seen.socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${size}\r\n\r\n`)
      isDrained = seen.socket.write(Buffer.alloc(size))
      seen.socket.once('drain', () => {
        isDrained = true
      })
    })
    const client = clientOf()
    const target = targetOf(server.port)
    let received = 0
    const done = Promise.withResolvers<void>()
    const first = Promise.withResolvers<void>()
    const call = client.open(target, requestOf(), {
      onHead() {},
      onData(chunk) {
        received += chunk.length
        if (received === chunk.length) {
          call.pause()
          first.resolve()
        }
      },
      onEnd: done.resolve,
      onError: done.reject,
    })
    await first.promise
    const held = received
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(received).toBe(held)
    expect(isDrained).toBe(false)
    call.resume()
    await done.promise
    expect(received).toBe(size)
    expect(client.stats().idle).toBe(1)
  })

  it('a call that ends paused leaves a connection that still sees the FIN', async () => {
    const server = await serve(ok)
    const client = clientOf()
    const ended = Promise.withResolvers<void>()
    const call = client.open(targetOf(server.port), requestOf(), {
      onHead: () => call.pause(),
      onData() {},
      onEnd: ended.resolve,
      onError: ended.reject,
    })
    await ended.promise
    server.sockets[0]?.end()
    await until(() => client.stats().open === 0)
  })

  it('a handler that throws costs its own connection and no other', async () => {
    const server = await serve(ok)
    const client = clientOf()
    const thrown = Promise.withResolvers<unknown>()
    const listeners = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', thrown.resolve)
    closers.push(() => {
      for (const listener of listeners) process.on('uncaughtException', listener)
    })
    client.open(targetOf(server.port), requestOf(), {
      onHead() {
        throw new Error('handler')
      },
      onData() {},
      onEnd() {},
      onError() {},
    })
    expect(await thrown.promise).toMatchObject({ message: 'handler' })
    expect(client.stats().open).toBe(0)
    expect((await run(client, targetOf(server.port)).done).fault).toBeUndefined()
  })

  it('callbacks do not run in the async context of the request that opened the connection', async () => {
    const server = await serve(ok)
    const client = clientOf()
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const done = Promise.withResolvers<void>()
    storage.run('first request', () => {
      client.open(targetOf(server.port), requestOf(), {
        onHead: () => void seen.push(storage.getStore()),
        onData() {},
        onEnd: done.resolve,
        onError: done.reject,
      })
    })
    await done.promise
    expect(seen).toEqual([undefined])
  })
})
