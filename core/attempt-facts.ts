import type { Json } from './canonical/json.ts'
import { SECRET_NAME, secretsIn } from './config/secrets.ts'
import type { Context } from './context.ts'
import { type ErrorDetail, GatewayError } from './errors.ts'
import type { Candidate } from './hooks/hooks.ts'
import { createRedactor } from './redact.ts'
import { type Goal, requestTypeOf } from './routing.ts'
import type { Runtime } from './runtime.ts'
import type { ProviderSettings } from './snapshot.ts'
import { snippet, statusOf } from './upstream/fault.ts'

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
  /** Credentials, to be taken out of what the provider writes. */
  secrets: readonly string[]
  sendsRawResponse: boolean
}

/** Who was asked, with which key, and for what. */
export function errorFacts(runtime: Runtime, ctx: Context, facts: AttemptFacts): ErrorFacts {
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
  return { detail, secrets: secretsOf(runtime, goal.settings), sendsRawResponse }
}

/** Adds the facts to an error, and takes the provider's credentials out of what it wrote. */
export function explainError(error: Error, facts: ErrorFacts): GatewayError {
  const known = error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', {}, { cause: error })
  const raw = facts.sendsRawResponse ? known.detail.raw : undefined
  const { upstream, status = upstream && statusOf(upstream) } = known.detail
  const detail = redact({ ...known.detail, status, ...facts.detail, raw }, facts.secrets)
  const explained = new GatewayError(known.code, detail, { cause: known.cause })
  explained.allowFallbacks = known.allowFallbacks
  return explained
}

/** A provider may echo credentials in its error: they must not travel on. */
function redact(detail: ErrorDetail, secrets: readonly string[]): ErrorDetail {
  const { upstream, raw, rawRequest, reason } = detail
  const written = JSON.stringify([upstream ?? null, raw ?? null, rawRequest ?? null, reason ?? null])
  const masked = createRedactor(secrets).mask(written)
  if (masked === written) return detail
  const [cleanUpstream, cleanRaw, cleanRequest, cleanReason] = JSON.parse(masked) as [
    ErrorDetail['upstream'] | null,
    Json,
    string | null,
    string | null,
  ]
  return {
    ...detail,
    upstream: cleanUpstream ?? undefined,
    raw: cleanRaw ?? undefined,
    rawRequest: cleanRequest ?? undefined,
    reason: cleanReason ?? undefined,
  }
}

/** A text of a provider's without the credentials that went there; before it is cut, or half of one would stay. */
export function maskSecrets(runtime: Runtime, settings: ProviderSettings, text: string): string {
  return createRedactor(secretsOf(runtime, settings)).mask(text)
}

/** Keys with what their blocks hold and what was minted for them, header values by their names, and the proxy's password. */
function secretsOf({ credentials: signedIn }: Runtime, settings: ProviderSettings): string[] {
  const { keys, network, proxy } = settings
  const headers = Object.entries(network.extraHeaders).flatMap(([name, value]) =>
    SECRET_NAME.test(name) ? [value, value.slice(value.indexOf(' ') + 1)] : [],
  )
  const credentials = keys.flatMap(({ value, config }) => [value, ...secretsIn(config)])
  return [...credentials, ...signedIn.secretsOf(settings), ...headers, proxy.password ?? ''].filter((secret) => secret !== '')
}

/** What an unexpected body was, for an error's reason. */
export function unexpectedBody(contentType: string, text: string): string {
  return `content type ${contentType === '' ? 'is missing' : snippet(contentType)}, body: ${snippet(text)}`
}
