import type { NamedByPath } from '../../../core/format.ts'

/** Some clients take a model with a slash for one with its collection, and leave `models` out. */
const METHOD = /\/v1(?:beta\d?)?\/(?:models\/)?(.*[^/]):([A-Za-z]+)$/
const AS_EVENTS = /(?:^|&)alt=sse(?:&|$)/

/** Where Vertex AI has its models: below a project or not, of a publisher, or an endpoint, which is named by digits. */
const PLACE = /^(?:projects\/[^/.][^/]*\/locations\/[^/.][^/]*\/)?(?:publishers\/([^/]+)\/models\/(.+)|endpoints\/(\d+))$/

/** A model as this gateway names it. Google's client writes `provider/model` as a publisher and a model. */
function nameOf(written: string): string {
  const [, publisher, model, endpoint] = PLACE.exec(written) ?? []
  if (endpoint !== undefined) return endpoint
  if (model === undefined) return written
  return publisher === 'google' ? model : `${publisher}/${model}`
}

/** One of the models, without a method. */
const ONE = /\/v1(?:beta\d?)?\/((?:models|publishers\/[^/]+\/models)\/[^:]*[^/:])$/

/** Reads `…/models/{model}:{method}`, and `…/models/{model}`, which asks for what is known of it. A stream that is not asked for as events is one JSON array: https://ai.google.dev/api/generate-content */
export function readPath(path: string, query: string): NamedByPath | undefined {
  const match = METHOD.exec(path)
  const written = match && decoded(match[1] as string)
  if (!match || !written) return readOne(path)
  const model = nameOf(written)
  const method = match[2] as string
  if (method !== 'generateContent' && method !== 'streamGenerateContent') return otherOperation(model, method)
  const stream = method === 'streamGenerateContent'
  return stream && !AS_EVENTS.test(query) ? { model, stream, framing: 'json-array' } : { model, stream }
}

/** Operations beside chat, each in a format of its own. */
const OTHERS = new Map<string, Pick<NamedByPath, 'operation' | 'format'>>([
  ['embedContent', { operation: 'embedding', format: 'gemini-embed' }],
  ['batchEmbedContents', { operation: 'embedding', format: 'gemini-embed' }],
  ['countTokens', { operation: 'count_tokens', format: 'gemini-count-tokens' }],
  ['predict', { operation: 'embedding', format: 'vertex-embed' }],
])

/** `predict` is also what models of pictures are asked by, which are not served. */
function otherOperation(model: string, method: string): NamedByPath | undefined {
  const other = OTHERS.get(method)
  return other && !(method === 'predict' && /imagen|veo/i.test(model)) ? { model, stream: false, method, ...other } : undefined
}

function readOne(path: string): NamedByPath | undefined {
  const written = decoded(ONE.exec(path)?.[1] ?? '')
  return written ? { model: nameOf(written).replace(/^models\//, ''), stream: false, operation: 'list_models' } : undefined
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
