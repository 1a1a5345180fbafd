import type { NamedByPath } from '../../../core/format.ts'

const DEPLOYMENT = /\/deployments\/(.+)\/chat\/completions$/

/** Reads Azure's `…/deployments/{deployment}/chat/completions`; a deployment of two segments or more names its provider first. */
export function readPath(path: string): NamedByPath | undefined {
  const deployment = DEPLOYMENT.exec(path)?.[1]
  if (deployment === undefined) return undefined
  try {
    return { model: decodeURIComponent(deployment) }
  } catch {
    return undefined
  }
}
