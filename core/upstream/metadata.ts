import { AddressSet, embeddedAddress, plainAddress } from '../addresses.ts'

/** Where clouds hand out a machine's credentials to whoever asks from it: link-local (AWS, Azure, Google, and others), and those beside it. */
const ADDRESSES = new AddressSet([
  '169.254.0.0/16',
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure's host
  '192.0.0.192', // Oracle, older machines
  'fd00:ec2::/32', // AWS
  'fd20:ce::254', // Google
])

const NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
])

/** Whether an address is one of a cloud's metadata services, also where it is written inside an IPv6 one. */
export function isMetadataAddress(address: string): boolean {
  const plain = plainAddress(address)
  if (plain === undefined) return false
  return ADDRESSES.has(plain) || innerAddresses(plain).some((inner) => ADDRESSES.has(inner))
}

/** The same for the host of a URL as the URL parser gives it (which makes one spelling of decimal, octal and full-width ones): a name or an address. */
export function isMetadataHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
  return NAMES.has(host.toLowerCase()) || isMetadataAddress(host)
}

/** IPv4 addresses that an IPv6 one leads to: by NAT64, by 6to4, as "IPv4-compatible", as a link-local one of OpenStack. */
function innerAddresses(plain: string): string[] {
  const ends = ['64:ff9b::', '::', 'fe80::'].map((prefix) => embeddedAddress(plain, prefix))
  const sixToFour = /^2002:([0-9a-f]{1,4}):([0-9a-f]{1,4}):/.exec(plain)
  return [...ends, sixToFour ? embeddedAddress(`::${sixToFour[1]}:${sixToFour[2]}`, '::') : undefined].filter(
    (inner) => inner !== undefined,
  )
}
