import type { Context } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { PluginLog } from '../plugin/plugin.ts'
import { runInScope } from '../plugin/scope.ts'
import { HOOK_KINDS, type HookName, type OnError } from './hooks.ts'
import { HOOK_RULES, type HookRules } from './results.ts'
import { guardStages } from './stage-guard.ts'

/** A handler as its author wrote it, whatever its hook. */
export type RawHandler = (...input: never[]) => unknown

/** A handler that cannot do harm: what the callers are made of. Bail hooks are called with (ctx), waterfalls with (value, ctx). */
export type GuardedHandler = (first: unknown, ctx?: Context) => unknown

/** Whose handler it is, and by which rules it runs. */
export interface Handling {
  plugin: string
  hook: HookName
  onError: OnError
  /** It may not read `ctx.request`. */
  isUndeclared: boolean
  isThirdParty: boolean
  /** Bounds the wait for the answer; present for handlers declared `async`. */
  bound?: ((pending: PromiseLike<unknown>) => Promise<unknown>) | undefined
  log: PluginLog
}

interface Guard extends Handling {
  rules: HookRules
  invoke: (value: unknown, ctx: Context) => unknown
}

/**
 * Wraps a handler: errors come out stamped with plugin and hook, answers are checked, what it gets is frozen, a promise
 * from a handler that did not declare one is an error (tapable would skip every later tap), and waiting is bounded.
 */
export function guardHandler(handler: RawHandler, handling: Handling): GuardedHandler {
  const call = handler as (...input: unknown[]) => unknown
  const isBail = HOOK_KINDS[handling.hook].kind === 'bail'
  const guard: Guard = {
    ...handling,
    rules: HOOK_RULES[handling.hook],
    invoke: isBail ? (_, ctx) => call(ctx) : (value, ctx) => call(value, ctx),
  }
  const run = handling.bound ? runAsync : runSync
  return isBail ? (ctx) => run(guard, undefined, ctx as Context) : (value, ctx) => run(guard, value, ctx as Context)
}

function runSync(guard: Guard, value: unknown, ctx: Context): unknown {
  try {
    const answer = enter(guard, value, ctx)
    if (answer === undefined) return undefined
    if (!isThenable(answer)) return checked(guard, answer, value, ctx)
    answer.then(undefined, () => undefined)
    throw new TypeError('the handler returned a promise without declaring async: true')
  } catch (error) {
    return failed(guard, error, ctx)
  }
}

async function runAsync(guard: Guard, value: unknown, ctx: Context): Promise<unknown> {
  try {
    const pending = enter(guard, value, ctx)
    const answer = isThenable(pending) && guard.bound ? await guard.bound(pending) : pending
    return answer === undefined ? undefined : checked(guard, answer, value, ctx)
  } catch (error) {
    return failed(guard, error, ctx)
  }
}

/** The synchronous part of a call: what it reads of the Context undeclared is charged to it. */
function enter(guard: Guard, value: unknown, ctx: Context): unknown {
  guard.rules.freeze?.(value)
  const before = ctx.guardedBy
  ctx.guardedBy = guard.isUndeclared ? guard.plugin : undefined
  try {
    if (!guard.isThirdParty) return guard.invoke(value, ctx)
    return runInScope({ ctx, plugin: guard.plugin, hook: guard.hook }, guard.invoke, value)
  } finally {
    ctx.guardedBy = before
  }
}

function checked(guard: Guard, answer: unknown, value: unknown, ctx: Context): unknown {
  const fault = guard.rules.fault(answer)
  if (fault !== undefined) throw new TypeError(fault)
  if (guard.hook === 'stream') return guardStages(value as readonly object[], answer as readonly object[], guard, ctx)
  if (answer instanceof GatewayError) stamp(answer, guard)
  return answer
}

/** A refusal says who refused, for the logs. Plugins may return one frozen error again and again. */
function stamp(error: GatewayError, guard: Guard): void {
  if (Object.isFrozen(error.detail)) return
  error.detail.plugin ??= guard.plugin
  error.detail.hook ??= guard.hook
}

/**
 * A GatewayError of the gateway's own below 500, thrown ahead of the provider, is a decision (a request that does not
 * decode, a refusal thrown instead of returned) and stands. Everything else is the plugin's failure.
 */
function failed(guard: Guard, error: unknown, ctx: Context): unknown {
  if (guard.hook !== 'postHook' && error instanceof GatewayError && error.isOwn && error.status < 500) return refuse(guard, error)
  const { plugin, hook } = guard
  const failure = new GatewayError('GW_PLUGIN', { plugin, hook }, { cause: error })
  if (guard.onError === 'closed') return refuse(guard, failure)
  guard.log.error({ id: ctx.id, plugin, hook, err: failure }, 'a plugin failed; the request goes on without it')
  return undefined
}

/** How each hook says no: governance by its answer, postHook by the outcome, the others by throwing. */
function refuse(guard: Guard, error: GatewayError): unknown {
  if (guard.hook === 'governance') return error
  if (guard.hook === 'postHook') return { ok: false, error }
  throw error
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
