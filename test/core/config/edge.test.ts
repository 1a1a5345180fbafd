import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { loadConfig } from '../../../core/config/load.ts'
import { pem } from '../upstream/support.ts'
import { builtins } from './builtins.ts'

const fixtures = fileURLToPath(new URL('../../fixtures/tls/', import.meta.url))
const load = (client: JsonObject, env: Record<string, string> = {}) => loadConfig({ config: { client }, env, builtins })
const settingsOf = (client: JsonObject, env = {}) => load(client, env).tables?.client.get('client')

describe('how connections are taken', () => {
  test('without a word: plain HTTP, nobody is believed, one listener, no limit', () => {
    expect(settingsOf({})).toMatchObject({ tls: undefined, trustedProxies: [], proxyProtocol: false, maxConnections: 0 })
    expect(settingsOf({})).toMatchObject({ adminPort: undefined, metricsPort: undefined })
  })

  test('what is set arrives', () => {
    const client = {
      trusted_proxies: ['10.0.0.0/8', '::1', 'unix'],
      proxy_protocol: true,
      admin_port: 0,
      metrics_port: 9090,
      max_connections: 5,
    }
    expect(settingsOf(client)).toMatchObject({
      trustedProxies: ['10.0.0.0/8', '::1', 'unix'],
      proxyProtocol: true,
      adminPort: 0,
      metricsPort: 9090,
      maxConnections: 5,
    })
  })

  test('the certificate: files from the folder of the configuration, or PEM texts', () => {
    const cert = join(fixtures, 'server.pem')
    expect(settingsOf({ tls: { cert, key: join(fixtures, 'server.key') } })?.tls).toEqual({ cert, key: join(fixtures, 'server.key') })
    const texts = { cert: pem('server.pem'), key: pem('server.key') }
    expect(settingsOf({ tls: { cert: texts.cert, key: 'env.KEY' } }, { KEY: texts.key })?.tls).toEqual(texts)
    expect(load({ tls: { cert: texts.cert, key: 'env.KEY' } }, { KEY: texts.key }).secrets).toContain(texts.key.trim())
  })
})

describe('what is refused', () => {
  const tls = { cert: pem('server.pem'), key: pem('server.key') }
  test.each<[string, JsonObject, string[]]>([
    [
      'a name among the proxies',
      { trusted_proxies: ['proxy.example'] },
      ['client.trusted_proxies[0]: must be an address, a range like 10.0.0.0/8, or unix'],
    ],
    [
      'a range that is none',
      { trusted_proxies: ['10.0.0.0/40'] },
      ['client.trusted_proxies[0]: must be an address, a range like 10.0.0.0/8, or unix'],
    ],
    ['PROXY from nobody', { proxy_protocol: true }, ['client.proxy_protocol: believes nobody without client.trusted_proxies']],
    [
      'PROXY before TLS',
      { proxy_protocol: true, trusted_proxies: ['::1'], tls },
      ['client.proxy_protocol: cannot be used together with client.tls: let the proxy end TLS'],
    ],
    ['a certificate without its key', { tls: { cert: tls.cert } }, ['client.tls.key: is required']],
    ['the key of another', { tls: { cert: tls.cert, key: pem('client.key') } }, ['client.tls.key: is not the key of client.tls.cert']],
    ['an unknown key', { tls: { ...tls, ca: 'x' } }, ['client.tls.ca: unknown key']],
    ['two listeners on one port', { admin_port: 9000, metrics_port: 9000 }, ['client.metrics_port: must differ from client.admin_port']],
    ['a port that is none', { admin_port: 70_000 }, ['client.admin_port: must be at most 65535']],
    ['fewer than no connections', { max_connections: -1 }, ['client.max_connections: must be at least 0']],
  ])('%s', (_name, client, problems) => {
    expect(load(client).problems).toEqual(problems)
  })
})
