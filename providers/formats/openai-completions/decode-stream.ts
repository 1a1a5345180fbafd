import type { StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame } from '../../../core/format.ts'
import { failureOf } from '../shared/openai-error.ts'
import { decodeStop, decodeUsage } from './response.ts'
import { text } from './types.ts'

/** Where a stream stands. Plain data. */
export interface DecoderState {
  phase: 'waiting' | 'open' | 'closed'
  /** Choices that began and did not end, and those that ended. */
  open: Set<number>
  ended: Set<number>
}

type Out = Sink<StreamPart>

/** Events of streamed text completions -> parts. `[DONE]` ends the stream; without it the answer is whole when its choices are. */
export const decodeStream: Fold<Frame, StreamPart, DecoderState> = {
  start: () => ({ phase: 'waiting', open: new Set(), ended: new Set() }),
  step(state, { data }, out) {
    if (state.phase === 'closed') return
    if (data.trim() === '[DONE]') return finish(state, out)
    const event = parseObject(data)
    if (!event) return refuse(state, new GatewayError('GW_UPSTREAM_INVALID', { reason: 'an event is not JSON' }), out)
    if (event.error !== undefined && event.error !== null) return refuse(state, failureOf(event), out)
    if (state.phase === 'waiting') open(state, event, out)
    for (const choice of Array.isArray(event.choices) ? event.choices.filter(isObject) : []) addChoice(state, choice, out)
    const usage = decodeUsage(event.usage)
    if (usage) out.push({ type: 'usage', usage })
  },
  end(state, out, error) {
    if (!error && state.phase !== 'closed') finish(state, out)
  },
}

function open(state: DecoderState, event: JsonObject, out: Out): void {
  state.phase = 'open'
  const created = typeof event.created === 'number' ? { created: event.created } : {}
  out.push({ type: 'response-start', id: text(event.id) ?? '', model: text(event.model) ?? '', ...created })
}

function addChoice(state: DecoderState, choice: JsonObject, out: Out): void {
  const index = typeof choice.index === 'number' ? choice.index : 0
  if (state.ended.has(index)) return
  const said = text(choice.text)
  if (said) {
    if (!state.open.has(index)) out.push({ type: 'part-start', choice: index, index: 0, part: { type: 'text', text: '' } })
    state.open.add(index)
    out.push({ type: 'part-delta', choice: index, index: 0, delta: { text: said } })
  }
  if (typeof choice.finish_reason !== 'string') return
  if (state.open.delete(index)) out.push({ type: 'part-end', choice: index, index: 0 })
  state.ended.add(index)
  out.push({ type: 'choice-end', choice: index, stop: decodeStop(choice.finish_reason) })
}

function finish(state: DecoderState, out: Out): void {
  if (state.ended.size === 0 || state.open.size > 0) return refuse(state, new GatewayError('GW_UPSTREAM_TRUNCATED'), out)
  state.phase = 'closed'
  out.push({ type: 'response-end' })
}

function refuse(state: DecoderState, error: GatewayError, out: Out): void {
  state.phase = 'closed'
  out.refuse(error)
}
