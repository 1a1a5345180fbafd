import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Drop } from '../../../core/format.ts'

/**
 * Names of the hints in `request` that a target cannot take, as the client wrote them (decision D13). Throws GatewayError
 * GW_UNSUPPORTED_PARAMETER for the first field that changes the meaning of the answer.
 */
export function lostHints(request: ChatRequest, drops: readonly Drop[]): string[] {
  const hints: string[] = []
  for (const drop of drops) {
    if (request[drop.field] === undefined || drop.when?.(request) === false) continue
    if (drop.kind === 'meaning') throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param: drop.param })
    hints.push(drop.param)
  }
  return hints
}
