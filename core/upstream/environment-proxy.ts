import { BlockList, isIP } from 'node:net'
import type { Environment } from '../config/env.ts'
import { GatewayError } from '../errors.ts'
import { bareHost } from './proxy.ts'
import type { Target } from './types.ts'

type Place = Pick<Target, 'protocol' | 'hostname' | 'port'>

/**
 * The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for a host, in either case of the letters. Throws
 * GW_UPSTREAM_CONNECT where the variable cannot be read: going without the proxy might be what it forbids.
 */
export function environmentProxy(env: Environment, place: Place): Target['proxy'] {
  const read = (name: string): string => env[name.toLowerCase()] || env[name] || ''
  if (
    read('NO_PROXY')
      .split(',')
      .some((entry) => isExcluded(entry.trim().toLowerCase(), place))
  )
    return undefined
  const variable = place.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = read(variable)
  if (value === '') return undefined
  const url = URL.parse(value.includes('://') ? value : `http://${value}`)
  const type = url && TYPES[url.protocol]
  if (!type) throw new GatewayError('GW_UPSTREAM_CONNECT', { reason: `${variable} is no address of an http or SOCKS5 proxy` })
  return { type, url }
}

const TYPES: Readonly<Record<string, 'http' | 'socks5'>> = {
  'http:': 'http',
  'https:': 'http',
  'socks5:': 'socks5',
  'socks5h:': 'socks5',
  'socks:': 'socks5',
}

/** `*`, a name and all below it (with or without a leading dot), an address, a range of addresses; names and addresses may bring a port. */
function isExcluded(entry: string, { hostname, port }: Place): boolean {
  const host = bareHost(hostname)
  if (entry === '' || entry === '*') return entry === '*'
  if (entry.includes('/')) return isInRange(entry, host)
  const written = isIP(entry) === 6 ? undefined : /^(.*):(\d+)$/.exec(entry)
  if (written && Number(written[2]) !== port) return false
  const name = bareHost(written?.[1] ?? entry).replace(/^\*?\./, '')
  return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)))
}

function isInRange(range: string, host: string): boolean {
  const [address = '', bits] = range.split('/')
  const family = isIP(address)
  const prefix = Number(bits)
  if (family === 0 || isIP(host) !== family || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
