import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Drop, EncodeOptions } from '../../../core/format.ts'

/**
 * Names of the hints in `request` that a target cannot take, as the client wrote them (decision D13). Throws GatewayError
 * GW_UNSUPPORTED_PARAMETER for the first field that changes the meaning of the answer, unless those may be dropped too.
 */
export function lostHints(request: ChatRequest, drops: readonly Drop[], options: EncodeOptions = {}): string[] {
  const hints: string[] = []
  if (!saysAny(request, drops)) return hints
  for (const drop of drops) {
    if (request[drop.field] === undefined || drop.when?.(request) === false) continue
    if (drop.kind === 'meaning' && !options.dropUnsupported) {
      throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param: drop.param, provider: options.provider })
    }
    hints.push(drop.param)
  }
  return hints
}

const fieldsOf = new WeakMap<readonly Drop[], ReadonlySet<string>>()

/** Whether a request says anything that is in a table: most say four or five things, and none of the twenty there. */
function saysAny(request: ChatRequest, drops: readonly Drop[]): boolean {
  let fields = fieldsOf.get(drops)
  if (!fields) {
    fields = new Set(drops.map(({ field }) => field))
    fieldsOf.set(drops, fields)
  }
  for (const field in request) if (fields.has(field)) return true
  return false
}

/** A row for a field that may be left out; `when` says whether a request's value is really lost. */
export function hint(field: keyof ChatRequest, param: string, when?: (request: ChatRequest) => boolean): Drop {
  return { field, param, kind: 'hint', ...(when && { when }) }
}

/** Rows for a field that may be left out where its value asks for nothing, and changes the meaning otherwise. */
export function hintUnless(field: keyof ChatRequest, param: string, isNeutral: (request: ChatRequest) => boolean): Drop[] {
  return [hint(field, param, isNeutral), { field, param, kind: 'meaning', when: (request) => !isNeutral(request) }]
}
