import { once } from 'node:events'
import { createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Target, UpstreamClient } from '../../../core/upstream/types.ts'
import {
  answerOf,
  createUpstreamClient,
  manualClock,
  pem,
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
async function serve(name: string, answer: (seen: Seen) => void = ok): Promise<RawServer> {
  const server = await rawServer(answer, { tls: { cert: pem(`${name}.pem`), key: pem(`${name}.key`) } })
  closers.push(() => server.close())
  return server
}
function clientOf(options: Parameters<typeof createUpstreamClient>[0] = {}): UpstreamClient {
  const client = createUpstreamClient({ lookupAll: (_, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]), ...options })
  closers.push(() => client.close())
  return client
}
const secure = (port: number, changes: Partial<Target> = {}) =>
  targetOf(port, { protocol: 'https:', hostname: 'localhost', caCertPem: pem('ca.pem'), ...changes })
const ok = (seen: Seen) => void seen.socket.write(answerOf('{"ok":1}'))

describe('TLS', () => {
  it('serves calls on one connection, by name and by address', async () => {
    const server = await serve('server')
    const client = clientOf()
    for (const hostname of ['localhost', 'localhost', '127.0.0.1', '127.0.0.1']) {
      const outcome = await run(client, secure(server.port, { hostname })).done
      expect(outcome).toMatchObject({ fault: undefined, body: Buffer.from('{"ok":1}') })
    }
    expect(server.sockets).toHaveLength(2)
    expect((server.sockets as TLSSocket[]).map((socket) => [socket.servername, socket.alpnProtocol])).toEqual([
      ['localhost', false],
      [false, false],
    ])
  })

  it.each([
    ['an expired certificate', 'expired', {}],
    ['a certificate for another host', 'wrong-host', {}],
    ['an unknown authority', 'server', { caCertPem: undefined }],
  ])('refuses %s before anything is sent', async (_, name, changes) => {
    const server = await serve(name)
    const client = clientOf()
    expect((await run(client, secure(server.port, changes)).done).fault).toMatchObject({ kind: 'tls' })
    expect(server.seen).toEqual([])
    expect(client.stats().open).toBe(0)
  })

  it('skips the checks where the configuration says so', async () => {
    const server = await serve('expired')
    expect((await run(clientOf(), secure(server.port, { insecureSkipVerify: true })).done).fault).toBeUndefined()
  })

  it('names a server that does not speak TLS, and a broken authority file', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    closers.push(() => server.close())
    const { port } = server.address() as { port: number }
    expect((await run(clientOf(), secure(port)).done).fault?.kind).toBe('tls')
    expect(
      (await run(clientOf(), secure(port, { caCertPem: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n' })).done).fault?.kind,
    ).toBe('tls')
  })

  it('calls a refused or reset handshake a connect fault: that may pass', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.resetAndDestroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    expect((await run(clientOf(), secure(port)).done).fault?.kind).toBe('connect')
    server.close()
    await once(server, 'close')
    expect((await run(clientOf(), secure(port)).done).fault?.kind).toBe('connect')
  })

  it('bounds a stalled handshake by the connect timeout', async () => {
    const reached = Promise.withResolvers<void>()
    const left = Promise.withResolvers<void>()
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('close', () => left.resolve())
      socket.once('data', () => reached.resolve())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close())
    const clock = manualClock()
    const running = run(clientOf(clock.options), secure((server.address() as { port: number }).port))
    await reached.promise
    clock.advance(5000)
    expect((await running.done).fault?.kind).toBe('connect-timeout')
    await left.promise
  })

  it('resumes the session of the same origin and trust, and no other', async () => {
    const server = await serve('server')
    const client = clientOf()
    const visit = async (changes: Partial<Target> = {}) => {
      await run(client, secure(server.port, changes)).done
      const socket = server.sockets.at(-1) as TLSSocket
      socket.end()
      await until(() => client.stats().open === 0)
      return socket.isSessionReused()
    }
    expect(await visit()).toBe(false)
    expect(await visit()).toBe(true)
    expect(await visit({ insecureSkipVerify: true })).toBe(false)
    expect(await visit({ hostname: '127.0.0.1' })).toBe(false)
    expect(await visit()).toBe(true)
  })

  it('carries big bodies both ways, with pause and resume', async () => {
    const size = 1_000_000
    const server = await serve('server', (seen) => {
      seen.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
      seen.socket.write(Buffer.alloc(size, 'r'))
    })
    const running = run(clientOf(), secure(server.port), requestOf({ body: [Buffer.alloc(size, 'q')], maxResponseBytes: 1e8 }))
    await running.firstData
    running.call.pause()
    running.call.resume()
    const outcome = await running.done
    expect(outcome.fault).toBeUndefined()
    expect(outcome.body.equals(Buffer.alloc(size, 'r'))).toBe(true)
    expect(server.seen[0]?.text.length).toBeGreaterThan(size)
  })

  it('tries the next address when one fails', async () => {
    const server = await serve('server')
    const addresses = [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]
    const client = clientOf({ lookupAll: (_, callback) => callback(null, addresses) })
    expect((await run(client, secure(server.port)).done).fault).toBeUndefined()
  })

  it('replays on a fresh connection like plain sockets do', async () => {
    const server = await serve('server', (seen) => (seen.connection === 0 && seen.index === 1 ? void seen.socket.destroy() : ok(seen)))
    const client = clientOf()
    for (let time = 0; time < 2; time++) expect((await run(client, secure(server.port)).done).fault).toBeUndefined()
    expect(server.sockets).toHaveLength(2)
  })
})

describe("the client's certificate", () => {
  const pair = { clientCertPem: pem('client.pem'), clientKeyPem: pem('client.key') }
  async function demanding(maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3'): Promise<RawServer> {
    const tls = { cert: pem('server.pem'), key: pem('server.key'), ca: pem('client.pem'), requestCert: true, rejectUnauthorized: true }
    const server = await rawServer(ok, { tls: { ...tls, maxVersion } })
    closers.push(() => server.close())
    return server
  }

  it('is shown to a server that asks for it, with and without an authority of its own', async () => {
    const server = await demanding()
    const client = clientOf()
    expect((await run(client, secure(server.port, pair)).done).body.toString()).toBe('{"ok":1}')
    const trusting = secure(server.port, { ...pair, caCertPem: undefined, insecureSkipVerify: true })
    expect((await run(client, trusting).done).fault).toBeUndefined()
    for (const socket of server.sockets as TLSSocket[]) expect(socket.getPeerCertificate().subject.CN).toBe('client.test')
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('that is missing is a TLS fault: trying again does not help (%s)', async (version) => {
    const server = await demanding(version)
    const client = clientOf()
    const { fault } = await run(client, secure(server.port)).done
    expect(fault).toMatchObject({ kind: 'tls', message: expect.stringMatching(/certificate|handshake/) })
    expect(server.seen).toEqual([])
    expect(client.stats().open).toBe(0)
  })

  it('has connections of its own: nobody speaks over those of another', async () => {
    const server = await demanding()
    const client = clientOf()
    await run(client, secure(server.port, pair)).done
    expect((await run(client, secure(server.port)).done).fault?.kind).toBe('tls')
    expect((await run(client, secure(server.port, pair)).done).fault).toBeUndefined()
    expect(server.seen.map(({ connection }) => connection)).toEqual([0, 0])
  })

  it('that cannot be read is a TLS fault', async () => {
    const server = await demanding()
    const broken = secure(server.port, { ...pair, clientKeyPem: pem('server.key') })
    expect((await run(clientOf(), broken).done).fault).toMatchObject({ kind: 'tls' })
  })
})
