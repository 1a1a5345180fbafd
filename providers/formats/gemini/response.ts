import type { ChatResponse } from '../../../core/canonical/chat.ts'
import { collector } from '../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Carry } from '../../../core/format.ts'
import { addAnswer, endAnswer, newAnswer } from './answer.ts'
import { readCarry } from './types.ts'

/** A whole answer. Throws GW_UPSTREAM_INVALID for what is none, GW_UPSTREAM_ERROR for an error sent with status 200. */
export function decodeResponse(body: JsonObject, carry?: Carry): ChatResponse {
  const collected = collector.start()
  const state = newAnswer(readCarry(carry))
  const out = {
    push: (part: Parameters<typeof collector.step>[1]) => collector.step(collected, part),
    end() {},
    wake() {},
    refuse(error: Error): never {
      const isCut = error instanceof GatewayError && error.code === 'GW_UPSTREAM_TRUNCATED'
      throw isCut ? new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body has no candidate that ended' }) : error
    },
  }
  addAnswer(state, body, out)
  endAnswer(state, out)
  return collector.result(collected)
}
