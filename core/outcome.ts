import type { Served } from './attempt.ts'
import { isObject, parseFaithfully } from './canonical/json.ts'
import { type AnyResponse, isChatResponse } from './canonical/operations.ts'
import type { Usage } from './canonical/usage.ts'
import { GatewayError } from './errors.ts'
import type { Outcome } from './hooks/hooks.ts'
import type { Runtime } from './runtime.ts'
import { outcomeOf } from './stream/open.ts'
import { utf8 } from './text.ts'

/** The canonical answer of a served request; decodes an answer that passed through as bytes. */
export function responseOf(served: Served): AnyResponse {
  if (served.kind === 'response') return served.response
  const outbound = served.facts?.goal.format.outbound
  const body = served.kind === 'bytes' ? parseFaithfully(utf8(served.body)) : undefined
  if (!outbound || !isObject(body)) throw new GatewayError('GW_INTERNAL', { reason: 'a stream has no whole answer' })
  return outbound.decodeResponse(body, served.carry)
}

/** What postHook is told of a whole answer. It is decoded only for handlers that need it. */
export function outcomeFromServed(runtime: Runtime, served: Served, needsResponse: boolean): Extract<Outcome, { ok: true }> {
  const response = needsResponse || served.kind === 'response' ? responseOf(served) : undefined
  const usage = response ? response.usage : usageOf(served)
  const whole = response && answerFields(response)
  if (!served.facts)
    return { ok: true, isStream: false, provider: '', model: response?.model ?? '', key: undefined, latencyMs: 0, usage, ...whole }
  return { ...outcomeOf(runtime, served.facts, false), usage, ...whole }
}

/** Chat's answers and those of other operations have fields of their own, so that no handler takes one for the other. */
function answerFields(response: AnyResponse): Pick<Extract<Outcome, { ok: true }>, 'response' | 'answer'> {
  return isChatResponse(response) ? { response } : { answer: response }
}

function usageOf(served: Served): Usage | undefined {
  const lens = served.facts?.goal.format.lens
  return lens && served.kind === 'bytes' ? (lens.usage(utf8(served.body)) ?? lens.headerUsage?.(served.headers)) : undefined
}
