import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from '../context.ts'
import type { HookName } from '../hooks/hooks.ts'

/** Whose code runs: a third-party plugin's handler, for one request. */
export interface PluginScope {
  ctx: Context
  plugin: string
  hook: HookName
}

const scopes = new AsyncLocalStorage<PluginScope | undefined>()

/** Runs a third-party handler so that what it starts (timers, sockets, promises) still knows its request. About 0.7 us. */
export function runInScope<Value>(scope: PluginScope, handler: (value: unknown, ctx: Context) => Value, value: unknown): Value {
  return scopes.run(scope, handler, value, scope.ctx)
}

/**
 * Runs the gateway's own code on behalf of a plugin (`ctx.call`). Without it, a pooled connection that a child request
 * opens would belong to the plugin for good, and a later failure on it would be charged to a request long gone.
 */
export function runOutOfScope<Value>(work: () => Value): Value {
  return scopes.run(undefined, work)
}

/** The request that the third-party code now running belongs to; undefined in the gateway's own code. */
export function currentContext(): Context | undefined {
  return scopes.getStore()?.ctx
}

/** The same with the plugin and the hook, for the log line of an escaped error. */
export function currentScope(): PluginScope | undefined {
  return scopes.getStore()
}

/**
 * For `uncaughtException` and `unhandledRejection`: the request to charge, undefined where the error is nobody's.
 * Must be called in the handler itself, which runs in the context of the throw (decisions/0002-escaped-errors.md).
 * A failed assertion inside Node is never a request's fault: the process is then unsound and has to go.
 */
export function escapedError(error: unknown): Context | undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_INTERNAL_ASSERTION') return undefined
  return currentContext()
}
