import type { NamedByPath } from '../../../core/format.ts'

const DEPLOYMENT = /\/deployments\/(.+?)\/(chat\/completions|completions|responses|embeddings)$/

/** What is asked of a deployment, where it is no chat. */
const OTHERS = new Map<string | undefined, Pick<NamedByPath, 'operation' | 'format'>>([
  ['completions', { operation: 'text_completion', format: 'openai-completions' }],
  ['responses', { operation: 'responses', format: 'openai-responses' }],
  ['embeddings', { operation: 'embedding', format: 'openai-embeddings' }],
])

/** Reads Azure's `…/deployments/{deployment}/chat/completions`; a deployment of two segments or more names its provider first. */
export function readPath(path: string): NamedByPath | undefined {
  const [, deployment, method] = DEPLOYMENT.exec(path) ?? []
  if (deployment === undefined) return undefined
  try {
    return { model: decodeURIComponent(deployment), ...OTHERS.get(method) }
  } catch {
    return undefined
  }
}
