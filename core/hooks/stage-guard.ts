import type { Context } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { AsyncFold, Fold, Sink } from '../fold.ts'
import { runInScope } from '../plugin/scope.ts'
import type { StreamStage } from './hooks.ts'
import { freezeDeep } from './results.ts'

/** Whose stage it is. */
export interface StageOwner {
  plugin: string
  isThirdParty: boolean
}

type AnyFold = Fold<unknown, unknown> & { step(state: unknown, input: unknown, out: Sink<unknown>): unknown }
type AnyAsync = AsyncFold<unknown, unknown>

/**
 * Wraps the stages that a plugin added (those it was given stay as they are): their errors come out stamped with the
 * plugin, and what they are given is frozen, since an earlier stage may still hold it. A stage by address is not wrapped:
 * it is resolved where it runs.
 */
export function guardStages(given: readonly object[], answer: readonly object[], owner: StageOwner, ctx: Context): readonly object[] {
  return answer.map((stage) => (given.includes(stage) ? stage : guardStage(stage as StreamStage, owner, ctx)))
}

function guardStage(stage: StreamStage, owner: StageOwner, ctx: Context): StreamStage {
  if (stage.ref) return stage
  const run = runner(owner, ctx)
  if (stage.fold) return { ...stage, fold: guardFold(stage.fold as unknown as AnyFold, run) as Fold<never, unknown> }
  return { ...stage, async: guardAsync(stage.async as unknown as AnyAsync, run) as AsyncFold<never, unknown> }
}

type Run = <Value>(work: () => Value) => Value

function runner({ plugin, isThirdParty }: StageOwner, ctx: Context): Run {
  return (work) => {
    try {
      const result = isThirdParty ? runInScope({ ctx, plugin, hook: 'stream' }, work, undefined) : work()
      return result instanceof Promise ? (result.catch((error) => Promise.reject(stamped(plugin, error))) as typeof result) : result
    } catch (error) {
      throw stamped(plugin, error)
    }
  }
}

function stamped(plugin: string, error: unknown): GatewayError {
  return new GatewayError('GW_PLUGIN', { plugin, hook: 'stream' }, { cause: error })
}

function guardFold(fold: AnyFold, run: Run): AnyFold {
  const guarded: AnyFold = {
    start: (options) => run(() => fold.start(options)),
    step: (state, input, out) => {
      freezeDeep(input)
      return run(() => fold.step(state, input, out))
    },
    end: (state, out, error) => run(() => fold.end(state, out, error)),
  }
  if (fold.tick) guarded.tick = (state, now, out) => run(() => fold.tick?.(state, now, out))
  return guarded
}

function guardAsync(fold: AnyAsync, run: Run): AnyAsync {
  return {
    start: (options) => run(() => fold.start(options)),
    step: (state, input, out) => {
      freezeDeep(input)
      return run(() => fold.step(state, input, out))
    },
    end: (state, out, error) => run(() => fold.end(state, out, error)),
  }
}
