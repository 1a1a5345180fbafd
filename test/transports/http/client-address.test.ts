import { describe, expect, test } from 'vitest'
import { forwardedAddress, forwardedScheme, isTrusted } from '../../../transports/http/client-address.ts'
import { head, RawClient, serveEdge } from './harness.ts'

const trusting = (...trustedProxies: string[]) => ({ trustedProxies, proxyProtocol: false })

describe('who is believed', () => {
  test.each([
    ['127.0.0.1', ['127.0.0.1'], true],
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['11.1.2.3', ['10.0.0.0/8'], false],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['fd00:1::5', ['fd00::/8'], true],
    ['2001:db8::1', ['fd00::/8', '10.0.0.0/8'], false],
    ['', ['10.0.0.0/8'], false],
    ['', ['unix'], true],
    ['127.0.0.1', ['unix'], false],
    ['127.0.0.1', [], false],
  ])('%j among %j: %j', (address, list, expected) => {
    expect(isTrusted(address, trusting(...list))).toBe(expected)
  })
})

describe('X-Forwarded-For', () => {
  test.each([
    ['one proxy', '203.0.113.7', '203.0.113.7'],
    ['what the client wrote itself is not believed', '6.6.6.6, 203.0.113.7', '203.0.113.7'],
    ['proxies in between are passed over', '6.6.6.6, 203.0.113.7, 10.0.0.9', '203.0.113.7'],
    ['all are proxies', '10.0.0.8, 10.0.0.9', '10.0.0.8'],
    ['a port is left out', '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6 with a port', '[2001:DB8:0::1]:4711', '2001:db8::1'],
    ['IPv6 in one spelling', '2001:DB8:0:0::1', '2001:db8::1'],
    ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['no address ends the chain', '203.0.113.7, unknown, 10.0.0.9', '10.0.0.9'],
    ['not an address at all', 'unknown', '10.0.0.1'],
    ['empty', '', '10.0.0.1'],
    ['a decimal spelling is none', '3405803783', '10.0.0.1'],
  ])('%s: %j', (_name, header, expected) => {
    expect(forwardedAddress('10.0.0.1', header, trusting('10.0.0.0/8'))).toBe(expected)
  })

  test('a chain without an end is followed so far and no further', () => {
    const header = ['203.0.113.7', ...Array.from({ length: 1000 }, () => '10.0.0.2')].join(', ')
    expect(forwardedAddress('10.0.0.1', header, trusting('10.0.0.0/8'))).toBe('10.0.0.2')
  })

  test('the scheme is the last word of the header', () => {
    expect([undefined, 'https', 'http, HTTPS', 'https, http', 'gopher'].map(forwardedScheme)).toEqual([
      undefined,
      'https',
      'https',
      'http',
      undefined,
    ])
  })
})

const PROXY_V2 = Buffer.from([
  0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12, 203, 0, 113, 9, 10, 0, 0, 1, 0, 1, 0, 2,
])

describe('a connection', () => {
  /** What the gateway takes for the client, asked over a real socket. */
  async function seen(limits: { trustedProxies?: string[]; proxyProtocol?: boolean }, lines: string[], before?: Buffer): Promise<string> {
    const { port } = await serveEdge({
      limits,
      handle: ({ incoming, reply }) => reply.send(200, [], `<${incoming.clientAddress} ${incoming.scheme} ${incoming.remoteAddress}>`),
    })
    const client = new RawClient({ port })
    if (before) client.socket.write(before)
    return /<(.*)>/.exec(await client.write(head('GET /thing', ...lines)).until('>'))?.[1] ?? ''
  }
  const FORWARDED = ['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https']

  test('of anyone is taken for the client itself', async () => {
    expect(await seen({}, FORWARDED)).toBe('127.0.0.1 http 127.0.0.1')
    expect(await seen({ trustedProxies: ['10.0.0.0/8'] }, FORWARDED)).toBe('127.0.0.1 http 127.0.0.1')
  })

  test('of a trusted proxy is believed', async () => {
    expect(await seen({ trustedProxies: ['127.0.0.0/8'] }, FORWARDED)).toBe('203.0.113.7 https 127.0.0.1')
    expect(await seen({ trustedProxies: ['127.0.0.0/8'] }, [])).toBe('127.0.0.1 http 127.0.0.1')
  })

  test('with a PROXY header is believed by trusted proxies alone, and where asked for', async () => {
    expect(await seen({ trustedProxies: ['127.0.0.1'], proxyProtocol: true }, [], PROXY_V2)).toBe('203.0.113.9 http 127.0.0.1')
    expect(await seen({ trustedProxies: ['127.0.0.1'] }, [], PROXY_V2)).toBe('127.0.0.1 http 127.0.0.1')
    expect(await seen({ trustedProxies: ['10.0.0.0/8'], proxyProtocol: true }, [], PROXY_V2)).toBe('127.0.0.1 http 127.0.0.1')
  })

  test('behind PROXY, the client cannot add a word of its own', async () => {
    const limits = { trustedProxies: ['127.0.0.1'], proxyProtocol: true }
    expect(await seen(limits, FORWARDED, PROXY_V2)).toBe('203.0.113.9 http 127.0.0.1')
  })

  test('without a PROXY header, of a trusted proxy, is still believed about X-Forwarded-For', async () => {
    expect(await seen({ trustedProxies: ['127.0.0.1'], proxyProtocol: true }, FORWARDED)).toBe('203.0.113.7 https 127.0.0.1')
  })
})
