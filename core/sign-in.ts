import type { HeaderList } from './edge.ts'
import { GatewayError } from './errors.ts'
import { mergeHeaders } from './forward-headers.ts'
import type { SignIn } from './mint.ts'
import { isDeadKey } from './retry.ts'
import type { Runtime } from './runtime.ts'
import type { Target, UpstreamRequest } from './upstream/types.ts'

/**
 * The request with what its key's authenticator adds to each one. Undefined where that is nothing, which is known without a promise.
 * Rejects with GW_SIGN_IN_FAILED.
 */
export function signRequest(
  runtime: Runtime,
  signIn: SignIn,
  { target, request }: { target: Target; request: UpstreamRequest },
): UpstreamRequest | Promise<UpstreamRequest> | undefined {
  const { method, path, headers, body } = request
  const { protocol, host } = target
  const lines = runtime.credentials.authorize(signIn, { method, protocol, host, path, headers, body, now: runtime.wallClock() })
  if (lines === undefined) return undefined
  const signed = (added: HeaderList): UpstreamRequest => ({ ...request, headers: mergeHeaders([headers, added]) })
  return lines instanceof Promise ? lines.then(signed) : signed(lines)
}

/**
 * Whether the key was refused, in a request that began at `startedAt` (milliseconds since 1970), for a minted credential that had
 * gone bad before its time: with a new one it is worth another try. 402 is about money, which no credential changes.
 */
export function renewsSignIn(runtime: Runtime, signIn: SignIn, { error, startedAt }: { error: unknown; startedAt: number }): boolean {
  if (!(error instanceof GatewayError) || !isDeadKey(error) || error.status === 402) return false
  return runtime.credentials.renew(signIn, startedAt)
}
