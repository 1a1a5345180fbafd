import { isIP } from 'node:net'
import { AddressSet, plainAddress } from '../../core/addresses.ts'
import type { EdgeSettings } from '../../core/snapshot.ts'

/** Who is believed about the client. */
export type TrustSettings = Pick<EdgeSettings, 'trustedProxies' | 'proxyProtocol'>

/** Longest chain of proxies that is followed; what is said before that is not read. */
const MAX_PROXIES = 32

interface Trust {
  addresses: AddressSet
  hasUnixPeers: boolean
}

/** Sets by the list they are made from, once per settings. */
const compiled = new WeakMap<readonly string[], Trust>()

/** Whether a connection's other end is a proxy that is believed. An empty address is a unix socket's. */
export function isTrusted(address: string, { trustedProxies }: TrustSettings): boolean {
  if (trustedProxies.length === 0) return false
  let trust = compiled.get(trustedProxies)
  if (trust === undefined) {
    trust = { addresses: new AddressSet(trustedProxies), hasUnixPeers: trustedProxies.includes('unix') }
    compiled.set(trustedProxies, trust)
  }
  return address === '' ? trust.hasUnixPeers : trust.addresses.has(address)
}

/**
 * The client's address by X-Forwarded-For, where `peer` is a believed proxy: each proxy adds at the end whom it was asked by, so
 * the last one that is not itself believed is the client. What stands before it anybody can have written.
 */
export function forwardedAddress(peer: string, header: string | undefined, settings: TrustSettings): string {
  if (header === undefined) return peer
  const chain = header.split(',')
  let client = peer
  for (let at = chain.length - 1; at >= Math.max(0, chain.length - MAX_PROXIES); at--) {
    const address = plainAddress(withoutPort((chain[at] as string).trim()))
    if (address === undefined) break
    client = address
    if (!isTrusted(address, settings)) break
  }
  return client
}

/** What the proxy next to the gateway was spoken to by: the last word of X-Forwarded-Proto; undefined where it says neither. */
export function forwardedScheme(header: string | undefined): 'http' | 'https' | undefined {
  const last = header
    ?.slice(header.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase()
  return last === 'http' || last === 'https' ? last : undefined
}

/** Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)
  if (bracketed) return bracketed[1] as string
  const plain = /^([^:]+):\d+$/.exec(text)
  return plain && isIP(plain[1] as string) === 4 ? (plain[1] as string) : text
}
