import type { Served } from './attempt.ts'
import { tryCandidates } from './attempts.ts'
import type { ChatResponse, StreamPart } from './canonical/chat.ts'
import { collector } from './canonical/collect.ts'
import type { AnyRequest, AnyResponse } from './canonical/operations.ts'
import { asGatewayError, Context } from './context.ts'
import type { Reply } from './edge.ts'
import { GatewayError } from './errors.ts'
import type { Answer, Candidate, HookCallers, HookSignatures, Outcome } from './hooks/hooks.ts'
import { keyWish } from './key-choice.ts'
import { outcomeFromServed, responseOf } from './outcome.ts'
import { replyError, replyServed } from './reply.ts'
import { fallsBack, isUnusable } from './retry.ts'
import { findCandidates, type Goal, isChat, readFallbacks, resolveGoal, withOperation } from './routing.ts'
import type { Runtime } from './runtime.ts'
import { scan } from './scan.ts'
import { checkVirtualKey } from './virtual-key.ts'

/** Most calls on behalf of one request that may be nested (`ctx.call`). */
const MAX_CALL_DEPTH = 5

/**
 * From transport to reply. Never throws, never rejects: every path ends in the reply, once. Resolves with true where a stream goes on,
 * whose end `runtime.finished` tells.
 */
export async function handle(runtime: Runtime, ctx: Context, body: Buffer, reply: Reply): Promise<boolean> {
  const answer = new Answering(runtime, ctx, reply)
  try {
    reply.onAbort(() => ctx.abort())
    readRequest(runtime, ctx, body)
    const work = execute(runtime, ctx)
    const served = await (ctx.client.requestDeadlineMs > 0 ? withDeadline(runtime, ctx, work) : work)
    answer.served(served)
    return served.kind === 'live' && !served.live.isEnded && !ctx.isAborted
  } catch (error) {
    answer.failed(error)
    return false
  }
}

/** The first of an answer and a failure reaches the client: a request that is given up does not wait for what hangs. */
class Answering {
  readonly #runtime: Runtime
  readonly #ctx: Context
  readonly #reply: Reply
  #isAnswered = false

  constructor(runtime: Runtime, ctx: Context, reply: Reply) {
    this.#runtime = runtime
    this.#ctx = ctx
    this.#reply = reply
    ctx.onAbort(() => this.failed(ctx.abortReason))
  }

  failed(error: unknown): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    replyError(this.#runtime, this.#ctx, error, this.#reply)
  }

  served(served: Served): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    try {
      replyServed(this.#runtime, this.#ctx, served, this.#reply)
    } catch (error) {
      replyError(this.#runtime, this.#ctx, error, this.#reply)
      // Nothing happens where the error was sent. Where the head of an answer was out already, half of it must not end cleanly.
      this.#reply.destroy()
    }
  }
}

/** Serves a request, without a transport: target after target, then postHook. Rejects with a GatewayError. */
export function execute(runtime: Runtime, ctx: Context): Promise<Served> {
  const callers = runtime.callers(ctx)
  const served = serveTargets(runtime, ctx, callers)
  return callers.postHook ? withPostHook(runtime, ctx, { served, callers }) : served
}

async function withPostHook(runtime: Runtime, ctx: Context, work: { served: Promise<Served>; callers: HookCallers }): Promise<Served> {
  try {
    const served = await work.served
    return served.kind === 'live' ? served : await afterServed(runtime, ctx, served)
  } catch (error) {
    return afterFailure(ctx, work.callers, asGatewayError(error, ctx))
  }
}

/** The primary target, then each fallback; the primary's error is the one that counts (providers.md 6.3). */
async function serveTargets(runtime: Runtime, ctx: Context, callers: HookCallers): Promise<Served> {
  let target: string | undefined = ctx.model
  let primary: GatewayError | undefined
  for (let index = 0; target !== undefined; target = ctx.fallbacks[index++]) {
    ctx.fallbackIndex = index
    try {
      return await serveTarget(runtime, ctx, { target, callers })
    } catch (error) {
      const failure = asGatewayError(error, ctx)
      primary ??= failure
      if (ctx.isAborted || !(fallsBack(failure) || (index > 0 && isUnusable(failure)))) throw primary
    }
  }
  throw primary
}

/** Throws or rejects. Where no plugin is asked no promise of its own stands between a request and its attempts. */
function serveTarget(runtime: Runtime, ctx: Context, options: { target: string; callers: HookCallers }): Promise<Served> | Served {
  const { target, callers } = options
  if (callers.preRequest || callers.governance) return serveAsked(runtime, ctx, options)
  return serveGoal(runtime, ctx, { goal: aim(runtime, ctx, target), callers })
}

/** The same where plugins are asked before a key is chosen. */
async function serveAsked(runtime: Runtime, ctx: Context, { target, callers }: { target: string; callers: HookCallers }): Promise<Served> {
  let goal = callers.preRequest ? aimIfClear(runtime, ctx, target) : aim(runtime, ctx, target)
  const held = (callers.preRequest && (await callers.preRequest(ctx))) || undefined
  if (ctx.model !== goal?.model) goal = aim(runtime, ctx, ctx.model)
  if (callers.governance) await govern(ctx, callers.governance)
  // Awaited here: a promise returned as it is costs two more turns of the queue.
  return await serveGoal(runtime, ctx, { goal, callers, held })
}

function serveGoal(
  runtime: Runtime,
  ctx: Context,
  { goal, callers, held }: { goal: Goal; callers: HookCallers; held?: Answer | undefined },
): Promise<Served> | Served {
  if (goal.virtualKey) checkVirtualKey(goal.virtualKey, goal.settings.name, goal.model)
  if (held) return serveHeld(ctx, held)
  if (goal.entry.respond) return serveLocal(ctx, goal)
  const found = findCandidates(runtime, goal)
  if (!callers.keySelection) return tryCandidates(runtime, ctx, { goal, candidates: found })
  return chooseKey(callers.keySelection, found, ctx).then((candidates) => tryCandidates(runtime, ctx, { goal, candidates }))
}

async function chooseKey(select: HookSignatures['keySelection'], found: readonly Candidate[], ctx: Context): Promise<readonly Candidate[]> {
  return (await select(found, ctx)) || found
}

/** A plugin may yet name the provider (a routing rule, an alias): what is not clear before its turn is no error. */
function aimIfClear(runtime: Runtime, ctx: Context, target: string): Goal | undefined {
  try {
    return aim(runtime, ctx, target)
  } catch {
    ctx.provider = ''
    ctx.model = target
    return undefined
  }
}

/** Points the context at a target. A plugin may have written a model with or without a provider. */
function aim(runtime: Runtime, ctx: Context, target: string): Goal {
  const known = target.includes('/') ? target : `${ctx.provider}/${target}`
  const named = resolveGoal(runtime, ctx.provider === '' || ctx.fallbackIndex > 0 ? target : known)
  ctx.provider = named.settings.name
  ctx.model = named.model
  const goal = withOperation(runtime, named, ctx)
  const wish = keyWish(ctx, goal.settings)
  const { virtualKey } = ctx.identity
  return wish.pin || wish.session || virtualKey ? { ...goal, wish, virtualKey } : goal
}

async function govern(ctx: Context, governance: HookSignatures['governance']): Promise<void> {
  const refusal = await governance(ctx)
  if (refusal) throw refusal
}

function serveHeld(ctx: Context, answer: Answer): Served {
  const parts = 'parts' in answer ? answer.parts : undefined
  const response = wholeOf(answer)
  const kind = 'kind' in response ? response.kind : undefined
  if (kind === undefined ? !isChat(ctx.operation) : kind !== ctx.operation)
    throw new GatewayError('GW_INTERNAL', { id: ctx.id, reason: `a plugin answered ${ctx.operation} with the answer of another operation` })
  return { kind: 'response', response, parts, raw: undefined, facts: undefined, headers: [], carry: undefined }
}

function wholeOf(answer: Answer): AnyResponse {
  if ('parts' in answer) return collect(answer.parts)
  return 'answer' in answer ? answer.answer : answer.response
}

/** A provider that answers from the process itself. */
function serveLocal(ctx: Context, goal: Goal): Served {
  const parts = goal.entry.respond?.({ model: goal.model, text: ctx.texts.at(-1) ?? '' }) ?? []
  const candidate: Candidate = { provider: goal.settings, model: goal.model, weight: 1 }
  const facts = { goal, candidate, startedAt: ctx.startedAt, dropped: [], rawRequest: undefined, sendsRawResponse: false }
  return { kind: 'response', response: collect(parts), parts, raw: undefined, facts, headers: [], carry: ctx.carry }
}

/** A model as `provider/model`: on a route with a provider of its own, a model without one is that provider's. */
export function qualified({ tables }: Runtime, model: string, provider: string | undefined): string {
  if (provider === undefined || model === '') return model
  const slash = model.indexOf('/')
  return slash > 0 && tables.providers.has(model.slice(0, slash)) ? model : `${provider}/${model}`
}

function readRequest(runtime: Runtime, ctx: Context, body: Buffer): void {
  const found = scan(body)
  const { lens } = ctx.inbound
  ctx.scan = found
  ctx.model = qualified(runtime, ctx.named?.model ?? lens.model(found) ?? '', ctx.incoming.route.provider)
  ctx.stream = ctx.named?.stream ?? lens.stream(found)
  if (found.spans.has('fallbacks')) ctx.fallbacks = readFallbacks(found.value('fallbacks'))
  ctx.inbound.inbound?.check?.(found)
}

/** `client.request_deadline_seconds`: all attempts with their pauses. */
function withDeadline(runtime: Runtime, ctx: Context, work: Promise<Served>): Promise<Served> {
  const ms = ctx.client.requestDeadlineMs
  const deadline = {
    at: ctx.startedAt + ms,
    onReached: () => ctx.abort(new GatewayError('GW_DEADLINE', { ms, provider: ctx.provider, attempt: ctx.attempt })),
  }
  runtime.deadlines.add(deadline)
  return work.finally(() => runtime.deadlines.delete(deadline))
}

async function afterServed(runtime: Runtime, ctx: Context, served: Served): Promise<Served> {
  const callers = runtime.callers(ctx)
  const outcome = outcomeFromServed(runtime, served, callers.needs.has('response'))
  const before = outcome.response ?? outcome.answer
  const after = ((await callers.postHook?.(outcome, ctx)) as Outcome | undefined) ?? outcome
  if (!after.ok) throw after.error
  const response = after.response ?? after.answer
  if (response === undefined || response === before) return served
  return { ...served, kind: 'response', response, parts: undefined, raw: undefined } as Served
}

async function afterFailure(ctx: Context, callers: HookCallers, failure: GatewayError): Promise<Served> {
  const after = ((await callers.postHook?.({ ok: false, error: failure }, ctx)) as Outcome | undefined) ?? { ok: false, error: failure }
  if (!after.ok) throw after.error
  if (after.answer) return serveHeld(ctx, { answer: after.answer })
  if (after.response === undefined) throw failure
  return serveHeld(ctx, { response: after.response })
}

/** Serves a plugin's own request on behalf of `parent` (ctx.call). */
export async function call(runtime: Runtime, parent: Context, request: AnyRequest): Promise<AnyResponse> {
  if (parent.depth >= MAX_CALL_DEPTH) throw new GatewayError('GW_LOOP', { depth: parent.depth, provider: parent.provider })
  const ctx = Context.child(parent, 'stream' in request ? { ...request, stream: false } : request, runtime.deadlines.clock.now())
  const stopListening = parent.onAbort(() => ctx.abort())
  const served = await execute(runtime, ctx).finally(stopListening)
  return responseOf(served)
}

function collect(parts: readonly StreamPart[]): ChatResponse {
  const state = collector.start()
  for (const part of parts) collector.step(state, part)
  return collector.result(state)
}
