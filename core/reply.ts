import type { Served } from './attempt.ts'
import type { AttemptFacts } from './attempt-facts.ts'
import type { ChatResponse } from './canonical/chat.ts'
import { explode } from './canonical/explode.ts'
import { asGatewayError, type Context } from './context.ts'
import type { HeaderList, Reply } from './edge.ts'
import { GatewayError } from './errors.ts'
import { spliceMember } from './extra-fields.ts'
import type { Format } from './format.ts'
import { requestTypeOf } from './routing.ts'
import type { Runtime } from './runtime.ts'
import { LiveStream } from './stream/live.ts'
import { extraFieldsOf, replyOptions } from './stream/open.ts'
import { TranslateLane } from './stream/translate.ts'
import { utf8 } from './text.ts'

const JSON_TYPE = 'application/json'
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const SPACE = 0x20

/** Sends what was served, in the client's dialect, streamed or whole as the client asked. */
export function replyServed(runtime: Runtime, ctx: Context, served: Served, reply: Reply): void {
  if (served.kind === 'live') return served.live.attach(reply, 200, head(ctx, streamType(ctx), served))
  if (ctx.stream && served.kind === 'response') return streamParts(runtime, ctx, served, reply)
  const body = served.kind === 'bytes' ? bytesBody(runtime, ctx, served) : encodedBody(runtime, ctx, served)
  const lines = head(ctx, JSON_TYPE, served)
  const own = served.kind === 'response' ? ctx.inbound.inbound?.answerHeaders?.(served.response as ChatResponse) : undefined
  reply.send(200, own ? [...lines, ...own] : lines, body)
}

/** Sends an error in the client's dialect. Once a stream has begun its lane writes the error instead. */
export function replyError(runtime: Runtime, ctx: Context, error: unknown, reply: Reply): void {
  const failure = asGatewayError(error, ctx)
  if (failure.code === 'GW_INTERNAL') runtime.log.error({ id: ctx.id, err: failure.cause ?? failure }, 'request failed')
  const detail = {
    requestType: requestTypeOf(ctx),
    provider: ctx.provider || undefined,
    originalModel: ctx.model || undefined,
    ...failure.detail,
  }
  const described = new GatewayError(failure.code, detail, { cause: failure.cause })
  reply.send(described.status, errorHead(ctx.inbound, described, ctx.id), errorBody(ctx.inbound, described))
}

/** Header lines of an error answer. */
export function errorHead(format: Format, error: GatewayError, id: string): HeaderList {
  const headers: [string, string][] = [
    ['content-type', JSON_TYPE],
    ['x-request-id', id],
    ...Object.entries(format.inbound?.errorHeaders?.(error) ?? {}),
  ]
  const ms = error.detail.retryAfterMs
  if (ms !== undefined) headers.push(['retry-after', String(Math.ceil(ms / 1000))], ['retry-after-ms', String(Math.round(ms))])
  if (typeof error.detail.allow === 'string') headers.push(['allow', error.detail.allow])
  return headers
}

/** The error object of a dialect. */
export function errorBody(format: Format, error: GatewayError): string {
  return JSON.stringify(format.inbound?.encodeError(error) ?? { error: { message: error.message } })
}

/** A stream that is no stream of its dialect is JSON. */
function streamType(ctx: Context): string {
  return ctx.framing === 'json-array' ? JSON_TYPE : ctx.inbound.streamType
}

function head(ctx: Context, contentType: string, { facts, headers }: Pick<Served, 'facts' | 'headers'>): HeaderList {
  const lines: (readonly [string, string])[] = [
    ['content-type', contentType],
    ['x-request-id', ctx.id],
  ]
  if (ctx.stream) lines.push(...STREAM_HEAD)
  if (headers.length > 0) lines.push(...headers)
  const { streamHeaders } = ctx.inbound
  // Those of the vendor stand among the provider's.
  if (ctx.stream && streamHeaders) lines.push(...streamHeaders.filter(([name]) => !headers.some(([given]) => given === name)))
  if (facts && !ctx.incoming.route.isNative) addFacts(lines, ctx, facts)
  if (ctx.replyHeaders.length > 0) lines.push(...ctx.replyHeaders)
  return lines
}

/** What `extra_fields` says on native routes, on all others (D23). Names of parameters are joined by commas. */
function addFacts(lines: (readonly [string, string])[], ctx: Context, { goal, candidate, dropped }: AttemptFacts): void {
  lines.push(
    ['x-bifrost-provider', goal.settings.name],
    ['x-bifrost-request-type', requestTypeOf(ctx)],
    ['x-bifrost-original-model-requested', ctx.model],
    ['x-bifrost-resolved-model-used', candidate.model],
  )
  if (dropped.length > 0) lines.push(['x-bifrost-dropped-compat-plugin-params', dropped.join(',')])
}

/** `x-accel-buffering` keeps a proxy in front from holding events back. */
const STREAM_HEAD: HeaderList = [
  ['cache-control', 'no-cache'],
  ['x-accel-buffering', 'no'],
]

/** The provider's own bytes with `extra_fields` before the last brace. */
function bytesBody(runtime: Runtime, ctx: Context, served: Extract<Served, { kind: 'bytes' }>): Uint8Array {
  const extra = served.facts && extraFieldsOf(ctx, served.facts)
  if (!extra) return served.body
  const { body } = served
  const close = body.lastIndexOf(CLOSE_BRACE)
  const isEmpty = lastByteBefore(body, close) === OPEN_BRACE
  const raw = served.facts?.sendsRawResponse ? utf8(body) : undefined
  const member = `${isEmpty ? '' : ','}${extra.whole(runtime.deadlines.clock.now(), raw)}`
  return Buffer.concat([body.subarray(0, close), Buffer.from(member), body.subarray(close)])
}

function lastByteBefore(body: Uint8Array, end: number): number {
  let at = end - 1
  while (at >= 0 && (body[at] as number) <= SPACE) at--
  return body[at] ?? SPACE
}

function encodedBody(runtime: Runtime, ctx: Context, served: Extract<Served, { kind: 'response' }>): string {
  const inbound = ctx.inbound.inbound
  if (!inbound) throw new GatewayError('GW_INTERNAL', { id: ctx.id, reason: `format ${ctx.inbound.name} has no client side` })
  // Of the client's operation, as its format is.
  const text = JSON.stringify(inbound.encodeResponse(served.response as ChatResponse, replyOptions(runtime, ctx, served.carry)))
  const extra = served.facts && extraFieldsOf(ctx, served.facts)
  return extra ? spliceMember(text, extra.whole(runtime.deadlines.clock.now(), served.raw)) : text
}

/** A whole answer where a stream was asked for: its parts, encoded as the provider's would have been. */
function streamParts(runtime: Runtime, ctx: Context, served: Extract<Served, { kind: 'response' }>, reply: Reply): void {
  const live = new LiveStream({
    deadlines: runtime.deadlines,
    commitAfterMs: 0,
    keepAlive: undefined,
    onCommit() {},
    onFailure: (error) => replyError(runtime, ctx, error, reply),
    onEnd: () => {},
  })
  live.attach(reply, 200, head(ctx, streamType(ctx), served))
  const stages = runtime.callers(ctx).stream?.([], ctx) ?? []
  TranslateLane.serveParts(
    {
      source: ctx.inbound,
      target: ctx.inbound,
      targetFraming: ctx.framing,
      live: {
        write: (chunk) => live.write(chunk),
        commit: () => live.commit(),
        now: () => runtime.deadlines.clock.now(),
        deadlines: runtime.deadlines,
      },
      extra: served.facts && extraFieldsOf(ctx, served.facts),
      extraOnAll: true,
      sendsRaw: false,
      wantsUsage: false,
      hidesUsage: false,
      stages,
      reply: replyOptions(runtime, ctx, served.carry),
      carry: served.carry,
      explain: (error) => asGatewayError(error, ctx),
      finish: (error, closing) => live.finish({ error, terminator: error ? 'gateway' : 'upstream' }, closing),
      onBusy() {},
    },
    served.parts ?? explode(served.response as ChatResponse),
  )
}
