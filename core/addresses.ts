import { BlockList, isIP } from 'node:net'

/** An address in its one spelling: IPv4 inside IPv6 as IPv4, IPv6 short and without a zone; undefined for what is none. */
export function plainAddress(text: string): string | undefined {
  if (isIP(text) === 4) return text
  if (isIP(text) !== 6) return undefined
  // The URL parser writes the canonical short form (RFC 5952), in brackets.
  const short = new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  return embeddedAddress(short, '::ffff:') ?? short
}

/** The IPv4 address that ends a short IPv6 one with this prefix (`::ffff:`, `64:ff9b::`). */
export function embeddedAddress(short: string, prefix: string): string | undefined {
  if (!short.startsWith(prefix)) return undefined
  const groups = short.slice(prefix.length).split(':')
  if (groups.length > 2 || groups[0] === '') return undefined
  const [high, low] = groups.length === 2 ? groups : ['0', groups[0]]
  const value = [Number.parseInt(high as string, 16), Number.parseInt(low as string, 16)]
  return value.flatMap((word) => [word >> 8, word & 255]).join('.')
}

/** Whether a text is an address or a range of addresses (`10.0.0.0/8`, `fd00::/8`). */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** Addresses and ranges of them. Entries that are neither are left out: check them by `isAddressRange` first. */
export class AddressSet {
  readonly #list = new BlockList()

  constructor(ranges: Iterable<string>) {
    for (const range of ranges) {
      if (!isAddressRange(range)) continue
      const [address = '', bits] = range.split('/')
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
      this.#list.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family)
    }
  }

  /** `address` in any spelling; false for what is none. */
  has(address: string): boolean {
    const plain = plainAddress(address)
    return plain !== undefined && this.#list.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6')
  }
}
