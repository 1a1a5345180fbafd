import type { Fold, FoldRef } from '../fold.ts'
import type { StreamStage } from '../hooks/hooks.ts'
import { registerPluginImports } from '../plugin/resolve.ts'

const loaded = new Map<string, Fold<never, unknown>>()

/** Imports the fold of a stage that was given by address; once per address and thread. Rejects when it is not there. */
export async function loadStage(ref: { on: StreamStage['on'] } & FoldRef): Promise<StreamStage> {
  const key = `${ref.module}#${ref.name}`
  let fold = loaded.get(key)
  if (!fold) {
    // A stage's module is a plugin's: it may import what a plugin may, on whichever thread it runs.
    registerPluginImports()
    fold = find(await import(ref.module), ref)
    loaded.set(key, fold)
  }
  return { on: ref.on, fold, options: ref.options }
}

/** The stages with every address replaced by its fold. Synchronous where there is none, so that a stream opens at once. */
export function resolveStages(stages: readonly StreamStage[]): readonly StreamStage[] | Promise<readonly StreamStage[]> {
  if (!stages.some((stage) => stage.ref)) return stages
  return Promise.all(stages.map((stage) => (stage.ref ? loadStage({ on: stage.on, ...stage.ref }) : stage)))
}

function find(module: unknown, ref: FoldRef): Fold<never, unknown> {
  let value: unknown = module
  for (const name of ref.name.split('.')) value = (value as Record<string, unknown> | undefined)?.[name]
  const fold = value as Fold<never, unknown> | undefined
  if (typeof fold?.start !== 'function' || typeof fold.step !== 'function') throw new Error(`${ref.module} exports no fold ${ref.name}`)
  return fold
}
