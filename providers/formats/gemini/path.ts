import type { NamedByPath } from '../../../core/format.ts'

/** Some clients take a model with a slash for one with its collection, and leave `models` out. */
const METHOD = /\/v1(?:beta\d?)?\/(?:models\/)?(.*[^/]):([A-Za-z]+)$/
const AS_EVENTS = /(?:^|&)alt=sse(?:&|$)/

/** Reads `…/models/{model}:{method}`. A stream that is not asked for as events is one JSON array: https://ai.google.dev/api/generate-content */
export function readPath(path: string, query: string): NamedByPath | undefined {
  const match = METHOD.exec(path)
  const model = match && decoded(match[1] as string)
  if (!model) return undefined
  const method = match[2] as string
  if (method !== 'generateContent' && method !== 'streamGenerateContent') return otherOperation(model, method)
  const stream = method === 'streamGenerateContent'
  return stream && !AS_EVENTS.test(query) ? { model, stream, framing: 'json-array' } : { model, stream }
}

/** Operations beside chat, each in a format of its own. */
const OTHERS = new Map<string, Pick<NamedByPath, 'operation' | 'format'>>([
  ['embedContent', { operation: 'embedding', format: 'gemini-embed' }],
  ['batchEmbedContents', { operation: 'embedding', format: 'gemini-embed' }],
  ['predict', { operation: 'embedding', format: 'vertex-embed' }],
])

/** `predict` is also what models of pictures are asked by, which are not served. */
function otherOperation(model: string, method: string): NamedByPath | undefined {
  const other = OTHERS.get(method)
  return other && !(method === 'predict' && /imagen|veo/i.test(model)) ? { model, stream: false, method, ...other } : undefined
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
