import { clientBetas } from './beta-flags.ts'
import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import type { EncodeOptions, Format, Splice } from './format.ts'
import type { Candidate } from './hooks/hooks.ts'
import type { Quirks } from './provider.ts'
import type { Goal } from './routing.ts'
import { type Scan, scan } from './scan.ts'
import { utf8 } from './text.ts'

/** A request as it goes out, and what its answer's translation must know. */
export interface Outgoing {
  body: readonly Uint8Array[]
  headers: Record<string, string> | undefined
  carry: EncodedCarry
  dropped: readonly string[]
  /** Which of the format's methods the body is for, where it has several. */
  method: string | undefined
  /** The answer is decoded even where the client speaks the provider's format. */
  decodesAnswer?: boolean | undefined
}
type EncodedCarry = import('./format.ts').Carry | undefined

/** Fields that are the gateway's own and never leave it. */
const OWN_FIELDS = ['fallbacks']

/** What the gateway itself wants of the answer. */
export interface OutgoingOptions {
  /** Ask the provider for usage in the stream. */
  wantsUsage: boolean
}

/** Writes the body for a provider: the client's bytes with the gateway's edits spliced in where that does, else translated. */
export function encodeOutgoing(ctx: Context, goal: Goal, candidate: Candidate, options: OutgoingOptions): Outgoing {
  const { key } = candidate
  const model = goal.entry.wireModel?.(candidate.model, { operation: goal.operation, key }) ?? candidate.model
  const isSameFormat = goal.format === ctx.inbound
  if (!isSameFormat || ctx.isEdited || !ctx.scan) return translate(ctx, goal, model)
  const quirks = goal.entry.quirks
  if (quirks && goal.format.outbound?.adapt && needsAdapting(quirks, ctx.scan)) return adapt(ctx, goal, { ...options, model })
  const splices = edits(ctx.scan, goal.format, { model, drop: quirks?.drop ?? [] })
  if (ctx.stream && options.wantsUsage) splices.push(...goal.format.lens.withStreamUsage(ctx.scan))
  const dropped = (quirks?.drop ?? []).filter((name) => ctx.scan?.spans.has(name))
  return { body: applySplices(ctx.scan.bytes, splices), headers: undefined, carry: undefined, dropped, method: ctx.named?.method }
}

/** The outgoing body as text: for `raw_request`. */
export function bodyText(body: readonly Uint8Array[]): string {
  return utf8(Buffer.concat(body))
}

function translate(ctx: Context, goal: Goal, model: string): Outgoing {
  const outbound = goal.format.outbound
  if (!outbound) throw new Error(`format ${goal.format.name} has no provider side`)
  const decoded = ctx.decoded()
  const request = decoded.model === model ? decoded : { ...decoded, model }
  const options = encodeOptions(ctx, goal)
  const lost = goal.format === ctx.inbound ? [] : ctx.ownOnly
  const [param] = lost
  if (param !== undefined && !options.dropUnsupported)
    throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider: goal.settings.name })
  const encoded = outbound.encodeRequest(request, options)
  const carry = encoded.carry === undefined ? ctx.carry : { ...ctx.carry, ...encoded.carry }
  return {
    body: [Buffer.from(JSON.stringify(encoded.body))],
    headers: encoded.headers,
    carry,
    dropped: [...lost, ...(encoded.dropped ?? [])],
    method: encoded.method,
    decodesAnswer: encoded.decodesAnswer,
  }
}

function encodeOptions(ctx: Context, goal: Goal): EncodeOptions {
  const betas = { known: goal.entry.betas, overrides: goal.settings.network.betaOverrides }
  return {
    provider: goal.settings.name,
    quirks: goal.entry.quirks,
    betas,
    clientBetas: clientBetas(ctx, goal.format, betas),
    defaultMaxOutputTokens: goal.entry.defaultMaxOutputTokens,
    dropUnsupported: ctx.client.shouldDropParams || asksToDrop(ctx.header('x-bf-compat')),
  }
}

/** `x-bf-compat`: `true`, `["*"]`, or a list (JSON or commas) of setting names. */
function asksToDrop(header: string | undefined): boolean {
  return header !== undefined && /^true$|\*|should_drop_params/.test(header.trim())
}

function adapt(ctx: Context, goal: Goal, options: OutgoingOptions & { model: string }): Outgoing {
  const { fallbacks: _, ...body } = ctx.scan?.parse() ?? {}
  const adapted = goal.format.outbound?.adapt?.({ ...body, model: options.model }, goal.entry.quirks ?? {})
  const bytes = Buffer.from(JSON.stringify(adapted?.body))
  const splices = ctx.stream && options.wantsUsage ? goal.format.lens.withStreamUsage(scan(bytes)) : []
  return {
    body: applySplices(bytes, splices),
    headers: undefined,
    carry: undefined,
    dropped: adapted?.dropped ?? [],
    method: ctx.named?.method,
  }
}

/** Whether a provider's deviations touch this body in a way that splices cannot do. */
function needsAdapting(quirks: Quirks, scan: Scan): boolean {
  const has = (name: string): boolean => scan.spans.has(name)
  // Its name is written into every other body.
  if (quirks.drop?.includes('model')) return true
  if (quirks.patch !== undefined && (quirks.patchFields?.some(has) ?? true)) return true
  if (Object.keys(quirks.rename ?? {}).some(has) || Object.keys(quirks.clamp ?? {}).some(has)) return true
  if (Object.keys(quirks.defaults ?? {}).some((name) => !has(name))) return true
  if (quirks.effort !== undefined && (has('reasoning_effort') || has('reasoning'))) return true
  return quirks.systemRole !== undefined && scan.bytes.includes('"developer"')
}

function edits(scan: Scan, format: Format, change: { model: string; drop: readonly string[] }): Splice[] {
  const splices = [format.lens.withModel(scan, change.model)]
  const unwanted = [...OWN_FIELDS, ...change.drop].filter((name) => scan.spans.has(name))
  if (unwanted.length > 0) splices.push(...format.lens.without(scan, unwanted))
  return splices
}

/** The body with its edits, as pieces that share its memory. Splices may come in any order and never overlap. */
function applySplices(bytes: Uint8Array, splices: readonly Splice[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let from = 0
  for (const splice of [...splices].sort((left, right) => left.start - right.start)) {
    if (splice.start > from) pieces.push(bytes.subarray(from, splice.start))
    if (splice.text !== '') pieces.push(Buffer.from(splice.text))
    from = splice.end
  }
  if (from < bytes.length) pieces.push(bytes.subarray(from))
  return pieces
}
