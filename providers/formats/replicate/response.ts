import type { ChatResponse } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import { predictionError } from './error.ts'
import { decodeUsage } from './usage.ts'

/** States in which a prediction never gets an output: https://replicate.com/docs/topics/predictions/lifecycle */
const LOST = new Set<unknown>(['failed', 'canceled', 'aborted'])

/**
 * A prediction that is done. Throws GW_UPSTREAM_ERROR for one that failed or was canceled (half an answer is none),
 * GW_UPSTREAM_INVALID for what is none or not done.
 */
export function decodeResponse(body: JsonObject): ChatResponse {
  const { status } = body
  if (LOST.has(status)) throw predictionError(body, `the prediction was ${String(status)}`)
  if (status !== 'succeeded') throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is no finished prediction' })
  const text = textOf(body.output)
  if (text === undefined) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the output of the prediction is no text' })
  const usage = decodeUsage(body.metrics)
  const created = typeof body.created_at === 'string' ? Date.parse(body.created_at) : Number.NaN
  return {
    id: typeof body.id === 'string' ? body.id : '',
    model: typeof body.model === 'string' ? body.model : '',
    ...(!Number.isNaN(created) && { created: Math.floor(created / 1000) }),
    choices: [{ index: 0, parts: text === '' ? [] : [{ type: 'text', text }], stop: { reason: 'stop', raw: 'succeeded' } }],
    ...(usage && { usage }),
  }
}

/** A text, pieces of one, or an object that holds it. */
function textOf(output: Json | undefined): string | undefined {
  if (output === null || output === undefined) return ''
  if (typeof output === 'string') return output
  if (Array.isArray(output)) return output.every((piece) => typeof piece === 'string') ? output.join('') : undefined
  return isObject(output) && typeof output.text === 'string' ? output.text : undefined
}
