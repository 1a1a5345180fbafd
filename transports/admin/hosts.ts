import { isIP } from 'node:net'
import { GatewayError } from '../../core/errors.ts'

/** Top-level domains that no name of the internet ends in (RFC 6761, 6762, 8375; ICANN's reservation of `internal`). */
const PRIVATE_DOMAIN = /\.(?:localhost|local|internal|home\.arpa)$/
const HOST = /^(?:\[([\da-f:.]+)\]|([\w.-]*\w)\.?)(?::\d+)?$/i

/**
 * A page of another site can have its own name lead to this machine (DNS rebinding); then it asks as a page of the gateway's own would, and the name alone gives
 * it away. Who is on the internet has a name with a dot in it: addresses, names without one (a container's, a service's) and those of private domains pass.
 * Throws GW_REQUEST_BLOCKED. `host`: the header; `allowed`: client.allowed_hosts, names or `*` for any.
 */
export function refuseStrangeHost(host: string | undefined, allowed: readonly string[]): void {
  const name = nameOf(host ?? '')
  if (name !== undefined && (isPrivate(name) || allowed.some((each) => each === '*' || each.toLowerCase() === name))) return
  throw new GatewayError('GW_REQUEST_BLOCKED', {
    reason:
      'the management API is not to be asked by this host name while nobody has to sign in: add it to client.allowed_hosts, ask by localhost or an address, or set governance.auth_config',
  })
}

function isPrivate(name: string): boolean {
  return isIP(name) !== 0 || !name.includes('.') || PRIVATE_DOMAIN.test(name)
}

/** Without the port; undefined for what is no host. */
function nameOf(host: string): string | undefined {
  const [, address, name] = HOST.exec(host) ?? []
  return (address ?? name)?.toLowerCase()
}
