import type { StreamPart } from '../../../core/canonical/chat.ts'
import { parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame } from '../../../core/format.ts'
import { predictionError } from './error.ts'
import { decodeUsage } from './usage.ts'

/** Where a stream stands. Plain data. */
export interface DecoderState {
  phase: 'waiting' | 'open' | 'text' | 'closed'
}

type Out = Sink<StreamPart>

/**
 * Replicate's events -> parts: https://replicate.com/docs/topics/predictions/streaming. `output` is the text itself, not JSON;
 * `done` ends the answer and says in `reason` when it is none. Other events (`logs`) are passed over. The events name neither
 * prediction nor tokens; `prediction`, which is asked for before the end, counts them.
 */
export const decodeStream: Fold<Frame, StreamPart, DecoderState> = {
  start: () => ({ phase: 'waiting' }),
  step(state, { event, data }, out) {
    if (state.phase === 'closed') return
    if (event === 'error') return refuse(state, predictionError(parseObject(data) ?? data, 'the prediction failed'), out)
    if (event === 'output') addText(state, data, out)
    else if (event === 'prediction') addUsage(state, data, out)
    else if (event === 'done') finish(state, data, out)
  },
  end(state, out, error) {
    if (error || state.phase === 'closed') return
    refuse(state, new GatewayError('GW_UPSTREAM_TRUNCATED'), out)
  },
}

function open(state: DecoderState, out: Out): void {
  if (state.phase !== 'waiting') return
  state.phase = 'open'
  out.push({ type: 'response-start', id: '', model: '' })
}

function addText(state: DecoderState, text: string, out: Out): void {
  open(state, out)
  if (text === '') return
  if (state.phase === 'open') out.push({ type: 'part-start', choice: 0, index: 0, part: { type: 'text', text: '' } })
  state.phase = 'text'
  out.push({ type: 'part-delta', choice: 0, index: 0, delta: { text } })
}

function addUsage(state: DecoderState, data: string, out: Out): void {
  const usage = decodeUsage(parseObject(data)?.metrics)
  if (!usage) return
  open(state, out)
  out.push({ type: 'usage', usage })
}

function finish(state: DecoderState, data: string, out: Out): void {
  const reason = parseObject(data)?.reason
  if (typeof reason === 'string' && reason !== '') {
    const how = reason === 'error' ? 'failed' : `was ${reason}`
    return refuse(state, predictionError(undefined, `the prediction ${how}`), out)
  }
  open(state, out)
  if (state.phase === 'text') out.push({ type: 'part-end', choice: 0, index: 0 })
  state.phase = 'closed'
  out.push({ type: 'choice-end', choice: 0, stop: { reason: 'stop' } })
  out.push({ type: 'response-end' })
}

function refuse(state: DecoderState, error: GatewayError, out: Out): void {
  state.phase = 'closed'
  out.refuse(error)
}
