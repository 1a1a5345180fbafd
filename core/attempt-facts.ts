import type { Context } from './context.ts'
import { type ErrorDetail, GatewayError } from './errors.ts'
import type { Candidate } from './hooks.ts'
import { type Goal, requestTypeOf } from './routing.ts'
import { snippet } from './upstream/fault.ts'

/** What is known of one attempt, for answers and errors alike. */
export interface AttemptFacts {
  goal: Goal
  candidate: Candidate
  /** Milliseconds of the gateway's clock. */
  startedAt: number
  dropped: readonly string[]
  /** The body that went out, when the client or the provider's settings ask for it. */
  rawRequest: string | undefined
  sendsRawResponse: boolean
}

/** Whether the body that goes to the provider is shown to the client. */
export function sendsRawRequest(ctx: Context, goal: Goal): boolean {
  return goal.settings.sendBackRawRequest || ctx.header('x-bf-send-back-raw-request') === 'true'
}

/** Whether the provider's own answer is shown to the client. */
export function sendsRawResponse(ctx: Context, goal: Goal): boolean {
  return goal.settings.sendBackRawResponse || ctx.header('x-bf-send-back-raw-response') === 'true'
}

/** What every error of an attempt says of it, as plain data: it goes to the pool with the stream. */
export interface ErrorFacts {
  detail: ErrorDetail
  /** The key's value, to be taken out of what the provider writes. */
  secret: string
  sendsRawResponse: boolean
}

/** Who was asked, with which key, and for what. */
export function errorFacts(ctx: Context, facts: AttemptFacts): ErrorFacts {
  const { goal, candidate, sendsRawResponse } = facts
  const detail: ErrorDetail = {
    provider: goal.settings.name,
    key: candidate.key?.name ?? 'none',
    attempt: ctx.attempt,
    requestType: requestTypeOf(ctx),
    originalModel: ctx.model,
    resolvedModel: candidate.model,
    dropped: facts.dropped,
    rawRequest: facts.rawRequest,
    id: ctx.id,
  }
  return { detail, secret: candidate.key?.value ?? '', sendsRawResponse }
}

/** Adds the facts to an error, and takes the key's value out of what the provider wrote. */
export function explainError(error: Error, facts: ErrorFacts): GatewayError {
  const known = error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', {}, { cause: error })
  const raw = facts.sendsRawResponse ? known.detail.raw : undefined
  const detail = redact({ ...known.detail, ...facts.detail, raw }, facts.secret)
  const explained = new GatewayError(known.code, detail, { cause: known.cause })
  explained.allowFallbacks = known.allowFallbacks
  return explained
}

/** A provider may echo the credential in its error: it must not travel on. */
function redact(detail: ErrorDetail, secret: string): ErrorDetail {
  if (secret.length < 4 || !JSON.stringify([detail.upstream, detail.raw, detail.reason]).includes(secret)) return detail
  const clean = (text: string): string => text.replaceAll(secret, '[redacted]')
  const { upstream, raw, reason } = detail
  return {
    ...detail,
    reason: reason === undefined ? undefined : clean(reason),
    upstream: upstream && { ...upstream, message: clean(upstream.message) },
    raw: raw === undefined ? undefined : JSON.parse(clean(JSON.stringify(raw))),
  }
}

/** What an unexpected body was, for an error's reason. */
export function unexpectedBody(contentType: string, text: string): string {
  return `content type ${contentType === '' ? 'is missing' : snippet(contentType)}, body: ${snippet(text)}`
}
