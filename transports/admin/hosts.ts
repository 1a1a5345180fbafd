import { isIP } from 'node:net'
import { GatewayError } from '../../core/errors.ts'

/** Names by which the management API may be asked while nobody has to sign in. */
export interface HostRule {
  /** client.allowed_hosts: names, or `*` for any. */
  allowed: readonly string[]
  /** What the gateway listens on. */
  listensOn: readonly string[]
  /** The machine's own name. */
  machine: string
}

/**
 * A page of another site can have its own name lead to this machine (DNS rebinding); then it asks as a page of the gateway's own would, and the name alone gives
 * it away. Throws GW_REQUEST_BLOCKED. `host`: the header.
 */
export function refuseStrangeHost(host: string | undefined, rule: HostRule): void {
  if (isOwn(host ?? '', rule)) return
  throw new GatewayError('GW_REQUEST_BLOCKED', {
    reason:
      'the management API is not to be asked by this host name while nobody has to sign in: add it to client.allowed_hosts, ask by localhost or an address, or set governance.auth_config',
  })
}

function isOwn(host: string, { allowed, listensOn, machine }: HostRule): boolean {
  const name = nameOf(host)
  if (name === undefined) return false
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true
  if (allowed.some((each) => each === '*' || each.toLowerCase() === name)) return true
  return name === machine.toLowerCase() && !listensOn.every(isNear)
}

/** Without the port; undefined for what is no host. */
function nameOf(host: string): string | undefined {
  const [, address, name] = HOST.exec(host) ?? []
  return (address ?? name)?.toLowerCase()
}
const HOST = /^(?:\[([\da-f:.]+)\]|([\w.-]*\w)\.?)(?::\d+)?$/i

/** Whether what listens there can be reached from this machine alone. */
function isNear(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.') || address.startsWith('unix:')
}
