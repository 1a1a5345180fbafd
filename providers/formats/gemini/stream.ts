import type { StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, parseFaithfully } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold } from '../../../core/fold.ts'
import type { Carry, Frame } from '../../../core/format.ts'
import { type AnswerState, addAnswer, addPlainText, endAnswer, fail, isEnded, learnText, newAnswer } from './answer.ts'
import { isFailure, upstreamError } from './error.ts'
import { readCarry } from './types.ts'

/** How long a stream may stay open after its last candidate ended, in milliseconds: nothing says that no other begins. */
const GRACE_MS = 1_000

/**
 * Events of streamGenerateContent -> parts; each has the shape of a whole answer and holds the next pieces of it. Nothing marks
 * the end: an answer is whole when every candidate has its finish reason and the stream ends, or says no more for a second.
 */
export const decodeStream: Fold<Frame, StreamPart, AnswerState> = {
  start: (options) => newAnswer(readCarry((options as { carry?: Carry } | undefined)?.carry)),
  step(state, { data }, out) {
    if (state.phase === 'closed' || addPlainText(state, data, out)) return
    const body = parse(data)
    if (isObject(body)) {
      addAnswer(state, body, out)
      if (Array.isArray(body.candidates)) learnText(state, data, body)
      if (state.phase === 'open' && isEnded(state)) out.wake(0)
      return
    }
    if (Array.isArray(body) && isFailure(body)) return fail(state, upstreamError(body), out)
    fail(state, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an event is not a JSON object' }), out)
  },
  tick(state, now, out) {
    if (state.phase !== 'open' || !isEnded(state)) return
    state.graceUntil ??= now + GRACE_MS
    if (now < state.graceUntil) out.wake(state.graceUntil)
    else endAnswer(state, out)
  },
  end(state, out, error) {
    if (!error && state.phase !== 'closed') endAnswer(state, out)
  },
}

function parse(data: string): unknown {
  try {
    return parseFaithfully(data)
  } catch {
    return undefined
  }
}
