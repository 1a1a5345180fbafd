import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Target } from '../../../core/upstream/types.ts'
import { connectProxy, socksProxy } from './proxies.ts'
import { answerOf, createUpstreamClient, pem, rawServer, requestOf, run, type Seen, targetOf, until } from './support.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
const ok = (seen: Seen) => void seen.socket.write(answerOf('{"ok":1}'))

/** Starts a proxy whose connections are served by `serve`. */
async function proxyOf(serve: (socket: Socket) => void, isSecure = false): Promise<number> {
  const sockets: Socket[] = []
  const handle = (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    serve(socket)
  }
  const server: Server = isSecure ? createTlsServer({ cert: pem('server.pem'), key: pem('server.key') }, handle) : createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function setUp(isSecure: boolean) {
  const server = await rawServer(ok, isSecure ? { tls: { cert: pem('server.pem'), key: pem('server.key') } } : {})
  const client = createUpstreamClient({ lookupAll: () => expect.fail("names are the proxy's business") })
  closers.push(
    () => server.close(),
    () => client.close(),
  )
  const trust: Partial<Target> = isSecure
    ? { protocol: 'https:', hostname: 'localhost', caCertPem: pem('ca.pem') }
    : { hostname: 'api.test' }
  return { server, client, trust }
}

describe.each([
  ['plain', false],
  ['TLS', true],
] as const)('%s through', (_, isSecure) => {
  it('an http proxy: one tunnel serves call after call', async () => {
    const { server, client, trust } = await setUp(isSecure)
    const asked: string[] = []
    const url = new URL(`http://127.0.0.1:${await proxyOf(connectProxy(server.port, asked))}`)
    const target = targetOf(server.port, { ...trust, proxy: { type: 'http', url, username: 'me', password: 'se:cret' } })
    for (let time = 0; time < 3; time++)
      expect((await run(client, target, requestOf({ body: [Buffer.alloc(100_000, 'x')] })).done).body.toString()).toBe('{"ok":1}')
    const authority = `${trust.hostname}:${server.port}`
    const credentials = Buffer.from('me:se:cret').toString('base64')
    expect(asked).toEqual([`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\nproxy-authorization: Basic ${credentials}\r\n\r\n`])
    expect(server.seen[0]?.text).not.toContain('proxy-authorization')
  })

  it.runIf(isSecure)("the proxy, the client's certificate is the target's alone", async () => {
    const options = { ca: pem('client.pem'), requestCert: true, rejectUnauthorized: true }
    const server = await rawServer(ok, { tls: { cert: pem('server.pem'), key: pem('server.key'), ...options } })
    const client = createUpstreamClient()
    closers.push(
      () => server.close(),
      () => client.close(),
    )
    const asked: string[] = []
    const shown: object[] = []
    const tunnel = connectProxy(server.port, asked)
    const proxy = createTlsServer(
      { cert: pem('server.pem'), key: pem('server.key'), requestCert: true, rejectUnauthorized: false },
      (socket) => {
        shown.push(socket.getPeerCertificate())
        tunnel(socket)
      },
    ).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    closers.push(() => void proxy.close())
    const url = new URL(`https://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    const target = targetOf(server.port, {
      protocol: 'https:',
      hostname: 'localhost',
      caCertPem: pem('ca.pem'),
      clientCertPem: pem('client.pem'),
      clientKeyPem: pem('client.key'),
      proxy: { type: 'http', url, caCertPem: pem('ca.pem') },
    })
    expect((await run(client, target).done).body.toString()).toBe('{"ok":1}')
    expect(asked).toHaveLength(1)
    expect(shown).toEqual([{}])
  })

  it('an https proxy', async () => {
    const { server, client, trust } = await setUp(isSecure)
    const asked: string[] = []
    const url = new URL(`https://127.0.0.1:${await proxyOf(connectProxy(server.port, asked), true)}`)
    const target = targetOf(server.port, { ...trust, proxy: { type: 'http', url, caCertPem: pem('ca.pem') } })
    expect((await run(client, target).done).fault).toBeUndefined()
    expect(asked[0]).not.toContain('authorization')
    const distrusted = targetOf(server.port, { ...trust, proxy: { type: 'http', url } })
    expect((await run(client, distrusted).done).fault?.message).toMatch(/certificate/)
    expect(asked).toHaveLength(1)
  })

  it.each([undefined, 'user:pass'])('a SOCKS5 proxy with login %s', async (login) => {
    const { server, client, trust } = await setUp(isSecure)
    const asked: string[] = []
    const url = new URL(`socks5://${login ? `${login}@` : ''}127.0.0.1:${await proxyOf(socksProxy(server.port, asked, login))}`)
    const target = targetOf(server.port, { ...trust, proxy: { type: 'socks5', url } })
    for (let time = 0; time < 2; time++) expect((await run(client, target).done).fault).toBeUndefined()
    expect(asked).toEqual([trust.hostname])
  })
})

describe('a proxy', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1'],
    ['2001:db8::5:0', '32.1.13.184.0.0.0.0.0.0.0.0.0.5.0.0'],
  ])('by SOCKS5 is given the address %s in bytes', async (hostname, bytes) => {
    const { server, client } = await setUp(false)
    const asked: string[] = []
    const url = new URL(`socks5://127.0.0.1:${await proxyOf(socksProxy(server.port, asked))}`)
    expect((await run(client, targetOf(server.port, { hostname, proxy: { type: 'socks5', url } })).done).fault).toBeUndefined()
    expect(asked).toEqual([bytes])
  })

  it.each<[string, 'http' | 'socks5', string, RegExp]>([
    ['refuses the login', 'http', 'HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n', /answered 407/],
    ['sends garbage', 'http', 'nonsense\r\n\r\n', /malformed/],
    ['speaks before the target', 'http', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n', /before the target/],
    ['sends an endless head', 'http', `HTTP/1.1 200 ${'x'.repeat(40_000)}`, /too much/],
    ['wants another login', 'socks5', '\x05\xff', /authentication/],
    ['speaks SOCKS4', 'socks5', '\x00\x5a', /SOCKS5/],
  ])('that %s is a connect fault', async (_, type, answer, message) => {
    const { client } = await setUp(false)
    const port = await proxyOf((socket) => void socket.once('data', () => socket.write(answer, 'latin1')))
    const { fault } = await run(client, targetOf(80, { hostname: 'api.test', proxy: { type, url: new URL(`http://127.0.0.1:${port}`) } }))
      .done
    expect(fault?.kind).toBe('connect')
    expect(fault?.message).toMatch(message)
    expect(client.stats().open).toBe(0)
  })

  it('by SOCKS5 that cannot reach the target or refuses the password says why, without the password', async () => {
    const { server, client } = await setUp(false)
    const refusing = await proxyOf((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.from([5, 0]))
        socket.once('data', () => socket.write(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])))
      })
    })
    const target = (port: number, password?: string) =>
      targetOf(server.port, {
        hostname: 'api.test',
        proxy: { type: 'socks5', url: new URL(`socks5://127.0.0.1:${port}`), username: password && 'me', password },
      })
    expect((await run(client, target(refusing)).done).fault).toMatchObject({ kind: 'connect', message: expect.stringMatching(/refused/) })
    const guarded = await proxyOf(socksProxy(server.port, [], 'me:right'))
    const { fault } = await run(client, target(guarded, 'wrongpass')).done
    expect(fault).toMatchObject({ kind: 'connect', message: expect.stringMatching(/password/) })
    expect(fault?.message).not.toContain('wrongpass')
  })

  it('that hangs up or never answers is bounded like any connection', async () => {
    const { client } = await setUp(false)
    const target = (port: number) =>
      targetOf(80, { hostname: 'api.test', connectTimeoutMs: 100, proxy: { type: 'http', url: new URL(`http://127.0.0.1:${port}`) } })
    expect((await run(client, target(await proxyOf((socket) => void socket.end()))).done).fault?.kind).toBe('connect')
    expect((await run(client, target(await proxyOf(() => {}))).done).fault?.kind).toBe('connect-timeout')
  })

  it('tunnel that dies idle is dropped', async () => {
    const { server, client, trust } = await setUp(true)
    const url = new URL(`http://127.0.0.1:${await proxyOf(connectProxy(server.port, []))}`)
    const target = targetOf(server.port, { ...trust, proxy: { type: 'http', url } })
    await run(client, target).done
    server.sockets[0]?.destroy()
    await until(() => client.stats().open === 0)
    expect((await run(client, target).done).fault).toBeUndefined()
  })
})
