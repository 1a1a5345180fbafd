import { GatewayError } from '../../../core/errors.ts'
import type { EncodeOptions } from '../../../core/format.ts'

/** What one request loses on its way to a target, by decision D13. */
export interface Losses {
  /** Left out and reported, where it was said. */
  hint(param: string, isLost: boolean): void
  /** Refused by name, unless it may be dropped. Throws GW_UNSUPPORTED_PARAMETER. */
  meaning(param: string, isLost: boolean): void
  /** Refused by name, whatever may be dropped: without it nothing is left to ask. Throws GW_UNSUPPORTED_PARAMETER. */
  essential(param: string): never
  /** For `EncodedRequest.dropped`; undefined where nothing was lost. */
  names(): string[] | undefined
}

/** Collects what is lost while a request is encoded. */
export function lossesOf({ provider, dropUnsupported }: EncodeOptions): Losses {
  const dropped = new Set<string>()
  const refuse = (param: string): never => {
    throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider })
  }
  return {
    hint: (param, isLost) => void (isLost && dropped.add(param)),
    meaning(param, isLost) {
      if (isLost && !dropUnsupported) refuse(param)
      if (isLost) dropped.add(param)
    },
    essential: refuse,
    names: () => (dropped.size > 0 ? [...dropped] : undefined),
  }
}
