import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { type FaultBench, type FaultOptions, faultBench, WAYS, type Way } from '../helpers/faults.ts'
import { connectProxy, socksProxy } from './upstream/proxies.ts'
import { pem } from './upstream/support.ts'

afterEach(() => void vi.unstubAllEnvs())

async function listen(server: Server): Promise<number> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => void sockets.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** TLS before the plain server at `port()`, for clients with a certificate alone; notes what they showed. */
function tlsFront(port: () => number, shown: string[]): Promise<number> {
  const demands = { ca: pem('client.pem'), requestCert: true, rejectUnauthorized: true }
  const server = createTlsServer({ cert: pem('server.pem'), key: pem('server.key'), ...demands }, (socket: TLSSocket) => {
    shown.push(String(socket.getPeerCertificate().subject.CN))
    const inner = connect(port(), '127.0.0.1')
    for (const [one, other] of [
      [socket, inner],
      [inner, socket],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
  })
  return listen(server)
}

const TRUST: JsonObject = { ca_cert_pem: pem('ca.pem'), client_cert_pem: pem('client.pem'), client_key_pem: pem('client.key') }

/** A gateway whose providers stand behind TLS that asks for a certificate, reached as `options` say. */
async function behindTls(options: (port: number) => Promise<FaultOptions> | FaultOptions) {
  const shown: string[] = []
  let upstreamPort = 0
  const port = await tlsFront(() => upstreamPort, shown)
  const { network, ...more } = await options(port)
  const bench = await faultBench({ ...more, network: { base_url: `https://localhost:${port}`, ...TRUST, ...network } })
  upstreamPort = Number(new URL(bench.upstream.url).port)
  return { bench, shown, port }
}

async function expectServed(bench: FaultBench, way: Way): Promise<void> {
  expect((await bench.ask(way, 'text')).text).toBe(PLAIN_TEXT)
  await bench.settled()
}

describe.each(WAYS)('$side, stream $stream', (way) => {
  it('a provider that asks for a certificate is shown it', async () => {
    const { bench, shown } = await behindTls(() => ({}))
    await expectServed(bench, way)
    expect(shown).toEqual(['client.test'])
  })

  it('without one it is a TLS error at once, and nothing of the request was sent', async () => {
    const { bench, shown } = await behindTls((port) => ({
      network: { base_url: `https://localhost:${port}`, max_retries: 2, client_cert_pem: undefined, client_key_pem: undefined } as never,
    }))
    expect(await bench.ask(way, 'text')).toMatchObject({ status: 502, type: 'upstream_tls_error', text: undefined })
    expect([shown, bench.hits()]).toEqual([[], []])
    await bench.settled()
  })

  it('by an http proxy: trust and certificate are for the end of the tunnel', async () => {
    const asked: string[] = []
    const { bench, shown, port } = await behindTls(async (target) => {
      const proxy = await listen(createServer(connectProxy(target, asked)))
      return { provider: { proxy_config: { type: 'http', url: `http://127.0.0.1:${proxy}`, username: 'me', password: 'proxypass' } } }
    })
    await expectServed(bench, way)
    expect(asked[0]).toContain(`CONNECT localhost:${port} HTTP/1.1`)
    expect(asked[0]).toContain(Buffer.from('me:proxypass').toString('base64'))
    expect(shown).toEqual(['client.test'])
  })

  it('by a SOCKS5 proxy', async () => {
    const asked: string[] = []
    const { bench, shown } = await behindTls(async (target) => {
      const proxy = await listen(createServer(socksProxy(target, asked, 'me:proxypass')))
      return { provider: { proxy_config: { type: 'socks5', url: `socks5://me:proxypass@127.0.0.1:${proxy}` } } }
    })
    await expectServed(bench, way)
    expect([asked, shown]).toEqual([['localhost'], ['client.test']])
  })

  it.each([
    ['', 1],
    ['elsewhere.test', 1],
    ['localhost', 0],
  ])('by the proxy of the environment, NO_PROXY=%j', async (exceptions, tunnels) => {
    const asked: string[] = []
    const { bench, shown } = await behindTls(async (target) => {
      vi.stubEnv('https_proxy', `http://127.0.0.1:${await listen(createServer(connectProxy(target, asked)))}`)
      vi.stubEnv('no_proxy', exceptions)
      vi.stubEnv('NO_PROXY', '')
      return { provider: { proxy_config: { type: 'environment' } } }
    })
    await expectServed(bench, way)
    expect([asked.length, shown]).toEqual([tunnels, ['client.test']])
  })

  it('extra headers are sent with every request, in lower case', async () => {
    const bench = await faultBench({ network: { extra_headers: { 'X-Team': 'blue', 'x-list': 'a, b' } } })
    await expectServed(bench, way)
    const { headers } = bench.hits()[0] as { headers: ReadonlyMap<string, string> }
    expect([headers.get('x-team'), headers.get('x-list')]).toEqual(['blue', 'a, b'])
  })
})

describe('a pooled stream', () => {
  it('goes out with the certificate, too', async () => {
    const { bench, shown } = await behindTls(() => ({ pooled: true }))
    const answer = bench.ask({ side: 'anthropic', stream: true }, 'text')
    expect((await answer).text).toBe(PLAIN_TEXT)
    expect(shown).toEqual(['client.test'])
  })
})

describe('allowed_requests of a custom provider', () => {
  const allowing = (allowed_requests: JsonObject): FaultOptions => ({
    providers: {
      own: {
        keys: [{ name: 'own-1', value: 'sk-own', models: ['*'] }],
        network_config: { base_url: 'URL' },
        custom_provider_config: { base_provider_type: 'openai', allowed_requests },
      },
    },
  })
  const own = (stream: boolean) => ({ side: 'own', stream }) as unknown as Way

  it.each([
    [{ chat_completion: true }, false, true],
    [{ chat_completion: true }, true, false],
    [{ chat_completion_stream: true }, true, true],
    [{ chat_completion_stream: true }, false, false],
    [{ list_models: true, chat_completion: false }, false, false],
  ])('%j, stream %s: served %s', async (allowed, stream, isServed) => {
    const bench = await faultBench(allowing(allowed))
    const verdict = await bench.ask(own(stream), 'text')
    if (isServed) expect(verdict.text).toBe(PLAIN_TEXT)
    else expect(verdict).toMatchObject({ status: 400, type: 'unsupported_operation', text: undefined })
    expect(bench.hits()).toHaveLength(isServed ? 1 : 0)
    await bench.settled()
  })

  it('a fallback to what is not allowed is passed over', async () => {
    const bench = await faultBench(allowing({ chat_completion: true }))
    const fallbacks = ['own/text', 'anthropic/text']
    const verdict = await bench.ask({ side: 'openai', stream: true }, 'fault-503', { body: { fallbacks } })
    expect(verdict.text).toBe(PLAIN_TEXT)
    expect(bench.hits().map(({ key }) => key)).not.toContain('sk-own')
  })

  it.each([
    [{ list_models: true }, 1],
    [{ chat_completion: true }, 0],
  ])('%j: asked for its models %i times', async (allowed, times) => {
    const bench = await faultBench(allowing(allowed))
    const answer = await bench.gateway.fetch('/v1/models?provider=own')
    expect(answer.status).toBe(200)
    expect(bench.hits()).toHaveLength(times)
  })
})
