import { describe, expect, it } from 'vitest'
import { environmentProxy } from '../../../core/upstream/environment-proxy.ts'

const place = { protocol: 'https:', hostname: 'api.vendor.test', port: 443 } as const

describe('the proxy of the environment', () => {
  it.each([
    [{}, undefined],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, 'http http://proxy:3128/'],
    [{ https_proxy: 'http://small:1', HTTPS_PROXY: 'http://large:1' }, 'http http://small:1/'],
    [{ HTTPS_PROXY: 'proxy:3128' }, 'http http://proxy:3128/'],
    [{ HTTPS_PROXY: 'https://proxy' }, 'http https://proxy/'],
    [{ HTTPS_PROXY: 'socks5h://proxy:1080' }, 'socks5 socks5h://proxy:1080'],
    [{ HTTP_PROXY: 'http://proxy' }, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
  ])('%j: %s', (env, expected) => {
    const proxy = environmentProxy(env, place)
    expect(proxy && `${proxy.type} ${proxy.url.href}`).toBe(expected)
  })

  it('of plain targets is another', () => {
    const env = { HTTP_PROXY: 'http://plain', HTTPS_PROXY: 'http://secure' }
    expect(environmentProxy(env, { ...place, protocol: 'http:' })?.url.host).toBe('plain')
  })

  it.each(['ftp://proxy', 'http://', 'http://pass%word:x y@'])('that cannot be read is an error without its text: %s', (value) => {
    const work = () => environmentProxy({ HTTPS_PROXY: value }, place)
    expect(work).toThrow(expect.objectContaining({ code: 'GW_UPSTREAM_CONNECT' }))
    expect(work).toThrow(/^(?!.*word)/)
  })
})

describe('NO_PROXY', () => {
  it.each([
    ['*', 'api.vendor.test', true],
    ['api.vendor.test', 'api.vendor.test', true],
    ['vendor.test', 'api.vendor.test', true],
    ['.vendor.test', 'api.vendor.test', true],
    ['*.vendor.test', 'api.vendor.test', true],
    [' other.test , VENDOR.test ', 'api.vendor.test', true],
    ['endor.test', 'api.vendor.test', false],
    ['api.vendor.test.evil', 'api.vendor.test', false],
    ['vendor.test:443', 'api.vendor.test', true],
    ['vendor.test:8443', 'api.vendor.test', false],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.0.0.0/99', '10.1.2.3', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['2.3', '10.1.2.3', false],
    ['fd00::/8', 'fd00::1', true],
    ['::1', '::1', true],
    ['[::1]:443', '::1', true],
    [',, ,', 'api.vendor.test', false],
    ['', 'api.vendor.test', false],
  ])('%j lets %s go straight: %s', (list, hostname, isStraight) => {
    const proxy = environmentProxy({ HTTPS_PROXY: 'http://proxy', no_proxy: list }, { ...place, hostname })
    expect(proxy === undefined).toBe(isStraight)
  })
})
